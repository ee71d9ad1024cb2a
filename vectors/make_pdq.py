"""Writes ``vectors/pdq-v1.json``: what PDQ has to be for pictures that both languages can draw.

The values come from ``pdqhash``, the implementation the industry's clients use, and not from our own kernels. Pictures
are formulas in integers, so the file stays small and holds no picture of anything. Run from the checkout's root:
``python vectors/make.py pdq``, or with ``--check`` to compare the committed file with a new one.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pdqhash
from numpy.typing import NDArray

TARGET = Path(__file__).parent / "pdq-v1.json"

Plane = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture by formula: ``kind`` names it, ``seed`` varies it, ``alpha`` gives it transparency."""

    kind: str
    width: int
    height: int
    seed: int
    alpha: bool = False


def _noise(y: Plane, x: Plane, channel: int, seed: int) -> Plane:
    """A hash of position: multiplications modulo 2³², top byte."""
    mixed = (x * 73856093 ^ y * 19349663 ^ (channel + 4 * seed) * 83492791) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    return (mixed ^ mixed >> 12) >> 24 & 255


def _waves(y: Plane, x: Plane, channel: int, seed: int) -> Plane:
    return (x * (3 + channel) + y * (1 + seed) + x * y // 64) & 255


def _ramp(y: Plane, x: Plane, channel: int, seed: int) -> Plane:
    return (x * (channel + 1) + y * (seed + 1)) // 8 & 255


def _flat(y: Plane, _x: Plane, channel: int, seed: int) -> Plane:
    return np.broadcast_to(np.array((seed + 40 * channel) & 255, np.int64), np.broadcast_shapes(y.shape, _x.shape))


def _discs(y: Plane, x: Plane, channel: int, seed: int) -> Plane:
    """Overlapping discs on a sloping ground: hard edges and smooth parts, like a drawing."""
    value = (x + y) // 4 & 127
    for k in range(1, 9):
        centre_x, centre_y = 37 * k * (seed + 1) % 256, 61 * k * (seed + 2) % 256
        radius = 12 + 7 * k % 40
        inside = (x % 256 - centre_x) ** 2 + (y % 256 - centre_y) ** 2 < radius * radius
        value = np.where(inside, (value + 29 * k * (channel + 1)) & 255, value)
    return value


def _clouds(y: Plane, x: Plane, channel: int, seed: int) -> Plane:
    """Noise of four sizes, blended linearly between its points: the nearest to a photograph among these."""
    total: Plane = np.zeros(np.broadcast_shapes(y.shape, x.shape), np.int64)
    for octave in range(4):
        cell = 64 >> octave
        left, top, dx, dy = x // cell, y // cell, x % cell, y % cell
        upper = (
            _noise(top, left, channel, seed + octave) * (cell - dx) + _noise(top, left + 1, channel, seed + octave) * dx
        )
        lower = (
            _noise(top + 1, left, channel, seed + octave) * (cell - dx)
            + _noise(top + 1, left + 1, channel, seed + octave) * dx
        )
        blended: Plane = np.floor_divide(upper * (cell - dy) + lower * dy, cell * cell)
        total = total + (blended >> octave)
    return total * 8 // 15


KINDS: dict[str, Callable[[Plane, Plane, int, int], Plane]] = {
    "noise": _noise,
    "waves": _waves,
    "ramp": _ramp,
    "flat": _flat,
    "discs": _discs,
    "clouds": _clouds,
}

_SIZES = (
    (5, 5),
    (5, 300),
    (300, 5),
    (63, 65),
    (64, 64),
    (64, 65),
    (65, 64),
    (127, 129),
    (128, 128),
    (129, 127),
    (256, 384),
    (333, 257),
    (640, 427),
)


def drawings() -> list[Drawing]:
    """Every kind in every size, tiny and long ones, and some with transparency."""
    every = [Drawing(kind, *size, seed) for kind in KINDS for seed, size in enumerate(_SIZES)]
    small = [Drawing("noise", *size, 1) for size in ((1, 1), (4, 4), (4, 400), (6, 5), (8, 8))]
    large = [Drawing("clouds", 1601, 1201, 3), Drawing("discs", 2048, 640, 2), Drawing("waves", 4000, 33, 5)]
    clear = [Drawing(kind, 200, 150, seed, alpha=True) for seed, kind in enumerate(KINDS)]
    return every + small + large + clear


def rgba_of(drawing: Drawing) -> NDArray[np.uint8]:
    """(height, width, 4) uint8, not premultiplied."""
    y, x = np.mgrid[0 : drawing.height, 0 : drawing.width].astype(np.int64)
    draw = KINDS[drawing.kind]
    planes = [draw(y, x, channel, drawing.seed) for channel in range(3)]
    opaque = np.full(y.shape, 255, np.int64)
    planes.append(_waves(y, x, 3, drawing.seed) if drawing.alpha else opaque)
    return np.stack(planes, axis=2).astype(np.uint8)


def over_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: what is seen of a picture with transparency on white."""
    colour, alpha = rgba[:, :, :3].astype(np.int64), rgba[:, :, 3:].astype(np.int64)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _vector(drawing: Drawing) -> dict[str, object]:
    rgba = rgba_of(drawing)
    seen = over_white(rgba)
    bits, quality = pdqhash.compute(seen)
    forms, _ = pdqhash.compute_dihedral(seen)
    # On 64×64 the reference blurs for the eight forms and not for the one, so its eight say nothing about the one.
    whole = (drawing.width, drawing.height) != (64, 64)
    return {
        **asdict(drawing),
        # Lets a test tell a drawing that differs from a hash that does.
        "pixel_sum": int(rgba.astype(np.int64).sum()),
        "value": _hex(bits),
        "quality": int(quality),
        **({"forms": [_hex(form) for form in forms]} if whole else {}),
    }


def _hex(bits: NDArray[np.int64]) -> str:
    return np.packbits(bits.astype(np.uint8)).tobytes().hex()


def text() -> str:
    """The file's exact text: one drawing a line."""
    about = "PDQ by pdqhash of pictures drawn by formula. Written by vectors/make_pdq.py; do not edit."
    lines = ",\n".join("  " + json.dumps(_vector(drawing)) for drawing in drawings())
    return f'{{\n "about": {json.dumps(about)},\n "drawings": [\n{lines}\n ]\n}}\n'
