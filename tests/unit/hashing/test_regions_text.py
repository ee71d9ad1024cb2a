"""The text form of a region set, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import InvalidInputError
from takeback.hashing.regions import MAX_REGISTERED, RegionSet, parse_regions, text_of


def some_set(count: int, seed: int = 1) -> RegionSet:
    random = np.random.default_rng(seed)
    bits = np.zeros((count, 256), np.uint8)
    bits[:, :128] = 1
    values = np.packbits(random.permuted(bits, axis=1), axis=1)
    order = sorted(range(count), key=lambda row: values[row].tobytes())
    return RegionSet(values[order], random.random(count) < 0.7)


@given(st.integers(1, MAX_REGISTERED), st.integers(0, 1000))
def test_what_is_written_is_read(count: int, seed: int) -> None:
    regions = some_set(count, seed)
    read = parse_regions(text_of(regions))
    assert (read.values == regions.values).all()
    assert (read.strong == regions.strong).all()
    assert text_of(read) == text_of(regions)


@pytest.mark.parametrize("count", [0, MAX_REGISTERED + 1])
def test_an_empty_or_too_large_set_has_no_text(count: int) -> None:
    with pytest.raises(InvalidInputError) as refused:
        text_of(some_set(count))
    assert refused.value.code == "fingerprint.format"


def _changed(text: str, at: int, to: str) -> str:
    return text[:at] + to + text[at + len(to) :]


def _swapped(text: str) -> str:
    return text[:2] + text[66:130] + text[2:66] + text[130:]


BAD = {
    "empty": "",
    "no regions": "00",
    "upper case": text_of(some_set(3)).upper(),
    "odd length": text_of(some_set(3))[:-1],
    "cut short": text_of(some_set(3))[:-2],
    "too long": text_of(some_set(3)) + "00",
    "another count": _changed(text_of(some_set(3)), 0, "04"),
    "out of order": _swapped(text_of(some_set(3))),
    "repeated": text_of(some_set(3))[:66] * 1 + text_of(some_set(3))[2:66] + text_of(some_set(3))[130:],
    "not balanced": _changed(text_of(some_set(1)), 2, "0" * 64),
    "unused bits set": text_of(some_set(3))[:-1] + "1",
    "other digits": "\u0661" * 66,
    "line break": text_of(some_set(1)) + "\n",
}


@pytest.mark.parametrize("why", BAD)
def test_a_malformed_text_is_refused_with_its_code(why: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_regions(BAD[why])
    assert refused.value.code == "fingerprint.format"


@given(st.text(max_size=200) | st.text("0123456789abcdef", max_size=200))
def test_any_text_is_read_or_refused(untrusted: str) -> None:
    try:
        regions = parse_regions(untrusted)
    except InvalidInputError:
        return
    assert text_of(regions) == untrusted
