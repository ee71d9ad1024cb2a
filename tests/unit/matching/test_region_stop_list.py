"""Furniture: what many pictures share does not count."""

import numpy as np
import pytest
from numpy.typing import NDArray

from takeback.matching.region_stop_list import (
    LEAST_OTHERS,
    RADIUS_BITS,
    RegionStopList,
    shared_regions,
    starter_stop_list,
)

Values = NDArray[np.uint8]


def regions(count: int, seed: int) -> Values:
    return np.random.default_rng(seed).integers(0, 256, (count, 32)).astype(np.uint8)


def moved(value: Values, bits: int) -> Values:
    flipped = np.unpackbits(value)
    flipped[:bits] ^= 1
    return np.packbits(flipped)


def distances(one: Values, other: Values) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2, dtype=np.int64)
    return counted


@pytest.mark.parametrize(("bits", "admitted"), [(0, False), (RADIUS_BITS, False), (RADIUS_BITS + 1, True)])
def test_a_region_within_the_radius_is_not_admitted(*, bits: int, admitted: bool) -> None:
    furniture = regions(5, 1)
    stop_list = RegionStopList(furniture)
    asked = np.stack([moved(furniture[3], bits), regions(1, 2)[0]])
    assert stop_list.admits(asked).tolist() == [admitted, True]


def test_an_empty_list_admits_everything_and_nothing_is_admitted_of_nothing() -> None:
    none = np.empty((0, 32), np.uint8)
    assert RegionStopList(none).admits(regions(4, 1)).all()
    assert RegionStopList(regions(4, 1)).admits(none).tolist() == []


@pytest.mark.parametrize("others", [LEAST_OTHERS - 1, LEAST_OTHERS])
def test_what_enough_other_pictures_share_is_furniture(others: int) -> None:
    logo = regions(1, 9)[0]
    sets = [np.concatenate((regions(30, seed), moved(logo, seed)[None])) for seed in range(others + 1)]
    sets += [regions(30, 100 + seed) for seed in range(4)]
    found = shared_regions(sets)
    assert len(found) == (1 if others >= LEAST_OTHERS else 0)
    if len(found):
        assert distances(found, logo[None]).min() <= others
        assert not RegionStopList(found).admits(logo[None]).any()


def test_what_one_picture_has_often_is_not_furniture() -> None:
    pattern = regions(1, 9)[0]
    repeated = np.stack([moved(pattern, bits) for bits in range(10)])
    assert len(shared_regions([repeated, regions(30, 1), regions(30, 2), regions(30, 3), regions(30, 4)])) == 0


def test_no_pictures_share_nothing() -> None:
    assert shared_regions([]).shape == (0, 32)


def test_joining_adds_only_what_is_not_covered() -> None:
    stop_list = RegionStopList(regions(3, 1))
    more = np.stack([moved(stop_list.values[0], 10), regions(1, 2)[0]])
    joined = stop_list.joined_with(more)
    assert len(joined) == 4
    assert not joined.admits(more).any()


def test_the_starter_list_is_there_and_plausible() -> None:
    starter = starter_stop_list()
    assert len(starter) > 100
    ones = np.bitwise_count(starter.values).sum(axis=1)
    assert (ones == 128).all()
    assert starter.admits(regions(500, 1)).all()
