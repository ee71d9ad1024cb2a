"""Black bars that cannot be told from the picture, because it is black at some of its edges too.

What a box around everything that is not black would be, depends on the moment. But what was put between bars was a
video before, and most have one of a few proportions. So the centre crops of those proportions are asked as well, as
long as all that was ever bright is inside them. **Source:** docs/video.md §5.5.
"""

import numpy as np

from takeback.hashing.variants import Box
from takeback.hashing.video.choose import Seen
from takeback.hashing.video.luma import Luma, cut, hash_of, small

PROPORTIONS = ((16, 9), (4, 3), (1, 1), (3, 4), (9, 16))
"""Width to height of nearly all videos."""

_DARK_LEVEL = 32
"""Luma as coded, where 16 is black: what is no brighter may be a bar, with what coding adds."""

_NEAR_PX = 2
"""By so much bars may be off the middle, and what is coded may run into them."""

_SAME_SHARE_PERCENT = 98

Crop = list[tuple[Seen, Seen]]
"""Of each picture the hash of the crop, and of the crop mirrored."""


class DarkBars:
    """Hashes the crops while a video goes by, and drops each as soon as something bright is outside of it."""

    def __init__(self) -> None:
        self._left: dict[Box, Crop] | None = None
        self._lit: Box | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to look for."""
        return self._left is not None and not self._left

    def add(self, tick: int, luma: Luma) -> None:
        """The next picture."""
        reduced = small(luma)
        height, width = reduced.pixels.shape
        if self._left is None:
            self._left = {box: [] for box in _centre_crops(width, height)}
        bright = reduced.pixels > _DARK_LEVEL
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        if len(rows):
            self._lit = _around(Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1), self._lit)
            self._left = {box: crop for box, crop in self._left.items() if _holds(box, self._lit)}
        for box, crop in self._left.items():
            plain, mirrored = hash_of(cut(reduced, box))
            crop.append((Seen(tick, plain.bits, plain.quality), Seen(tick, mirrored.bits, mirrored.quality)))

    def crops(self, box: Box | None) -> list[Crop]:
        """The crops that hold all that was bright in the whole video.

        Args:
            box: what is inside of the bars by other means. If there is one, or one of the crops is filled to all sides,
                only crops that are filled are of interest, and of these none that is the box.
        """
        lit = self._lit
        if lit is None or self._left is None:
            return []
        filled = {crop for crop in self._left if _is_near(crop, lit)}
        chosen = filled if filled or box is not None else set(self._left)
        return [hashes for crop, hashes in self._left.items() if crop in chosen and not (box and _is_near(crop, box))]


def _centre_crops(width: int, height: int) -> list[Box]:
    boxes = []
    for across, down in PROPORTIONS:
        crop_width, crop_height = min(width, height * across // down), min(height, width * down // across)
        left, top = (width - crop_width) // 2, (height - crop_height) // 2
        if crop_width * crop_height * 100 <= width * height * _SAME_SHARE_PERCENT:
            boxes.append(Box(left, top, left + crop_width, top + crop_height))
    return boxes


def _around(one: Box, other: Box | None) -> Box:
    if other is None:
        return one
    left, top = min(one.left, other.left), min(one.top, other.top)
    return Box(left, top, max(one.right, other.right), max(one.bottom, other.bottom))


def _holds(box: Box, lit: Box) -> bool:
    over = box.left - lit.left, box.top - lit.top, lit.right - box.right, lit.bottom - box.bottom
    return max(over) <= _NEAR_PX


def _is_near(one: Box, other: Box) -> bool:
    return _holds(one, other) and _holds(other, one)
