"""Bars around a picture that is as dark at its edges as they are."""

from pathlib import Path

import numpy as np
from tests.made_videos import Frame, scene, write

from takeback.hashing.variants import Box
from takeback.hashing.video.dark_bars import DarkBars
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.luma import Luma
from takeback.hashing.video.work import hash_to_ask, hash_to_register
from takeback.model.fingerprint import Algorithm
from takeback.model.video import parse_video

LIMITS = VideoLimits(threads=1)


def grey(height: int, width: int, *lit: tuple[int, int]) -> Luma:
    """Black, with one bright place each."""
    pixels = np.full((height, width), 16, np.uint8)
    for y, x in lit:
        pixels[y, x] = 200
    return Luma(pixels, full_range=False)


def crops_of(*pictures: Luma, box: Box | None = None) -> list[int]:
    """How many pictures each crop that is left has."""
    bars = DarkBars()
    for number, luma in enumerate(pictures):
        bars.add(number, luma)
    return [len(crop) for crop in bars.crops(box)]


def test_a_crop_is_asked_while_nothing_bright_is_outside_of_it() -> None:
    middle, high, wide = grey(400, 400, (200, 200)), grey(400, 400, (60, 200)), grey(400, 400, (200, 20))
    assert crops_of(middle) == [1, 1, 1, 1]
    assert crops_of(middle, high, grey(400, 400)) == [3, 3, 3]
    assert crops_of(middle, high, wide) == [3]


def test_a_crop_that_is_filled_is_the_only_one_and_none_if_it_is_known_already() -> None:
    wide = grey(400, 400, (88, 0), (312, 399))  # 16:9 is from 87 to 312, and two pixels more do no harm
    assert crops_of(wide) == [1]
    assert crops_of(wide, box=Box(0, 86, 400, 313)) == []
    assert crops_of(wide, box=Box(0, 88, 300, 280)) == [1]
    assert crops_of(grey(400, 400, (200, 200)), box=Box(0, 88, 300, 280)) == []


def test_darkness_and_a_bright_corner_have_no_bars() -> None:
    assert crops_of(grey(400, 400)) == []
    bars = DarkBars()
    bars.add(0, grey(360, 640, (0, 0), (359, 639)))
    assert bars.is_over


def test_a_small_light_in_the_dark_is_found_in_bars(tmp_path: Path) -> None:
    dark = [_spot_of(pixels, at) for at, pixels in enumerate(scene(21, 60, 320, 180))]
    plain = hash_to_register(write(tmp_path / "dark.mp4", dark), LIMITS)
    barred = write(tmp_path / "bars.mp4", [np.pad(pixels, ((70, 70), (0, 0), (0, 0))) for pixels in dark])
    asked = hash_to_ask(barred, LIMITS).asked
    assert len(asked) > 4
    rows = [int.from_bytes(row.tobytes(), "big") for form in asked for row in form.values]
    (value,) = (one.value for one in plain.fingerprints if one.algorithm is Algorithm.VPDQ)
    known = [int.from_bytes(frame.pdq, "big") for frame in parse_video(value).frames]
    assert all(min((one ^ row).bit_count() for row in rows) <= 31 for one in known)


def _spot_of(pixels: Frame, at: int) -> Frame:
    """What a lamp shows of a dark room: a round part that wanders."""
    height, width, _ = pixels.shape
    y, x = np.ogrid[:height, :width]
    lit = ((y - 90) / 60) ** 2 + ((x - 100 - 2 * at) / 70) ** 2 < 1
    return np.where(lit[:, :, np.newaxis], pixels, 0).astype(np.uint8)
