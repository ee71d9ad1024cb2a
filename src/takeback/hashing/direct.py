"""The first half of PDQ done directly, for a picture shrunk while it was read, and for the luma of a query.

Hashing shrunk pixels as if they were the picture moves the hash by 4 bits on average and up to 18: windows and sampling
positions are whole pixels, and a pixel is now four or eight. So the shrunk pixels are taken for what they are, each the
mean of a square of the picture, and the blur of the full size is applied to them: the result is what the reference
gives for the shrunk picture enlarged again by repeating pixels, at a hundredth of the work. Against the full picture
that is 0.5 bits on average and 2 at most for a factor of 4 (107 pictures of 8 to 16 megapixels).

Blur and sampling are linear and act on one axis at a time, so they are two narrow matrices, one an axis, whose products
need not follow the reference's order of rounding. Rejected: resizing to a convenient size first (576×576 does best; 4 %
of pictures then still move by more than 4 bits), and enlarging as the inverse of the JPEG transform (no better).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.downsample import Matrix, kernel


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a picture that may have been shrunk.

    Args:
        length: pixels of the whole picture along it.
        factor: how many of them one of our pixels stands for; 1 if it was not shrunk.
        cut_first: whether it is the first shrunk pixel, not the last, that stands for fewer: so after a turn.
    """

    length: int
    factor: int
    cut_first: bool


def samples_of_luma(luma: NDArray[np.uint8], down: Axis, across: Axis) -> Matrix:
    """The 64×64 samples.

    Args:
        luma: (height, width) uint8; each side its axis' length divided by the factor, rounded up.
        down: the vertical axis.
        across: the horizontal axis.

    Returns:
        (64, 64) float32.
    """
    return _apply(np.ascontiguousarray(luma), *_weights_of(down), *_weights_of(across))


@lru_cache(maxsize=256)
def _weights_of(axis: Axis) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Kept, because pictures come in few sizes; read-only."""
    weights, firsts = _weights(axis.length, axis.factor, _offset(axis))
    narrow = weights.astype(np.float32)
    narrow.flags.writeable = firsts.flags.writeable = False
    return narrow, firsts


def _offset(axis: Axis) -> int:
    return -axis.length % axis.factor if axis.cut_first else 0


@kernel
def _weights(length: int, factor: int, offset: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What each shrunk pixel adds to each sample: two box windows of the full size, folded.

    Returns:
        (64, n) float64 weights and (64,) int64, the shrunk pixel that each row's first weight is for.
    """
    window = (length + 127) // 128
    ahead = (window + 2) // 2 - 1
    weights = np.zeros((64, 2 * window // factor + 3))
    firsts = np.empty(64, np.int64)
    steps = np.zeros(length + 1)
    for i in range(64):
        at = int((i + 0.5) * length / 64)
        start, stop = max(0, at + ahead + 1 - window), min(length, at + ahead + 1)
        first, last = max(0, start + ahead + 1 - window), min(length, stop + ahead)
        # The second window is the same for a run of places: where it begins its share comes in, where it ends it goes.
        for middle in range(start, stop):
            left, right = max(0, middle + ahead + 1 - window), min(length, middle + ahead + 1)
            share = 1.0 / ((stop - start) * (right - left))
            steps[left] += share
            steps[right] -= share
        firsts[i] = (first + offset) // factor
        weight = 0.0
        for x in range(first, last):
            weight += steps[x]
            weights[i, (x + offset) // factor - firsts[i]] += weight
        steps[first : last + 1] = 0.0
    return weights, firsts


@kernel
def _apply(
    luma: NDArray[np.uint8],
    row_weights: NDArray[np.float32],
    row_firsts: NDArray[np.int64],
    column_weights: NDArray[np.float32],
    column_firsts: NDArray[np.int64],
) -> Matrix:
    """Rows first: their sums run along memory, which is most of the work."""
    height, width = luma.shape
    samples = np.empty((64, 64), np.float32)
    sums = np.empty(width, np.float32)
    for i in range(64):
        sums[:] = 0.0
        for k in range(min(row_weights.shape[1], height - row_firsts[i])):
            weight = row_weights[i, k]
            row = luma[row_firsts[i] + k]
            for x in range(width):
                sums[x] += weight * np.float32(row[x])
        for j in range(64):
            total = np.float32(0.0)
            for k in range(min(column_weights.shape[1], width - column_firsts[j])):
                total += sums[column_firsts[j] + k] * column_weights[j, k]
            samples[i, j] = total
    return samples
