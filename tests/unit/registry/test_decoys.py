import hashlib
import secrets
from itertools import pairwise
from random import SystemRandom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.model.fingerprint import Algorithm, Fingerprint, parse_fingerprint
from takeback.model.video import Video, VideoFrame, parse_video, video_value
from takeback.registry.company import Company
from takeback.registry.decoys import MAX_LIFE_DAYS, MIN_LIFE_DAYS, Decoys, new_key

DECOYS = Decoys(new_key())


def _balanced() -> bytes:
    places = SystemRandom().sample(range(256), 128)
    return sum(1 << place for place in places).to_bytes(32, "big")


def _model(algorithm: Algorithm, size: int = 20) -> Fingerprint:
    match algorithm:
        case Algorithm.PDQ:
            return Fingerprint(algorithm, _balanced().hex(), 88)
        case Algorithm.MD5:
            return Fingerprint(algorithm, secrets.token_hex(16))
        case Algorithm.SHA256:
            return Fingerprint(algorithm, secrets.token_hex(32))
        case Algorithm.PDQ_REGION:
            flags = bytes(-(-size // 8))
            return Fingerprint(
                algorithm, (bytes([size]) + b"".join(sorted(_balanced() for _ in range(size))) + flags).hex()
            )
        case Algorithm.VPDQ:
            frames = tuple(VideoFrame(_balanced(), 4 * number, 70) for number in range(size))
            return Fingerprint(algorithm, video_value(Video(6, frames)))


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("size", [1, 2, 33, 96])
def test_a_decoy_is_a_well_formed_fingerprint_that_only_the_key_recognises(algorithm: Algorithm, size: int) -> None:
    model = _model(algorithm, size)
    other = Decoys(new_key())
    made = [DECOYS.like(model) for _ in range(5)]
    for item in made:
        assert parse_fingerprint(item.algorithm, item.value, item.quality) == item
        assert DECOYS.is_decoy(bytes.fromhex(item.value))
        assert not other.is_decoy(bytes.fromhex(item.value))
    assert len({item.value for item in made}) == 5
    assert not DECOYS.is_decoy(bytes.fromhex(model.value))


def test_a_part_of_a_decoy_is_enough_to_recognise_it() -> None:
    regions = bytes.fromhex(DECOYS.like(_model(Algorithm.PDQ_REGION, 40)).value)
    assert DECOYS.is_decoy(regions[33:65])
    frames = parse_video(DECOYS.like(_model(Algorithm.VPDQ, 200)).value).frames
    assert DECOYS.is_decoy(frames[0].pdq)


def test_decoys_have_as_many_ones_as_the_real_and_lie_far_from_everything() -> None:
    made = [int(DECOYS.like(_model(Algorithm.PDQ)).value, 16) for _ in range(200)]
    assert {value.bit_count() for value in made} == {128}
    real = [int.from_bytes(_balanced(), "big") for _ in range(100)]
    # Of 20,000 pairs of random values the nearest is about 96 bits away; a match ends at 60.
    assert min((one ^ other).bit_count() for one in made for other in real) > 60


def test_the_halves_of_a_decoy_have_no_more_order_than_chance() -> None:
    made = [bytes.fromhex(DECOYS.like(_model(Algorithm.PDQ)).value) for _ in range(400)]
    ones = [sum(value[place // 8] >> (7 - place % 8) & 1 for value in made) for place in range(256)]
    # Each place is set in about half of them: of 256 binomials (400, 1/2) none is 70 (7 sigma) away.
    assert all(130 < count < 270 for count in ones)
    assert len({value[:16] for value in made}) == len({value[16:] for value in made}) == 400


def test_frames_of_one_scene_are_like_neighbours() -> None:
    frames = parse_video(DECOYS.like(_model(Algorithm.VPDQ, 300)).value).frames
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
