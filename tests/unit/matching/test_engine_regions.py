"""Region sets in the engine: the whole way from a list's change to a match, with sets that are made up."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from takeback.matching import MatchEngine, RegionQuery
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Tier

_DAY = date(2026, 3, 14)


def _regions(seed: int, count: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    bits = np.zeros((count, 256), np.uint8)
    for row in bits:
        row[random.permutation(256)[:128]] = 1
    values = np.packbits(bits, axis=1)
    return values[np.lexsort(values.T[::-1])]


def _value(values: NDArray[np.uint8]) -> str:
    strong = np.packbits(np.ones(len(values), np.bool_))
    return (bytes([len(values)]) + values.tobytes() + strong.tobytes()).hex()


def _add(seq: int, values: NDArray[np.uint8]) -> Change:
    return Change(Algorithm.PDQ_REGION, seq, Op.ADD, f"{seq:032x}", _value(values), None, _DAY)


def _near(values: NDArray[np.uint8], pairs: int) -> NDArray[np.uint8]:
    """The same regions with ``pairs`` set bits and as many clear bits exchanged in each."""
    bits = np.unpackbits(values, axis=1)
    for row in bits:
        ones, zeros = np.flatnonzero(row)[:pairs], np.flatnonzero(row == 0)[:pairs]
        row[ones], row[zeros] = 0, 1
    return np.packbits(bits, axis=1)


def _ask(values: NDArray[np.uint8]) -> RegionQuery:
    return RegionQuery(values, np.ones(len(values), np.bool_))


def test_a_set_is_found_by_some_of_its_regions_until_it_is_withdrawn() -> None:
    engine = MatchEngine()
    sets = [_regions(seed, 40) for seed in range(20)]
    engine.apply(_add(seq, values) for seq, values in enumerate(sets, 1))
    assert (engine.count(Algorithm.PDQ_REGION), engine.seq(Algorithm.PDQ_REGION)) == (20, 20)

    asked = _ask(np.concatenate([_near(sets[6][:5], 5), _regions(999, 60)]))
    (match,) = engine.match([], asked)
    assert (match.entry_id, match.algorithm, match.tier) == (f"{7:032x}", Algorithm.PDQ_REGION, Tier.HOLD)
    assert (match.votes, match.distance_bits, match.seq) == (5, 10, 20)

    engine.apply([Change(Algorithm.PDQ_REGION, 21, Op.REMOVE, f"{7:032x}", None, None, _DAY)])
    assert engine.match([], asked) == []
    assert (engine.count(Algorithm.PDQ_REGION), engine.seq(Algorithm.PDQ_REGION)) == (19, 21)


def test_votes_of_one_spot_are_for_a_look_where_places_are_known() -> None:
    engine = MatchEngine()
    engine.apply([_add(1, _regions(1, 40))])
    asked = _ask(np.concatenate([_near(_regions(1, 40)[:6], 5), _regions(999, 60)]))
    spot, apart = np.full((66, 2), 0.4, np.float32), np.full((66, 2), 0.4, np.float32)
    apart[3] = 0.8
    tiers = [
        engine.match([], RegionQuery(asked.values, asked.strong, places))[0].tier for places in (None, spot, apart)
    ]
    assert tiers == [Tier.HOLD, Tier.LOOK, Tier.HOLD]


def test_unrelated_regions_match_nothing() -> None:
    engine = MatchEngine()
    engine.apply(_add(seq, _regions(seq, 64)) for seq in range(1, 60))
    assert engine.match([], _ask(_regions(12345, 250))) == []
    assert engine.match([], _ask(np.empty((0, 32), np.uint8))) == []


def test_a_held_match_of_regions_comes_before_a_look_of_the_whole_picture() -> None:
    engine = MatchEngine()
    picture, regions = _regions(1, 1), _regions(2, 30)
    engine.apply([_add(1, regions)])
    engine.apply([Change(Algorithm.PDQ, 1, Op.ADD, "f" * 32, picture.tobytes().hex(), 90, _DAY)])
    whole = Fingerprint(Algorithm.PDQ, _near(picture, 20).tobytes().hex(), 90)
    found = engine.match([whole], _ask(regions[:8]))
    assert [(match.algorithm, match.tier, match.votes) for match in found] == [
        (Algorithm.PDQ_REGION, Tier.HOLD, 8),
        (Algorithm.PDQ, Tier.LOOK, None),
    ]


def test_applying_a_set_twice_or_advancing_changes_nothing() -> None:
    engine = MatchEngine()
    changes = [_add(1, _regions(1, 30)), _add(2, _regions(2, 30))]
    engine.apply(changes)
    engine.apply(changes)
    engine.advance(Algorithm.PDQ_REGION, 9)
    assert (engine.count(Algorithm.PDQ_REGION), engine.seq(Algorithm.PDQ_REGION)) == (2, 9)
    assert len(engine.match([], _ask(_regions(2, 30)))) == 1
