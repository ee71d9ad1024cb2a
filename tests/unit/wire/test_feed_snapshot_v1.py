import io
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import ProtocolViolationError
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_snapshot_v1 import (
    MAGIC,
    Point,
    SnapshotStatement,
    parse_point_text,
    parse_snapshot_text,
    point_text,
    read_snapshot,
    snapshot_rows,
    snapshot_text,
)
from takeback.wire.feed_v1 import withhold

DAY = date(2026, 11, 22)


def _values(name: Algorithm, i: int) -> str:
    digest = sha256(f"{name.value} {i}".encode()).digest()
    match name:
        case Algorithm.PDQ | Algorithm.SHA256:
            return digest.hex()
        case Algorithm.MD5:
            return digest[:16].hex()
        case Algorithm.PDQ_REGION:
            regions = sorted(bytes([0x0F]) * 31 + bytes([region]) for region in (0x0F, 0xF0, 0x33, 0x55)[: 1 + i % 4])
            return (bytes([len(regions)]) + b"".join(regions) + bytes([0x80])).hex()
        case Algorithm.VPDQ:
            frames = b"".join(digest + at.to_bytes(2, "big") + b"\x50" for at in range(1 + i % 5))
            return (bytes([3]) + (1 + i % 5).to_bytes(2, "big") + frames).hex()


def _live(name: Algorithm, steps: list[tuple[int, int]]) -> list[Change]:
    changes: list[Change] = []
    seq, day = 0, DAY
    for i, (more, days) in enumerate(steps):
        seq, day = seq + more, day + timedelta(days=days)
        entry_id = sha256(f"entry {i}".encode()).hexdigest()[:32]
        quality = i % 101 if name is Algorithm.PDQ else None
        change = Change(name, seq, Op.ADD, entry_id, _values(name, i), quality, day)
        changes.append(withhold(change) if i % 7 == 5 else change)
    return changes


def _file(name: Algorithm, live: list[Change]) -> bytes:
    return MAGIC + b"".join(snapshot_rows(name, live))


@given(
    st.sampled_from(list(Algorithm)),
    st.lists(st.tuples(st.integers(1, 2**40), st.integers(0, 400)), max_size=40),
)
def test_what_is_written_is_read(name: Algorithm, steps: list[tuple[int, int]]) -> None:
    live = _live(name, steps)
    assert list(read_snapshot(name, io.BytesIO(_file(name, live)))) == live


def test_a_row_of_pdq_takes_fifty_one_bytes() -> None:
    live = _live(Algorithm.PDQ, [(1, 0)] * 1000)
    assert Op.WITHHELD in {change.op for change in live}, "a digest takes as much room as the value"
    first_day_bytes = 2
    assert len(_file(Algorithm.PDQ, live)) == len(MAGIC) + 1000 * 51 + first_day_bytes


@pytest.mark.parametrize("name", list(Algorithm))
@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file[:-1],
        lambda file: file + b"\x01",
        lambda file: file[1:],
        lambda file: MAGIC + b"\x00" + file[len(MAGIC) + 1 :],
        lambda file: MAGIC + b"\xff" * 12 + file[len(MAGIC) :],
        lambda file: MAGIC + b"\x01" + b"\xff" * 8 + b"\x7f" + file[len(MAGIC) + 4 :],
        lambda _: b"",
    ],
    ids=["cut short", "more behind", "no first line", "no step", "endless number", "day out of the calendar", "empty"],
)
@pytest.mark.parametrize("withheld", [0, 4], ids=["told", "withheld at the end"])
def test_what_is_not_a_snapshot_is_refused(name: Algorithm, withheld: int, spoil: Callable[[bytes], bytes]) -> None:
    file = _file(name, _live(name, [(1, 0), (2, 1), *[(1, 0)] * withheld]))
    with pytest.raises(ProtocolViolationError) as refusal:
        list(read_snapshot(name, io.BytesIO(spoil(file))))
    assert refusal.value.code == "feed.malformed"


@given(st.binary(max_size=400), st.sampled_from(list(Algorithm)))
def test_hostile_bytes_are_rows_or_refused(untrusted: bytes, name: Algorithm) -> None:
    with suppress(ProtocolViolationError):
        rows = list(read_snapshot(name, io.BytesIO(MAGIC + untrusted)))
        assert all(one.seq < other.seq for one, other in pairwise(rows))


def test_statements_are_canonical_and_read_back() -> None:
    statement = SnapshotStatement(Algorithm.PDQ, 7, bytes(range(32)), 5, "ab" * 32, 300)
    text = snapshot_text(statement)
    assert text == (
        '{"bytes":300,"chain":"'
        + bytes(range(32)).hex()
        + '","count":5,"list":"pdq","seq":7,"sha256":"'
        + "ab" * 32
        + '"}'
    )
    assert parse_snapshot_text(text) == statement
    point = Point(Algorithm.MD5, 9, bytes(32))
    assert parse_point_text(point_text(point)) == point


@pytest.mark.parametrize("text", ["", "{}", '{"chain":"00","list":"pdq","seq":1}', '{"seq":0}', "[1]"])
def test_statements_that_are_none_are_refused(text: str) -> None:
    for parse in (parse_snapshot_text, parse_point_text):
        with pytest.raises(ProtocolViolationError):
            parse(text)
