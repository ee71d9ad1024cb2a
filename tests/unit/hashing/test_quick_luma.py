"""The quick way to a JPEG's luma gives what the other way gives, or leaves the file to it."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data as samples

from takeback.errors import UnusableMediaError
from takeback.hashing import jpeg
from takeback.hashing.decode import Channels, Shortcuts, decode
from takeback.hashing.limits import Limits
from takeback.hashing.quick_luma import quick_luma

_LUMA = Shortcuts(shrink_from_pixels=4_000_000, least_side_px=512, channels=Channels.LUMA)
_ORIENTATION_TAG = 0x0112


def _jpeg(mode: str = "RGB", orientation: int | None = None, **options: object) -> bytes:
    file, picture = io.BytesIO(), Image.fromarray(samples.astronaut()).resize((301, 203)).convert(mode)
    exif = Image.Exif()
    if orientation is not None:
        exif[_ORIENTATION_TAG] = orientation
    picture.save(file, "JPEG", exif=exif, **options)
    return file.getvalue()


def _by_pillow(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = Image.open(io.BytesIO(data))
    image.draft("L", image.size)
    return np.asarray(image.convert("L"))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90},
        {"quality": 30, "subsampling": 0},
        {"quality": 75, "progressive": True},
        {"quality": 75, "optimize": True, "subsampling": 1},
        {"quality": 75, "orientation": 1},
        {"quality": 75, "mode": "L"},
        {"quality": 75, "restart_marker_blocks": 3},
    ],
)
def test_it_gives_the_same_pixels(options: dict[str, Any]) -> None:
    data = _jpeg(**options)
    quick = quick_luma(data, jpeg.plan_of(data))
    assert quick is not None
    assert np.array_equal(quick, _by_pillow(data))
    picture = decode(data, Limits(), _LUMA)
    assert (picture.width, picture.height, picture.image.mode) == (301, 203, "L")
    assert np.array_equal(picture.pixels()[:, :, 0], quick)


@pytest.mark.parametrize(
    "data",
    [_jpeg("CMYK"), _jpeg(orientation=6), _jpeg(keep_rgb=True), _jpeg("L", progressive=True)],
    ids=["cmyk", "turned", "rgb", "grey in passes"],
)
def test_what_is_unusual_goes_the_other_way_and_comes_out(data: bytes) -> None:
    assert quick_luma(data, jpeg.plan_of(data)) is None
    picture = decode(data, Limits(), _LUMA)
    assert sorted((picture.width, picture.height)) == [203, 301]


def test_what_the_decoder_complains_about_is_judged_by_the_other_way() -> None:
    whole = _jpeg(quality=90)
    ends_early = whole[: len(whole) // 2] + b"\xff\xd9"
    assert quick_luma(ends_early, jpeg.plan_of(ends_early)) is None
    with pytest.raises(UnusableMediaError) as cut:
        decode(whole[: len(whole) // 2], Limits(), _LUMA)
    assert cut.value.code == "media.truncated"


def test_damage_that_still_decodes_gives_the_same_pixels() -> None:
    whole = bytearray(_jpeg(quality=90))
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    data = bytes(whole)
    quick = quick_luma(data, jpeg.plan_of(data))
    assert quick is None or np.array_equal(quick, _by_pillow(data))


def test_two_blocks_that_could_turn_it_are_left_to_the_decoder() -> None:
    data = _jpeg(orientation=6)
    start = data.index(b"\xff\xe1")
    length = 2 + int.from_bytes(data[start + 2 : start + 4])
    twice = data[:start] + data[start : start + length] * 2 + data[start + length :]
    assert jpeg.exif_of(twice, jpeg.plan_of(twice)) is None
    assert quick_luma(twice, jpeg.plan_of(twice)) is None
