"""Writes ``src/takeback/matching/starter_furniture.bin``: regions of drawn, typical interfaces, captions and emoji.

``python bench/make_starter_furniture.py`` from the checkout's root. Every template is drawn around several generated
pictures that have nothing in common; what their region sets share is the template's.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from furniture import Random, caption_band, caption_over, emoji, phone_screenshot, post_frame, window_screenshot
from takeback.hashing.regions import regions_to_ask
from takeback.matching.region_stop_list import RegionStopList, shared_regions

TARGET = Path(__file__).parents[1] / "src/takeback/matching/starter_furniture.bin"
SIZES = (
    (500, 375),
    (375, 500),
    (500, 333),
    (333, 500),
    (480, 480),
    (640, 400),
    (400, 640),
    (300, 520),
    (500, 430),
    (430, 500),
    (640, 360),
)
PICTURES = 8

Template = Callable[[Image.Image], Image.Image]

TEMPLATES: dict[str, Template] = {
    "phone, light": lambda picture: phone_screenshot(picture, dark=False),
    "phone, dark": lambda picture: phone_screenshot(picture, dark=True),
    "window": window_screenshot,
    "post": post_frame,
    "caption band": caption_band,
    "caption over": caption_over,
    "emoji, small": lambda picture: emoji(picture, np.random.default_rng(1), 0.18),
    "emoji, large": lambda picture: emoji(picture, np.random.default_rng(1), 0.30),
}


def texture(random: Random, size: tuple[int, int]) -> Image.Image:
    """A picture of nothing: smoothed noise of several coarsenesses."""
    total = np.zeros((size[1], size[0], 3))
    for cells in (4, 9, 20, 45, 100):
        coarse = Image.fromarray(random.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray((total / 5).astype(np.uint8)).filter(ImageFilter.UnsharpMask(3, 150, 0))


def starter_values() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(n, 32) uint8."""
    found = RegionStopList(np.empty((0, 32), np.uint8))
    for number, template in enumerate(TEMPLATES.values()):
        random = np.random.default_rng(number)
        for size in SIZES:
            sets = [regions_to_ask(np.asarray(template(texture(random, size)))).values for _ in range(PICTURES)]
            found = found.joined_with(shared_regions(sets))
    return found.values


if __name__ == "__main__":
    values = starter_values()
    TARGET.write_bytes(values.tobytes())
    print(f"wrote {len(values)} values to {TARGET.name}")
