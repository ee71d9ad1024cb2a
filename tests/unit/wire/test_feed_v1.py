"""The signed bytes of the feed, worked out by hand from docs/protocol/feed-v1.md."""

import hashlib
import json
import struct
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import MAX_REGION_DIGITS, Algorithm
from takeback.model.video import MAX_VIDEO_DIGITS
from takeback.wire.feed_v1 import (
    ChangeShape,
    change_shape,
    digest_of,
    first_chain,
    head_text,
    max_changes,
    next_chain,
    parse_change,
    parse_head,
    record_bytes,
    withhold,
)
from takeback.wire.feed_withheld_v1 import withheld_text

_ADD = Change(Algorithm.PDQ, 7, Op.ADD, "ab" * 16, "0f" * 32, 83, date(2026, 3, 14))
_DIGESTED = Change(Algorithm.PDQ, 7, Op.ADD, "ab" * 16, "0f" * 32, 83, date(2026, 3, 14), is_digested=True)
_REMOVE = Change(Algorithm.MD5, 2**40, Op.REMOVE, "cd" * 16, None, None, date(1970, 1, 2))


def test_a_record_is_laid_out_as_the_protocol_says() -> None:
    days = (date(2026, 3, 14) - date(1970, 1, 1)).days
    expected = struct.pack(">QB16sBIH", 7, 1, b"\xab" * 16, 83, days, 32) + b"\x0f" * 32
    assert record_bytes(_ADD) == expected
    assert record_bytes(_REMOVE) == struct.pack(">QB16sBIH", 2**40, 2, b"\xcd" * 16, 255, 1, 0)


def test_a_digested_record_holds_the_content_by_its_digest() -> None:
    days = (date(2026, 3, 14) - date(1970, 1, 1)).days
    digest = hashlib.sha256(b"takeback/entry/v1\n" + struct.pack(">BH", 83, 32) + b"\x0f" * 32).digest()
    expected = struct.pack(">QB16sI", 7, 3, b"\xab" * 16, days) + digest
    assert record_bytes(_DIGESTED) == expected
    withheld = withhold(_DIGESTED)
    assert (withheld.op, withheld.value, withheld.quality) == (Op.WITHHELD, None, None)
    assert withheld.digest == digest.hex()
    assert record_bytes(withheld) == expected, "the chain is the same for whoever is told and whoever is not"


@given(st.integers(0, 255), st.binary(max_size=40), st.integers(0, 255), st.binary(max_size=40))
def test_no_two_contents_have_one_digest(quality: int, value: bytes, other_quality: int, other: bytes) -> None:
    one, two = (
        digest_of(replace(_DIGESTED, quality=q, value=v.hex())) for q, v in ((quality, value), (other_quality, other))
    )
    assert (one == two) == ((quality, value) == (other_quality, other))


def test_what_is_withheld_is_signed_by_partner_list_and_record() -> None:
    withheld = withhold(_DIGESTED)
    records = hashlib.sha256(record_bytes(withheld)).hexdigest()
    text = withheld_text(Algorithm.PDQ, "0a" * 8, [_ADD, withheld, _REMOVE])
    assert text == f'{{"list":"pdq","partner":"{"0a" * 8}","records":"{records}"}}'


def test_the_chain_starts_from_the_list_and_takes_every_record() -> None:
    start = hashlib.sha256(b"takeback/feed/v1/pdq").digest()
    assert first_chain(Algorithm.PDQ) == start
    assert next_chain(start, _ADD) == hashlib.sha256(start + record_bytes(_ADD)).digest()


def test_a_head_is_canonical_and_reads_back() -> None:
    head = Head(Algorithm.SHA256, 12, bytes(range(32)), 5, 1_800_000_000, 1_800_003_600)
    text = head_text(head)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert parse_head(text) == head


def test_changes_read_back() -> None:
    for change in (_ADD, _REMOVE, _DIGESTED, withhold(_DIGESTED)):
        read = parse_change(change.list, change_shape(change))
        assert (read, read.is_digested) == (change, change.is_digested)


@pytest.mark.parametrize(
    "broken",
    [
        ChangeShape(seq=1, op="add", entry_id="ab" * 16, quality=80, day="2026-01-01"),
        ChangeShape(seq=1, op="add", entry_id="ab" * 16, value="0f", quality=80, day="2026-01-01"),
        ChangeShape(seq=1, op="add", entry_id="ab" * 16, value="0f" * 32, day="2026-01-01"),
        ChangeShape(seq=1, op="remove", entry_id="ab" * 16, value="0f" * 32, day="2026-01-01"),
        ChangeShape(seq=1, op="remove", entry_id="ab" * 16, day="2026-02-30"),
        ChangeShape(seq=1, op="remove", entry_id="ab" * 16, digested=True, day="2026-01-01"),
        ChangeShape(seq=1, op="remove", entry_id="ab" * 16, digest="0f" * 32, day="2026-01-01"),
        ChangeShape(
            seq=1, op="add", entry_id="ab" * 16, value="0f" * 32, quality=80, digest="0f" * 32, day="2026-01-01"
        ),
        ChangeShape(seq=1, op="withheld", entry_id="ab" * 16, day="2026-01-01"),
        ChangeShape(seq=1, op="withheld", entry_id="ab" * 16, value="0f" * 32, digest="0f" * 32, day="2026-01-01"),
        ChangeShape(seq=1, op="withheld", entry_id="ab" * 16, quality=80, digest="0f" * 32, day="2026-01-01"),
        ChangeShape(seq=1, op="withheld", entry_id="ab" * 16, digested=True, digest="0f" * 32, day="2026-01-01"),
    ],
)
def test_a_change_that_cannot_be_is_malformed(broken: ChangeShape) -> None:
    with pytest.raises(ProtocolViolationError) as caught:
        parse_change(Algorithm.PDQ, broken)
    assert caught.value.code == "feed.malformed"


_HOSTILE = {
    "op": st.sampled_from(["add", "remove", "withheld"]),
    "value": st.none() | st.sampled_from(["0f" * 32, "0F" * 32, "0f", ""]),
    "quality": st.none() | st.sampled_from([-1, 0, 80, 101, 254, 255]),
    "digested": st.none() | st.booleans(),
    "digest": st.none() | st.just("0f" * 32),
}


def _read(name: Algorithm, shape: ChangeShape) -> Change | str:
    try:
        return parse_change(name, shape)
    except ProtocolViolationError as refusal:
        return refusal.code


@given(st.fixed_dictionaries(_HOSTILE), st.sampled_from(list(Algorithm)))
def test_a_hostile_change_is_one_of_four_or_malformed(fields: dict[str, object], name: Algorithm) -> None:
    shape = ChangeShape.model_validate({"seq": 1, "entry_id": "ab" * 16, "day": "2026-01-01", **fields})
    change = _read(name, shape)
    if isinstance(change, str):
        assert change == "feed.malformed"
        return
    has = (change.value is not None, change.digest is not None, change.is_digested)
    assert (change.op, *has) in {
        (Op.ADD, True, False, False),
        (Op.ADD, True, False, True),
        (Op.REMOVE, False, False, False),
        (Op.WITHHELD, False, True, True),
    }
    assert len(record_bytes(change)) > 0


@given(st.text(max_size=300))
def test_a_hostile_head_raises_nothing_else(text: str) -> None:
    with pytest.raises(ProtocolViolationError):
        parse_head(text)


def test_an_answer_of_sets_stays_within_what_a_client_takes() -> None:
    rest, largest_reply = 160, 16 * 2**20
    assert max_changes(Algorithm.VPDQ) * (MAX_VIDEO_DIGITS + rest) < largest_reply
    assert max_changes(Algorithm.PDQ_REGION) * (MAX_REGION_DIGITS + rest) < largest_reply
    assert max_changes(Algorithm.PDQ) * (64 + rest) < largest_reply
