"""The first half of PDQ: from a picture to the 64×64 samples of its blurred luma.

To equal the reference in every bit this keeps its order of float32 operations: running sums are added to and
subtracted from one value at a time, never recomputed, and nothing is fused or reordered. What is ours is the way
through the picture: four rows side by side, and only as many blurred rows kept as the window is high, so that a large
picture passes through the cache once and the work needs memory for a few rows only.

**Source:** PDQ reference implementation (facebook/ThreatExchange, pdq/cpp/downscaling); Wojciech Jarosz, "Fast Image
Convolutions" (2001), for the repeated box blur.
"""

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width, channels) uint8, C order; channels 1 (grey), 3 (RGB) or 4 (RGB and alpha, not premultiplied)."""

Matrix = NDArray[np.float32]

kernel = njit(cache=True, nogil=True, error_model="numpy")
"""How every kernel is compiled: kept on disk, without the interpreter's lock, and without fast-math: bits matter."""

_ROWS = 4
"""Rows summed side by side: one chain of dependent additions leaves the adder idle three cycles out of four."""


@cache
def luma_tables() -> NDArray[np.float64]:
    """(3, 256) float64: what each value of red, green and blue adds to the luma.

    The weights are multiplied and added in float64 and rounded once, as the industry's Python clients do.
    """
    weights = np.array([[0.299], [0.587], [0.114]])
    return weights * np.arange(256, dtype=np.float64)


@kernel
def _over_white(value: int, alpha: int) -> int:
    return (value * alpha + 255 * (255 - alpha) + 127) // 255


@kernel
def _luma_row(row: NDArray[np.uint8], tables: NDArray[np.float64], out: Matrix) -> None:
    width, channels = row.shape
    red, green, blue = tables[0], tables[1], tables[2]
    if channels == 1:
        for x in range(width):
            v = row[x, 0]
            out[x] = np.float32(red[v] + green[v] + blue[v])
    elif channels == 3:
        for x in range(width):
            out[x] = np.float32(red[row[x, 0]] + green[row[x, 1]] + blue[row[x, 2]])
    else:
        for x in range(width):
            a = int(row[x, 3])
            r, g, b = _over_white(int(row[x, 0]), a), _over_white(int(row[x, 1]), a), _over_white(int(row[x, 2]), a)
            out[x] = np.float32(red[r] + green[g] + blue[b])


@kernel
def _window_counts(length: int, window: int) -> Matrix:
    """How many values a box window covers at each position: fewer at both ends."""
    ahead = (window + 2) // 2 - 1
    counts = np.empty(length, np.float32)
    for i in range(length):
        counts[i] = np.float32(min(length, i + ahead + 1) - max(0, i + ahead + 1 - window))
    return counts


@kernel
def _running_sums(rows: Matrix, window: int, out: Matrix) -> None:
    """Box sums along four rows at once; ``out`` at x is the sum of the window around x.

    Args:
        rows: (4, width) float32.
        window: pixels, at most the width.
        out: (4, width) float32, overwritten.
    """
    width = rows.shape[1]
    ahead = (window + 2) // 2 - 1
    r0, r1, r2, r3 = rows[0], rows[1], rows[2], rows[3]
    o0, o1, o2, o3 = out[0], out[1], out[2], out[3]
    s0 = s1 = s2 = s3 = np.float32(0.0)
    for x in range(window):
        s0, s1, s2, s3 = s0 + r0[x], s1 + r1[x], s2 + r2[x], s3 + r3[x]
        if x >= ahead:
            o0[x - ahead], o1[x - ahead], o2[x - ahead], o3[x - ahead] = s0, s1, s2, s3
    for x in range(window, width):
        left, at = x - window, x - ahead
        s0 = s0 + r0[x] - r0[left]
        s1 = s1 + r1[x] - r1[left]
        s2 = s2 + r2[x] - r2[left]
        s3 = s3 + r3[x] - r3[left]
        o0[at], o1[at], o2[at], o3[at] = s0, s1, s2, s3
    for at in range(width - ahead, width):
        left = at + ahead - window
        s0, s1, s2, s3 = s0 - r0[left], s1 - r1[left], s2 - r2[left], s3 - r3[left]
        o0[at], o1[at], o2[at], o3[at] = s0, s1, s2, s3


@kernel
def _sample_positions(length: int) -> NDArray[np.int64]:
    positions = np.empty(64, np.int64)
    for i in range(64):
        positions[i] = int((i + 0.5) * length / 64)
    return positions


@kernel
def _sample_columns(
    rows: Matrix, sums: Matrix, window: int, counts: Matrix, at: NDArray[np.int64], out: Matrix
) -> None:
    """Second blur along rows, kept only where the result is sampled."""
    _running_sums(rows, window, sums)
    for r in range(out.shape[0]):
        for j in range(64):
            out[r, j] = sums[r, at[j]] / counts[at[j]]


@kernel
def _sample_rows(strip: Matrix, window: int, counts: Matrix, at: NDArray[np.int64], out: Matrix) -> None:
    """Second blur along columns of a (height, 64) strip, kept only where the result is sampled."""
    height = strip.shape[0]
    ahead = (window + 2) // 2 - 1
    sums = np.zeros(64, np.float32)
    following = 0
    for y in range(height + ahead):
        if y < height:
            for j in range(64):
                sums[j] += strip[y, j]
        if y >= window:
            for j in range(64):
                sums[j] -= strip[y - window, j]
        while following < 64 and at[following] == y - ahead:
            for j in range(64):
                out[following, j] = sums[j] / counts[y - ahead]
            following += 1


@kernel
def _add_row(sums: Matrix, row: Matrix) -> None:
    for x in range(sums.size):
        sums[x] += row[x]


@kernel
def _subtract_row(sums: Matrix, row: Matrix) -> None:
    for x in range(sums.size):
        sums[x] -= row[x]


@kernel
def _divide_row(sums: Matrix, counts: Matrix, out: Matrix) -> None:
    for x in range(sums.size):
        out[x] = sums[x] / counts[x]


@kernel
def _divide_row_by(sums: Matrix, count: np.float32, out: Matrix) -> None:
    for x in range(sums.size):
        out[x] = sums[x] / count


@kernel
def shrink(pixels: Pixels, tables: NDArray[np.float64], small: Matrix) -> None:
    """Luma, two box blurs along each axis, and the 64×64 samples; a picture that is 64×64 already is not blurred.

    Args:
        pixels: see ``Pixels``; both sides at least 5.
        tables: from ``luma_tables``.
        small: (64, 64) float32, overwritten.
    """
    height, width, _ = pixels.shape
    if height == 64 and width == 64:
        for y in range(64):
            _luma_row(pixels[y], tables, small[y])
        return
    window_x, window_y = (width + 127) // 128, (height + 127) // 128
    counts_x, counts_y = _window_counts(width, window_x), _window_counts(height, window_y)
    at_x = _sample_positions(width)
    ahead = (window_y + 2) // 2 - 1
    kept = window_y + 1
    luma = np.zeros((_ROWS, width), np.float32)
    sums, scratch = np.empty((_ROWS, width), np.float32), np.empty((_ROWS, width), np.float32)
    blurred = np.zeros((_ROWS, width), np.float32)
    ring = np.empty((kept, width), np.float32)
    column_sums = np.zeros(width, np.float32)
    strip = np.empty((height, 64), np.float32)
    done = 0
    for y in range(height + ahead):
        if y < height:
            if y % _ROWS == 0:
                for r in range(min(_ROWS, height - y)):
                    _luma_row(pixels[y + r], tables, luma[r])
                _running_sums(luma, window_x, sums)
            _divide_row(sums[y % _ROWS], counts_x, ring[y % kept])
            _add_row(column_sums, ring[y % kept])
        if y >= window_y:
            _subtract_row(column_sums, ring[(y - window_y) % kept])
        if y >= ahead:
            at = y - ahead
            _divide_row_by(column_sums, counts_y[at], blurred[at % _ROWS])
            if at % _ROWS == _ROWS - 1 or at == height - 1:
                _sample_columns(blurred, scratch, window_x, counts_x, at_x, strip[done : at + 1])
                done = at + 1
    _sample_rows(strip, window_y, counts_y, _sample_positions(height), small)
