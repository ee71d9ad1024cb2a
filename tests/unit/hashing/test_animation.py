"""Animations: later frames are hashed too, the same few for everybody, and never at any price."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from takeback.hashing import Limits, fingerprints_of, query_fingerprints_of
from takeback.hashing.animation import frame_numbers, further_frames
from takeback.hashing.pdq import pdq_of
from takeback.model.fingerprint import Algorithm, Fingerprint

FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
FRAMES = 9
NEAR_BITS = 20

Photo = Callable[[str], Image.Image]


@pytest.fixture(scope="module")
def frames(photo: Photo) -> list[Image.Image]:
    """Nine parts of a photograph, none like another."""
    whole = photo("coffee").resize((600, 600))
    tiles = [(x, y, x + 200, y + 200) for y in range(0, 600, 200) for x in range(0, 600, 200)]
    return [whole.crop(tile).rotate(90 * number) for number, tile in enumerate(tiles)]


def animated(frames: list[Image.Image], format_: str) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, format_, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def values(fingerprints: tuple[Fingerprint, ...]) -> list[int]:
    return [int(one.value, 16) for one in fingerprints if one.algorithm is Algorithm.PDQ]


def value_of(frame: Image.Image) -> int:
    return int(pdq_of(np.asarray(frame)).text, 16)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_first_frame_and_three_spread_ones_are_registered_and_asked(
    frames: list[Image.Image], format_: str
) -> None:
    data = animated(frames, format_)
    listed = values(fingerprints_of(data).fingerprints)
    expected = [value_of(frames[number]) for number in (0, 2, 4, 6)]
    assert [(one ^ other).bit_count() <= NEAR_BITS for one, other in zip(listed, expected, strict=True)] == [True] * 4
    asked = values(query_fingerprints_of(data).fingerprints)
    assert all(min((one ^ other).bit_count() for other in asked) <= NEAR_BITS for one in expected)
    assert set(listed) <= set(values(fingerprints_of(data, edited_copies=True).fingerprints))


@pytest.mark.parametrize("format_", [*FORMATS, "JPEG", "BMP", "TIFF"])
def test_a_still_picture_has_no_further_frames(frames: list[Image.Image], format_: str) -> None:
    out = io.BytesIO()
    frames[0].save(out, format_)
    assert further_frames(out.getvalue(), Limits()) == ()


def test_a_frame_that_shows_the_same_counts_once(frames: list[Image.Image]) -> None:
    data = animated([frames[0], frames[1], frames[0], frames[1]], "PNG")
    assert len(values(fingerprints_of(data).fingerprints)) == 2


@given(st.integers(0, 10**6))
def test_frame_numbers_are_few_distinct_and_there(count: int) -> None:
    numbers = frame_numbers(count)
    assert len(numbers) == min(3, max(0, count - 1))
    assert list(numbers) == sorted(set(numbers))
    assert all(0 < number < count for number in numbers)


def test_limits_end_the_way_not_the_picture(frames: list[Image.Image]) -> None:
    data = animated(frames, "GIF")
    whole = fingerprints_of(data).fingerprints
    by_frames = fingerprints_of(data, Limits(max_frames=3)).fingerprints
    by_pixels = fingerprints_of(data, Limits(max_animation_pixels=3 * 200 * 200)).fingerprints
    assert values(by_frames)[:1] == values(by_pixels)[:1] == values(whole)[:1]
    expected = [value_of(frames[number]) for number in (0, 1, 2)]
    for seen in (by_frames, by_pixels):
        assert [(a ^ b).bit_count() <= NEAR_BITS for a, b in zip(values(seen), expected, strict=True)] == [True] * 3
    assert further_frames(data, Limits(max_animation_pixels=1)) == ()


def test_a_file_of_very_many_frames_is_read_up_to_the_limit() -> None:
    out = io.BytesIO()
    Image.new("L", (1, 1)).save(out, "GIF")
    still = out.getvalue()
    frame = still[still.index(b"\x2c") : -1]
    many = still[:-1] + frame * 200_000 + b";"
    assert len(further_frames(many, Limits())) == 3


@pytest.mark.parametrize("format_", FORMATS)
def test_an_animation_that_breaks_off_is_refused_or_known_by_what_is_there(
    frames: list[Image.Image], format_: str
) -> None:
    data = animated(frames, format_)
    for share in (0.2, 0.5, 0.8, 0.95):
        found = further_frames(data[: int(len(data) * share)], Limits())
        assert all(frame.shape[:2] == (200, 200) for frame in found)
