"""What a platform sees of the engine."""

from datetime import date

import numpy as np
import pytest

from takeback.errors import InvalidInputError
from takeback.matching import Growth, MatchEngine, Policy
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Match, Tier

DAY = date(2026, 11, 1)
ZERO = "0" * 64


def flipped(value: str, bits: int) -> str:
    """The value with its first ``bits`` bits turned."""
    return f"{int(value, 16) ^ ((1 << bits) - 1):064x}"


def added(seq: int, value: str, name: Algorithm = Algorithm.PDQ) -> Change:
    return Change(name, seq, Op.ADD, f"{seq:032x}", value, 90 if name is Algorithm.PDQ else None, DAY)


def removed(seq: int, of: int, name: Algorithm = Algorithm.PDQ) -> Change:
    return Change(name, seq, Op.REMOVE, f"{of:032x}", None, None, DAY)


def pdq(value: str, quality: int = 90) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, value, quality)


@pytest.mark.parametrize(
    ("bits", "tier"), [(0, Tier.HOLD), (31, Tier.HOLD), (32, Tier.LOOK), (60, Tier.LOOK), (61, None)]
)
def test_distance_decides_the_tier(bits: int, tier: Tier | None) -> None:
    engine = MatchEngine()
    engine.apply([added(1, ZERO)])
    expected = [] if tier is None else [Match(f"{1:032x}", Algorithm.PDQ, bits, tier, 1)]
    assert engine.match([pdq(flipped(ZERO, bits))]) == expected


def test_nearest_first_and_one_match_an_entry() -> None:
    engine = MatchEngine()
    engine.apply([added(1, flipped(ZERO, 20)), added(2, flipped(ZERO, 5)), added(3, "f" * 64)])
    found = engine.match([pdq(ZERO), pdq(flipped(ZERO, 6))])
    assert [(int(match.entry_id, 16), match.distance_bits) for match in found] == [(2, 1), (1, 14)]


@pytest.mark.parametrize(("name", "digits"), [(Algorithm.MD5, 32), (Algorithm.SHA256, 64)])
def test_exact_algorithms_hold_only_the_same_value(name: Algorithm, digits: int) -> None:
    engine = MatchEngine()
    engine.apply([added(7, "a" * digits, name)])
    assert engine.match([Fingerprint(name, "a" * digits)]) == [Match(f"{7:032x}", name, 0, Tier.HOLD, 7)]
    assert engine.match([Fingerprint(name, "a" * (digits - 1) + "b")]) == []


def test_a_removed_entry_is_gone_at_the_next_question() -> None:
    engine = MatchEngine()
    engine.apply([added(1, ZERO), added(2, ZERO)])
    engine.apply([removed(3, of=1)])
    assert [match.entry_id for match in engine.match([pdq(ZERO)])] == [f"{2:032x}"]
    assert (engine.seq(Algorithm.PDQ), engine.count(Algorithm.PDQ)) == (3, 1)


def test_applying_again_changes_nothing() -> None:
    engine = MatchEngine()
    changes = [added(1, ZERO), added(2, flipped(ZERO, 1))]
    engine.apply(changes)
    once = engine.match([pdq(ZERO)])
    engine.apply(changes)
    assert engine.match([pdq(ZERO)]) == once
    assert engine.count(Algorithm.PDQ) == 2


def test_a_featureless_query_is_not_asked() -> None:
    engine = MatchEngine()
    engine.apply([added(1, ZERO)])
    assert engine.match([pdq(ZERO, quality=49)]) == []
    assert engine.match([pdq(ZERO, quality=50)]) != []


def test_the_sequence_number_can_be_told() -> None:
    engine = MatchEngine()
    engine.apply([added(1, ZERO)])
    engine.advance(Algorithm.PDQ, 9)
    assert engine.match([pdq(ZERO)])[0].seq == engine.seq(Algorithm.PDQ) == 9


@pytest.mark.parametrize("value", ["", "0" * 63, "G" * 64, "0" * 63 + " "])
def test_a_malformed_value_is_refused_kindly(value: str) -> None:
    engine = MatchEngine()
    with pytest.raises(InvalidInputError, match="hexadecimal"):
        engine.apply([added(1, value)])
    with pytest.raises(InvalidInputError, match="hexadecimal"):
        engine.match([pdq(value)])


@pytest.mark.parametrize("radii", [(-1, 60), (31, 30), (31, 257)])
def test_an_impossible_policy_is_refused(radii: tuple[int, int]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Policy(*radii)
    assert caught.value.code == "policy.invalid"


def test_the_array_form_answers_any_radius() -> None:
    engine = MatchEngine(growth=Growth(delta_rows=4, background=False))
    rng = np.random.default_rng(4)
    raw = rng.integers(0, 256, (50, 32), np.uint8)
    engine.apply(added(row + 1, raw[row].tobytes().hex()) for row in range(50))
    for radius in (0, 31, 110, 256):
        ids, found = engine.near(Algorithm.PDQ, raw[:3], radius)
        seen = {(query, int(entry) - 1, bits) for (query, bits), entry in zip(found.tolist(), ids[:, 1], strict=True)}
        distances = np.bitwise_count(raw[:3, None] ^ raw[None]).sum(axis=2, dtype=np.int64)
        near = np.argwhere(distances <= radius).tolist()
        assert seen == {(query, row, int(distances[query, row])) for query, row in near}


@pytest.mark.parametrize(("shape", "radius"), [((1, 31), 31), ((32,), 31), ((1, 32), 257), ((1, 32), -1)])
def test_arrays_that_cannot_be_are_refused(shape: tuple[int, ...], radius: int) -> None:
    with pytest.raises(InvalidInputError):
        MatchEngine().near(Algorithm.PDQ, np.zeros(shape, np.uint8), radius)
