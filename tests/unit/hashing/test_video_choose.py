from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takeback.hashing.variants import Box
from takeback.hashing.video.bars import box_of, looks_for_bars
from takeback.hashing.video.choose import (
    Sampling,
    Seen,
    bits_between,
    frames_to_register,
    is_scene_between,
    stable_picture,
    step_for,
    thinned,
    ticks_between,
    to_ask,
    to_register,
)
from takeback.hashing.video.index import Packet, index_of
from takeback.hashing.video.key_pictures import KeyPictures
from takeback.hashing.video.luma import Luma
from takeback.model.video import MAX_VIDEO_FRAMES, Video, parse_video, video_value


def seen(tick: int, ones: int, quality: int = 100) -> Seen:
    """A hash with so many of its low bits set: two of them are as far apart as their numbers."""
    return Seen(tick, ((1 << ones) - 1).to_bytes(32, "big"), quality)


def ticks(frames: object) -> list[int]:
    assert isinstance(frames, tuple)
    return [one.tick for one in frames]


def test_a_second_between_main_pictures_until_there_would_be_more_than_384() -> None:
    assert [step_for(count) for count in (17, 1536, 1537, 14_400, 65_536)] == [4, 4, 5, 38, 171]
    assert all(-(-count // step_for(count)) <= 384 for count in (1536, 1537, 9_999, 65_536))


def test_a_short_video_is_registered_by_eight_pictures_a_second_and_up_to_ten_seconds_are_asked_by_sixteen() -> None:
    short, middle, long = (
        index_of([Packet(number, number, 1, number == 0, True) for number in range(count)], Fraction(1, 10))
        for count in (40, 99, 100)
    )
    assert to_register(short) == Sampling(8, 32, 1, few_frames=8)
    assert to_ask(short) == Sampling(16, 64, 2)
    assert (to_register(middle), to_ask(middle)) == (Sampling(4, 40, 4), Sampling(16, 159, 16))
    assert to_register(long) == to_ask(long) == Sampling(4, 40, 4)
    assert (to_register(short).has_scenes, to_register(middle).has_scenes) == (False, True)


def test_between_two_main_pictures_are_three_others() -> None:
    assert ticks_between(8, 4) == (9, 10, 11)
    assert ticks_between(5, 5) == (6, 7, 8)


def test_a_scenes_first_stable_picture_agrees_with_the_next_and_not_with_the_one_before() -> None:
    before, after = seen(0, 0), seen(4, 150)
    assert stable_picture(before, [seen(1, 2), seen(2, 120), seen(3, 148)], after) == seen(2, 120)
    assert stable_picture(before, [seen(1, 2), seen(2, 4), seen(3, 150)], after) == seen(3, 150)


def test_a_pan_a_flash_and_a_picture_that_says_nothing_are_no_scene() -> None:
    before, after = seen(0, 0), seen(4, 200)
    assert stable_picture(before, [seen(1, 50), seen(2, 100), seen(3, 150)], after) is None
    assert stable_picture(before, [seen(1, 2), seen(2, 250), seen(3, 2)], after) is None
    assert stable_picture(before, [seen(1, 200, 49), seen(2, 100), seen(3, 150)], after) is None


def test_repetitions_and_pictures_that_say_nothing_are_left_out() -> None:
    pictures = [seen(0, 0), seen(1, 10), seen(2, 12), seen(3, 128, 7), seen(4, 14), seen(5, 30)]
    assert ticks(thinned(pictures)) == [0, 2, 5]


def test_a_weak_picture_whose_bits_were_cut_at_ties_is_a_flat_one() -> None:
    assert ticks(thinned([seen(0, 127, 19), seen(1, 128, 19), seen(2, 60, 20)])) == [1, 2]


def test_weak_pictures_are_listed_only_where_there_are_hardly_any_better_ones() -> None:
    strong = [seen(8 * number, 30 * number) for number in range(4)]
    weak = [seen(8 * number + 4, 200 + 12 * number, 20) for number in range(4)]
    assert ticks(frames_to_register([*strong, *weak], [])) == [0, 8, 16, 24]
    assert ticks(frames_to_register([*strong[:3], *weak], [])) == [0, 4, 8, 12, 16, 20, 28]
    assert ticks(frames_to_register([*strong, *weak], [], few_frames=5)) == [0, 4, 8, 12, 16, 20, 24, 28]
    assert ticks(frames_to_register([seen(0, 128, 7), seen(4, 128, 8), seen(8, 90, 20)], [])) == [4, 8]
    assert ticks(frames_to_register([seen(0, 128, 19), *weak], [])) == [4, 12, 20, 28]


def test_nothing_is_looked_for_between_the_pictures_of_a_short_video() -> None:
    assert not is_scene_between(seen(0, 0), seen(1, 200))
    assert is_scene_between(seen(0, 0), seen(4, 200))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that does much else
@given(st.integers(0, 384), st.integers(0, 400), st.randoms(use_true_random=False))
def test_whatever_is_seen_the_frames_make_a_value(mains: int, scenes: int, random: object) -> None:
    shuffled = getattr(random, "sample")(range(4 * 512), k=512)  # noqa: B009 - hypothesis gives its own Random
    main = [Seen(4 * number, shuffled[number].to_bytes(2, "big") * 16, 80) for number in range(mains)]
    others = [Seen(4 * number + 1, (number * 977 % 65536).to_bytes(2, "big") * 16, 80) for number in range(scenes)]
    frames = frames_to_register(main, others)
    assert len(frames) <= MAX_VIDEO_FRAMES
    if frames:
        assert parse_video(video_value(Video(3, frames))).frames == frames


def test_of_too_many_scenes_an_even_choice_stays() -> None:
    main = [Seen(16 * number, number.to_bytes(2, "big") * 16, 80) for number in range(384)]
    scenes = [Seen(16 * number + 5, (1 << (number % 250)).to_bytes(32, "big"), 80) for number in range(256)]
    kept = {one.tick for one in frames_to_register(main, scenes)} - {one.tick for one in main}
    assert len(kept) <= 128
    assert max(kept) > 16 * 250


def test_of_each_part_the_calmest_picture_is_a_key_picture() -> None:
    keys = KeyPictures(2, 16.0)
    small = Luma(np.zeros((2, 2), np.uint8), full_range=True)
    for tick, ones in ((0, 0), (2, 40), (4, 46), (6, 100), (8, 200), (10, 100), (12, 92), (14, 0)):
        keys.add(seen(tick, ones), small)
    assert [key.tick for key in keys.chosen()] == [2, 10]


def test_a_title_card_is_a_key_picture_only_of_a_video_that_is_nothing_else() -> None:
    small = Luma(np.zeros((2, 2), np.uint8), full_range=True)
    film, still = KeyPictures(2, 16.0), KeyPictures(2, 16.0)
    for tick, ones in ((0, 9), (2, 9), (4, 11), (6, 100), (8, 120), (10, 100), (12, 130), (14, 0)):
        film.add(seen(tick, ones), small)
        still.add(seen(tick, 9), small)
    assert [key.tick for key in film.chosen()] == [6, 8]
    assert [key.tick for key in still.chosen()] == [0, 8]


def test_the_last_picture_of_a_title_card_is_still_part_of_it() -> None:
    small = Luma(np.zeros((2, 2), np.uint8), full_range=True)
    keys = KeyPictures(4, 16.0)
    for tick, ones in ((0, 9), (4, 9), (8, 120), (12, 150)):
        keys.add(seen(tick, ones), small)
    assert [key.tick for key in keys.chosen()] == [8, 12]


def test_a_part_of_weak_pictures_has_a_key_picture_only_if_the_video_is_nothing_else() -> None:
    small = Luma(np.zeros((2, 2), np.uint8), full_range=True)
    film, dark, black = (KeyPictures(2, 8.0) for _ in range(3))
    for tick, quality in ((0, 49), (2, 49), (4, 90), (6, 90)):
        film.add(seen(tick, 0, quality), small)
        dark.add(seen(tick, 9 * tick, min(quality, 20)), small)
        black.add(seen(tick, 9 * tick, 19), small)
    assert [key.tick for key in film.chosen()] == [4]
    assert [key.tick for key in dark.chosen()] == [0, 4]
    assert black.chosen() == []


def test_bars_are_where_nearly_all_pictures_have_them() -> None:
    wide = Box(0, 40, 640, 320)
    assert box_of([wide] * 9 + [None], 640, 360) == wide
    assert box_of([wide, Box(50, 60, 600, 300), wide], 640, 360) == wide
    assert box_of([wide, None], 640, 360) is None
    assert box_of([], 640, 360) is None


def test_dark_things_that_end_anywhere_are_no_bars() -> None:
    boxes = [Box(10 * number, 0, 300 + 20 * number, 360) for number in range(8)]
    assert box_of(boxes, 640, 360) is None


def test_a_sliver_and_nearly_everything_are_no_content() -> None:
    assert box_of([Box(0, 0, 640, 40)], 640, 360) is None
    assert box_of([Box(0, 1, 640, 360)], 640, 360) is None


def test_at_most_sixteen_pictures_are_looked_at_for_bars() -> None:
    for tick_count, step in ((1, 1), (32, 1), (64, 2), (64, 4), (68, 4), (5_000, 14), (65_536, 171)):
        assert 1 <= sum(looks_for_bars(tick, step, tick_count) for tick in range(0, tick_count, step)) <= 16


def test_distance_counts_bits() -> None:
    assert bits_between(seen(0, 3), seen(1, 10)) == 7
