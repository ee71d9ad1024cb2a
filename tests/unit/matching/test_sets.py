"""Sets of values under one entry: regions and frames in two steps, against the rule over every entry."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.matching.made_clips import changed, drawn, every_second, joined

from takeback.errors import InvalidInputError
from takeback.matching.clip import Clip
from takeback.matching.clip_rule import ClipRule
from takeback.matching.live import Growth
from takeback.matching.region_query import RegionQuery
from takeback.matching.region_rule import RegionRule, RegionVerdict
from takeback.matching.sets import SetIndex, Strong, Values, clip_marks, region_marks
from takeback.model.match import Tier


def entry(number: int) -> str:
    return f"{number:032x}"


def add(index: SetIndex, number: int, values: Values, strong: Strong, seq: int) -> None:
    index.change([], [(entry(number), values, region_marks(strong))], seq)


def add_clip(index: SetIndex, number: int, clip: Clip, seq: int) -> None:
    index.change([], [(entry(number), clip.values, clip_marks(clip))], seq)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 64, 4096]))
def test_two_steps_find_what_the_rule_finds_over_all_entries(seed: int, delta_rows: int) -> None:
    rng = np.random.default_rng(seed)
    index, rule = SetIndex(Growth(delta_rows=delta_rows, background=False)), RegionRule()
    known = {}
    for number in range(12):
        values = drawn(rng, int(rng.integers(1, 40)))
        known[number] = (values, rng.random(len(values)) < 0.7)
        add(index, number, *known[number], number)
    for number in rng.choice(12, 3, replace=False).tolist():
        known.pop(number)
        index.change([entry(number), entry(99)], [], 20)
    replaced = next(iter(known))
    known[replaced] = (drawn(rng, 5), np.ones(5, bool))
    add(index, replaced, *known[replaced], 21)
    index.change([], [(entry(number), values, region_marks(strong)) for number, (values, strong) in known.items()], 22)
    index.settle()
    chosen = [changed(rng, known[number][0][:4], int(rng.integers(20, 60))) for number in list(known)[:5]]
    query = np.concatenate([drawn(rng, 20), *chosen])
    asked = RegionQuery(query, rng.random(len(query)) < 0.7, (rng.random((len(query), 2)) / 4).astype(np.float32))
    expected = {entry(number): rule.decide(RegionQuery(*one), asked) for number, one in known.items()}
    found = index.match_regions(asked, rule)
    assert dict(found) == {name: verdict for name, verdict in expected.items() if verdict.tier is not Tier.CLEAR}
    assert [verdict.votes for _, verdict in found] == sorted((v.votes for _, v in found), reverse=True)
    assert (index.entries(), index.seq()) == (len(known), 22)
    assert index.values() == sum(len(values) for values, _ in known.values())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 64, 4096]))
def test_two_steps_find_the_videos_that_the_rule_finds_over_all(seed: int, delta_rows: int) -> None:
    rng = np.random.default_rng(seed)
    index, rule = SetIndex(Growth(delta_rows=delta_rows, background=False)), ClipRule()
    known = {number: every_second(drawn(rng, int(rng.integers(1, 40)))) for number in range(10)}
    for number, clip in known.items():
        add_clip(index, number, clip, number)
    pieces = [
        every_second(changed(rng, known[number].values[:12], int(rng.integers(0, 45))))
        for number in rng.choice(10, 4, replace=False).tolist()
    ]
    forms = [joined(*pieces[:3], every_second(drawn(rng, 9))), pieces[3]]
    expected = {}
    for number, clip in known.items():
        verdict = max((rule.decide(clip, form) for form in forms), key=lambda one: one.rank)
        # Only the first form is searched within the wider radius.
        within = max(rule.decide(clip, forms[0]).rank, ClipRule(wide_radius_bits=31).decide(clip, forms[1]).rank)
        if verdict.tier is not Tier.CLEAR and within == verdict.rank:
            expected[entry(number)] = verdict
    found = index.match_clips(forms, rule)
    assert dict(found) == expected
    assert [one.tier for _, one in found] == sorted((one.tier for _, one in found), key=lambda tier: tier is Tier.LOOK)


def test_a_title_card_in_a_thousand_videos_does_not_hide_the_one_that_is_copied() -> None:
    rng = np.random.default_rng(5)
    index, title = SetIndex(), drawn(rng, 1)
    videos = [every_second(np.concatenate([title, drawn(rng, 8)])) for _ in range(1000)]
    index.change([], [(entry(number), clip.values, clip_marks(clip)) for number, clip in enumerate(videos)], 1)
    upload = every_second(np.concatenate([title, drawn(rng, 20), videos[777].values[2:9]]))
    assert [name for name, _ in index.match_clips([upload], ClipRule())] == [entry(777)]


def test_a_set_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        add(SetIndex(), 1, np.zeros((2, 31), np.uint8), np.ones(2, bool), 1)
    with pytest.raises(InvalidInputError):
        SetIndex().change([], [("x", np.zeros((2, 32), np.uint8), region_marks(np.ones(2, bool)))], 1)


def test_nothing_is_found_in_nothing() -> None:
    assert SetIndex().match_regions(RegionQuery(np.zeros((3, 32), np.uint8), np.ones(3, bool)), RegionRule()) == []
    index = SetIndex()
    add_clip(index, 1, every_second(np.zeros((3, 32), np.uint8)), 1)
    assert index.match_clips([], ClipRule()) == []
    assert index.match_clips([Clip(np.empty((0, 32), np.uint8), np.empty(0, np.int64))], ClipRule()) == []


def test_a_set_of_which_nothing_is_left_takes_the_old_one_away() -> None:
    index = SetIndex()
    values = drawn(np.random.default_rng(1), 5)
    add(index, 1, values, np.ones(5, bool), 1)
    add(index, 1, values[:0], np.ones(0, bool), 2)
    assert (index.entries(), index.values(), index.seq()) == (0, 0, 2)


def test_writers_at_once_lose_nothing_and_count_right() -> None:
    index = SetIndex(Growth(delta_rows=32))
    rng = np.random.default_rng(2)
    clips = [every_second(drawn(rng, 6)) for _ in range(200)]

    def write(first: int) -> None:
        for number in range(first, 200, 4):
            add_clip(index, number, clips[number], number)
            add_clip(index, number, clips[number], number)
            if number % 5 == 0:
                index.change([entry(number)], [], number)

    writers = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    index.settle()
    assert (index.entries(), index.values(), index.seq()) == (160, 960, 199)
    for number, clip in enumerate(clips):
        found = [name for name, _ in index.match_clips([clip], ClipRule())]
        assert found == ([] if number % 5 == 0 else [entry(number)])


def test_a_region_verdict_is_what_the_index_returns() -> None:
    index = SetIndex()
    values = drawn(np.random.default_rng(11), 5)
    add(index, 1, values, np.ones(5, bool), 1)
    assert index.match_regions(RegionQuery(values[:2], np.ones(2, bool)), RegionRule()) == [
        (entry(1), RegionVerdict(Tier.HOLD, 2, 0))
    ]
