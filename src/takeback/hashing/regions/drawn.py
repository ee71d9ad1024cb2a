"""Which regions of a posted picture show something drawn: a sticker, a sign, a label, a button.

What is drawn is filled with a few even greys, or with slow shades between sharp edges. A photograph hardly ever is,
where anything stands out in it. So two things are measured in the circle of a region: how much of it three narrow
ranges of grey hold, and how small most differences between neighbours are beside the greatest. Both are measured by the
region's own contrast: in a dim room the whole picture lies within a few greys, and is no drawing for that.

What is clearly drawn is not asked. What may be drawn is asked, and counts with others, but does not ask for a look by
itself. A picture that is drawn itself, a comic or a page, is asked as if it were a photograph. docs/adr/0023.
"""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import kernel
from takeback.hashing.regions.find import Circles

Flags = NDArray[np.bool_]
Levels = NDArray[np.uint8]
"""(height, width) uint8: the grey levels of the working picture, rounded."""
Shares = NDArray[np.float64]

_REACH = 0.7
"""Of a region's radius: what lies nearer to its edge says little in its bits."""

_RANGES = 3
_WIDTH_DEVIATIONS = 0.2
_MAX_WIDTH_LEVELS = 14.0
"""A range of grey is a fifth of the circle's standard deviation wide; never wider than even grey is after bad JPEG."""

_MOST_PIXELS = 0.5
_STEEPEST = 0.95
"""So much of a circle differs less from its neighbours than the median, and than the steepest edges in it."""

_DRAWN = (0.62, 0.06)
_MAY_BE_DRAWN = (0.55, 0.09)
"""At least so much of the circle within three ranges of grey; or a median at most so much of the steepest."""

_MAX_DRAWN = 0.75
"""If more of its regions than that are drawn, the picture is."""


def is_drawn(circles: Circles, levels: Levels) -> Flags:
    """Which regions show something drawn; none of a picture that is drawn itself.

    Args:
        circles: of all regions that could be asked.
        levels: of the working picture.
    """
    drawn = _is_even(_measures(circles, levels), _DRAWN)
    return drawn if np.count_nonzero(drawn) <= _MAX_DRAWN * len(drawn) else np.zeros_like(drawn)


def may_be_drawn(circles: Circles, levels: Levels) -> Flags:
    """Which regions do not ask for a look by themselves; none of a picture that is drawn itself.

    Args:
        circles: of the regions that are asked: one of them is clearly drawn only if the picture is.
        levels: of the working picture.
    """
    measures = _measures(circles, levels)
    uncertain = _is_even(measures, _MAY_BE_DRAWN)
    return np.zeros_like(uncertain) if _is_even(measures, _DRAWN).any() else uncertain


def _is_even(measures: Shares, limits: tuple[float, float]) -> Flags:
    even: Flags = (measures[:, 0] >= limits[0]) | (measures[:, 1] <= limits[1])
    return even


def _measures(circles: Circles, levels: Levels) -> Shares:
    """(n, 2) float64: the share that three ranges of grey hold, and the median difference beside the steepest."""
    return _measure(circles, levels, _steps(levels), _REACH, _RANGES, _WIDTH_DEVIATIONS, _MAX_WIDTH_LEVELS)


@kernel
def _steps(levels: Levels) -> Levels:
    """The greatest difference among each pixel and its eight neighbours."""
    height, width = levels.shape
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        top, bottom = max(0, y - 1), min(height, y + 2)
        for x in range(width):
            least, most = levels[y, x], levels[y, x]
            for row in range(top, bottom):
                for column in range(max(0, x - 1), min(width, x + 2)):
                    least, most = min(least, levels[row, column]), max(most, levels[row, column])
            out[y, x] = most - least
    return out


@kernel
def _measure(
    circles: Circles, levels: Levels, steps: Levels, reach: float, ranges: int, deviations: float, most: float
) -> Shares:
    out = np.empty((circles.shape[0], 2), np.float64)
    greys, differences = np.empty(256, np.int64), np.empty(256, np.int64)
    for i in range(circles.shape[0]):
        x, y, radius = circles[i, 0], circles[i, 1], reach * circles[i, 2]
        pixels = _count(levels, x, y, radius, greys)
        _count(steps, x, y, radius, differences)
        steepest = max(1, _quantile(differences, _STEEPEST * pixels))
        out[i, 1] = _quantile(differences, _MOST_PIXELS * pixels) / steepest
        width = max(1, int(min(most, deviations * _deviation(greys, pixels)) + 0.5))
        held = 0
        for _ in range(ranges):
            held += _take_fullest(greys, width)
        out[i, 0] = held / pixels
    return out


@kernel
def _count(values: Levels, x: float, y: float, radius: float, counts: NDArray[np.int64]) -> int:
    """Count the values in a circle; returns how many pixels it has in the picture, one at least."""
    height, width = values.shape
    counts[:] = 0
    pixels = 0
    for row in range(max(0, int(np.ceil(y - radius))), min(height, int(y + radius) + 1)):
        half = np.sqrt(radius * radius - (row - y) * (row - y))
        for column in range(max(0, int(np.ceil(x - half))), min(width, int(x + half) + 1)):
            counts[values[row, column]] += 1
            pixels += 1
    return max(1, pixels)


@kernel
def _quantile(counts: NDArray[np.int64], wanted: float) -> int:
    below = 0
    for value in range(counts.shape[0]):
        below += counts[value]
        if below >= wanted:
            return value
    return 0


@kernel
def _deviation(counts: NDArray[np.int64], pixels: int) -> float:
    total, squares = 0.0, 0.0
    for value in range(counts.shape[0]):
        total += counts[value] * value
        squares += counts[value] * value * value
    mean = total / pixels
    deviation: float = np.sqrt(max(0.0, squares / pixels - mean * mean))
    return deviation


@kernel
def _take_fullest(counts: NDArray[np.int64], width: int) -> int:
    """The most that lies in a range of so many levels; it is taken out."""
    best, end, held = 0, 0, 0
    for level in range(counts.shape[0]):
        held += counts[level]
        if level >= width:
            held -= counts[level - width]
        if held > best:
            best, end = held, level
    counts[max(0, end - width + 1) : end + 1] = 0
    return best
