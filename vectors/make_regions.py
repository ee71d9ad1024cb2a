"""Writes ``vectors/regions-v1.json``: the region sets that Python and the browser both have to find in the same pixels.

Run it from the checkout's root: ``python vectors/make.py regions``. The pictures are drawn by the whole-number formulas
below, in any language the same; nothing is decoded, because decoders differ far more than this arithmetic does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions import regions_to_register, text_of

TARGET = Path(__file__).parent / "regions-v1.json"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Overlapping discs and boxes over a gradient, with noise.

    Args:
        width: pixels.
        height: pixels.
        seed: of the generator.
        shapes: how many.
        noise: grey levels are moved by less than this.
        alpha: whether some of the picture is translucent.
    """

    width: int
    height: int
    seed: int
    shapes: int
    noise: int
    alpha: bool = False


DRAWINGS = (
    Drawing(500, 375, 1, 60, 8),
    Drawing(375, 500, 2, 60, 1),
    Drawing(512, 512, 27, 160, 8),
    Drawing(1500, 1100, 4, 90, 16),
    Drawing(1281, 717, 5, 150, 4),
    Drawing(160, 120, 6, 40, 4),
    Drawing(64, 64, 7, 12, 2),
    Drawing(900, 130, 8, 60, 4),
    Drawing(500, 333, 9, 200, 12, alpha=True),
    Drawing(640, 480, 10, 6, 1),
    Drawing(333, 500, 11, 400, 32),
    Drawing(40, 700, 12, 40, 4),
)
PLAIN = (Drawing(320, 240, 13, 0, 1), Drawing(16, 16, 14, 0, 1), Drawing(3, 2, 15, 1, 1))
"""Pictures without structure: they have no regions."""


def random_numbers(seed: int) -> Iterator[int]:
    """24-bit numbers of a linear congruential generator. Source: Numerical Recipes, section 7.1."""
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield state >> 8


def pixels_of(drawing: Drawing) -> NDArray[np.uint8]:
    """(height, width, 4) uint8: the drawing."""
    y, x = np.mgrid[0 : drawing.height, 0 : drawing.width].astype(np.int64)
    side = max(drawing.width, drawing.height)
    out = np.empty((drawing.height, drawing.width, 4), np.int64)
    for channel in range(3):
        out[:, :, channel] = 60 + 40 * channel + x * 50 // side + y * 30 // side
    out[:, :, 3] = 255
    numbers = random_numbers(drawing.seed)
    for _ in range(drawing.shapes):
        kind, cx, cy, radius = next(numbers) % 3, next(numbers) % drawing.width, next(numbers) % drawing.height, 0
        radius = side // 100 + next(numbers) % (side // 8 + 1)
        colour = [next(numbers) % 256 for _ in range(3)]
        across, down = np.abs(x - cx), np.abs(y - cy)
        if kind == 0:
            inside = (across <= radius) & (down * 2 <= radius)
        else:
            inside = across * across + down * down <= radius * radius
        for channel in range(3):
            plane = out[:, :, channel]
            plane[inside] = (plane[inside] + 3 * colour[channel]) // 4 if kind == 2 else colour[channel]
        if drawing.alpha and kind == 2:
            out[:, :, 3][inside] = 128
    mixed = (x * 73856093 + y * 19349663 + drawing.seed * 83492791) % 2**31
    shift = (mixed // 2**9) % drawing.noise
    out[:, :, :3] = np.minimum(255, out[:, :, :3] + shift[:, :, None])
    return out.astype(np.uint8)


def _row(drawing: Drawing) -> dict[str, object]:
    pixels = pixels_of(drawing)
    regions = regions_to_register(pixels)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "seed": drawing.seed,
        "shapes": drawing.shapes,
        "noise": drawing.noise,
        "alpha": drawing.alpha,
        "pixel_sum": int(pixels.sum(dtype=np.int64)),
        "regions": len(regions),
        "value": text_of(regions) if len(regions) else None,
    }


def vectors() -> dict[str, object]:
    """Everything the file holds."""
    return {
        "about": "Region sets of drawn pictures. Written by vectors/make_regions.py; do not edit.",
        "drawings": [_row(drawing) for drawing in DRAWINGS + PLAIN],
    }


def text() -> str:
    """The file's exact text."""
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"
