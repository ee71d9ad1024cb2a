"""From pixels to the grey working picture: luma, then an exact area average or a linear enlargement."""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import kernel

Pixels = NDArray[np.uint8]
"""(height, width, channels) uint8; channels 1 (grey), 3 (RGB) or 4 (RGB and alpha, not premultiplied)."""

Grey = NDArray[np.float32]
"""(height, width) float32, 0 to 255."""

Lines = NDArray[np.float64]

_MIN_SIDE = 16


def working_picture(pixels: Pixels, long_side_px: int) -> Grey:
    """Bring a picture to grey and to its working size.

    Args:
        pixels: see ``Pixels``. Transparent pixels count as on white.
        long_side_px: the longer side of what comes out; the other keeps the proportion and is at least 16.
    """
    height, width, _ = pixels.shape
    scale = long_side_px / max(height, width)
    out_height = max(_MIN_SIDE, int(height * scale + 0.5))
    out_width = max(_MIN_SIDE, int(width * scale + 0.5))
    return _resized(np.ascontiguousarray(pixels), out_height, out_width)


def resized(grey: Grey, height: int, width: int) -> Grey:
    """A grey picture in another size, by the same rule along each axis."""
    return _resized_grey(grey, height, width)


@kernel
def _spans(length: int, out_length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each output position the first input position and the weights from there on.

    Shrinking: output i is the average over [i m/n, (i+1) m/n). Enlarging: linear between half-pixel centres.
    """
    step = length / out_length
    taps = int(step) + 2
    first = np.zeros(out_length, np.int64)
    weights = np.zeros((out_length, taps), np.float64)
    for i in range(out_length):
        if step > 1.0:
            start, end = i * step, (i + 1) * step
            low = min(int(start), length - 1)
            first[i] = low
            for k in range(taps):
                covered = min(end, low + k + 1.0) - max(start, low + k + 0.0)
                if covered > 0.0 and low + k < length:
                    weights[i, k] = covered / step
        else:
            centre = min(max((i + 0.5) * step - 0.5, 0.0), length - 1.0)
            low = min(int(centre), max(length - 2, 0))
            first[i] = low
            weights[i, 0] = 1.0 - (centre - low)
            if length > 1:
                weights[i, 1] = centre - low
    return first, weights


@kernel
def _over_white(value: int, alpha: int) -> int:
    return (value * alpha + 255 * (255 - alpha) + 127) // 255


@kernel
def _luma_row(row: NDArray[np.uint8], out: NDArray[np.float64]) -> None:
    width, channels = row.shape
    if channels == 1:
        for x in range(width):
            out[x] = float(row[x, 0])
    elif channels == 3:
        for x in range(width):
            out[x] = 0.299 * row[x, 0] + 0.587 * row[x, 1] + 0.114 * row[x, 2]
    else:
        for x in range(width):
            a = int(row[x, 3])
            r, g, b = _over_white(int(row[x, 0]), a), _over_white(int(row[x, 1]), a), _over_white(int(row[x, 2]), a)
            out[x] = 0.299 * r + 0.587 * g + 0.114 * b


@kernel
def _along_row(line: NDArray[np.float64], first: NDArray[np.int64], weights: NDArray[np.float64], out: Lines) -> None:
    length, taps = line.size, weights.shape[1]
    for x in range(out.size):
        start, row = first[x], weights[x]
        total = 0.0
        for k in range(min(taps, length - start)):
            total += row[k] * line[start + k]
        out[x] = total


@kernel
def _along_columns(lines: Lines, out_height: int) -> Grey:
    height, width = lines.shape
    first, weights = _spans(height, out_height)
    out = np.empty((out_height, width), np.float32)
    total = np.empty(width, np.float64)
    for y in range(out_height):
        total[:] = 0.0
        for k in range(min(weights.shape[1], height - first[y])):
            weight, line = weights[y, k], lines[first[y] + k]
            for x in range(width):
                total[x] += weight * line[x]
        for x in range(width):
            out[y, x] = np.float32(total[x])
    return out


@kernel
def _resized(pixels: Pixels, out_height: int, out_width: int) -> Grey:
    height, width, _ = pixels.shape
    first, weights = _spans(width, out_width)
    lines = np.empty((height, out_width), np.float64)
    luma = np.empty(width, np.float64)
    for y in range(height):
        _luma_row(pixels[y], luma)
        _along_row(luma, first, weights, lines[y])
    return _along_columns(lines, out_height)


@kernel
def _resized_grey(grey: Grey, out_height: int, out_width: int) -> Grey:
    height, width = grey.shape
    first, weights = _spans(width, out_width)
    lines = np.empty((height, out_width), np.float64)
    line = np.empty(width, np.float64)
    for y in range(height):
        for x in range(width):
            line[x] = float(grey[y, x])
        _along_row(line, first, weights, lines[y])
    return _along_columns(lines, out_height)
