"""Where a picture has lettering on it: captions, names, slogans, watermarks. For what is asked only; no letter is read.

Letters in print are pieces of one even grey, clear against what is around them, of about one height and next to each
other. So each pixel is compared with the mean of a square around it, which makes faint words on a changing ground as
clear as black on white; what is lighter, and then what is darker, is cut into pieces, and pieces that make a row are
lettering. Rows may run across or down; slanted ones are not seen. Four letters in a row are words. Where there are
words, two letters of their size are words as well: over the busier parts of a picture some letters of a row are lost.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import kernel
from takeback.hashing.regions.grey import Grey

Pieces = NDArray[np.float32]
"""(n, 5) float32: left, top, right, bottom in pixels, right and bottom not included; mean grey."""
Rows = NDArray[np.float32]
"""(n, 6) float32: left, top, right, bottom of a row; how many pieces it has; the height of the tallest."""

_REACHES_PX = (8, 20)
"""Half the sides of the squares whose mean a pixel is compared with: for small letters and for large ones."""

_LEVEL = 128.0
"""What a pixel is that differs in nothing from the mean around it."""

_CUTS = (12.0, 24.0)
"""Grey levels from the mean at which pieces are cut out."""

_MOST_PIECES = 2048
_MIN_PIXELS = 12
_MIN_LENGTH_PX = 6
_MAX_LENGTH_SHARE = 0.3
"""Of the longer side: larger pieces are no letters."""

_EVEN_LEVELS = 24.0
_MIN_EVEN_SHARE = 0.4
_MIN_CONTRAST = 30.0
_AROUND_PX = 2

_LEAST_LETTERS = 4
_MIN_FLATNESS = 2.0
_LEAST_BESIDE_WORDS = 2
_MIN_FLATNESS_BESIDE_WORDS = 1.0
_MAX_SIZE_RATIO = 1.3
"""How flat a row is, is its length in heights. Beside words it may be shorter, if its letters are of their size."""

_MOST_LEVELS_APART = 16.0
_MAX_HEIGHT_RATIO = 2.0
_MIN_OVERLAP = 0.5
_MAX_GAP = 0.65
"""Of the height of the taller neighbour; a gap between words is about a third."""

_MARGIN = 0.15
"""Of a row's height by which it is widened: outlines and shadows belong to it."""


def lettering_in(grey: Grey) -> NDArray[np.bool_]:
    """Which pixels lie in a row of letters.

    Args:
        grey: the working picture.

    Returns:
        (height, width) bool.
    """
    mask = np.zeros(grey.shape, np.bool_)
    reliefs = [_relief(grey, reach) for reach in _REACHES_PX]
    for lighter in (True, False):
        across, down = [], []
        for relief, cut in product(reliefs, _CUTS):
            pieces = _pieces(relief, _LEVEL + (cut if lighter else -cut), lighter)
            across.append(_rows_of(_sorted(pieces)))
            down.append(_rows_of(_sorted(pieces[:, [1, 0, 3, 2, 4]])))
        _mark(_words(np.concatenate(across)), mask)
        _mark(_words(np.concatenate(down)), mask.T)
    return mask


def _relief(grey: Grey, reach_px: int) -> Grey:
    """How much each pixel is lighter or darker than the mean of the square around it."""
    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1))
    sums[1:, 1:] = grey.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    top, bottom = _from_to(grey.shape[0], reach_px)
    left, right = _from_to(grey.shape[1], reach_px)
    total = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    mean = total / np.outer(bottom - top, right - left)
    return np.clip(_LEVEL + grey - mean, 0.0, 255.0).astype(np.float32)


def _from_to(length: int, reach_px: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = np.arange(length)
    return np.maximum(0, at - reach_px), np.minimum(length, at + reach_px + 1)


def _words(rows: Rows) -> Rows:
    """Rows that are long enough, and then those of letters as tall as theirs."""
    flatness = (rows[:, 2] - rows[:, 0]) / (rows[:, 3] - rows[:, 1])
    sure = (rows[:, 4] >= _LEAST_LETTERS) & (flatness >= _MIN_FLATNESS)
    tall = np.sort(rows[sure, 5])
    after = np.searchsorted(tall, rows[:, 5] / _MAX_SIZE_RATIO)
    beside = after < np.searchsorted(tall, rows[:, 5] * _MAX_SIZE_RATIO, side="right")
    beside &= (rows[:, 4] >= _LEAST_BESIDE_WORDS) & (flatness >= _MIN_FLATNESS_BESIDE_WORDS)
    return rows[sure | beside]


def _sorted(pieces: Pieces) -> Pieces:
    return np.ascontiguousarray(pieces[np.argsort(pieces[:, 0], kind="stable")])


@kernel
def _pieces(grey: Grey, cut: float, lighter: bool) -> Pieces:
    """The connected pieces on one side of a grey level that could be letters, in scan order."""
    height, width = grey.shape
    # A frame of pixels that are taken already, so that filling need not look for the edge.
    open_ = np.zeros((height + 2, width + 2), np.bool_)
    for y in range(height):
        for x in range(width):
            open_[y + 1, x + 1] = (grey[y, x] > cut) == lighter
    inside = open_.copy()
    queue = np.empty((height * width, 2), np.int32)
    found = np.empty((_MOST_PIECES, 5), np.float32)
    count = 0
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            if not open_[y, x]:
                continue
            size = _fill(open_, y, x, queue)
            if size >= _MIN_PIXELS and count < _MOST_PIECES:
                count += _is_letter(grey, inside, queue[:size], found[count])
    return found[:count]


@kernel
def _fill(open_: NDArray[np.bool_], y: int, x: int, queue: NDArray[np.int32]) -> int:
    """Close a connected piece and list its pixels."""
    open_[y, x] = False
    queue[0, 0], queue[0, 1] = y, x
    size, at = 1, 0
    while at < size:
        y, x = queue[at, 0], queue[at, 1]
        at += 1
        for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if open_[y + dy, x + dx]:
                open_[y + dy, x + dx] = False
                queue[size, 0], queue[size, 1] = y + dy, x + dx
                size += 1
    return size


@kernel
def _is_letter(grey: Grey, inside: NDArray[np.bool_], pixels: NDArray[np.int32], out: NDArray[np.float32]) -> bool:
    """Whether a piece is small enough, of one grey and clear against its surroundings; its box and mean."""
    height, width = grey.shape
    top, left, bottom, right = height, width, 0, 0
    total, least, most = 0.0, 255.0, 0.0
    for i in range(pixels.shape[0]):
        y, x = pixels[i, 0] - 1, pixels[i, 1] - 1
        top, bottom, left, right = min(top, y), max(bottom, y + 1), min(left, x), max(right, x + 1)
        total += grey[y, x]
        least, most = min(least, grey[y, x]), max(most, grey[y, x])
    length = max(bottom - top, right - left)
    if length < _MIN_LENGTH_PX or length > _MAX_LENGTH_SHARE * max(height, width):
        return False
    mean = total / pixels.shape[0]
    around, others = 0.0, 0
    for y in range(max(0, top - _AROUND_PX), min(height, bottom + _AROUND_PX)):
        for x in range(max(0, left - _AROUND_PX), min(width, right + _AROUND_PX)):
            if not inside[y + 1, x + 1]:
                around += grey[y, x]
                others += 1
    if others == 0 or abs(around / others - mean) < _MIN_CONTRAST:
        return False
    even = 0
    for i in range(pixels.shape[0]):
        value = grey[pixels[i, 0] - 1, pixels[i, 1] - 1]
        even += (most - value if around / others < mean else value - least) <= _EVEN_LEVELS
    out[0], out[1], out[2], out[3], out[4] = left, top, right, bottom, mean
    is_even: bool = even >= _MIN_EVEN_SHARE * pixels.shape[0]
    return is_even


@kernel
def _are_neighbours(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two pieces, the first not to the right of the second, stand next to each other on one line."""
    high, low = one[3] - one[1], other[3] - other[1]
    overlap = min(one[3], other[3]) - max(one[1], other[1])
    across = min(one[2], other[2]) - other[0]
    near: bool = (
        abs(one[4] - other[4]) <= _MOST_LEVELS_APART
        and max(high, low) <= _MAX_HEIGHT_RATIO * min(high, low)
        and other[0] - one[2] <= _MAX_GAP * max(high, low)
        and overlap >= _MIN_OVERLAP * min(high, low)
        and across <= _MIN_OVERLAP * min(one[2] - one[0], other[2] - other[0])
    )
    return near


@kernel
def _first_of(row_of: NDArray[np.int64], piece: int) -> int:
    while row_of[piece] != piece:
        piece = row_of[piece]
    return piece


@kernel
def _rows_of(pieces: Pieces) -> Rows:
    """Join neighbours to rows; pieces sorted by their left edge."""
    count = pieces.shape[0]
    row_of = np.arange(count)
    for i in range(count):
        reach = pieces[i, 2] + _MAX_GAP * _MAX_HEIGHT_RATIO * (pieces[i, 3] - pieces[i, 1])
        for j in range(i + 1, count):
            if pieces[j, 0] > reach:
                break
            if _are_neighbours(pieces[i], pieces[j]):
                one, other = _first_of(row_of, i), _first_of(row_of, j)
                row_of[max(one, other)] = min(one, other)
    rows = np.zeros((count, 6), np.float32)
    rows[:, :4] = pieces[:, :4]
    for i in range(count):
        row = rows[_first_of(row_of, i)]
        row[0], row[1] = min(row[0], pieces[i, 0]), min(row[1], pieces[i, 1])
        row[2], row[3] = max(row[2], pieces[i, 2]), max(row[3], pieces[i, 3])
        row[4] += 1
        row[5] = max(row[5], pieces[i, 3] - pieces[i, 1])
    return rows[rows[:, 4] >= _LEAST_BESIDE_WORDS]


@kernel
def _mark(rows: Rows, mask: NDArray[np.bool_]) -> None:
    """Fill the boxes of rows and a little around them."""
    for i in range(rows.shape[0]):
        margin = _MARGIN * (rows[i, 3] - rows[i, 1])
        top, left = max(0, int(rows[i, 1] - margin)), max(0, int(rows[i, 0] - margin))
        mask[top : int(rows[i, 3] + margin) + 1, left : int(rows[i, 2] + margin) + 1] = True
