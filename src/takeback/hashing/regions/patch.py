"""From a region to 256 bits: sample a 32×32 patch the right way up, transform, compare with the median.

The bits follow PDQ (frequencies 1 to 16 of a cosine transform against their median) on a smaller patch.
"""

from functools import cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import cos_sin, kernel
from takeback.hashing.regions.grey import Grey

SIDE = 32
_BITS_SIDE = 16
_FADE = 28.0 * 28.0


@cache
def cosines() -> NDArray[np.float64]:
    """(16, 32) float64: rows 1 to 16 of the 32-point cosine transform."""
    scale = sqrt(2.0 / SIDE)
    table = np.empty((_BITS_SIDE, SIDE), np.float64)
    for i in range(_BITS_SIDE):
        for j in range(SIDE):
            # Reduced to one turn in whole numbers, which is exact.
            table[i, j] = scale * cos_sin(pi / 64.0 * ((i + 1) * (2 * j + 1) % 128))[0]
    return table


@kernel
def sample(level: Grey, x: float, y: float, radius: float, turn: float, out: NDArray[np.float64]) -> None:
    """Read a turned square of 2 × 2 radii as 32×32 values, linear between pixels.

    Args:
        level: of the patch pyramid.
        x: centre in pixels of this level.
        y: likewise.
        radius: half the square's side in pixels of this level.
        turn: direction of the patch's horizontal axis as a part of a full turn.
        out: (32, 32) float64, overwritten.
    """
    height, width = level.shape
    cosine, sine = cos_sin(turn * (2.0 * pi))
    step = 2.0 * radius / SIDE
    for i in range(SIDE):
        v = (i - 15.5) * step
        for j in range(SIDE):
            u = (j - 15.5) * step
            sx = min(max(x + (cosine * u - sine * v), 0.0), width - 1.0)
            sy = min(max(y + (sine * u + cosine * v), 0.0), height - 1.0)
            left, top = min(int(sx), width - 2), min(int(sy), height - 2)
            fx, fy = sx - left, sy - top
            upper = float(level[top, left]) * (1.0 - fx) + float(level[top, left + 1]) * fx
            lower = float(level[top + 1, left]) * (1.0 - fx) + float(level[top + 1, left + 1]) * fx
            out[i, j] = upper * (1.0 - fy) + lower * fy


@kernel
def transform(patch: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(16, 16) float64: the low frequencies of a patch, without the mean."""
    half = np.zeros((16, 32), np.float64)
    for i in range(16):
        for k in range(32):
            for j in range(32):
                half[i, j] += table[i, k] * patch[k, j]
    turned = np.ascontiguousarray(table.T)
    full = np.zeros((16, 16), np.float64)
    for i in range(16):
        for k in range(32):
            for j in range(16):
                full[i, j] += half[i, k] * turned[k, j]
    return full


@kernel
def write_bits(frequencies: NDArray[np.float64], mirrored: bool, out: NDArray[np.uint8]) -> bool:
    """Write which frequencies are above the median, row by row, the first as the most significant bit.

    Args:
        frequencies: (16, 16) float64.
        mirrored: as they would be for the patch upside down, which is every mirror image of a turned patch.
        out: (32,) uint8, overwritten.

    Returns:
        Whether exactly half of the bits are set; a patch where they are not is symmetric or empty.
    """
    values = frequencies.copy()
    if mirrored:
        for i in range(0, 16, 2):
            for j in range(16):
                values[i, j] = -values[i, j]
    flat = values.reshape(256)
    ordered = np.sort(flat)
    median = 0.5 * (ordered[127] + ordered[128])
    out[:] = 0
    ones = 0
    for k in range(256):
        if flat[k] > median:
            out[k // 8] |= np.uint8(128 >> (k % 8))
            ones += 1
    return ones == 128


@kernel
def activity(patch: NDArray[np.float64]) -> tuple[float, float]:
    """Mean absolute difference of neighbours, and the standard deviation, both in grey levels."""
    total, mean = 0.0, 0.0
    for i in range(32):
        for j in range(32):
            mean += patch[i, j]
            if j < 31:
                total += abs(patch[i, j + 1] - patch[i, j])
            if i < 31:
                total += abs(patch[i + 1, j] - patch[i, j])
    mean /= 1024.0
    variance = 0.0
    for i in range(32):
        for j in range(32):
            variance += (patch[i, j] - mean) * (patch[i, j] - mean)
    return total / 1984.0, np.sqrt(variance / 1024.0)


@kernel
def median_deviation(frequencies: NDArray[np.float64]) -> float:
    """Median distance of the frequencies from their median: how surely the bits stand."""
    flat = np.sort(frequencies.copy().reshape(256))
    median = 0.5 * (flat[127] + flat[128])
    ordered = np.sort(np.abs(flat - median))
    middle: float = 0.5 * (ordered[127] + ordered[128])
    return middle


@kernel
def taper(patch: NDArray[np.float64]) -> None:
    """Take the mean away and fade the patch out towards its corners, in place: by (1 - d²/28²), 0.4 in a corner.

    An error of angle or size moves the corners most, and they are the first to lie outside a crop or under a caption;
    faded, true copies come about 6 bits nearer. A steeper fade makes unrelated pictures nearer as well (docs/adr/0020).
    """
    mean = 0.0
    for i in range(32):
        for j in range(32):
            mean += patch[i, j]
    mean /= 1024.0
    for i in range(32):
        for j in range(32):
            away = (i - 15.5) * (i - 15.5) + (j - 15.5) * (j - 15.5)
            patch[i, j] = (patch[i, j] - mean) * (1.0 - away / _FADE)
