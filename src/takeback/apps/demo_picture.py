"""A made-up landscape that is as rich as a photograph, so that the story needs nobody's picture.

It does not have to look good: it has to have edges, texture and large shapes, so that its fingerprint has quality, and
two different seeds have to make unrelated pictures.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WIDTH = 1600
_HEIGHT = 1200
_HORIZON = 0.45


def landscape(seed: int) -> bytes:
    """Draw a landscape.

    Args:
        seed: another seed, another landscape.

    Returns:
        A JPEG of 1600 × 1200.
    """
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float64)
    down, across = down / _HEIGHT, across / _WIDTH
    picture = _sky(random, down, across)
    for step in range(4):
        ridge = _HORIZON + 0.12 * step + 0.16 * (_rough_line(random) - 0.5)
        shade = np.array([70, 95, 80]) * (1.15 - 0.22 * step) * random.uniform(0.8, 1.2, 3)
        land = down >= ridge[None, :]
        texture = 26 * (_noise(random, 7) - 0.5)[..., None]
        picture = np.where(land[..., None], shade + texture + 40 * (down[..., None] - ridge[None, :, None]), picture)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=92)
    return out.getvalue()


def edited_copy(picture: bytes, *, long_side_px: int = 900, quality: int = 45) -> bytes:
    """What a re-share looks like: smaller, re-compressed, without metadata.

    Args:
        picture: any picture Pillow reads.
        long_side_px: longer side of the copy.
        quality: JPEG quality, 1 to 95.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((long_side_px, long_side_px))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def cropped_copy(picture: bytes, *, kept: float = 0.7) -> bytes:
    """The middle of a picture, as somebody crops it who wants to get past a check.

    Args:
        picture: any picture Pillow reads.
        kept: share of each side.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    left, top = int(image.width * (1 - kept) / 2), int(image.height * (1 - kept) / 2)
    out = io.BytesIO()
    image.crop((left, top, image.width - left, image.height - top)).save(out, "JPEG", quality=80)
    return out.getvalue()


def _sky(random: np.random.Generator, down: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    top, bottom = random.uniform(60, 160, 3), random.uniform(170, 250, 3)
    sky = top + (bottom - top) * down[..., None] / _HORIZON
    x, y, radius = random.uniform(0.15, 0.85), random.uniform(0.08, 0.3), random.uniform(0.04, 0.09)
    sun = (across - x) ** 2 + (down - y) ** 2 * (_HEIGHT / _WIDTH) ** 2 < radius**2
    clouds = 90 * np.clip(_noise(random, 5) - 0.55, 0, 1)[..., None]
    return np.where(sun[..., None], 250.0, sky + clouds)


def _noise(random: np.random.Generator, octaves: int) -> NDArray[np.float64]:
    """(height, width) noise in 0..1: coarse shapes with finer and finer detail on them."""
    total = np.zeros((_HEIGHT, _WIDTH))
    for octave in range(octaves):
        cells = 3 * 2**octave
        grid = Image.fromarray(random.random((cells, cells)).astype(np.float32))
        total += np.asarray(grid.resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)) / 2**octave
    return np.asarray((total - total.min()) / (total.max() - total.min()))


def _rough_line(random: np.random.Generator) -> NDArray[np.float64]:
    """(width,) heights in about 0..1: a ridge with peaks."""
    places = np.linspace(0, 1, _WIDTH)
    line = np.zeros(_WIDTH)
    for octave in range(6):
        knots = 4 * 2**octave
        line += np.interp(places, np.linspace(0, 1, knots), random.random(knots)) / 2**octave
    return np.asarray((line - line.min()) / (line.max() - line.min()))
