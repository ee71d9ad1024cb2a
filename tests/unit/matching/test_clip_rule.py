"""When two videos' frames say that one holds a piece of the other; with videos that are made up."""

import json
import sys
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.matching.made_clips import Values, changed, drawn, every_second, joined

from takeback.errors import InvalidInputError
from takeback.matching.clip import Clip
from takeback.matching.clip_rule import ClipRule, ClipVerdict
from takeback.model.match import ClipTimes, Tier

RNG = np.random.default_rng(11)
RULE = ClipRule()
FRAMES = drawn(RNG, 60)
KNOWN = every_second(FRAMES)
OTHER = every_second(drawn(RNG, 600))
TITLE = drawn(RNG, 1)
INTRO = drawn(RNG, 5)


def shuffled(values: Values, seed: int) -> Values:
    return values[np.random.default_rng(seed).permutation(len(values))]


@pytest.mark.parametrize(
    ("query", "tier"),
    [
        pytest.param(KNOWN, Tier.HOLD, id="the same video"),
        pytest.param(every_second(changed(RNG, FRAMES, 31)), Tier.HOLD, id="encoded again"),
        pytest.param(every_second(changed(RNG, FRAMES, 40)), Tier.HOLD, id="encoded again, badly"),
        pytest.param(every_second(changed(RNG, FRAMES, 41)), Tier.CLEAR, id="no two frames near enough"),
        pytest.param(joined(OTHER, KNOWN, OTHER), Tier.HOLD, id="whole, inside a compilation"),
        pytest.param(every_second(FRAMES[20:25], start=1), Tier.HOLD, id="five seconds alone"),
        pytest.param(every_second(FRAMES[20:40]), Tier.HOLD, id="the middle third"),
        pytest.param(every_second(FRAMES, pace=1 / 1.25), Tier.HOLD, id="a quarter faster"),
        pytest.param(every_second(FRAMES, pace=1.4), Tier.HOLD, id="slower"),
        pytest.param(joined(OTHER, every_second(FRAMES[:30])), Tier.HOLD, id="half of it, inside a compilation"),
        pytest.param(joined(OTHER, every_second(FRAMES[:24])), Tier.HOLD, id="0.4 of it in one run, in a compilation"),
        pytest.param(joined(OTHER, every_second(FRAMES[:23])), Tier.LOOK, id="a little less of it, in a compilation"),
        pytest.param(joined(OTHER, every_second(FRAMES[:18])), Tier.LOOK, id="a third of it, inside a compilation"),
        pytest.param(joined(OTHER, every_second(FRAMES[:10])), Tier.LOOK, id="ten seconds of it"),
        pytest.param(joined(OTHER, every_second(FRAMES[:9])), Tier.CLEAR, id="nine seconds of it"),
        pytest.param(every_second(shuffled(FRAMES, 1)), Tier.LOOK, id="the same frames in any order"),
        pytest.param(every_second(FRAMES[:1]), Tier.LOOK, id="one picture of it and nothing else"),
        pytest.param(every_second(FRAMES[:2]), Tier.HOLD, id="two pictures of it in order and nothing else"),
        pytest.param(every_second(changed(RNG, FRAMES[:1], 32)), Tier.CLEAR, id="one picture, not near enough"),
        pytest.param(joined(OTHER, every_second(FRAMES[:2])), Tier.CLEAR, id="two pictures of it among others"),
        pytest.param(OTHER, Tier.CLEAR, id="another video"),
    ],
)
def test_what_a_copy_is(query: Clip, tier: Tier) -> None:
    assert RULE.decide(KNOWN, query).tier is tier


@pytest.mark.parametrize("seconds", [3, 10, 60, 400])
@pytest.mark.parametrize("shared", ["title", "intro", "blinking"])
def test_videos_that_share_a_title_or_an_intro_are_two_videos(seconds: int, shared: str) -> None:
    """A title card however long it stands and however often it comes back; an intro of five seconds."""
    one, other = drawn(RNG, seconds), drawn(RNG, seconds)
    match shared:
        case "title":
            known, query = (
                joined(every_second(np.repeat(TITLE, 20, axis=0)), every_second(own)) for own in (one, other)
            )
        case "blinking":
            known, query = (
                joined(*(every_second(np.concatenate([TITLE, own[at : at + 1]])) for at in range(seconds)))
                for own in (one, other)
            )
        case _:
            known, query = (joined(every_second(INTRO[: seconds // 2]), every_second(own)) for own in (one, other))
    assert RULE.decide(known, query).tier is Tier.CLEAR


def test_a_video_that_is_one_picture_is_held_only_where_the_other_is_that_picture_too() -> None:
    """All that can be listed of a title card and darkness is the card."""
    card = every_second(TITLE)
    assert RULE.decide(card, joined(card, OTHER)).tier is Tier.LOOK
    assert RULE.decide(card, every_second(changed(RNG, TITLE, 31))).tier is Tier.HOLD


def test_a_run_in_order_weighs_more_than_the_same_frames_out_of_order() -> None:
    for count in (12, 20, 30):
        in_order = RULE.decide(KNOWN, joined(OTHER, every_second(FRAMES[:count])))
        loose = RULE.decide(KNOWN, joined(OTHER, every_second(shuffled(FRAMES[:count], count))))
        assert in_order.known_share > loose.known_share
        assert in_order.frames == count > loose.frames


@pytest.mark.parametrize("pace", [0.7, 0.8, 1.0, 1.25, 1.5])
def test_a_faster_or_slower_copy_is_one_run_from_beginning_to_end(pace: float) -> None:
    verdict = RULE.decide(KNOWN, every_second(FRAMES, pace=pace))
    assert verdict.frames == 60
    assert verdict.times is not None
    assert (verdict.times.listed_start_s, verdict.times.listed_end_s) == (0.0, 60.0)


def test_slow_motion_is_found_in_pieces() -> None:
    verdict = RULE.decide(KNOWN, every_second(FRAMES, pace=3.0))
    assert verdict.times is not None
    assert verdict.times.listed_end_s - verdict.times.listed_start_s < 10 < verdict.frames


def test_the_matching_times_are_those_of_the_longest_run() -> None:
    query = joined(every_second(OTHER.values[:100]), every_second(FRAMES[12:40]), every_second(FRAMES[50:54]))
    assert RULE.decide(KNOWN, query).times == ClipTimes(100.0, 128.0, 12.0, 40.0)


def test_a_question_with_four_frames_a_second_finds_what_falls_between_seconds() -> None:
    """The known video has the frames of whole seconds, the upload begins between two of them."""
    moving = drawn(RNG, 240)
    known = Clip(moving[::4], np.arange(0, 240, 4))
    once, dense = Clip(moving[82:102:4], np.arange(0, 20, 4)), Clip(moving[82:102], np.arange(20))
    assert RULE.decide(known, once).tier is Tier.CLEAR
    verdict = RULE.decide(known, dense)
    assert verdict.tier is Tier.HOLD
    assert verdict.times is not None
    assert abs(verdict.times.listed_start_s - verdict.times.upload_start_s - 20.5) <= 0.5


def test_nothing_is_compared_with_nothing() -> None:
    nothing = Clip(np.empty((0, 32), np.uint8), np.empty(0, np.int64))
    clear = ClipVerdict(Tier.CLEAR, 256, 0, 0.0, 0.0, None)
    assert RULE.decide(KNOWN, nothing) == RULE.decide(nothing, KNOWN) == clear


@pytest.mark.parametrize(
    "broken",
    [
        {"hold_share": 1.1},
        {"look_share": 0.0},
        {"min_frames": 0},
        {"look_frames": 31},
        {"frame_radius_bits": 300},
        {"run_radius_bits": 39},
        {"few_share": 0.0},
        {"wide_frames": 0},
        {"run_share": 0.6},
        {"run_share": 0.2},
        {"run_share_frames": 0},
        {"loose_weight": -0.1},
    ],
)
def test_an_impossible_clip_rule_is_refused(broken: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        ClipRule(**broken)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_no_frame_counts_twice_and_times_lie_in_the_videos(seed: int) -> None:
    """Videos of a few pictures that come back again and again: everything is alike with much else."""
    rng = np.random.default_rng(seed)
    pictures = drawn(rng, int(rng.integers(1, 6)))
    known, query = (
        Clip(pictures[rng.integers(0, len(pictures), count)], np.cumsum(rng.integers(1, 60, count)))
        for count in rng.integers(1, 40, 2)
    )
    verdict = RULE.decide(known, query)
    different = min(len(np.unique(one.values, axis=0)) for one in (known, query))
    assert verdict.frames <= different
    assert max(verdict.known_share, verdict.query_share) <= 1 + 1e-9
    if verdict.times is not None:
        times = verdict.times
        assert known.ticks[0] / 4 <= times.listed_start_s < times.listed_end_s <= known.ticks[-1] / 4 + 1
        assert query.ticks[0] / 4 <= times.upload_start_s < times.upload_end_s <= query.ticks[-1] / 4 + 1


def test_the_industry_s_default_misses_a_clip_inside_a_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-threatexchange's own index, with its own thresholds: 80 % of the upload has to be in the known video.

    Its package for making vPDQ is compiled C++ and has no part in matching; all that is asked of it is a type's name.
    """
    hasher = ModuleType("vpdq")
    monkeypatch.setattr(hasher, "VpdqFeature", object, raising=False)
    monkeypatch.setitem(sys.modules, "vpdq", hasher)
    index_of = import_module("threatexchange.extensions.vpdq.vpdq_index").VPDQIndex

    def text(clip: Clip) -> str:
        rows = zip(clip.values, clip.ticks, strict=True)
        return json.dumps([f"{row.tobytes().hex()},80,{tick / 4:.3f}" for row, tick in rows])

    compilation = joined(OTHER, KNOWN)
    index = index_of.build([(text(KNOWN), "known")])
    assert len(index.query(text(KNOWN))) == 1
    assert index.query(text(compilation)) == []
    assert RULE.decide(KNOWN, compilation).tier is Tier.HOLD
