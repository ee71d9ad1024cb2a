"""Regions of real pictures: found again after what people do to a picture, and not in other pictures."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps
from skimage import data as samples

from takeback.hashing.regions import MAX_REGISTERED, RegionSet, regions_to_ask, regions_to_register, text_of

VECTORS = Path(__file__).parents[3] / "vectors"
NAMES = ("astronaut", "chelsea", "coffee", "rocket")

Pixels = NDArray[np.uint8]


def picture(name: str) -> Image.Image:
    return Image.fromarray(getattr(samples, name)()).convert("RGB")


def pixels_of(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"))


def nearest_bits(registered: RegionSet, asked: RegionSet) -> NDArray[np.int64]:
    """Ten lines instead of a kernel: distance of each registered region to the nearest that is asked, sorted."""
    bits = np.unpackbits(registered.values, axis=1)[:, None, :] != np.unpackbits(asked.values, axis=1)[None, :, :]
    distances: NDArray[np.int64] = np.sort(bits.sum(axis=2, dtype=np.int64).min(axis=1))
    return distances


def crop_half(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 5, height // 8, width // 5 + width // 2, height // 8 + height // 2))


def written_over(image: Image.Image) -> Image.Image:
    out = image.copy()
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, 0, image.width, image.height // 5), fill=(255, 255, 255))
    draw.text((20, 10), "look at this", fill=(0, 0, 0), font_size=image.height // 8)
    return out


def on_a_screen(image: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (720, 1440), (250, 250, 250))
    screen.paste(ImageOps.contain(image, (720, 900)), (0, 200))
    ImageDraw.Draw(screen).text((40, 60), "9:41   someone", fill=(0, 0, 0), font_size=40)
    return screen


EDITS = {
    "crop to half": crop_half,
    "turned by 25 degrees": lambda image: image.rotate(25, Image.Resampling.BICUBIC, expand=True),
    "mirrored": ImageOps.mirror,
    "quarter turn": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "a third of the size": lambda image: image.resize((image.width // 3, image.height // 3)),
    "written over": written_over,
    "on a screen": on_a_screen,
}


@pytest.fixture(scope="module")
def registered() -> dict[str, RegionSet]:
    return {name: regions_to_register(pixels_of(picture(name))) for name in NAMES}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_near_its_own_picture_and_no_other(registered: dict[str, RegionSet], edit: str) -> None:
    for name in NAMES:
        asked = regions_to_ask(pixels_of(EDITS[edit](picture(name))))
        assert nearest_bits(registered[name], asked)[0] <= 31, name
        for other in NAMES:
            if other != name:
                assert nearest_bits(registered[other], asked)[0] > 40, (name, other)


def test_many_regions_of_the_same_picture_are_equal() -> None:
    pixels = pixels_of(picture("astronaut"))
    distances = nearest_bits(regions_to_register(pixels), regions_to_ask(pixels))
    assert (distances == 0).mean() > 0.6


def test_a_squeezed_copy_is_found_when_stretched_forms_are_asked() -> None:
    image = picture("coffee")
    registered = regions_to_register(pixels_of(image))
    squeezed = pixels_of(image.resize((image.width, image.height * 4 // 5), Image.Resampling.LANCZOS))
    plain = nearest_bits(registered, regions_to_ask(squeezed))
    stretched = nearest_bits(registered, regions_to_ask(squeezed, stretched=True))
    assert (stretched <= 31).sum() >= 5
    assert (stretched <= 31).sum() > (plain <= 31).sum()


def test_a_set_is_sorted_distinct_balanced_and_within_its_limit(registered: dict[str, RegionSet]) -> None:
    for regions in registered.values():
        rows = [row.tobytes() for row in regions.values]
        assert rows == sorted(set(rows))
        assert (np.bitwise_count(regions.values).sum(axis=1) == 128).all()
        assert 20 <= len(regions) <= MAX_REGISTERED
        assert regions.strong.any()


def test_the_same_picture_gives_the_same_text(registered: dict[str, RegionSet]) -> None:
    again = regions_to_register(pixels_of(picture("chelsea")))
    assert text_of(again) == text_of(registered["chelsea"])


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (16, 16), (2000, 1), (1, 700), (640, 480)])
def test_a_picture_without_structure_has_no_regions(size: tuple[int, int]) -> None:
    for channels in (1, 3, 4):
        flat = np.full((size[1], size[0], channels), 200, np.uint8)
        assert len(regions_to_register(flat)) == 0
        assert len(regions_to_ask(flat)) == 0


def test_one_straight_edge_or_bar_gives_no_regions() -> None:
    edge = np.full((400, 500, 1), 40, np.uint8)
    edge[:, 230:] = 210
    bar = np.full((400, 500, 1), 40, np.uint8)
    bar[180:210] = 210
    for pixels in (edge, bar):
        assert len(regions_to_ask(pixels)) == 0


def test_noise_of_a_few_grey_levels_gives_no_regions() -> None:
    noise = np.random.default_rng(1).normal(120, 1.0, (400, 500, 1)).astype(np.uint8)
    assert len(regions_to_ask(noise)) == 0


def test_transparent_pixels_count_as_white() -> None:
    opaque = pixels_of(picture("chelsea"))
    alpha = np.full((*opaque.shape[:2], 1), 255, np.uint8)
    alpha[:100] = 0
    seen = np.concatenate((opaque, alpha), axis=2)
    white = opaque.copy()
    white[:100] = 255
    assert text_of(regions_to_register(seen)) == text_of(regions_to_register(white))


def test_values_are_not_in_a_repr(registered: dict[str, RegionSet]) -> None:
    regions = registered["rocket"]
    assert repr(regions) == f"RegionSet({len(regions)} regions)"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_regions", VECTORS / "make_regions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_golden_vectors_are_what_the_generator_writes() -> None:
    written = (VECTORS / "regions-v1.json").read_text(encoding="utf-8")
    assert _generator().text() == written
    assert max(row["regions"] for row in json.loads(written)["drawings"]) == MAX_REGISTERED
