"""Writes ``vectors/variants-v1.json``: which views of a picture are registered, for pictures both languages can draw.

A drawing of ``make_pdq.py`` stands in a frame of one grey, or in several, one in the other, as a picture in an app's
interface does. The views come from the Python side; a sum over their pixels notices any that moved. Run from the
checkout's root: ``python vectors/make.py variants``, or with ``--check`` to compare the committed file with a new one.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from make_pdq import Drawing, rgba_of
from numpy.typing import NDArray

from takeback.hashing.variants import app_crops, content_boxes, shrunk

TARGET = Path(__file__).parent / "variants-v1.json"
_MODULUS = 2**31 - 1

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """Bars of one grey around a picture, in pixels; ``ring`` darkens every eighth pixel by that much, as JPEG may."""

    grey: int
    left: int
    top: int
    right: int
    bottom: int
    ring: int = 0


@dataclass(frozen=True, slots=True)
class Framed:
    """A drawing and its frames, the inner one first."""

    drawing: Drawing
    frames: tuple[Frame, ...] = ()


def framed() -> list[Framed]:
    """Without bars; with bars of each kind; bars in bars; large enough to be shrunk; with transparency; tiny."""
    clouds = Drawing("clouds", 400, 300, 4)
    return [
        Framed(clouds),
        Framed(Drawing("noise", 300, 300, 1)),
        Framed(Drawing("flat", 200, 120, 2)),
        Framed(Drawing("noise", 60, 40, 1)),
        Framed(Drawing("waves", 191, 100, 3)),
        Framed(clouds, (Frame(250, 0, 90, 0, 130),)),
        Framed(clouds, (Frame(0, 70, 0, 50, 0),)),
        Framed(clouds, (Frame(128, 20, 30, 40, 50, ring=9),)),
        Framed(clouds, (Frame(128, 20, 30, 40, 50, ring=12),)),
        Framed(clouds, (Frame(10, 3, 3, 3, 3),)),
        Framed(clouds, (Frame(0, 0, 60, 0, 60), Frame(255, 45, 0, 45, 0))),
        Framed(clouds, (Frame(0, 40, 30, 40, 30), Frame(200, 25, 50, 25, 90), Frame(90, 30, 30, 30, 30))),
        Framed(Drawing("clouds", 1601, 1201, 3), (Frame(255, 0, 300, 0, 600),)),
        Framed(Drawing("discs", 2048, 640, 2), (Frame(0, 301, 0, 99, 7),)),
        Framed(Drawing("waves", 4000, 33, 5)),
        Framed(Drawing("clouds", 500, 320, 1, alpha=True), (Frame(30, 64, 0, 64, 80),)),
        Framed(Drawing("noise", 1, 1, 1)),
    ]


def pixels_of(picture: Framed) -> Pixels:
    """(height, width, 4) uint8."""
    rgba = rgba_of(picture.drawing)
    for frame in picture.frames:
        rgba = _in(frame, rgba)
    return rgba


def _in(frame: Frame, rgba: Pixels) -> Pixels:
    height, width, _ = rgba.shape
    tall, broad = frame.top + height + frame.bottom, frame.left + width + frame.right
    y, x = np.mgrid[0:tall, 0:broad]
    out = np.full((tall, broad, 4), 255, np.uint8)
    out[:, :, :3] = np.where((x + y) % 8 == 0, max(0, frame.grey - frame.ring), frame.grey)[:, :, None]
    out[frame.top : frame.top + height, frame.left : frame.left + width] = rgba
    return out


def sum_of(pixels: Pixels) -> int:
    """The sum of red, green and blue, each weighted by its place: equal only when no pixel moved."""
    flat = pixels[:, :, :3].astype(np.int64).ravel()
    return int((flat * (np.arange(flat.size) % 8191 + 1)).sum()) % _MODULUS


def vector(picture: Framed) -> dict[str, object]:
    """A picture and what is registered of it."""
    pixels = pixels_of(picture)
    small = shrunk(pixels)
    boxes = [[*map(_corners, content_boxes(small))], [*map(_corners, app_crops(small))]]
    return {
        "drawing": asdict(picture.drawing),
        "frames": [asdict(frame) for frame in picture.frames],
        "pixel_sum": sum_of(pixels),
        "small": [small.shape[1], small.shape[0]],
        "small_sum": sum_of(small),
        "content_boxes": boxes[0],
        "app_crops": boxes[1],
    }


def _corners(box: object) -> list[int]:
    return [getattr(box, side) for side in ("left", "top", "right", "bottom")]


def text() -> str:
    """The file's exact text: one picture a line."""
    about = "Views that are registered of pictures drawn by formula. Written by vectors/make_variants.py; do not edit."
    lines = ",\n".join("  " + json.dumps(vector(picture)) for picture in framed())
    return f'{{\n "about": {json.dumps(about)},\n "pictures": [\n{lines}\n ]\n}}\n'
