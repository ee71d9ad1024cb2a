import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.made_entries import made_up

from takeback.model.fingerprint import Algorithm, parse_fingerprint
from takeback.model.video import parse_video
from takeback.registry.canary import marks
from takeback.registry.company import Company
from takeback.registry.decoys import MAX_LIFE_DAYS, MIN_LIFE_DAYS, Decoys, new_key

DECOYS = Decoys(new_key())


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("size", [1, 2, 33, 96])
def test_a_decoy_is_a_well_formed_fingerprint_that_only_the_key_recognises(algorithm: Algorithm, size: int) -> None:
    model = made_up(algorithm, size)
    other = Decoys(new_key())
    made = [DECOYS.like(model) for _ in range(5)]
    for item in made:
        assert parse_fingerprint(item.algorithm, item.value, item.quality) == item
        assert DECOYS.is_decoy(bytes.fromhex(item.value))
        assert not other.is_decoy(bytes.fromhex(item.value))
    assert len({item.value for item in made}) == 5
    assert not DECOYS.is_decoy(bytes.fromhex(model.value))


def test_a_part_of_a_decoy_is_enough_to_recognise_it() -> None:
    regions = bytes.fromhex(DECOYS.like(made_up(Algorithm.PDQ_REGION, 40)).value)
    assert DECOYS.is_decoy(regions[33:65])
    frames = parse_video(DECOYS.like(made_up(Algorithm.VPDQ, 200)).value).frames
    assert DECOYS.is_decoy(frames[0].pdq)


def test_decoys_have_as_many_ones_as_the_real_and_lie_far_from_everything() -> None:
    made = [int(DECOYS.like(made_up(Algorithm.PDQ)).value, 16) for _ in range(200)]
    assert {value.bit_count() for value in made} == {128}
    real = [int(made_up(Algorithm.PDQ).value, 16) for _ in range(100)]
    # Of 20,000 pairs of random values the nearest is about 96 bits away; a match ends at 60.
    assert min((one ^ other).bit_count() for one in made for other in real) > 60


def test_the_halves_of_a_decoy_have_no_more_order_than_chance() -> None:
    made = [bytes.fromhex(DECOYS.like(made_up(Algorithm.PDQ)).value) for _ in range(400)]
    ones = [sum(value[place // 8] >> (7 - place % 8) & 1 for value in made) for place in range(256)]
    # Each place is set in about half of them: of 256 binomials (400, 1/2) none is 70 (7 sigma) away.
    assert all(130 < count < 270 for count in ones)
    assert len({value[:16] for value in made}) == len({value[16:] for value in made}) == 400


def test_frames_of_one_scene_are_like_neighbours() -> None:
    frames = parse_video(DECOYS.like(made_up(Algorithm.VPDQ, 300)).value).frames
    apart = [
        (int.from_bytes(one.pdq, "big") ^ int.from_bytes(two.pdq, "big")).bit_count() for one, two in pairwise(frames)
    ]
    assert all(distance >= 32 for distance in apart)
    assert sum(distance <= 60 for distance in apart) > len(apart) / 2


@given(st.integers(0, 40_000), st.integers(0, 10**6))
def test_a_decoy_lives_some_weeks_to_half_a_year(day: int, number: int) -> None:
    assert MIN_LIFE_DAYS <= DECOYS.last_day(day, number) - day <= MAX_LIFE_DAYS
    assert len(DECOYS.token_hash(day, number)) == 32
    assert DECOYS.token_hash(day, number) != DECOYS.token_hash(day, number + 1)


@given(st.binary(max_size=400))
def test_nothing_else_is_taken_for_a_decoy(value: bytes) -> None:
    assert not DECOYS.is_decoy(value)
    assert not DECOYS.is_decoy(hashlib.sha256(value).digest())


def test_a_small_batch_waits_for_company_and_then_goes() -> None:
    company = Company(min_cases=3, longest_wait_s=60)
    assert company.may_go(0, is_anything=False, now_s=0)
    assert not company.may_go(1, is_anything=True, now_s=10)
    assert not company.may_go(2, is_anything=True, now_s=69)
    assert company.may_go(2, is_anything=True, now_s=70)
    assert not company.may_go(1, is_anything=True, now_s=71)  # the next one waits for itself
    assert company.may_go(3, is_anything=True, now_s=72)
    assert not company.may_go(0, is_anything=True, now_s=100)  # withdrawals wait too
    assert not company.may_go(0, is_anything=True, now_s=50)  # a clock that went back
    assert company.may_go(0, is_anything=True, now_s=110)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_canary_is_one_partners_and_only_the_registrys_key_knows_whose(algorithm: Algorithm) -> None:
    mine, other = DECOYS.of_partner("0a" * 8), DECOYS.of_partner("0b" * 8)
    value = bytes.fromhex(mine.like(made_up(algorithm, 33)).value)
    assert mine.is_decoy(value)
    assert DECOYS.of_partner("0a" * 8).is_decoy(value)
    for stranger in (other, DECOYS, Decoys(new_key()).of_partner("0a" * 8)):
        assert not stranger.is_decoy(value)
    assert mine.key.hex() not in repr(mine)


def test_canaries_are_counted_by_value_however_they_are_written_down() -> None:
    mine = DECOYS.of_partner("0a" * 8)
    values = [mine.like(made_up(name, 12)).value for name in Algorithm]
    strangers = [made_up(name, 12).value for name in Algorithm]
    text = "\n".join([*values, values[0].upper(), *strangers]).encode()
    found = marks(DECOYS, ["0a" * 8, "0b" * 8], text)
    assert (found.canaries, found.decoys) == ({"0a" * 8: len(values)}, frozenset())
    assert values[0] not in repr(found)


def test_some_canaries_live_for_years_and_none_goes_before_a_decoy_would() -> None:
    lives = [DECOYS.last_day_of_canary(hashlib.sha256(i.to_bytes(2, "big")).digest(), 0) for i in range(2000)]
    assert min(lives) >= MIN_LIFE_DAYS
    # One in four: 500 of 2000, and 100 away from it is more than five standard deviations.
    assert 400 < sum(life > MAX_LIFE_DAYS for life in lives) < 600
    assert max(lives) > 3000
