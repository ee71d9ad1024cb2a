import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import InvalidInputError
from takeback.model.fingerprint import MAX_VALUE_DIGITS, Algorithm, Fingerprint, parse_fingerprint

_HALF = bytes([0x0F] * 32)


def _regions(*regions: bytes, count: int | None = None, flags: bytes | None = None) -> str:
    number = len(regions) if count is None else count
    return (bytes([number]) + b"".join(regions) + (bytes((number + 7) // 8) if flags is None else flags)).hex()


def _balanced(first: int) -> bytes:
    """32 bytes with 128 bits set that sort by ``first``."""
    return bytes([first, first ^ 0xFF]) + _HALF[2:]


def _video(*ticks: int, duration_class: int = 4, quality: int = 80) -> str:
    frames = b"".join(_HALF + tick.to_bytes(2, "big") + bytes([quality]) for tick in ticks)
    return (bytes([duration_class]) + len(ticks).to_bytes(2, "big") + frames).hex()


@pytest.mark.parametrize(
    ("algorithm", "value", "quality"),
    [
        (Algorithm.PDQ, "0f" * 32, 0),
        (Algorithm.PDQ, "0f" * 32, 100),
        (Algorithm.MD5, "00" * 16, None),
        (Algorithm.SHA256, "ff" * 32, None),
        (Algorithm.PDQ_REGION, _regions(_balanced(1)), None),
        (Algorithm.PDQ_REGION, _regions(_balanced(1), _balanced(2), flags=b"\xc0"), None),
        (Algorithm.VPDQ, _video(0), None),
        (Algorithm.VPDQ, _video(*range(0, 4 * 512, 4)), None),
    ],
)
def test_what_may_stand_on_a_list(algorithm: Algorithm, value: str, quality: int | None) -> None:
    assert parse_fingerprint(algorithm, value, quality) == Fingerprint(algorithm, value, quality)


@pytest.mark.parametrize(
    ("algorithm", "value", "quality", "code"),
    [
        (Algorithm.PDQ, "0F" * 32, 80, "fingerprint.format"),
        (Algorithm.PDQ, "0f" * 31, 80, "fingerprint.format"),
        (Algorithm.PDQ, "0f" * 31 + "0\n", 80, "fingerprint.format"),
        (Algorithm.PDQ, "٠" * 64, 80, "fingerprint.format"),
        (Algorithm.PDQ, "0f" * 32, None, "fingerprint.quality"),
        (Algorithm.PDQ, "0f" * 32, 101, "fingerprint.quality"),
        (Algorithm.PDQ, "0f" * 32, -1, "fingerprint.quality"),
        (Algorithm.MD5, "00" * 16, 80, "fingerprint.quality"),
        (Algorithm.PDQ_REGION, "", None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, "00", None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(1), count=2), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(2), _balanced(1)), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(1), _balanced(1)), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(bytes(32)), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(1), flags=b"\x01"), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(1)) + "00", None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(*(_balanced(i) for i in range(97))), None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, "ab" * MAX_VALUE_DIGITS, None, "fingerprint.format"),
        (Algorithm.PDQ_REGION, _regions(_balanced(1)), 80, "fingerprint.quality"),
        (Algorithm.VPDQ, _video(), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0, 0), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(4, 3), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0, 1, duration_class=15), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0, 1, quality=101), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0, 1) + "00", None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0, 1)[:-2], None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(*range(513)), None, "fingerprint.format"),
        (Algorithm.VPDQ, _video(0), 80, "fingerprint.quality"),
    ],
)
def test_what_may_not(algorithm: Algorithm, value: str, quality: int | None, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_fingerprint(algorithm, value, quality)
    assert caught.value.code == code


@given(st.sampled_from(Algorithm), st.text(max_size=200), st.none() | st.integers())
def test_hostile_values_raise_nothing_else(algorithm: Algorithm, value: str, quality: int | None) -> None:
    try:
        parsed = parse_fingerprint(algorithm, value, quality)
    except InvalidInputError as error:
        assert error.code.startswith("fingerprint.")  # noqa: PT017 - a rare text may be a value
    else:
        assert bytes.fromhex(value).hex() == value == parsed.value


def test_a_value_cannot_slip_into_a_log() -> None:
    value = secrets.token_hex(32)
    assert value not in repr(Fingerprint(Algorithm.SHA256, value))
