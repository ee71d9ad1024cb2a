"""Content boxes and app crops."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data as samples

from takeback.hashing.pdq import pdq_forms_of, pdq_of
from takeback.hashing.variants import (
    PROPORTIONS,
    Box,
    app_crops,
    content_boxes,
    raw_form,
    shrunk,
    views_to_ask,
    views_to_register,
)

Pixels = NDArray[np.uint8]


def astronaut() -> Pixels:
    pixels: Pixels = samples.astronaut()[:400]
    return pixels


def framed(top: int, right: int, bottom: int, left: int, colour: tuple[int, int, int]) -> Pixels:
    image = Image.fromarray(astronaut())
    out = Image.new("RGB", (image.width + left + right, image.height + top + bottom), colour)
    out.paste(image, (left, top))
    return np.asarray(out)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 60, 200)])
@pytest.mark.parametrize("sides", [(60, 0, 60, 0), (0, 90, 0, 90), (30, 30, 30, 30), (200, 0, 0, 0), (0, 0, 50, 10)])
def test_bars_are_trimmed_so_that_the_hash_is_that_of_the_picture(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    pixels = framed(*sides, colour)
    boxes = content_boxes(pixels)
    assert boxes
    distances = [
        int(np.bitwise_count(np.frombuffer(pdq_of(box.of(pixels)).bits, np.uint8) ^ plain).sum())
        for box in boxes
        for plain in [np.frombuffer(pdq_of(astronaut()).bits, np.uint8)]
    ]
    assert min(distances) <= 10


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_is_found_inside_an_interface(*, dark: bool) -> None:
    ground, ink = ((20, 20, 22), (240, 240, 240)) if dark else ((255, 255, 255), (10, 10, 10))
    screen = Image.new("RGB", (720, 1400), ground)
    draw = ImageDraw.Draw(screen)
    draw.text((30, 40), "9:41", fill=ink, font_size=36)
    draw.ellipse((30, 100, 110, 180), fill=(90, 120, 200))
    draw.text((140, 120), "a name and a place", fill=ink, font_size=36)
    photo = Image.fromarray(astronaut()).resize((720, 562))
    screen.paste(photo, (0, 210))
    draw.text((30, 800), "1,024 people like this", fill=ink, font_size=30)
    draw.line((0, 1300, 720, 1300), fill=(128, 128, 128), width=2)
    box = content_boxes(np.asarray(screen))[0]
    assert (box.left, box.right) == (0, 720)
    assert abs(box.top - 210) <= 3
    assert abs(box.bottom - 772) <= 3


def test_boxes_are_nested_and_inside_the_picture() -> None:
    inner = framed(40, 40, 40, 40, (0, 0, 0))
    image = Image.new("RGB", (inner.shape[1] + 200, inner.shape[0] + 300), (255, 255, 255))
    image.paste(Image.fromarray(inner), (100, 150))
    boxes = content_boxes(np.asarray(image))
    assert len(boxes) >= 2
    outer = Box(0, 0, image.width, image.height)
    for box in boxes:
        assert outer.left <= box.left < box.right <= outer.right
        assert outer.top <= box.top < box.bottom <= outer.bottom
        outer = box


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 1), (500, 1, 4), (40, 40, 3), (300, 400, 3)])
def test_a_flat_or_tiny_picture_has_no_content_box(shape: tuple[int, int, int]) -> None:
    assert content_boxes(np.full(shape, 77, np.uint8)) == ()


def test_a_picture_without_bars_has_no_content_box() -> None:
    pixels: Pixels = samples.coffee()[20:, 20:300]
    assert content_boxes(pixels) == ()


def test_app_crops_are_centred_and_of_their_proportions() -> None:
    pixels = np.zeros((900, 1300, 3), np.uint8)
    crops = app_crops(pixels)
    assert len(crops) == len(PROPORTIONS)
    for box, (across, down) in zip(crops, PROPORTIONS, strict=True):
        width, height = box.right - box.left, box.bottom - box.top
        assert abs(width * down - height * across) <= max(across, down)
        assert abs(box.left - (1300 - box.right)) <= 1
        assert abs(box.top - (900 - box.bottom)) <= 1


def test_a_crop_that_is_the_picture_itself_is_left_out() -> None:
    assert len(app_crops(np.zeros((768, 1024, 3), np.uint8))) == len(PROPORTIONS) - 1
    assert app_crops(np.zeros((20, 20, 3), np.uint8)) == ()


def test_a_large_picture_is_shrunk_by_a_whole_factor_and_its_views_are_those_of_the_small_one() -> None:
    small = np.ascontiguousarray(astronaut()[:300, :512])
    large = small.repeat(5, axis=0).repeat(5, axis=1)
    assert shrunk(large).shape == (750, 1280, 3)
    assert (shrunk(small) == small).all()
    bits = [np.frombuffer(pdq_of(np.ascontiguousarray(view)).bits, np.uint8) for view in views_to_register(large)]
    plain = [np.frombuffer(pdq_of(np.ascontiguousarray(view)).bits, np.uint8) for view in views_to_register(small)]
    assert len(bits) == len(plain) >= 7
    for one, other in zip(bits, plain, strict=True):
        assert np.bitwise_count(one ^ other).sum() <= 20


def test_shrinking_averages_squares_over_white() -> None:
    pixels = np.zeros((2048, 2048, 4), np.uint8)
    pixels[:, :, :3] = 100
    pixels[0, 0] = (0, 0, 0, 0)
    pixels[1:, :, 3] = pixels[0, 1:, 3] = 255
    out = shrunk(pixels)
    assert out.shape == (1024, 1024, 3)
    assert out[0, 0].tolist() == [139] * 3  # (255 + 3 * 100 + 2) // 4
    assert (out[1:] == 100).all()


ORIENTED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("orientation", ORIENTED)
def test_the_picture_as_stored_is_one_of_the_eight_forms(orientation: int) -> None:
    stored = Image.fromarray(samples.coffee())
    shown = np.ascontiguousarray(np.asarray(stored.transpose(ORIENTED[orientation])))
    form = np.frombuffer(pdq_forms_of(shown)[raw_form(orientation)].bits, np.uint8)
    plain = np.frombuffer(pdq_of(np.asarray(stored)).bits, np.uint8)
    assert np.bitwise_count(form ^ plain).sum() <= 24


@pytest.mark.parametrize("orientation", [0, 1, 9, -3, 65535])
def test_an_odd_orientation_counts_as_upright(orientation: int) -> None:
    assert raw_form(orientation) == 0


def test_what_is_asked_of_a_framed_copy_is_near_to_what_is_registered_of_the_picture() -> None:
    plain = np.frombuffer(pdq_of(astronaut()).bits, np.uint8)
    views = views_to_ask(framed(120, 0, 120, 0, (0, 0, 0)))
    distances = [
        int(np.bitwise_count(np.frombuffer(pdq_of(np.ascontiguousarray(view)).bits, np.uint8) ^ plain).sum())
        for view in views
    ]
    assert min(distances) <= 10
