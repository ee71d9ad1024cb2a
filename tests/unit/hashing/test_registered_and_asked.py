"""What is registered when a person wants edited copies found too, and what a platform asks for."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from takeback.hashing import fingerprints_of, query_fingerprints_of
from takeback.model.fingerprint import Algorithm, parse_fingerprint


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def picture() -> bytes:
    return _png(data.astronaut())


def _values(fingerprints: object, algorithm: Algorithm) -> list[str]:
    return [item.value for item in fingerprints if item.algorithm is algorithm]  # type: ignore[attr-defined]


def test_without_the_choice_only_the_plain_three(picture: bytes) -> None:
    plain = fingerprints_of(picture).fingerprints
    assert [item.algorithm for item in plain] == [Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256]


def test_with_it_other_views_and_one_set_of_regions(picture: bytes) -> None:
    plain, edited = fingerprints_of(picture), fingerprints_of(picture, edited_copies=True)
    assert edited.fingerprints[0] == plain.fingerprints[0]
    pdqs = _values(edited.fingerprints, Algorithm.PDQ)
    assert len(pdqs) == len(set(pdqs)) > 4
    (regions,) = _values(edited.fingerprints, Algorithm.PDQ_REGION)
    parse_fingerprint(Algorithm.PDQ_REGION, regions, None)
    assert set(_values(edited.fingerprints, Algorithm.MD5)) == set(_values(plain.fingerprints, Algorithm.MD5))


def test_an_app_crop_meets_a_registered_view() -> None:
    wide = data.astronaut()[64:-64]
    registered = _values(fingerprints_of(_png(wide), edited_copies=True).fingerprints, Algorithm.PDQ)
    square = wide[:, 64:-64]
    asked = _values(query_fingerprints_of(_png(square)).fingerprints, Algorithm.PDQ)
    nearest = min((int(a, 16) ^ int(b, 16)).bit_count() for a in registered for b in asked)
    assert nearest <= 31


def test_a_picture_between_bars_is_asked_without_them(picture: bytes) -> None:
    pixels = data.astronaut()
    barred = np.zeros((900, 512, 3), np.uint8)
    barred[194:706] = pixels
    (plain, *_) = _values(fingerprints_of(picture).fingerprints, Algorithm.PDQ)
    asked = _values(query_fingerprints_of(_png(barred)).fingerprints, Algorithm.PDQ)
    assert min((int(plain, 16) ^ int(value, 16)).bit_count() for value in asked) <= 31


def test_a_picture_that_lies_on_its_side_is_registered_as_stored_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.fromarray(data.coffee()).save(out, "JPEG", quality=95, exif=exif)
    registered = _values(fingerprints_of(out.getvalue(), edited_copies=True).fingerprints, Algorithm.PDQ)
    (as_stored, *_) = _values(fingerprints_of(_png(data.coffee())).fingerprints, Algorithm.PDQ)
    assert min((int(as_stored, 16) ^ int(value, 16)).bit_count() for value in registered) <= 31


def test_a_flat_picture_has_no_regions_and_nothing_breaks() -> None:
    flat = fingerprints_of(_png(np.full((300, 400, 3), 90, np.uint8)), edited_copies=True)
    assert _values(flat.submittable, Algorithm.PDQ) == []
    assert _values(flat.submittable, Algorithm.PDQ_REGION) == []
    assert len(_values(flat.submittable, Algorithm.SHA256)) == 1


def test_regions_are_asked_only_when_wanted(picture: bytes) -> None:
    assert query_fingerprints_of(picture).regions is None
    asked = query_fingerprints_of(picture, regions=True).regions
    assert asked is not None
    assert len(asked) > 50
    assert asked.values[0].tobytes().hex() not in repr(asked)
