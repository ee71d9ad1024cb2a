"""What the limits of plausibility rest on: real pictures and drawings, hashed here."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data
from tests.plausible import plausible_pdq

from takeback.hashing.pdq import pdq_forms_of
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint
from takeback.model.plausibility import MIN_PDQ_ONES, is_plausible, is_plausible_pdq
from takeback.model.video import MIN_FRAME_QUALITY, Video, VideoFrame, video_value

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "page", "rocket", "text")
GOOD = [bytes.fromhex(plausible_pdq(seed).value) for seed in range(6)]
BAD = bytes(32)


def _rgb(picture: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(picture).convert("RGB")


def _saved_again(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _drawing(seed: int) -> Image.Image:
    """Flat shapes on a flat ground, as a logo or a meme's frame has them."""
    source = np.random.default_rng(seed)
    width, height = (int(side) for side in source.integers(80, 500, 2))
    drawing = Image.new("RGB", (width, height), tuple(int(part) for part in source.integers(0, 256, 3)))
    pen = ImageDraw.Draw(drawing)
    for _ in range(int(source.integers(1, 12))):
        left, right = sorted(int(x) for x in source.integers(0, width, 2))
        top, bottom = sorted(int(y) for y in source.integers(0, height, 2))
        shape = pen.rectangle if source.random() < 0.5 else pen.ellipse
        shape((left, top, right, bottom), fill=tuple(int(part) for part in source.integers(0, 256, 3)))
    return drawing


def _ones_of(picture: Image.Image) -> list[int]:
    """Ones of all eight positions, where the quality is one that is submitted."""
    forms = pdq_forms_of(np.ascontiguousarray(picture))
    usable = [form.bits for form in forms if form.quality >= MIN_QUALITY]
    assert all(is_plausible_pdq(bits) for bits in usable)
    return [int.from_bytes(bits).bit_count() for bits in usable]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_and_its_crops_have_exactly_half_of_the_bits(name: str) -> None:
    picture = _rgb(getattr(data, name)())
    width, height = picture.size
    crops = [(0, 0, width, height), (0, 0, width // 2, height), (width // 4, height // 4, width, height)]
    ones = {
        count for box in crops for quality in (90, 30) for count in _ones_of(_saved_again(picture.crop(box), quality))
    }
    assert ones == {128}


def test_so_have_drawings_of_flat_shapes() -> None:
    ones = [count for seed in range(60) for count in _ones_of(_drawing(seed))]
    assert len(ones) > 200
    assert set(ones) == {128}


def test_only_perfect_symmetry_goes_below() -> None:
    side = np.arange(512)
    halves = np.where((side[:, None] < 256) ^ (side[None, :] < 256), 255, 0).astype(np.uint8)
    stripes = np.where(side[None, :] // 8 % 2, 255, 0).astype(np.uint8) * np.ones((128, 1), np.uint8)
    forms = [*pdq_forms_of(np.asarray(_rgb(halves))), *pdq_forms_of(np.asarray(_rgb(stripes[:, :128])))]
    usable = [form for form in forms if form.quality >= MIN_QUALITY]
    assert min(int.from_bytes(form.bits).bit_count() for form in usable) < MIN_PDQ_ONES


@pytest.mark.parametrize("pattern", ["00", "ff", "aa", "0f", "0ff0", "00ff33cc", "33cc"])
def test_a_value_that_repeats_itself_is_no_picture(pattern: str) -> None:
    assert not is_plausible_pdq(bytes.fromhex(pattern) * (32 // (len(pattern) // 2)))


@pytest.mark.parametrize("name", [Algorithm.MD5, Algorithm.SHA256])
def test_digests_of_files_that_everybody_has_are_none_of_a_picture(name: Algorithm) -> None:
    algorithm = name.value

    def digest(file: bytes) -> str:
        return hashlib.new(algorithm, file, usedforsecurity=False).hexdigest()

    assert not any(is_plausible(Fingerprint(name, digest(file))) for file in (b"", b"\n", b"\0"))
    digits = len(digest(b""))
    junk = ["0" * digits, "f" * digits, "a5" * (digits // 2), f"{1:0{digits}x}", f"{2**20 - 1:0{digits}x}"]
    assert not any(is_plausible(Fingerprint(name, value)) for value in junk)
    assert all(is_plausible(Fingerprint(name, digest(bytes([number, 1])))) for number in range(200))


@given(st.binary(min_size=1, max_size=64))
def test_a_real_digest_passes(file: bytes) -> None:
    if file not in (b"\0", b" ", b"\n", b"\r\n"):
        assert is_plausible(Fingerprint(Algorithm.SHA256, hashlib.sha256(file).hexdigest()))


def test_of_a_set_half_has_to_be_plausible() -> None:
    def video(*frames: bytes, quality: int = 90) -> Fingerprint:
        taken = tuple(VideoFrame(frame, place, quality) for place, frame in enumerate(frames))
        return Fingerprint(Algorithm.VPDQ, video_value(Video(3, taken)))

    assert is_plausible(video(GOOD[0], BAD))
    assert not is_plausible(video(GOOD[0], BAD, BAD))
    assert not is_plausible(video(*GOOD, quality=MIN_FRAME_QUALITY - 1))  # nothing could be found with it
    stripes = bytes.fromhex("0f" * 32), bytes.fromhex("f0" * 32)
    for regions, expected in ((sorted(GOOD), True), (sorted(stripes), False)):
        value = bytes([len(regions)]) + b"".join(regions) + bytes((len(regions) + 7) // 8)
        assert is_plausible(Fingerprint(Algorithm.PDQ_REGION, value.hex())) is expected
