"""The rule about two pictures' regions, against ten lines of numpy."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.region_query import RegionQuery
from takeback.matching.region_rule import RegionRule, RegionVerdict, VoteLine
from takeback.model.match import Tier

Values = NDArray[np.uint8]

RULE = RegionRule()


def regions(count: int, seed: int = 1) -> Values:
    return np.random.default_rng(seed).integers(0, 256, (count, 32)).astype(np.uint8)


def moved(values: Values, row: int, bits: int) -> Values:
    """The region with its first ``bits`` bits flipped."""
    flipped = np.unpackbits(values[row])
    flipped[:bits] ^= 1
    return np.packbits(flipped)


def query(values: Values, *distances: int) -> Values:
    """Regions at these distances from the first, second … registered one."""
    return np.stack([moved(values, row, bits) for row, bits in enumerate(distances)])


def as_query(
    values: Values, *, strong: bool = True, places: Sequence[tuple[float, float]] | None = None
) -> RegionQuery:
    where = None if places is None else np.array(places, np.float32)
    return RegionQuery(values, np.full(len(values), strong), where)


def decide(values: Values, asked: Values, *, strong: bool = True) -> RegionVerdict:
    return RULE.decide(as_query(values, strong=strong), as_query(asked, strong=strong))


LINES = RULE.hold


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_holds_at_its_limit_and_not_beyond(line: VoteLine) -> None:
    values = regions(20)
    near = (RULE.near_bits,) + (line.radius_bits,) * (line.votes - 1)
    assert decide(values, query(values, *near)).tier is Tier.HOLD
    too_far = (RULE.near_bits,) + (max(each.radius_bits for each in LINES) + 1,) * (line.votes - 1)
    assert decide(values, query(values, *too_far)).tier is Tier.LOOK


def test_without_a_near_pair_many_votes_are_clear() -> None:
    values = regions(20)
    assert decide(values, query(values, *[RULE.near_bits + 1] * 20)).tier is Tier.CLEAR


def test_one_near_pair_is_for_a_look_if_both_are_strong() -> None:
    values = regions(20)
    asked = query(values, RULE.near_bits)
    assert decide(values, asked) == RegionVerdict(Tier.LOOK, 1, RULE.near_bits)
    for registered_strong, query_strong in ((True, False), (False, True), (False, False)):
        verdict = RULE.decide(as_query(values, strong=registered_strong), as_query(asked, strong=query_strong))
        assert verdict.tier is Tier.CLEAR


def test_several_regions_near_to_one_registered_region_are_one_vote() -> None:
    values = regions(20)
    asked = np.stack([moved(values, 0, bits) for bits in (0, 2, 4, 6)])
    verdict = decide(values, asked)
    assert verdict == RegionVerdict(Tier.LOOK, 1, 0)


NEAR, FAR = 0.9 * RULE.spread, 1.1 * RULE.spread


@pytest.mark.parametrize(
    ("distances", "places", "tier"),
    [
        ((20, 20, 20, 20, 20, 20), [(0.5, 0.5)] * 6, Tier.LOOK),
        ((20, 20), [(0.5, 0.5), (0.5, 0.5 + NEAR)], Tier.LOOK),
        ((20, 20), [(0.5, 0.5), (0.5, 0.5 + FAR)], Tier.HOLD),
        ((20, 20), [(0.5, 0.5), (0.5 + FAR * 0.75, 0.5 + FAR * 0.75)], Tier.HOLD),
        ((20, 20, RULE.spread_bits), [(0.1, 0.1), (0.1, 0.1), (0.9, 0.1)], Tier.HOLD),
        ((20, 20, RULE.spread_bits + 1), [(0.1, 0.1), (0.1, 0.1), (0.9, 0.1)], Tier.LOOK),
        ((20, 20, 20, RULE.spread_bits + 1), [(0.1, 0.1), (0.1, 0.1), (0.1, 0.1), (0.9, 0.1)], Tier.LOOK),
    ],
)
def test_votes_of_one_spot_are_for_a_look(
    distances: tuple[int, ...], places: list[tuple[float, float]], tier: Tier
) -> None:
    values = regions(20)
    asked = query(values, *distances)
    assert RULE.decide(as_query(values), as_query(asked, places=places)).tier is tier
    assert RULE.decide(as_query(values), as_query(asked)).tier is Tier.HOLD
    no_spread = RegionRule(spread=0.0)
    assert no_spread.decide(as_query(values), as_query(asked, places=places)).tier is Tier.HOLD


def test_a_vote_is_where_the_nearest_region_of_the_question_is() -> None:
    values = regions(20)
    asked = np.concatenate((query(values, 20, 20), query(values, 10)))
    apart = [(0.1, 0.1), (0.1, 0.1), (0.8, 0.1)]
    assert RULE.decide(as_query(values), as_query(asked, places=apart)).tier is Tier.HOLD
    assert RULE.decide(as_query(values), as_query(asked, places=apart[::-1])).tier is Tier.LOOK


def test_an_empty_set_is_clear() -> None:
    none = np.empty((0, 32), np.uint8)
    assert decide(regions(3), none) == RegionVerdict(Tier.CLEAR, 0, 256)
    assert decide(none, regions(3)) == RegionVerdict(Tier.CLEAR, 0, 256)


@settings(deadline=None)  # the first example may have to wait for the compiler
@given(st.lists(st.integers(0, 90), min_size=1, max_size=8), st.integers(0, 2**32 - 1), st.booleans())
def test_the_kernel_agrees_with_numpy(distances: list[int], seed: int, strong: bool) -> None:
    values = regions(10, seed)
    asked = query(values, *distances)
    bits = np.unpackbits(values, axis=1)[:, None, :] != np.unpackbits(asked, axis=1)[None, :, :]
    ordered = sorted(bits.sum(axis=2).min(axis=1).tolist())
    held = ordered[0] <= RULE.near_bits and any(ordered[line.votes - 1] <= line.radius_bits for line in LINES)
    looked = ordered[0] <= RULE.near_bits and strong
    tier = Tier.HOLD if held else Tier.LOOK if looked else Tier.CLEAR
    votes = sum(each <= LINES[0].radius_bits for each in ordered)
    assert decide(values, asked, strong=strong) == RegionVerdict(tier, votes, ordered[0])


@settings(deadline=None)  # the first example may have to wait for the compiler
@given(st.integers(0, 2**32 - 1))
def test_the_nearest_strong_pair_is_exact(seed: int) -> None:
    random = np.random.default_rng(seed)
    values, asked = regions(6, seed), regions(6, seed + 1)
    asked[:3] = query(values, *random.integers(0, 60, 3))
    strong, asked_strong = random.random(6) < 0.5, random.random(6) < 0.5
    bits = (np.unpackbits(values, axis=1)[:, None, :] != np.unpackbits(asked, axis=1)[None, :, :]).sum(axis=2)
    pairs = bits[strong][:, asked_strong]
    verdict = RULE.decide(RegionQuery(values, strong), RegionQuery(asked, asked_strong))
    if verdict.tier is not Tier.HOLD:
        assert (verdict.tier is Tier.LOOK) == bool(pairs.size and pairs.min() <= RULE.near_bits)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: RegionRule(near_bits=-1),
        lambda: RegionRule(near_bits=257),
        lambda: RegionRule(hold=()),
        lambda: RegionRule(hold=(VoteLine(1, 40),)),
        lambda: RegionRule(hold=(VoteLine(2, 300),)),
        lambda: RegionRule(spread_bits=257),
        lambda: RegionRule(spread=-0.1),
        lambda: RegionRule(spread=1.1),
    ],
)
def test_an_impossible_rule_is_refused(bad: type[RegionRule]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        bad()
    assert refused.value.code == "policy.invalid"
