from collections.abc import Callable

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takeback.hashing.downsample import Pixels
from takeback.hashing.pdq import dct_matrix, pdq_forms_of, pdq_of

SIDES = st.one_of(
    st.integers(1, 9), st.integers(60, 68), st.sampled_from([127, 128, 129, 255, 257]), st.integers(1, 500)
)


PHOTOS = ("astronaut", "chelsea", "coffee", "motorcycle_left", "camera", "page", "phantom", "logo", "horse")

Photo = Callable[[str], Image.Image]


def noise(height: int, width: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def waves(height: int, width: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 3 + y) % 256, (x * y // 7) % 256, (y * 5) % 256], axis=2).astype(np.uint8)


def flat(height: int, width: int, value: int) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def hex_of(vector: NDArray[np.int64]) -> str:
    return np.packbits(vector.astype(np.uint8)).tobytes().hex()


def assert_equals_reference(pixels: Pixels) -> None:
    vector, quality = pdqhash.compute(pixels)
    hashed = pdq_of(pixels)
    assert (hashed.text, hashed.quality) == (hex_of(vector), quality)


def assert_forms_equal_reference(pixels: Pixels) -> None:
    vectors, quality = pdqhash.compute_dihedral(pixels)
    assert [form.text for form in pdq_forms_of(pixels)] == [hex_of(vector) for vector in vectors]
    assert {form.quality for form in pdq_forms_of(pixels)} == {quality}


@pytest.mark.parametrize("name", PHOTOS)
def test_equals_the_reference_on_photographs(name: str, photo: Photo) -> None:
    pixels = np.asarray(photo(name))
    assert_equals_reference(pixels)
    assert_forms_equal_reference(pixels)


@settings(deadline=None, max_examples=120)
@given(SIDES, SIDES, st.integers(0, 2**32 - 1))
def test_equals_the_reference_on_noise_of_any_size(height: int, width: int, seed: int) -> None:
    pixels = noise(height, width, seed)
    assert_equals_reference(pixels)
    if (height, width) != (64, 64):
        assert_forms_equal_reference(pixels)


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES)
def test_equals_the_reference_on_waves_of_any_size(height: int, width: int) -> None:
    assert_equals_reference(waves(height, width))


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES, st.integers(0, 255))
def test_equals_the_reference_on_flat_pictures_where_only_rounding_decides(height: int, width: int, value: int) -> None:
    assert_equals_reference(flat(height, width, value))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 300), (5, 5), (5, 9000), (9000, 5), (64, 64), (1201, 1999)])
def test_equals_the_reference_on_extreme_shapes(height: int, width: int) -> None:
    assert_equals_reference(noise(height, width, 7))
    assert_equals_reference(waves(height, width))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_a_moved_picture_is_found_by_one_of_the_eight_forms(name: str, photo: Photo) -> None:
    image = photo(name)
    forms = pdq_forms_of(np.asarray(image))
    for form, moved in zip(forms, moved_pictures(np.asarray(image)), strict=True):
        distance = (int(form.text, 16) ^ int(pdq_of(moved).text, 16)).bit_count()
        assert distance <= 16
    assert len({form.text for form in forms}) == 8


def moved_pictures(pixels: Pixels) -> list[Pixels]:
    moved = [pixels, np.rot90(pixels, 1), np.rot90(pixels, 2), np.rot90(pixels, 3)]
    moved += [pixels[::-1], pixels[:, ::-1], pixels.transpose(1, 0, 2), np.rot90(pixels, 2).transpose(1, 0, 2)]
    return [np.ascontiguousarray(picture) for picture in moved]


def test_grey_is_hashed_like_three_equal_channels() -> None:
    grey = noise(301, 199, 3)[:, :, :1]
    assert pdq_of(grey) == pdq_of(np.ascontiguousarray(np.repeat(grey, 3, axis=2)))


def test_transparency_counts_as_on_white() -> None:
    colour, alpha = noise(200, 150, 4), noise(200, 150, 5)[:, :, :1]
    over = np.round((colour * (alpha / 255.0)) + 255 * (1 - alpha / 255.0)).astype(np.uint8)
    assert pdq_of(np.concatenate([colour, alpha], axis=2)) == pdq_of(over)


def test_an_opaque_alpha_channel_changes_nothing() -> None:
    colour = noise(100, 130, 6)
    assert pdq_of(np.dstack([colour, np.full((100, 130), 255, np.uint8)])) == pdq_of(colour)


def test_no_cosine_is_so_near_a_rounding_border_that_another_library_could_round_it_the_other_way() -> None:
    scale = float(np.float32(np.sqrt(2.0 / 64)))
    i, j = np.mgrid[0:16, 0:64]
    exact = scale * np.cos(np.pi / 2.0 / 64 * (i + 1) * (2 * j + 1))
    matrix = dct_matrix().astype(np.float64)
    to_border = np.abs(np.spacing(dct_matrix())).astype(np.float64) / 2 - np.abs(exact - matrix)
    assert to_border.min() > 1e-13
