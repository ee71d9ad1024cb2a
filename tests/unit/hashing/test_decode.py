"""Every kind of picture decodes to what is seen: held against the plain picture it was made from."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from takeback.hashing.decode import decode
from takeback.hashing.limits import Limits
from takeback.hashing.orientation import orientation_of
from takeback.hashing.pdq import pdq_of

Photo = Callable[[str], Image.Image]
ORIENTATION_TAG = 0x0112

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def distance_bits(data: bytes, seen: Image.Image) -> int:
    hashed, expected = pdq_of(decode(data, Limits()).pixels()), pdq_of(np.asarray(seen.convert("RGB")))
    assert expected.quality >= 50
    return (int(hashed.text, 16) ^ int(expected.text, 16)).bit_count()


@pytest.mark.parametrize(
    ("mode", "format_", "near_bits"),
    [
        ("L", "PNG", 0),
        ("P", "PNG", 10),
        ("P", "GIF", 10),
        ("1", "PNG", 30),
        ("L", "TIFF", 0),
        ("RGB", "TIFF", 0),
        ("RGB", "BMP", 0),
        ("CMYK", "JPEG", 4),
        ("CMYK", "TIFF", 4),
        ("L", "JPEG", 4),
        ("YCbCr", "TIFF", 4),
    ],
)
def test_every_way_to_store_colour_gives_the_same_picture(
    mode: str, format_: str, near_bits: int, photo: Photo
) -> None:
    image = photo("coffee")
    assert distance_bits(encoded(image.convert(mode), format_), image) <= near_bits


def test_sixteen_bits_keep_their_high_byte(photo: Photo) -> None:
    grey = photo("chelsea").convert("L")
    deep = (np.asarray(grey).astype(np.uint16) << 8) + 37
    for format_ in ("PNG", "TIFF"):
        assert distance_bits(encoded(Image.fromarray(deep), format_), grey) == 0


def on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


@pytest.mark.parametrize(("mode", "format_"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF")])
def test_transparency_counts_as_on_white(mode: str, format_: str, photo: Photo) -> None:
    image = photo("astronaut")
    image.putalpha(image.convert("L").rotate(90))
    image = image.convert(mode)
    options = {"lossless": True} if format_ == "WEBP" else {}
    assert distance_bits(encoded(image, format_, **options), on_white(image)) <= 2


def test_a_transparent_palette_colour_counts_as_white(photo: Photo) -> None:
    image = photo("coffee").quantize(8)
    data = encoded(image, "PNG", transparency=0)
    with Image.open(io.BytesIO(data)) as stored:
        seen = on_white(stored)
    assert distance_bits(data, seen) == 0
    assert distance_bits(data, image) > 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_picture_is_taken_as_displayed(orientation: int, format_: str, photo: Photo) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = photo("chelsea")
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    data = encoded(stored, format_, exif=exif)
    picture = decode(data, Limits())
    assert (picture.width, picture.height) == picture.image.size == upright.size
    assert distance_bits(data, upright) <= 10


def test_an_animation_is_taken_at_its_first_frame(photo: Photo) -> None:
    first, second = photo("coffee"), photo("coffee").rotate(180)
    for format_ in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        data = encoded(first, format_, save_all=True, append_images=[second, second])
        assert distance_bits(data, first) <= 12
        assert distance_bits(data, second) > 60


def test_colour_profiles_are_ignored(photo: Photo) -> None:
    image = photo("coffee")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert distance_bits(encoded(image, "PNG", icc_profile=profile), image) == 0


def test_bytes_after_the_end_change_nothing(photo: Photo) -> None:
    for format_ in ("JPEG", "PNG"):
        data = encoded(photo("coffee"), format_)
        with Image.open(io.BytesIO(data)) as seen:
            assert distance_bits(data + b"\xff\xda" * 5000, seen) == 0


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        (b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 6),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 8),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0", 1),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\x08\0\0", 1),
        (b"MM\0*\xff\xff\xff\xff", 1),
        (b"MM\0*\0\0\0\x08\xff\xff", 1),
        (b"II*\0", 1),
        (b"junk", 1),
        (b"", 1),
    ],
)
def test_a_broken_exif_block_leaves_the_picture_as_it_is(block: bytes, orientation: int) -> None:
    assert orientation_of(block) == orientation
