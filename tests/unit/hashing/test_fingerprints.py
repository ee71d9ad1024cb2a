import hashlib
import io
from collections.abc import Callable

import numpy as np
import pdqhash
import pytest
from PIL import Image

from takeback.errors import UnusableMediaError
from takeback.hashing import Limits, fingerprints_of, preview_of, query_fingerprints_of, reencoded
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint

Photo = Callable[[str], Image.Image]
ORIENTATION_TAG = 0x0112


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def pdq_of(data: bytes) -> Fingerprint:
    return fingerprints_of(data).fingerprints[0]


def distance_bits(a: Fingerprint, b: Fingerprint) -> int:
    return (int(a.value, 16) ^ int(b.value, 16)).bit_count()


def reference_of(image: Image.Image) -> tuple[str, int]:
    vector, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(vector.astype(np.uint8)).tobytes().hex(), quality


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_gives_what_the_industrys_clients_give(format_: str, photo: Photo) -> None:
    data = encoded(photo("chelsea"), format_)
    hashed = fingerprints_of(data)
    with Image.open(io.BytesIO(data)) as image:
        value, quality = reference_of(image.convert("RGB"))
    assert hashed.fingerprints == (
        Fingerprint(Algorithm.PDQ, value, quality),
        Fingerprint(Algorithm.MD5, hashlib.md5(data).hexdigest()),  # noqa: S324 - the industry's exact lists are MD5
        Fingerprint(Algorithm.SHA256, hashlib.sha256(data).hexdigest()),
    )
    assert (hashed.width, hashed.height, hashed.media) == (451, 300, "image")


def test_a_query_holds_each_position_once_and_the_picture_as_it_is_first(photo: Photo) -> None:
    data = encoded(photo("astronaut"), "PNG")
    query = query_fingerprints_of(data)
    values = [f.value for f in query.fingerprints if f.algorithm is Algorithm.PDQ]
    assert len(values) == len(set(values)) == 8
    assert values[0] == pdq_of(data).value
    assert [f.algorithm for f in query.fingerprints[8:]] == [Algorithm.MD5, Algorithm.SHA256]


def test_positions_that_look_the_same_are_asked_once() -> None:
    y, x = np.mgrid[-128:128, -128:128]
    rings = np.repeat(((np.hypot(x + 0.5, y + 0.5) // 9 % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    query = query_fingerprints_of(encoded(Image.fromarray(rings), "PNG"))
    values = [f.value for f in query.fingerprints if f.algorithm is Algorithm.PDQ]
    assert 0 < len(values) == len(set(values)) < 8


def test_a_picture_without_structure_keeps_its_exact_hashes_only() -> None:
    data = encoded(Image.new("RGB", (300, 200), "navy"), "PNG")
    hashed = fingerprints_of(data)
    assert hashed.fingerprints[0].quality is not None
    assert hashed.fingerprints[0].quality < MIN_QUALITY
    assert [f.algorithm for f in hashed.submittable] == [Algorithm.MD5, Algorithm.SHA256]
    assert [f.algorithm for f in query_fingerprints_of(data).fingerprints] == [Algorithm.MD5, Algorithm.SHA256]


def test_a_preview_is_small_and_grey_and_blurred_until_asked(photo: Photo) -> None:
    data = encoded(photo("astronaut"), "PNG")
    blurred, sharp = (Image.open(io.BytesIO(preview_of(data, long_side_px=96, blur=blur))) for blur in (True, False))
    assert blurred.format == "JPEG"
    assert (blurred.mode, blurred.size) == (sharp.mode, sharp.size) == ("L", (96, 96))
    assert edges(blurred) < edges(sharp) / 4


def edges(image: Image.Image) -> float:
    return float(np.abs(np.diff(np.asarray(image).astype(np.float64), axis=1)).mean())


def test_the_reviewers_picture_is_upright_and_carries_nothing_of_the_files_metadata(photo: Photo) -> None:
    canary = "canary-7f3a"
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    exif[0x010E] = canary
    data = encoded(photo("coffee"), "JPEG", exif=exif, comment=canary, icc_profile=canary.encode() * 40)
    assert canary.encode() in data
    for made in (reencoded(data), preview_of(data, long_side_px=200, blur=False)):
        assert canary.encode() not in made
        with Image.open(io.BytesIO(made)) as image:
            assert image.height > image.width
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_limits_given_by_a_caller_hold(photo: Photo) -> None:
    data = encoded(photo("coffee"), "PNG")
    for limits in (Limits(max_bytes=1000), Limits(max_pixels=1000), Limits(max_side_px=500)):
        with pytest.raises(UnusableMediaError) as caught:
            fingerprints_of(data, limits)
        assert caught.value.code == "media.too_large"


def test_nothing_of_the_value_shows_in_a_repr(photo: Photo) -> None:
    hashed = fingerprints_of(encoded(photo("coffee"), "PNG"))
    assert not any(f.value in repr(hashed) for f in hashed.fingerprints)
