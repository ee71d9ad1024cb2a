"""Every search for values near to the guard list gives the same answers, and they are the right ones."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plausible import near_pdq, plausible_pdq

from takeback.apps.near_search import kernel_search
from takeback.model.fingerprint import Algorithm
from takeback.model.video import Video, VideoFrame, video_value
from takeback.registry.guard_rule import (
    Guarded,
    GuardIndex,
    GuardRule,
    NearSearch,
    plain_search,
    positions_of,
    upside_down,
)

SEARCHES = pytest.mark.parametrize("search", [plain_search, kernel_search])
RULE = GuardRule()


def _value(seed: int) -> bytes:
    return bytes.fromhex(plausible_pdq(seed).value)


def _near(value: bytes, distance_bits: int) -> bytes:
    return bytes.fromhex(near_pdq(value.hex(), distance_bits))


def _regions(*values: bytes) -> bytes:
    return bytes([len(values)]) + b"".join(sorted(values)) + bytes((len(values) + 7) // 8)


def _video(*values: bytes, quality: int = 90) -> bytes:
    frames = tuple(VideoFrame(value, 4 * place, quality) for place, value in enumerate(values))
    return bytes.fromhex(video_value(Video(4, frames)))


def _is_hit(search: NearSearch, guarded: list[Guarded], algorithm: Algorithm, value: bytes) -> bool:
    (answer,) = GuardIndex(guarded, search, RULE).hits([Guarded(algorithm, value)])
    return answer


@SEARCHES
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10**6), radius_bits=st.sampled_from([0, 8, 31, 60]))
def test_exactly_what_is_within_the_radius_is_found(search: NearSearch, seed: int, radius_bits: int) -> None:
    source = random.Random(seed)  # noqa: S311 - made-up values
    centres = [source.getrandbits(256) for _ in range(4)]

    def around() -> int:
        flips = source.sample(range(256), source.randrange(0, 70))
        return source.choice(centres) ^ sum(1 << place for place in flips)

    table = [around() for _ in range(source.randrange(1, 40))] + [0, 2**256 - 1]
    queries = [around() for _ in range(source.randrange(1, 12))]
    expected = [
        [place for place, value in enumerate(table) if (value ^ query).bit_count() <= radius_bits] for query in queries
    ]
    found = search([value.to_bytes(32) for value in table], radius_bits)([query.to_bytes(32) for query in queries])
    assert found == expected


@SEARCHES
def test_a_guarded_picture_is_caught_in_all_eight_positions_and_no_other_is(search: NearSearch) -> None:
    guarded = [Guarded(Algorithm.PDQ, _value(seed)) for seed in range(20)]
    for form in positions_of(_value(3)):
        assert _is_hit(search, guarded, Algorithm.PDQ, _near(form, 30))
        assert not _is_hit(search, guarded, Algorithm.PDQ, _near(form, 32))
    assert not _is_hit(search, guarded, Algorithm.PDQ, _value(99))
    assert len(set(positions_of(_value(3)))) == 8


@SEARCHES
def test_a_region_set_is_caught_by_two_regions_of_one_picture(search: NearSearch) -> None:
    known = [_value(seed) for seed in range(5)]
    guarded = [
        Guarded(Algorithm.PDQ_REGION, _regions(*known)),
        Guarded(Algorithm.PDQ_REGION, _regions(_value(50), _value(51))),
    ]
    both = [_near(known[0], 30), _near(known[1], 48)]
    assert _is_hit(search, guarded, Algorithm.PDQ_REGION, _regions(*both, _value(70)))
    assert _is_hit(search, guarded, Algorithm.PDQ_REGION, _regions(*map(upside_down, both), _value(70)))
    one_of_each = (_near(known[0], 30), _near(_value(50), 30))
    assert not _is_hit(search, guarded, Algorithm.PDQ_REGION, _regions(*one_of_each))
    both_far = (_near(known[0], 40), _near(known[1], 40))
    assert not _is_hit(search, guarded, Algorithm.PDQ_REGION, _regions(*both_far))


@SEARCHES
def test_a_video_is_caught_by_a_third_of_either_ones_frames(search: NearSearch) -> None:
    known = [_value(seed) for seed in range(10)]
    guarded = [Guarded(Algorithm.VPDQ, _video(*known)), Guarded(Algorithm.PDQ, _value(300))]
    others = [_value(seed) for seed in range(100, 140)]
    shared = [_near(value, 20) for value in known[:3]]
    assert _is_hit(search, guarded, Algorithm.VPDQ, _video(*shared, *others))  # three of the guarded ten
    assert not _is_hit(search, guarded, Algorithm.VPDQ, _video(*shared[:2], *others))
    assert not _is_hit(search, guarded, Algorithm.VPDQ, _video(*shared, *others, quality=49))
    # A still picture that was made into a video.
    assert _is_hit(search, guarded, Algorithm.VPDQ, _video(_near(_value(300), 10)))
    assert not _is_hit(search, guarded, Algorithm.VPDQ, _video(_near(_value(300), 10), *others))


@SEARCHES
def test_an_exact_file_is_caught_as_itself_only(search: NearSearch) -> None:
    guarded = [Guarded(Algorithm.MD5, bytes(range(16)))]
    assert _is_hit(search, guarded, Algorithm.MD5, bytes(range(16)))
    assert not _is_hit(search, guarded, Algorithm.MD5, bytes(range(1, 17)))
    assert not _is_hit(search, guarded, Algorithm.SHA256, bytes(range(32)))


@SEARCHES
def test_an_empty_guard_list_catches_nothing(search: NearSearch) -> None:
    for algorithm, value in (
        (Algorithm.PDQ, _value(1)),
        (Algorithm.PDQ_REGION, _regions(_value(1))),
        (Algorithm.VPDQ, _video(_value(1))),
        (Algorithm.VPDQ, _video(_value(1), quality=10)),
    ):
        assert not _is_hit(search, [], algorithm, value)
