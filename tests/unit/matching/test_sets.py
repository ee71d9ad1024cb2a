"""Sets of values under one entry: regions and clips in two steps, against the rule over every entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.clip_rule import ClipRule, ClipVerdict
from takeback.matching.live import Growth
from takeback.matching.region_rule import RegionRule, RegionVerdict
from takeback.matching.sets import SetIndex
from takeback.model.match import Tier

Values = NDArray[np.uint8]


def drawn(rng: np.random.Generator, count: int) -> Values:
    return rng.integers(0, 256, (count, 32), np.uint8)


def changed(rng: np.random.Generator, values: Values, bits: int) -> Values:
    ranks = rng.random((len(values), 256)).argsort(axis=1)
    return values ^ np.packbits(ranks < bits, axis=1)


def entry(number: int) -> str:
    return f"{number:032x}"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 64, 4096]))
def test_two_steps_find_what_the_rule_finds_over_all_entries(seed: int, delta_rows: int) -> None:
    rng = np.random.default_rng(seed)
    index, rule = SetIndex(31, Growth(delta_rows=delta_rows, background=False)), RegionRule()
    known = {}
    for number in range(12):
        values = drawn(rng, int(rng.integers(1, 40)))
        known[number] = (values, rng.random(len(values)) < 0.7)
        index.add([(entry(number), *known[number])], number)
    for number in rng.choice(12, 3, replace=False).tolist():
        known.pop(number)
        index.remove([entry(number), entry(99)], 20)
    replaced = next(iter(known))
    known[replaced] = (drawn(rng, 5), np.ones(5, bool))
    index.add([(entry(replaced), *known[replaced])], 21)
    index.add([(entry(number), *one) for number, one in known.items()], 22)
    index.settle()
    chosen = [changed(rng, known[number][0][:4], int(rng.integers(20, 60))) for number in list(known)[:5]]
    query = np.concatenate([drawn(rng, 20), *chosen])
    strong = rng.random(len(query)) < 0.7
    expected = {entry(number): rule.decide(*one, query, strong) for number, one in known.items()}
    found = index.match_regions(query, strong, rule)
    assert dict(found) == {name: verdict for name, verdict in expected.items() if verdict.tier is not Tier.CLEAR}
    assert [verdict.votes for _, verdict in found] == sorted((v.votes for _, v in found), reverse=True)
    assert (index.entries(), index.seq()) == (len(known), 22)
    assert index.values() == sum(len(values) for values, _ in known.values())


def test_a_set_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        SetIndex().add([(entry(1), np.zeros((2, 31), np.uint8), np.ones(2, bool))], 1)
    with pytest.raises(InvalidInputError):
        SetIndex().add([("x", np.zeros((2, 32), np.uint8), np.ones(2, bool))], 1)


def test_nothing_is_found_in_nothing() -> None:
    assert SetIndex().match_regions(np.zeros((3, 32), np.uint8), np.ones(3, bool), RegionRule()) == []
    index = SetIndex()
    index.add([(entry(1), np.zeros((3, 32), np.uint8), np.ones(3, bool))], 1)
    assert index.match_clip(np.empty((0, 32), np.uint8), ClipRule()) == []


RNG = np.random.default_rng(11)
KNOWN = drawn(RNG, 60)
OTHER = drawn(RNG, 600)


@pytest.mark.parametrize(
    ("query", "tier"),
    [
        pytest.param(KNOWN, Tier.HOLD, id="the same video"),
        pytest.param(changed(RNG, KNOWN, 31), Tier.HOLD, id="encoded again"),
        pytest.param(changed(RNG, KNOWN, 32), None, id="just too far"),
        pytest.param(np.concatenate([OTHER, KNOWN]), Tier.HOLD, id="whole, inside a longer one"),
        pytest.param(KNOWN[20:25], Tier.HOLD, id="a piece alone"),
        pytest.param(np.concatenate([OTHER, KNOWN[:20]]), Tier.LOOK, id="a third, inside a longer one"),
        pytest.param(np.concatenate([OTHER, KNOWN[:10]]), Tier.LOOK, id="ten seconds inside a longer one"),
        pytest.param(np.concatenate([OTHER, KNOWN[:9]]), None, id="nine seconds inside a longer one"),
        pytest.param(np.concatenate([OTHER[:1], KNOWN[:2]]), None, id="two frames"),
        pytest.param(KNOWN[:1], Tier.HOLD, id="a still"),
        pytest.param(OTHER, None, id="another video"),
    ],
)
def test_clips(query: Values, tier: Tier | None) -> None:
    index = SetIndex()
    index.add([(entry(5), KNOWN, np.ones(len(KNOWN), bool)), (entry(6), drawn(RNG, 80), np.ones(80, bool))], 1)
    found = index.match_clip(query, ClipRule())
    assert [(name, verdict.tier) for name, verdict in found] == ([] if tier is None else [(entry(5), tier)])


def test_one_frame_held_for_long_does_not_count_often() -> None:
    black = np.zeros((30, 32), np.uint8)
    assert ClipRule().decide(np.concatenate([KNOWN, black[:1]]), black) == ClipVerdict(Tier.CLEAR, 0, 1, 1 / 61, 1.0)


@pytest.mark.parametrize(
    "broken", [{"hold_share": 1.1}, {"look_share": 0.0}, {"min_frames": 0}, {"frame_radius_bits": 300}]
)
def test_an_impossible_clip_rule_is_refused(broken: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        ClipRule(**broken)  # type: ignore[arg-type]


def test_a_region_verdict_is_what_the_index_returns() -> None:
    index = SetIndex()
    index.add([(entry(1), KNOWN[:5], np.ones(5, bool))], 1)
    assert index.match_regions(KNOWN[:2], np.ones(2, bool), RegionRule()) == [
        (entry(1), RegionVerdict(Tier.HOLD, 2, 0))
    ]
