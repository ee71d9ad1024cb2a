"""Pictures that are shrunk while they are read, held against the reference on the full picture."""

import io
from collections.abc import Callable

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from takeback.hashing import fingerprints_of, query_fingerprints_of
from takeback.hashing.direct import Axis, samples_of_luma
from takeback.hashing.pdq import forms_of_samples

Photo = Callable[[str], Image.Image]
Luma = NDArray[np.uint8]

ORIENTATION_TAG = 0x0112


def large(image: Image.Image, width: int, height: int) -> Image.Image:
    """Enlarged with grain, as a phone would take it."""
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).astype(np.int16)
    grain = np.random.default_rng(width).integers(-9, 10, (height, width, 1), np.int16)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def reference(pixels: NDArray[np.uint8]) -> int:
    vector, _ = pdqhash.compute(np.ascontiguousarray(pixels))
    return int("".join(str(bit) for bit in vector), 2)


def distance_bits(text: str, value: int) -> int:
    return (int(text, 16) ^ value).bit_count()


def enlarged(luma: Luma, down: Axis, across: Axis) -> NDArray[np.uint8]:
    """What the short way stands for: every pixel repeated, and what is over cut off at the end where it is."""
    whole = luma.repeat(down.factor, axis=0).repeat(across.factor, axis=1)
    rows = slice(-down.length, None) if down.cut_first else slice(down.length)
    columns = slice(-across.length, None) if across.cut_first else slice(across.length)
    return np.repeat(whole[rows, columns, None], 3, axis=2)


SIDES = st.integers(300, 700)
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.sampled_from([2, 4, 8]), st.booleans(), st.booleans(), SEEDS)
def test_the_short_way_is_the_reference_on_the_shrunk_picture_enlarged_again(
    height: int, width: int, factor: int, cut_down: bool, cut_across: bool, seed: int
) -> None:
    down, across = Axis(height, factor, cut_down), Axis(width, factor, cut_across)
    grey = np.random.default_rng(seed).integers(0, 256, (-(-height // factor), -(-width // factor)), np.uint8)
    value = reference(enlarged(grey, down, across))
    hashed = forms_of_samples(samples_of_luma(grey, down, across))[0]
    # Float64 sums instead of float32 ones: a coefficient that equals the median but for rounding may fall either way.
    assert distance_bits(hashed.text, value) <= 2


def test_samples_of_a_flat_picture_are_flat_up_to_its_edges() -> None:
    for cut_first in (False, True):
        axis = Axis(1001, 4, cut_first)
        samples = samples_of_luma(np.full((251, 251), 200, np.uint8), axis, axis)
        assert np.allclose(samples, 200, atol=1e-4)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("width", "height"), [(2831, 2123), (4003, 1301)])
def test_a_large_jpeg_hashes_within_4_bits_of_the_full_picture(
    width: int, height: int, progressive: bool, photo: Photo
) -> None:
    data = jpeg(large(photo("coffee"), width, height), progressive=progressive)
    with Image.open(io.BytesIO(data)) as image:
        value = reference(np.asarray(image))
    hashed = fingerprints_of(data)
    assert (hashed.width, hashed.height) == (width, height)
    assert distance_bits(hashed.fingerprints[0].value, value) <= 4
    assert query_fingerprints_of(data).fingerprints[0] == hashed.fingerprints[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_is_hashed_as_displayed(orientation: int, photo: Photo) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    stored = large(photo("chelsea"), 2453, 1637)
    data = jpeg(stored, exif=exif)
    displayed = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 3),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, 1),
    }[orientation](np.asarray(stored))
    hashed = fingerprints_of(data)
    assert (hashed.height, hashed.width) == displayed.shape[:2]
    assert distance_bits(hashed.fingerprints[0].value, reference(displayed)) <= 4


def test_a_picture_below_four_megapixels_is_the_references_in_every_bit(photo: Photo) -> None:
    data = jpeg(large(photo("astronaut"), 1600, 1200))
    with Image.open(io.BytesIO(data)) as image:
        assert distance_bits(fingerprints_of(data).fingerprints[0].value, reference(np.asarray(image))) == 0


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "motorcycle_left"])
def test_a_query_sees_luma_alone_and_stays_within_4_bits(name: str, photo: Photo) -> None:
    data = jpeg(photo(name))
    listed, asked = fingerprints_of(data).fingerprints[0], query_fingerprints_of(data).fingerprints[0]
    assert distance_bits(asked.value, int(listed.value, 16)) <= 4
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", None)
        luma = np.asarray(image)
    assert distance_bits(asked.value, reference(np.repeat(luma[:, :, None], 3, axis=2))) <= 2


@pytest.mark.parametrize("kind", ["grey", "plain RGB", "one table for all"])
def test_unusual_progressive_jpegs_hash_within_4_bits(kind: str, photo: Photo) -> None:
    picture = large(photo("coffee"), 2464, 1648)
    data = {
        "grey": lambda: jpeg(picture.convert("L"), progressive=True),
        "plain RGB": lambda: jpeg(picture, progressive=True, keep_rgb=True),
        "one table for all": lambda: jpeg(picture, progressive=True, qtables=[[8] * 64], quality=-1),
    }[kind]()
    with Image.open(io.BytesIO(data)) as image:
        value = reference(np.asarray(image.convert("RGB")))
    assert distance_bits(fingerprints_of(data).fingerprints[0].value, value) <= 4


def test_a_large_cmyk_jpeg_hashes_within_10_bits_of_its_colours(photo: Photo) -> None:
    picture = large(photo("coffee"), 2464, 1648)
    data = jpeg(picture.convert("CMYK"))
    assert distance_bits(fingerprints_of(data).fingerprints[0].value, reference(np.asarray(picture))) <= 10
