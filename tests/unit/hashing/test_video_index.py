from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest

from takeback.errors import UnusableMediaError
from takeback.hashing.video.index import Packet, VideoIndex, index_of

MS = Fraction(1, 1000)


def packets(
    pts: Sequence[int], keys: set[int], duration: int = 100, hidden: frozenset[int] = frozenset()
) -> VideoIndex:
    made = [Packet(time, number, duration, number in keys, time not in hidden) for number, time in enumerate(pts)]
    return index_of(made, MS)


def test_the_picture_at_a_tick_is_the_last_one_before_it_and_5_ms() -> None:
    index = packets([1000, 1100, 1254, 1256, 1400], {0})
    assert index.pictures_at([0, 1]) == {1000: [0], 1254: [1]}


def test_a_picture_that_stands_long_is_at_many_ticks() -> None:
    index = packets([0, 40, 2000], {0})
    assert index.pictures_at([0, 1, 4, 7, 8]) == {0: [0], 40: [1, 4, 7], 2000: [8]}


def test_time_begins_with_the_first_picture_that_is_shown() -> None:
    index = packets([0, 100, 200, 300], {0}, hidden=frozenset({0, 100}))
    assert index.pictures_at([0]) == {200: [0]}
    assert index.duration_s == pytest.approx(0.2)


def test_pictures_in_the_order_of_decoding_are_found_in_that_of_time() -> None:
    index = packets([0, 400, 200, 300, 800, 600], {0})
    assert index.pictures_at([1, 2]) == {200: [1], 400: [2]}
    assert index.runs_for([200]) == [(0, 2)]


def test_what_lies_between_two_stretches_is_not_decoded() -> None:
    index = packets([number * 100 for number in range(30)], {0, 10, 20})
    assert index.runs_for([0, 2300]) == [(0, 0), (20, 23)]
    assert index.runs_for([900, 1000]) == [(0, 10)]


def test_a_picture_shown_before_its_key_picture_needs_the_stretch_before() -> None:
    index = packets([0, 100, 200, 600, 400, 500, 700], {0, 3})
    assert index.runs_for([500]) == [(0, 5)]
    assert index.runs_for([600]) == [(3, 3)]
    assert index.runs_for([0, 500, 600]) == [(0, 5)]


def test_leading_pictures_of_the_very_first_key_picture_are_not_shown() -> None:
    index = packets([500, 300, 400, 600], {0})
    assert index.shown.tolist() == [500, 600]


def test_without_durations_the_last_picture_stands_as_long_as_the_others() -> None:
    assert packets([0, 100, 200, 300], {0}, duration=0).duration_s == pytest.approx(0.4)


def test_a_very_long_video_is_cut() -> None:
    index = packets([0, 100_000_000], {0})
    assert index.tick_count == 65_536
    assert index.duration_s == 16_384


def test_a_video_of_which_nothing_is_shown_is_damaged() -> None:
    with pytest.raises(UnusableMediaError, match="no picture") as caught:
        packets([0, 100], {0}, hidden=frozenset({0, 100}))
    assert caught.value.code == "media.damaged"


def test_a_first_look_begins_where_decoding_can_and_is_never_far_apart() -> None:
    even = packets([number * 100 for number in range(300)], set(range(0, 300, 20)))
    ticks = even.glimpse_ticks()
    assert ticks[:10] == [0, 1, 2, 3, 4, 16, 17, 18, 19, 20]
    assert max(later - earlier for earlier, later in pairwise(ticks)) == 12
    one_key = packets([number * 100 for number in range(300)], {0})
    assert one_key.glimpse_ticks() == [*range(5), *range(40, 45), *range(80, 85)]


def test_a_first_look_goes_to_a_cut_rather_than_past_it() -> None:
    index = packets([number * 100 for number in range(200)], {0, 70, 90, 173})
    assert [tick for tick in index.glimpse_ticks() if tick - 1 not in index.glimpse_ticks()] == [0, 28, 36, 70]


def test_a_first_look_at_a_short_video_is_all_of_it() -> None:
    assert packets([0, 250, 500], {0}).glimpse_ticks() == [0, 1, 2]
