from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.made_videos import Encoding, Frame, scene, turned, write

from takeback.hashing.pdq import pdq_of
from takeback.hashing.video.hashed import HashedVideo
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.luma import hash_of, luma_of
from takeback.hashing.video.track import open_video
from takeback.hashing.video.work import hash_to_ask, hash_to_register
from takeback.model.fingerprint import Algorithm
from takeback.model.video import VideoFrame, parse_video

LIMITS = VideoLimits(threads=1)
SCENES = [*scene(1, 12), *scene(2, 15), *scene(3, 13)]
"""Four seconds at ten a second, with cuts at 1.2 and 2.7 s."""

X264 = {"preset": "ultrafast", "crf": "18"}
B_FRAMES = {"preset": "veryfast", "crf": "18", "bf": "3", "g": "12"}


def values(video: HashedVideo) -> list[tuple[VideoFrame, ...]]:
    return [parse_video(one.value).frames for one in video.fingerprints if one.algorithm is Algorithm.VPDQ]


def bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def all_pictures(path: Path) -> dict[int, Frame]:
    """What a straightforward reader shows at each tick: every frame decoded, the last one before each tick taken."""
    with av.open(str(path)) as container:
        decoded = [
            (Fraction(frame.pts or 0) * (frame.time_base or 0), luma_of(frame).pixels.copy())
            for frame in container.decode(video=0)
        ]
    times = [time - decoded[0][0] for time, _ in decoded]
    shown: dict[int, Frame] = {}
    for tick in range(int(times[-1] * 4) + 1):
        until = Fraction(tick, 4) + Fraction(5, 1000)
        shown[tick] = [pixels for time, (_, pixels) in zip(times, decoded, strict=True) if time <= until][-1]
    return shown


def _time_of(frame: av.VideoFrame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


X265 = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=15:bframes=3"}
ENCODINGS = {
    "h264.mp4": Encoding(options=X264),
    "h264-b.mp4": Encoding(options=B_FRAMES),
    "h264-b.mkv": Encoding(options=B_FRAMES),
    "h264-b.ts": Encoding(options=B_FRAMES, format="mpegts"),
    "h264-open.mp4": Encoding(options={**B_FRAMES, "x264-params": "open-gop=1:keyint=8:scenecut=0:log=-1"}),
    "h264-one-key.mp4": Encoding(options={**B_FRAMES, "g": "1000", "x264-params": "scenecut=0:log=-1"}),
    "h264-full.mp4": Encoding(options=X264, pix_fmt="yuvj420p"),
    "h264-444.mkv": Encoding(options=X264, pix_fmt="yuv444p"),
    "hevc.mp4": Encoding(
        "libx265", options={"preset": "ultrafast", "x265-params": "log-level=none:keyint=15:bframes=3"}
    ),
    "hevc-10.mkv": Encoding(
        "libx265", options={"preset": "ultrafast", "x265-params": "log-level=none"}, pix_fmt="yuv420p10le"
    ),
    "vp8.webm": Encoding("libvpx", options={"deadline": "realtime", "cpu-used": "8", "b": "2M", "auto-alt-ref": "0"}),
    "vp9.webm": Encoding("libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "b": "2M"}),
    "av1.mkv": Encoding("libsvtav1", options={"preset": "12", "crf": "30"}),
    "mpeg4.avi": Encoding("mpeg4", options={"b": "4M"}),
    "mpeg4-b.mov": Encoding("mpeg4", options={"b": "4M", "bf": "2"}),
    "uneven.mp4": Encoding(options=X264, times=[number * 70 + number * number for number in range(40)]),
    "uneven.mkv": Encoding(options=B_FRAMES, times=[number * 110 + 37 * (number % 3) for number in range(40)]),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_leaving_out_what_is_not_needed_changes_no_picture(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, SCENES, ENCODINGS[name])
    expected = all_pictures(path)
    with open_video(path, LIMITS) as track:
        every = {tick: luma_of(frame).pixels.copy() for at, frame in track.pictures(range(16)) for tick in at}
        few = {tick: luma_of(frame).pixels.copy() for at, frame in track.pictures([5, 13]) for tick in at}
    assert sorted(every) == list(range(16))
    for tick, pixels in [*every.items(), *few.items()]:
        assert np.array_equal(pixels, expected[min(tick, max(expected))]), tick


@pytest.mark.parametrize("name", [name for name in ENCODINGS if "uneven" not in name])
def test_every_codec_and_container_gives_nearly_the_same_frames(tmp_path: Path, name: str) -> None:
    hashed = hash_to_register(write(tmp_path / name, SCENES, ENCODINGS[name]), LIMITS)
    (frames,) = values(hashed)
    assert (hashed.width, hashed.height, hashed.media) == (240, 208, "video")
    assert hashed.duration_s == pytest.approx(4.0, abs=0.11)
    # A frame more or less, where a distance is on the edge.
    assert {0, 8, 10, 16, 22, 24} - {one.tick for one in frames} <= {22}
    assert 8 <= len(frames) <= 32
    for one in frames:
        assert bits(one.pdq, pdq_of(SCENES[min(int(one.tick * 1.25 + 0.05), 39)]).bits) <= 24


def test_a_scene_that_begins_between_two_seconds_is_caught_where_it_begins(tmp_path: Path) -> None:
    still = [SCENES[0]] * 13 + [SCENES[20]] * 17
    (frames,) = values(hash_to_register(write(tmp_path / "still.mp4", still), LIMITS))
    assert [one.tick for one in frames] == [0, 11]


def test_a_black_video_has_no_frames_but_its_digests(tmp_path: Path) -> None:
    path = write(tmp_path / "black.mp4", [np.zeros((96, 128, 3), np.uint8)] * 20)
    hashed = hash_to_register(path, LIMITS, edited_copies=True)
    assert [one.algorithm for one in hashed.submittable] == [Algorithm.MD5, Algorithm.SHA256]
    assert [len(form) for form in hash_to_ask(path, LIMITS).asked] == [0, 0]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_video_is_hashed_as_it_is_displayed(tmp_path: Path, degrees: int) -> None:
    path = turned(write(tmp_path / "phone.mp4", SCENES[:10]), degrees)
    hashed = hash_to_register(path, LIMITS)
    upright = np.ascontiguousarray(np.rot90(SCENES[0], -degrees // 90))
    assert (hashed.height, hashed.width) == upright.shape[:2]
    assert bits(values(hashed)[0][0].pdq, pdq_of(upright).bits) <= 16


def test_an_uneven_video_is_sampled_by_its_clock(tmp_path: Path) -> None:
    times = [0, 40, 80, 2100, 2140, 2180]
    pictures = [scene(seed, 1)[0] for seed in range(6)]
    (frames,) = values(hash_to_register(write(tmp_path / "odd.mp4", pictures, Encoding(times=times)), LIMITS))
    assert [one.tick for one in frames] == [0, 1, 17, 18]
    assert bits(frames[1].pdq, pdq_of(pictures[2]).bits) <= 16


def test_black_bars_give_a_second_value_that_is_the_picture_without_them(tmp_path: Path) -> None:
    (plain,) = values(hash_to_register(write(tmp_path / "plain.mp4", SCENES), LIMITS))
    path = write(tmp_path / "bars.mp4", [_letterboxed(pixels) for pixels in SCENES])
    whole, trimmed = values(hash_to_register(path, LIMITS))
    assert len(trimmed) >= len(plain) - 2
    assert all(_nearest(one, plain) <= 24 for one in trimmed)
    assert all(_nearest(one, plain) > 60 for one in whole)
    assert _share_near(hash_to_ask(path, LIMITS), plain) == 1.0


def test_a_mirrored_copy_is_asked_in_both_ways(tmp_path: Path) -> None:
    (plain,) = values(hash_to_register(write(tmp_path / "plain.mp4", SCENES), LIMITS))
    asked = hash_to_ask(write(tmp_path / "mirror.mp4", [pixels[:, ::-1] for pixels in SCENES]), LIMITS)
    assert len(asked.asked) == 2
    assert _share_near(asked, plain) >= 0.9


def test_a_copy_that_begins_at_another_moment_is_asked_often_enough(tmp_path: Path) -> None:
    (plain,) = values(hash_to_register(write(tmp_path / "plain.mp4", SCENES), LIMITS))
    asked = hash_to_ask(write(tmp_path / "later.mp4", SCENES[3:]), LIMITS)
    assert _share_near(asked, plain[1:]) == 1.0


def test_regions_come_from_a_few_pictures_with_their_times(tmp_path: Path) -> None:
    path = write(tmp_path / "plain.mp4", SCENES)
    hashed = hash_to_register(path, LIMITS, edited_copies=True)
    sets = [one for one in hashed.fingerprints if one.algorithm is Algorithm.PDQ_REGION]
    assert 1 <= len(sets) <= 4
    assert len(hashed.key_times_s) == len(sets)
    assert [hashed.time_of(one) for one in sets] == list(hashed.key_times_s)
    assert hashed.time_of(hashed.fingerprints[0]) is None
    assert len(hash_to_ask(path, LIMITS, regions=True).regions) > 0


def test_long_steps_take_two_passes_and_the_same_rule(tmp_path: Path) -> None:
    pictures = [scene(number // 3, 1)[0] for number in range(390)]
    times = [number * 1000 for number in range(390)]
    encoding = Encoding("mpeg4", options={"b": "4M", "g": "12"}, times=times, format="matroska")
    hashed = hash_to_register(write(tmp_path / "long.mkv", pictures, encoding), LIMITS)
    (frames,) = values(hashed)
    assert parse_video(hashed.fingerprints[0].value).duration_class == 9
    # 1560 ticks in steps of 5: every third second another picture, each caught at its first main picture or before.
    assert len(frames) >= 128
    assert all(one.tick % 5 == 0 or one.tick % 12 in (0, 1, 2, 3) for one in frames)


def test_the_same_file_gives_the_same_value_whatever_the_threads(tmp_path: Path) -> None:
    path = write(tmp_path / "threads.mp4", SCENES, ENCODINGS["h264-b.mp4"])
    assert hash_to_register(path, LIMITS) == hash_to_register(path, VideoLimits(threads=3))


def test_values_are_in_no_repr(tmp_path: Path) -> None:
    asked = hash_to_ask(write(tmp_path / "plain.mp4", SCENES[:5]), LIMITS)
    assert asked.asked[0].values[0].tobytes().hex()[:8] not in repr(asked)
    assert "AskedFrames(" in repr(asked)


def test_a_small_picture_is_hashed_too() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    frame = av.VideoFrame.from_ndarray(grey, format="gray")
    plain, mirrored = hash_of(luma_of(frame))
    assert plain.bits != mirrored.bits


def _letterboxed(pixels: Frame) -> Frame:
    height, width, _ = pixels.shape
    out = np.zeros((height + 96, width, 3), np.uint8)
    out[48 : 48 + height] = pixels
    return out


def _nearest(one: VideoFrame, frames: Sequence[VideoFrame]) -> int:
    return min(bits(one.pdq, other.pdq) for other in frames)


def _share_near(asked: HashedVideo, frames: Sequence[VideoFrame]) -> float:
    rows = [row.tobytes() for form in asked.asked for row in form.values]
    return float(np.mean([min(bits(one.pdq, row) for row in rows) <= 31 for one in frames]))
