"""Keypoints: places and sizes that stand out and are found again after cropping, turning and resizing.

**Source:** David Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), sections 3 and 4. What
differs: no doubling of the picture, a looser edge test, own limits on where a region may lie.
"""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import exp2, kernel
from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.scale_space import SCALES, SIGMA, Stack

Keypoints = NDArray[np.float64]
"""(n, 6) float64: x and y in pixels of the octave, level, sigma in pixels of the octave, response in grey levels,
radius of the region in pixels of the octave."""

_BORDER = 2
_MOVES = 5
_MAX_OFFSET = 2.0


def keypoints_in(levels: Stack, octave: int, recipe: Recipe) -> Keypoints:
    """All keypoints of an octave whose region is large enough and lies in the picture, in scan order.

    Args:
        levels: of the octave.
        octave: 0 for the working picture, 1 for half its size and so on.
        recipe: the parameters.
    """
    least = recipe.min_radius_px / 2.0**octave
    return _find(levels, recipe.threshold, recipe.edge_ratio, recipe.magnification, recipe.tolerance, least)


@kernel
def _difference(levels: Stack) -> Stack:
    count, height, width = levels.shape
    out = np.empty((count - 1, height, width), np.float32)
    for level in range(count - 1):
        for y in range(height):
            lower, upper, row = levels[level, y], levels[level + 1, y], out[level, y]
            for x in range(width):
                row[x] = upper[x] - lower[x]
    return out


@kernel
def _is_extremum(dog: Stack, level: int, y: int, x: int) -> bool:
    """Strictly above, or strictly below, all 26 neighbours."""
    value = dog[level, y, x]
    sign = np.float32(1.0) if value > 0 else np.float32(-1.0)
    strength = sign * value
    for at in (level, level - 1, level + 1):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if at == level and dy == 0 and dx == 0:
                    continue
                if sign * dog[at, y + dy, x + dx] >= strength:
                    return False
    return True


@kernel
def _fit(dog: Stack, at: int, y: int, x: int, out: NDArray[np.float64]) -> bool:
    """Fit a quadratic around a pixel; ``out`` gets the offsets (x, y, level), the value, trace and determinant."""
    d = dog
    c = float(d[at, y, x])
    gx = (float(d[at, y, x + 1]) - float(d[at, y, x - 1])) * 0.5
    gy = (float(d[at, y + 1, x]) - float(d[at, y - 1, x])) * 0.5
    gs = (float(d[at + 1, y, x]) - float(d[at - 1, y, x])) * 0.5
    xx = float(d[at, y, x + 1]) + float(d[at, y, x - 1]) - 2.0 * c
    yy = float(d[at, y + 1, x]) + float(d[at, y - 1, x]) - 2.0 * c
    ss = float(d[at + 1, y, x]) + float(d[at - 1, y, x]) - 2.0 * c
    xy = (
        (float(d[at, y + 1, x + 1]) - float(d[at, y + 1, x - 1]))
        - (float(d[at, y - 1, x + 1]) - float(d[at, y - 1, x - 1]))
    ) * 0.25
    xs = (
        (float(d[at + 1, y, x + 1]) - float(d[at + 1, y, x - 1]))
        - (float(d[at - 1, y, x + 1]) - float(d[at - 1, y, x - 1]))
    ) * 0.25
    ys = (
        (float(d[at + 1, y + 1, x]) - float(d[at + 1, y - 1, x]))
        - (float(d[at - 1, y + 1, x]) - float(d[at - 1, y - 1, x]))
    ) * 0.25
    ax, ay, az = yy * ss - ys * ys, xs * ys - xy * ss, xy * ys - xs * yy
    determinant = xx * ax + xy * ay + xs * az
    if abs(determinant) < 1e-12:
        return False
    by, bz, cz = xx * ss - xs * xs, xy * xs - xx * ys, xx * yy - xy * xy
    out[0] = -(ax * gx + ay * gy + az * gs) / determinant
    out[1] = -(ay * gx + by * gy + bz * gs) / determinant
    out[2] = -(az * gx + bz * gy + cz * gs) / determinant
    out[3] = c + 0.5 * (gx * out[0] + gy * out[1] + gs * out[2])
    out[4] = xx + yy
    out[5] = xx * yy - xy * xy
    return True


@kernel
def _settle(dog: Stack, level: int, y: int, x: int, fit: NDArray[np.float64], place: NDArray[np.int64]) -> bool:
    """Move to the pixel nearest to the fitted top; false when it runs away or out of the picture."""
    _, height, width = dog.shape
    for _ in range(_MOVES):
        if not _fit(dog, level, y, x, fit):
            return False
        dx, dy, ds = fit[0], fit[1], fit[2]
        if abs(dx) <= 0.5 and abs(dy) <= 0.5 and abs(ds) <= 0.5:
            place[0], place[1], place[2] = level, y, x
            return True
        if abs(dx) > _MAX_OFFSET or abs(dy) > _MAX_OFFSET or abs(ds) > _MAX_OFFSET:
            return False
        x += int(np.floor(dx + 0.5))
        y += int(np.floor(dy + 0.5))
        level += int(np.floor(ds + 0.5))
        if not (1 <= level <= SCALES and _BORDER <= y < height - _BORDER and _BORDER <= x < width - _BORDER):
            return False
    return False


@kernel
def _find(
    levels: Stack, threshold: float, edge_ratio: float, magnification: float, tolerance: float, min_radius: float
) -> Keypoints:
    dog = _difference(levels)
    _, height, width = dog.shape
    found = np.empty((1024, 6), np.float64)
    count = 0
    fit, place = np.empty(6, np.float64), np.empty(3, np.int64)
    half = np.float32(0.5 * threshold)
    edge_limit = (edge_ratio + 1.0) * (edge_ratio + 1.0) / edge_ratio
    for level in range(1, SCALES + 1):
        for y in range(_BORDER, height - _BORDER):
            row = dog[level, y]
            for x in range(_BORDER, width - _BORDER):
                if abs(row[x]) < half or not _is_extremum(dog, level, y, x):
                    continue
                if not _settle(dog, level, y, x, fit, place) or abs(fit[3]) < threshold:
                    continue
                if fit[5] <= 0.0 or fit[4] * fit[4] >= edge_limit * fit[5]:
                    continue
                sigma = SIGMA * exp2((place[0] + fit[2]) / SCALES)
                radius = magnification * sigma
                px, py = place[2] + fit[0], place[1] + fit[1]
                margin = radius * (1.0 - tolerance)
                inside = px >= margin and py >= margin and px <= width - 1 - margin and py <= height - 1 - margin
                if not inside or radius < min_radius:
                    continue
                if count == found.shape[0]:
                    found = np.concatenate((found, np.empty_like(found)))
                found[count, 0], found[count, 1], found[count, 2] = px, py, place[0]
                found[count, 3], found[count, 4], found[count, 5] = sigma, abs(fit[3]), radius
                count += 1
    return found[:count]
