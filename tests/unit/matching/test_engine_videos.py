"""Videos and regions in the engine as their lists change, are saved and are opened again."""

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.unit.matching.made_clips import changed, drawn, every_second, joined, value_of

from takeback.errors import CorruptDataError, InvalidInputError
from takeback.matching import Clip, Growth, MatchEngine, Policy, RegionQuery
from takeback.matching.sets import clip_marks
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import ClipTimes, Match, Tier
from takeback.model.video import Video, VideoFrame, video_value

DAY = date(2026, 11, 1)
VPDQ, REGION = Algorithm.VPDQ, Algorithm.PDQ_REGION
VIDEOS = [every_second(drawn(np.random.default_rng(number), 3 + number)) for number in range(8)]
POLICY = Policy()


def listed(name: Algorithm, seq: int, entry: int, value: str | None) -> Change:
    op = Op.REMOVE if value is None else Op.ADD
    return Change(name, seq, op, f"{entry:032x}", value, None, DAY)


def asked(clip: Clip, quality: int = 80) -> Fingerprint:
    return Fingerprint(VPDQ, value_of(clip, quality))


def balanced(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(1000 + number)
    rows = np.packbits(rng.permuted(np.tile(np.repeat([0, 1], 128), (9, 1)), axis=1), axis=1)
    return rows[np.lexsort(rows.T[::-1])].astype(np.uint8)


def region_value(number: int) -> str:
    return (bytes([9]) + balanced(number).tobytes() + b"\xff\x80").hex()


class SetMachine(RuleBasedStateMachine):
    """Adds, removes, replaces, merges, saves and opens, against a dictionary; segments are tiny."""

    def __init__(self) -> None:
        super().__init__()
        self.growth = Growth(delta_rows=16, ratio=2, background=False)
        self.engine = MatchEngine(POLICY, self.growth)
        self.known: dict[Algorithm, dict[int, int]] = {VPDQ: {}, REGION: {}}
        self.seqs = {VPDQ: 0, REGION: 0}

    @rule(
        name=st.sampled_from([VPDQ, REGION]),
        changes=st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 7)), min_size=1, max_size=12),
    )
    def apply(self, name: Algorithm, changes: list[tuple[int, int | None]]) -> None:
        made = []
        for entry, number in changes:
            self.seqs[name] += 1
            value = value_of(VIDEOS[number]) if name is VPDQ and number is not None else None
            value = region_value(number) if name is REGION and number is not None else value
            made.append(listed(name, self.seqs[name], entry, value))
            if number is None:
                self.known[name].pop(entry, None)
            else:
                self.known[name][entry] = number
        self.engine.apply(made)

    @rule()
    def merge(self) -> None:
        self.engine.merge_step()

    @rule()
    def save_and_open(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.engine.save(Path(folder) / "index")
            self.engine = MatchEngine.open(Path(folder) / "index", POLICY, self.growth)

    @rule(number=st.integers(0, 7))
    def ask(self, number: int) -> None:
        expected = {
            name: {entry for entry, one in known.items() if one == number} for name, known in self.known.items()
        }
        regions = RegionQuery(balanced(number), np.ones(9, np.bool_))
        found = self.engine.match([asked(VIDEOS[number])], regions)
        for name in (VPDQ, REGION):
            assert {int(one.entry_id, 16) for one in found if one.algorithm is name} == expected[name]
        assert len({(one.algorithm, one.entry_id) for one in found}) == len(found)

    @invariant()
    def the_counts_are_right(self) -> None:
        for name in (VPDQ, REGION):
            assert self.engine.count(name) == len(self.known[name])
            assert self.engine.seq(name) == self.seqs[name]


TestSetMachine = SetMachine.TestCase
TestSetMachine.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)


def test_a_match_tells_the_times_and_how_many_frames_agree() -> None:
    engine = MatchEngine()
    rng = np.random.default_rng(3)
    known = every_second(drawn(rng, 20))
    engine.apply([listed(VPDQ, 4, 7, value_of(known))])
    copy = joined(every_second(drawn(rng, 60)), every_second(changed(rng, known.values[5:], 6)))
    expected = Match(f"{7:032x}", VPDQ, 6, Tier.HOLD, 4, 15, ClipTimes(60.0, 75.0, 5.0, 20.0))
    assert engine.match([asked(copy)]) == [expected]
    assert engine.match_many([[asked(copy)], [asked(every_second(drawn(rng, 9)))]]) == [[expected], []]
    assert engine.match([], clips=[copy]) == [expected]


def test_of_several_forms_the_best_counts_and_an_entry_comes_once() -> None:
    engine = MatchEngine()
    rng = np.random.default_rng(4)
    known = every_second(drawn(rng, 12))
    engine.apply([listed(VPDQ, 1, 1, value_of(known))])
    plain, mirrored = every_second(drawn(rng, 12)), every_second(changed(rng, known.values, 8))
    nearly = joined(every_second(drawn(rng, 40)), every_second(known.values[:4]))
    assert engine.match([asked(plain)]) == []
    (match,) = engine.match([asked(nearly), asked(plain), asked(mirrored)])
    assert (match.tier, match.votes, match.distance_bits) == (Tier.HOLD, 12, 8)


def test_frames_of_low_quality_say_nothing_on_either_side() -> None:
    engine = MatchEngine()
    clip = every_second(drawn(np.random.default_rng(5), 12))
    engine.apply([listed(VPDQ, 1, 1, value_of(clip, quality=7)), listed(VPDQ, 2, 2, value_of(clip, quality=8))])
    assert (engine.count(VPDQ), engine.seq(VPDQ)) == (1, 2)
    assert [one.entry_id for one in engine.match([asked(clip, quality=8)])] == [f"{2:032x}"]
    assert engine.match([asked(clip, quality=7)]) == []


def test_weak_frames_have_to_be_as_near_as_single_ones() -> None:
    """Others may be up to 48 bits apart in a run; on either side, and in an engine that was saved and opened too."""
    rng = np.random.default_rng(8)
    clip = every_second(drawn(rng, 12))
    half = Clip(np.concatenate([changed(rng, clip.values[:4], 20), changed(rng, clip.values[4:], 40)]), clip.ticks)
    engine = MatchEngine()
    engine.apply([listed(VPDQ, 1, 1, value_of(clip, quality=20)), listed(VPDQ, 2, 2, value_of(clip, quality=19))])
    found = {int(one.entry_id, 16): one.votes for one in engine.match([asked(half, quality=20)])}
    assert found == {1: 12}
    weak = Clip(half.values, half.ticks, np.full(12, 19, np.uint8))
    assert engine.match([], clips=[weak]) == []
    assert [one.votes for one in engine.match([asked(every_second(changed(rng, clip.values, 31)), quality=19)])] == [
        12,
        12,
    ]


def test_a_picture_that_is_a_frame_of_a_listed_video_is_looked_at_and_never_held() -> None:
    rng = np.random.default_rng(12)
    good, dim = every_second(drawn(rng, 5)), every_second(drawn(rng, 5))
    changes = [listed(VPDQ, 1, 1, value_of(good, quality=50)), listed(VPDQ, 2, 2, value_of(dim, quality=49))]
    engine = MatchEngine()
    engine.apply(changes)

    def asked_by(clip: Clip, bits: int, quality: int = 80) -> list[Fingerprint]:
        rows = [drawn(rng, 1)[0], changed(rng, clip.values[3:4], bits)[0]]
        return [Fingerprint(Algorithm.PDQ, row.tobytes().hex(), quality) for row in rows]

    expected = Match(f"{1:032x}", VPDQ, 31, Tier.LOOK, 2, 1)
    assert engine.match(asked_by(good, 31)) == [expected]
    assert engine.match_many([asked_by(good, 31), asked_by(dim, 0)]) == [[expected], []]
    assert engine.match(asked_by(good, 32)) == engine.match(asked_by(good, 0, quality=49)) == []
    strict = MatchEngine(Policy(still_radius_bits=None))
    strict.apply(changes)
    assert strict.match(asked_by(good, 0)) == []
    with pytest.raises(InvalidInputError):
        Policy(still_radius_bits=257)


def test_a_first_look_is_followed_by_a_whole_one_where_a_frame_might_lie_in_a_run() -> None:
    rng = np.random.default_rng(13)
    engine = MatchEngine()
    known = every_second(drawn(rng, 5))
    assert not engine.is_near_a_video(known.values)
    engine.apply([listed(VPDQ, 1, 1, value_of(known))])
    assert engine.is_near_a_video(np.concatenate([drawn(rng, 3), changed(rng, known.values[:1], 48)]))
    assert not engine.is_near_a_video(changed(rng, known.values[:1], 49))


def test_a_short_video_s_times_are_eighths() -> None:
    engine = MatchEngine()
    values = drawn(np.random.default_rng(9), 24)
    frames = tuple(VideoFrame(row.tobytes(), number, 80) for number, row in enumerate(values))
    engine.apply([listed(VPDQ, 1, 1, video_value(Video(2, frames)))])
    upload = joined(every_second(drawn(np.random.default_rng(10), 10)), Clip(values[8:16], np.arange(8) / 2))
    (match,) = engine.match([], clips=[upload])
    assert match.times is not None
    assert (match.votes, match.times.listed_start_s, match.times.upload_start_s) == (8, 1.0, 10.0)


def test_the_array_forms_take_sets_too() -> None:
    engine = MatchEngine(growth=Growth(background=False))
    rng = np.random.default_rng(6)
    values = drawn(rng, 40)
    ids = np.stack(
        [np.repeat(np.arange(4), 10), np.repeat(np.arange(4), 10), np.tile(clip_marks(every_second(values[:10])), 4)],
        axis=1,
    )
    engine.bulk_load(VPDQ, ids.astype(np.uint64), values, 9)
    assert (engine.count(VPDQ), engine.seq(VPDQ), engine.segment_sizes(VPDQ)) == (4, 9, [40])
    (match,) = engine.match([], clips=[every_second(values[20:30])])
    assert match.entry_id == f"{2:016x}{2:016x}"
    entries, found = engine.near(VPDQ, values[15:17], 3)
    assert sorted(zip(entries[:, 0].tolist(), found.tolist(), strict=True)) == [(1, [0, 0]), (1, [1, 0])]
    with pytest.raises(InvalidInputError):
        engine.bulk_load(VPDQ, ids[:, :2].astype(np.uint64), values, 9)
    with pytest.raises(InvalidInputError):
        engine.near(REGION, values, 257)


def test_a_malformed_video_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        MatchEngine().apply([listed(VPDQ, 1, 1, "00")])
    with pytest.raises(InvalidInputError):
        MatchEngine().match([Fingerprint(VPDQ, "00")])


def test_a_snapshot_made_with_other_settings_is_built_anew(tmp_path: Path) -> None:
    engine = MatchEngine(Policy(min_frame_quality=40))
    clip = every_second(drawn(np.random.default_rng(5), 12))
    engine.apply([listed(VPDQ, 1, 1, value_of(clip, quality=45))])
    engine.save(tmp_path / "index")
    assert MatchEngine.open(tmp_path / "index", Policy(min_frame_quality=40)).count(VPDQ) == 1
    with pytest.raises(CorruptDataError):
        MatchEngine.open(tmp_path / "index")
