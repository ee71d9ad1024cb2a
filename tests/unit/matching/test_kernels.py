"""Every kernel against a few lines that are too simple to be wrong."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takeback.matching import kernels
from takeback.matching.chunks import bit_order, chunk_radii, make_plan
from takeback.matching.encoding import raw_to_words
from takeback.matching.segment import Order, Segment, Tables, build_segment, collect, frozen, merged, scan, sorted_by_id
from takeback.model.fingerprint import Algorithm

Words = NDArray[np.uint64]
Found = set[tuple[int, int, int]]
RADII = (0, 1, 14, 15, 16, 31, 40, 60, 79, 80, 256)


def reference(values: Words, dead: NDArray[np.uint8], queries: Words, radius: int) -> Found:
    """Query, row and distance of every live row within the radius."""
    distances = np.bitwise_count(queries[:, None, :] ^ values[None, :, :]).sum(axis=2, dtype=np.int64)
    return {
        (query, row, int(distances[query, row]))
        for query, row in np.argwhere((distances <= radius) & (dead == 0)).tolist()
    }


def words_of(bits: NDArray[np.uint8]) -> Words:
    """(n, 256) bits to (n, 4) words, lowest bit first."""
    packed = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little"))
    words: Words = packed.view("<u8").astype(np.uint64)
    return words


def as_set(found: NDArray[np.int64]) -> Found:
    rows = [tuple(row) for row in found.tolist()]
    assert len(set(rows)) == len(rows), "a row was reported twice"
    return set(rows)


def by_tables(segment: Segment, queries: Words, radius: int) -> Found:
    """The tables' answer, also where a scan would be chosen."""
    plan = make_plan(radius)
    assert plan is not None
    assert isinstance(segment.index, Tables)
    tables = segment.index.arrays()
    return as_set(
        collect(
            len(queries),
            lambda out: kernels.near(segment.values, segment.dead, tables, plan.arrays(), radius, frozen(queries), out),
        )
    )


def segment_of(values: Words, *, exact: bool = False) -> Segment:
    ids = np.stack([np.zeros(len(values), np.uint64), np.arange(len(values), dtype=np.uint64)], axis=1)
    return build_segment(ids, values, exact=exact)


@st.composite
def lists(draw: st.DrawFn) -> tuple[Words, NDArray[np.uint8], Words]:
    """Values in clumps at every distance from each other, with duplicates and odd patterns; tombstones; queries."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.sampled_from([0, 1, 2, 31, 32, 33, 100, 700, 2500]))
    centres = rng.integers(0, 2**64, (draw(st.integers(1, 6)), 4), np.uint64)
    odd = np.array([[0] * 4, [2**64 - 1] * 4, [0xFFFF] * 4, [0xAAAAAAAAAAAAAAAA] * 4, [0, 2**64 - 1] * 2], np.uint64)
    centres = np.concatenate([centres, odd[: draw(st.integers(0, len(odd)))]])
    flips = draw(st.sampled_from([0, 1, 16, 32, 45, 64, 90]))
    return (
        around(rng, centres, rows, flips, in_one_place=draw(st.booleans())),
        (rng.random(rows) < draw(st.sampled_from([0.0, 0.3]))).astype(np.uint8),
        around(rng, centres, draw(st.integers(1, 5)), flips // 2, in_one_place=draw(st.booleans())),
    )


def around(rng: np.random.Generator, centres: Words, count: int, flips: int, *, in_one_place: bool) -> Words:
    """Values up to ``flips`` bits from a centre: anywhere, or side by side, so that few chunks take them all."""
    bits = np.zeros((count, 256), np.uint8)
    for row in range(count):
        places = np.arange(256) if in_one_place else rng.permutation(256)
        shift = int(rng.integers(0, 256)) if in_one_place else 0
        bits[row, (places[: rng.integers(0, flips + 1)] + shift) % 256] = 1
    masks = words_of(bits)
    return np.ascontiguousarray(centres[rng.integers(0, len(centres), count)] ^ masks)


@settings(max_examples=80, deadline=None)
@given(lists(), st.sampled_from(RADII))
def test_tables_and_scan_find_exactly_what_is_there(case: tuple[Words, NDArray[np.uint8], Words], radius: int) -> None:
    values, dead, queries = case
    expected = reference(values, dead, queries, radius)
    assert as_set(scan(frozen(values), dead, len(values), frozen(queries), radius)) == expected
    segment = segment_of(values)
    segment.dead[:] = dead
    if make_plan(radius) is not None:
        assert by_tables(segment, queries, radius) == expected
    assert as_set(segment.near(frozen(queries), radius, make_plan(radius))) == expected


@pytest.mark.parametrize("radius", [0, 15, 31, 40, 60])
def test_the_tables_miss_nothing_at_the_very_edge(radius: int) -> None:
    """Values exactly at the radius and one beyond, their bits spread over the chunks in every proportion."""
    rng = np.random.default_rng(radius)
    query = rng.integers(0, 2**64, (1, 4), np.uint64)
    bits = np.zeros((4000, 256), np.uint8)
    for row in range(len(bits)):
        weights = rng.dirichlet(np.full(16, rng.choice([0.1, 0.5, 5.0, 50.0])))
        weights = np.repeat(weights + 1e-6, 16)
        places = rng.choice(256, radius + row % 2, replace=False, p=weights / weights.sum())
        bits[row, places] = 1
    values = query ^ words_of(bits)
    assert {row for _, row, _ in by_tables(segment_of(values), query, radius)} == set(range(0, 4000, 2))


def test_a_bucket_full_of_the_same_value_is_reported_whole() -> None:
    values = np.zeros((5000, 4), np.uint64)
    assert len(by_tables(segment_of(values), values[:2], 31)) == 10_000


def test_chunk_radii_keep_the_pigeonhole_bound() -> None:
    for radius in range(257):
        radii = chunk_radii(radius)
        assert sum(radii) == radius - 15
        assert min(radii) >= -1
        assert max(radii) - min(radii) <= 1


def test_the_bit_order_loses_no_bit() -> None:
    assert sorted(bit_order().tolist()) == list(range(256))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
def test_reordering_bits_is_the_permutation_it_says(raws: list[bytes]) -> None:
    raw = np.frombuffer(b"".join(raws), np.uint8).reshape(-1, 32)
    bits = np.unpackbits(raw, axis=1)[:, bit_order()]
    expected = words_of(bits)
    assert (raw_to_words(Algorithm.PDQ, raw) == expected).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=200), st.lists(st.integers(0, 25), min_size=1, max_size=10), st.data())
@example([], [1], None)
def test_exact_values_are_found(known: list[int], asked: list[int], data: st.DataObject | None) -> None:
    values = np.array([[item, item % 3] for item in known], np.uint64).reshape(-1, 2)
    queries = np.array([[item, item % 3] for item in asked], np.uint64)
    segment = segment_of(values, exact=True)
    assert isinstance(segment.index, Order)
    if data is not None and known:
        segment.dead[data.draw(st.integers(0, len(known) - 1))] = 1
    assert as_set(segment.near(frozen(queries), 0, None)) == reference(values, segment.dead, queries, 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 300), max_size=60, unique=True), min_size=1, max_size=5))
def test_merging_keeps_every_live_row_once(parts: list[list[int]]) -> None:
    seen: set[int] = set()
    segments, expected = [], {}
    for number, part in enumerate(parts):
        ids = np.array([[7, item] for item in part], np.uint64).reshape(-1, 2)
        values = np.array([[number, item, 0, 0] for item in part], np.uint64).reshape(-1, 4)
        one = build_segment(*sorted_by_id(ids, values), exact=False)
        for row, item in enumerate(one.ids[:, 1].tolist()):
            one.dead[row] = item in seen or item % 5 == 0
            if not one.dead[row]:
                expected[item] = number
        seen |= set(part)
        segments.append(one)
    made = merged(segments, [one.dead for one in segments], exact=False)
    assert made.ids[:, 1].tolist() == sorted(expected)
    assert made.values[:, 0].tolist() == [expected[item] for item in sorted(expected)]
    wanted = np.array([[7, item] for item in range(302)], np.uint64)
    rows = made.rows_of(wanted).tolist()
    assert [row for row in rows if row >= 0] == list(range(len(expected)))
    assert all((row >= 0) == (item in expected) for item, row in enumerate(rows))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.data())
def test_the_checksum_sees_any_change_of_a_word(words: list[int], data: st.DataObject) -> None:
    content = np.array(words, np.uint64)
    before = kernels.checksum(frozen(content))
    place, flip = data.draw(st.integers(0, len(words) - 1)), data.draw(st.integers(1, 2**64 - 1))
    content[place] ^= np.uint64(flip)
    assert kernels.checksum(frozen(content)) != before
    content[place] ^= np.uint64(flip)
    assert kernels.checksum(frozen(content)) == before
    assert kernels.checksum(frozen(content[:-1])) != before


@pytest.mark.parametrize("spoil", ["descending", "short", "position"])
def test_tables_that_would_lead_a_search_astray_are_noticed(spoil: str) -> None:
    segment = segment_of(np.arange(400, dtype=np.uint64).reshape(100, 4))
    assert isinstance(segment.index, Tables)
    offsets, positions = segment.index.offsets.copy(), segment.index.positions.copy()
    match spoil:
        case "descending":
            offsets[3, 5] = 101
        case "short":
            offsets[2, -1] = 99
        case _:
            positions[45 * 100 + 3] = 100
    offsets.flags.writeable = positions.flags.writeable = False
    assert kernels.tables_hold(segment.index.offsets, segment.index.positions, 100)
    assert not kernels.tables_hold(offsets, positions, 100)
