"""Blurring, and the two pyramids: one to find keypoints in, a sharper one to sample patches from.

Everything is float32, one operation at a time in a fixed order, so that a browser's Math.fround gives the same bits.
"""

from functools import cache
from itertools import pairwise
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import exp, exp2, kernel
from takeback.hashing.regions.grey import Grey

Stack = NDArray[np.float32]
"""(levels, height, width) float32."""

Weights = NDArray[np.float32]
"""(1 + radius,) float32: the middle of a symmetric kernel and one side of it."""

SCALES = 3
"""Levels in which keypoints are looked for, to a doubling of scale. Source: Lowe (2004), section 3.2."""

SIGMA = 1.6
"""Blur of the first level of an octave. Source: Lowe (2004), section 3.3."""

_CAMERA_SIGMA = 0.5
_PATCH_SIGMA = 0.8
_PATCH_LEVELS = 4
_RADIUS_IN_SIGMAS = 3.0
_MIN_SIDE = 16


@cache
def gaussian(sigma: float) -> Weights:
    """One side of a Gaussian kernel, cut at three sigmas and normalised to a sum of 1."""
    radius = ceil(_RADIUS_IN_SIGMAS * sigma)
    weights = [exp(-(i * i) / (2.0 * sigma * sigma)) for i in range(radius + 1)]
    total = weights[0]
    for weight in weights[1:]:
        total = total + 2.0 * weight
    return np.array([weight / total for weight in weights], np.float32)


@cache
def level_kernels() -> tuple[Weights, ...]:
    """The kernels that lead from each level of an octave to the next."""
    sigmas = [SIGMA * exp2(level / SCALES) for level in range(SCALES + 3)]
    return tuple(gaussian(sqrt(b * b - a * a)) for a, b in pairwise(sigmas))


def octave_base(grey: Grey) -> Grey:
    """The working picture blurred to the first level of the first octave."""
    return blurred(grey, gaussian(sqrt(SIGMA * SIGMA - _CAMERA_SIGMA * _CAMERA_SIGMA)))


def octave_levels(base: Grey) -> Stack:
    """Six levels, each more blurred than the one before; level 3 has twice the sigma of level 0."""
    levels = np.empty((SCALES + 3, *base.shape), np.float32)
    levels[0] = base
    for index, weights in enumerate(level_kernels()):
        blur_into(levels[index], weights, levels[index + 1])
    return levels


def next_base(levels: Stack) -> Grey | None:
    """Every second pixel of the level of twice the sigma; ``None`` when it has become too small to search."""
    smaller = np.ascontiguousarray(levels[SCALES, ::2, ::2])
    return smaller if min(smaller.shape) >= _MIN_SIDE else None


def patch_pyramid(grey: Grey) -> tuple[Grey, ...]:
    """The working picture and its halvings, blurred just enough to be sampled."""
    level = blurred(grey, gaussian(_PATCH_SIGMA))
    pyramid = [level]
    weights = gaussian(sqrt(3.0) * sqrt(_PATCH_SIGMA * _PATCH_SIGMA + 0.25))
    for _ in range(_PATCH_LEVELS - 1):
        level = np.ascontiguousarray(blurred(level, weights)[::2, ::2])
        pyramid.append(level)
    return tuple(pyramid)


def blurred(image: Grey, weights: Weights) -> Grey:
    """A blurred copy."""
    out = np.empty_like(image)
    blur_into(image, weights, out)
    return out


@kernel
def _mirrored(index: int, length: int) -> int:
    """Where a position outside lies when the picture is mirrored at its edge, the edge pixel repeated."""
    while index < 0 or index >= length:
        index = -1 - index if index < 0 else 2 * length - 1 - index
    return index


@kernel
def _weigh(line: NDArray[np.float32], weight: np.float32, out: NDArray[np.float32]) -> None:
    for x in range(out.size):
        out[x] = weight * line[x]


@kernel
def _add_pair(
    one: NDArray[np.float32], other: NDArray[np.float32], weight: np.float32, out: NDArray[np.float32]
) -> None:
    for x in range(out.size):
        out[x] += weight * (one[x] + other[x])


@kernel
def blur_into(image: Grey, weights: Weights, out: Grey) -> None:
    """Symmetric separable blur, rows then columns, mirrored at the border.

    Args:
        image: (height, width) float32.
        weights: see ``Weights``.
        out: of the same shape, overwritten.
    """
    height, width = image.shape
    radius = weights.size - 1
    padded = np.empty(width + 2 * radius, np.float32)
    rows = np.empty((height, width), np.float32)
    for y in range(height):
        line = image[y]
        for x in range(-radius, 0):
            padded[x + radius] = line[_mirrored(x, width)]
        padded[radius : radius + width] = line
        for x in range(width, width + radius):
            padded[x + radius] = line[_mirrored(x, width)]
        _weigh(padded[radius : radius + width], weights[0], rows[y])
        for i in range(1, radius + 1):
            _add_pair(padded[radius - i :], padded[radius + i :], weights[i], rows[y])
    for y in range(height):
        _weigh(rows[y], weights[0], out[y])
        for i in range(1, radius + 1):
            _add_pair(rows[_mirrored(y - i, height)], rows[_mirrored(y + i, height)], weights[i], out[y])
