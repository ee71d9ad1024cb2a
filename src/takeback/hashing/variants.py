"""Other views of one picture whose hashes are worth having: what is left without bars, and the crops that apps make.

A whole-picture hash breaks when two parts in a hundred of a side are missing, and holds when the missing part was
foreseen. Foreseen are: uniform borders and interface bars around the picture (``content_boxes``), trimmed from what
is registered and from what is posted; the centre crops of well-known proportions (``app_crops``), which are
registered; and the picture as stored, where a camera noted that it lies on its side (``raw_form``): others do not
read that note.

Views are taken from a picture shrunk by a whole factor to about a thousand pixels, which moves a hash by a few bits and
saves nine tenths of the time. Whole numbers only: web/src/core/variants.ts finds the same views, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width, channels) uint8; channels 1 (grey), 3 (RGB) or 4 (RGB and alpha, not premultiplied)."""

kernel = njit(cache=True, nogil=True, error_model="numpy")

PROPORTIONS = ((1, 1), (4, 5), (5, 4), (3, 4), (4, 3), (9, 16), (16, 9), (191, 100))
"""Width to height of the crops that large apps offer or make by themselves."""

_LEAST_LONG_SIDE_PX = 1024

_RAW_FORMS = {1: 0, 2: 5, 3: 2, 4: 4, 5: 6, 6: 1, 7: 7, 8: 3}
"""EXIF orientation to the form of ``pdq_forms_of`` that is the picture as stored."""

_NEAR = 10
"""Grey levels by which a pixel may differ from the ground and still belong to it: JPEG rings by a few."""

_SAME_SHARE_PERCENT = 98
_MIN_SIDE_PX = 48
_NESTED = 3
_FILLED_PERCENT = 40
"""A line belongs to the content when this share of it differs from the ground. Lettering covers at most a third."""

_MAX_GAP_PERMILLE = 8
_MIN_GROUND_PERCENT = 60
"""Share of the outermost lines that must be of one grey for there to be bars at all."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, in pixels; right and bottom are not included."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, pixels: Pixels) -> Pixels:
        """This part of a picture, without a copy."""
        return pixels[self.top : self.bottom, self.left : self.right]


def views_to_register(pixels: Pixels) -> tuple[Pixels, ...]:
    """The views of a picture, itself not included, whose hashes stand for it on a list: content boxes and app crops.

    Args:
        pixels: see ``Pixels``, as displayed.
    """
    small = shrunk(pixels)
    return tuple(box.of(small) for box in (*content_boxes(small), *app_crops(small)))


def views_to_ask(pixels: Pixels) -> tuple[Pixels, ...]:
    """The views of a posted picture, itself not included, that are looked up: its content boxes.

    Args:
        pixels: see ``Pixels``, as displayed.
    """
    small = shrunk(pixels)
    return tuple(box.of(small) for box in content_boxes(small))


def raw_form(exif_orientation: int) -> int:
    """Which of the eight forms of ``takeback.hashing.pdq.pdq_forms_of`` is the picture as stored; 0 is as displayed.

    Args:
        exif_orientation: 1 to 8; anything else counts as 1, as decoders do.
    """
    return _RAW_FORMS.get(exif_orientation, 0)


def shrunk(pixels: Pixels) -> Pixels:
    """The picture shrunk by the largest whole factor that leaves 1024 pixels of the longer side; RGB or grey, on white.

    Args:
        pixels: see ``Pixels``.
    """
    height, width, _ = pixels.shape
    factor = max(1, min(max(height, width) // _LEAST_LONG_SIDE_PX, height, width))
    return _shrunk(np.ascontiguousarray(pixels), factor)


def content_boxes(pixels: Pixels) -> tuple[Box, ...]:
    """What is left when borders and interface bars are trimmed: once, and again if what is left has bars too.

    Args:
        pixels: see ``Pixels``.

    Returns:
        Up to three boxes, each within the one before; none when the picture has no bars.
    """
    height, width, _ = pixels.shape
    grey = _grey(np.ascontiguousarray(pixels))
    box = Box(0, 0, width, height)
    found: list[Box] = []
    while len(found) < _NESTED:
        inner = _trimmed(np.ascontiguousarray(grey[box.top : box.bottom, box.left : box.right]))
        if inner is None:
            break
        box = Box(box.left + inner.left, box.top + inner.top, box.left + inner.right, box.top + inner.bottom)
        found.append(box)
    return tuple(found)


def app_crops(pixels: Pixels) -> tuple[Box, ...]:
    """The centre crops of well-known proportions that leave out at least one part in fifty."""
    height, width, _ = pixels.shape
    return tuple(box for box in _centred(width, height) if _is_smaller(box, width, height))


def _centred(width: int, height: int) -> Iterator[Box]:
    for across, down in PROPORTIONS:
        crop_width, crop_height = min(width, height * across // down), min(height, width * down // across)
        if min(crop_width, crop_height) >= _MIN_SIDE_PX:
            left, top = (width - crop_width) // 2, (height - crop_height) // 2
            yield Box(left, top, left + crop_width, top + crop_height)


def _is_smaller(box: Box, width: int, height: int) -> bool:
    kept = (box.right - box.left) * (box.bottom - box.top) * 100
    return kept <= width * height * _SAME_SHARE_PERCENT


def _trimmed(grey: NDArray[np.uint8]) -> Box | None:
    height, width = grey.shape
    ground = _ground(grey)
    if ground < 0:
        return None
    # Rows, then the columns of those rows; and rows again, because bars at the sides dilute a row's share.
    rows, columns = (0, height), (0, width)
    for _ in range(2):
        rows = _longest_run(_filled_rows(grey, columns[0], columns[1], ground))
        columns = _longest_run(_filled_columns(grey, rows[0], rows[1], ground))
    box = Box(columns[0], rows[0], columns[1], rows[1])
    too_small = min(box.right - box.left, box.bottom - box.top) < _MIN_SIDE_PX
    return None if too_small or not _is_smaller(box, width, height) else box


@kernel
def _shrunk(pixels: Pixels, factor: int) -> Pixels:
    """Averages of squares, rounded; a rest at the right and the bottom is left out."""
    height, width, channels = pixels.shape
    out_height, out_width, out_channels = height // factor, width // factor, min(channels, 3)
    out = np.empty((out_height, out_width, out_channels), np.uint8)
    sums = np.empty((out_width, out_channels), np.int64)
    count = factor * factor
    for y in range(out_height):
        sums[:] = count // 2
        for row in pixels[y * factor : (y + 1) * factor]:
            for x in range(out_width * factor):
                at = x // factor
                for channel in range(out_channels):
                    value = int(row[x, channel])
                    if channels == 4:
                        value = (value * int(row[x, 3]) + 255 * (255 - int(row[x, 3])) + 127) // 255
                    sums[at, channel] += value
        for x in range(out_width):
            for channel in range(out_channels):
                out[y, x, channel] = sums[x, channel] // count
    return out


@kernel
def _grey(pixels: Pixels) -> NDArray[np.uint8]:
    height, width, channels = pixels.shape
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if channels == 1:
                out[y, x] = pixels[y, x, 0]
                continue
            value = 77 * int(pixels[y, x, 0]) + 150 * int(pixels[y, x, 1]) + 29 * int(pixels[y, x, 2])
            if channels == 4:
                alpha = int(pixels[y, x, 3])
                value = (value * alpha + 65280 * (255 - alpha)) // 255
            out[y, x] = value >> 8
    return out


@kernel
def _ground(grey: NDArray[np.uint8]) -> int:
    """The grey most frequent on one side of the picture, if it covers most of it; of several the clearest; else -1."""
    height, width = grey.shape
    best, best_percent = -1, _MIN_GROUND_PERCENT
    for side in range(4):
        length = width if side < 2 else height
        counts = np.zeros(256, np.int64)
        for i in range(length):
            if side < 2:
                counts[grey[0 if side == 0 else height - 1, i]] += 1
            else:
                counts[grey[i, 0 if side == 2 else width - 1]] += 1
        level = int(np.argmax(counts))
        near = 0
        for value in range(max(0, level - _NEAR), min(255, level + _NEAR) + 1):
            near += counts[value]
        percent = near * 100 // length
        if percent > best_percent:
            best, best_percent = level, percent
    return best


@kernel
def _filled_rows(grey: NDArray[np.uint8], start: int, end: int, ground: int) -> NDArray[np.bool_]:
    """For every row whether enough of it between two columns is content."""
    height = grey.shape[0]
    out = np.empty(height, np.bool_)
    for y in range(height):
        count = 0
        for x in range(start, end):
            count += abs(int(grey[y, x]) - ground) > _NEAR
        out[y] = count * 100 >= (end - start) * _FILLED_PERCENT
    return out


@kernel
def _filled_columns(grey: NDArray[np.uint8], start: int, end: int, ground: int) -> NDArray[np.bool_]:
    """For every column whether enough of it between two rows is content."""
    width = grey.shape[1]
    counts = np.zeros(width, np.int64)
    for y in range(start, end):
        for x in range(width):
            counts[x] += abs(int(grey[y, x]) - ground) > _NEAR
    filled: NDArray[np.bool_] = counts * 100 >= (end - start) * _FILLED_PERCENT
    return filled


@kernel
def _longest_run(filled: NDArray[np.bool_]) -> tuple[int, int]:
    """The longest stretch of content; short gaps, as a line across a photograph may be, do not end it."""
    allowed = max(1, filled.size * _MAX_GAP_PERMILLE // 1000)
    best_start, best_end = 0, 0
    start, last = -1, -1
    for i in range(filled.size):
        if not filled[i]:
            continue
        if start < 0 or i - last > allowed + 1:
            start = i
        last = i
        if last + 1 - start > best_end - best_start:
            best_start, best_end = start, last + 1
    return best_start, best_end
