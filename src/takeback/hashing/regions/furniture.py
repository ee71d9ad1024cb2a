"""Which parts of a posted picture are not its own: lettering, and the interface around it. They are not asked.

Two pictures in the same frame or under the same words agree in dozens of regions, and no threshold tells that from a
copy. Where something lies does: a caption is a row of letters, an app's buttons lie outside the picture that the app
shows, on even ground. Places are known on the asking side only, so a list need not hold any for this.

What is registered is not changed. A region on lettering that a list has is then simply never asked for.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.drawn import Levels, is_drawn
from takeback.hashing.regions.exact import kernel
from takeback.hashing.regions.find import Circles
from takeback.hashing.regions.grey import Grey
from takeback.hashing.regions.lettering import lettering_in
from takeback.hashing.variants import Box, content_boxes

Flags = NDArray[np.bool_]

_LETTERING_REACH = 0.7
_MAX_LETTERING = 0.5
"""A region is on lettering when half of the square inside its circle is."""

_GROUND_REACH = 0.8
_MIN_GROUND = 0.4
_NEAR_LEVELS = 6
"""Outside the content, a region with so much of one grey belongs to the interface. Tiles of a collage do not."""


def picture_itself(grey: Grey, *, drawn: bool = False) -> Callable[[Circles], Flags]:
    """Tells which regions are of the picture and not of what was put on or around it.

    Args:
        grey: the working picture.
        drawn: what is drawn is the picture's own.
    """
    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1), np.int64)
    sums[1:, 1:] = lettering_in(grey).cumsum(axis=0).cumsum(axis=1)
    levels = levels_of(grey)
    boxes = content_boxes(levels[:, :, np.newaxis])

    def is_own(circles: Circles) -> Flags:
        own: Flags = ~_on_lettering(circles, sums)
        if boxes:
            outside = np.flatnonzero(own & _is_outside(circles, boxes[-1]))
            own[outside] = ~_on_ground(circles[outside], levels)
        if not drawn:
            rest = np.flatnonzero(own)
            own[rest] = ~is_drawn(circles[rest], levels)
        return own

    return is_own


def levels_of(grey: Grey) -> Levels:
    """The rounded grey levels of a working picture."""
    return (grey + np.float32(0.5)).astype(np.uint8)


def _is_outside(circles: Circles, box: Box) -> Flags:
    x, y = circles[:, 0], circles[:, 1]
    outside: Flags = (x < box.left) | (x >= box.right) | (y < box.top) | (y >= box.bottom)
    return outside


@kernel
def _square(circle: NDArray[np.float64], reach: float, height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a square around a centre, cut to the picture; at least one pixel."""
    x, y, half = circle[0], circle[1], reach * circle[2]
    left, top = max(0, int(x - half)), max(0, int(y - half))
    return left, top, max(left + 1, min(width, int(x + half) + 1)), max(top + 1, min(height, int(y + half) + 1))


@kernel
def _on_lettering(circles: Circles, sums: NDArray[np.int64]) -> Flags:
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    out = np.empty(circles.shape[0], np.bool_)
    for i in range(circles.shape[0]):
        left, top, right, bottom = _square(circles[i], _LETTERING_REACH, height, width)
        covered = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        out[i] = covered >= _MAX_LETTERING * ((right - left) * (bottom - top))
    return out


@kernel
def _on_ground(circles: Circles, levels: Levels) -> Flags:
    """Whether much of a region's square is within a few levels of one grey."""
    height, width = levels.shape
    out = np.empty(circles.shape[0], np.bool_)
    for i in range(circles.shape[0]):
        left, top, right, bottom = _square(circles[i], _GROUND_REACH, height, width)
        counts = np.zeros(256, np.int64)
        for y in range(top, bottom):
            for x in range(left, right):
                counts[levels[y, x]] += 1
        most, near = 0, 0
        for level in range(256 + _NEAR_LEVELS):
            near += counts[level] if level < 256 else 0
            near -= counts[level - 2 * _NEAR_LEVELS - 1] if level > 2 * _NEAR_LEVELS else 0
            most = max(most, near)
        out[i] = most >= _MIN_GROUND * ((right - left) * (bottom - top))
    return out
