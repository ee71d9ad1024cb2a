"""From coefficients to fewer pixels than there are: a block becomes four by four, two by two or one.

Equal in every bit to what the libraries give when they are asked for a half, a quarter or an eighth. Every output is a
sum of weighted frequencies, and sums of whole numbers come out the same in any order, so a small matrix says it all.

**Source:** libjpeg's ``jidctred`` (its weights leave out some frequencies) and where it rounds.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.baseline.codes import part
from takeback.hashing.baseline.transform import GROUP, LANES, MAX_BETWEEN, MAX_COEFFICIENT
from takeback.hashing.downsample import kernel

_I = np.int32
_U = np.uint64
_ROW = 8 * LANES

_WAVES = {
    1: ((32768, 0, 0, 0, 0, 0, 0, 0),),
    2: ((32768, 29692, 0, -10426, 0, 6967, 0, -5906),),
    4: ((16384, 20995, 15137, 7373, 0, -4926, -6270, -4176), (16384, 8697, -15137, -17799, 0, 11893, 6270, -1730)),
    8: ((0,) * 8,) * 4,
}
"""Outputs of the first half; in the other half odd frequencies count the other way. All eight are not done here."""

Weights = tuple[np.int32, np.int32, np.int32, np.int32, np.int32, np.int32, np.int32, np.int32]


@cache
def waves_of(size: int) -> NDArray[np.int32]:
    """(size, 8) int32: what each frequency adds to each output, with 14 bits for 4 outputs and 15 for fewer."""
    half = np.array(_WAVES[size], np.int32)
    other = half[::-1] * np.where(np.arange(8) % 2, -1, 1).astype(np.int32)
    waves = np.concatenate([half, other])[:size]
    waves.flags.writeable = False
    return waves


@part
def _weights(row: NDArray[np.int32]) -> Weights:
    return row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]


@part
def _sum(values: NDArray[np.int32], at: np.uint64, step: np.uint64, weights: Weights) -> np.int32:
    """Of eight numbers, one every ``step``."""
    a, b, c, d, e, f, g, h = weights
    first = _I(a * values[at] + b * values[at + step])
    second = _I(c * values[at + _U(2) * step] + d * values[at + _U(3) * step])
    third = _I(e * values[at + _U(4) * step] + f * values[at + _U(5) * step])
    last = _I(g * values[at + _U(6) * step] + h * values[at + _U(7) * step])
    return _I(_I(first + second) + _I(third + last))


@kernel
def _columns(
    group: NDArray[np.int16],
    steps: NDArray[np.int32],
    waves: NDArray[np.int32],
    values: NDArray[np.int32],
    out: NDArray[np.int32],
) -> bool:
    """The first pass.

    Returns:
        Whether everything that counts was of a size that pictures have.
    """
    size, shift = waves.shape[0], _I(12 if waves.shape[0] == 4 else 13)
    largest, widest = _I(0), _I(0)
    for k in range(8):
        if waves[0, k] != 0:
            for i in range(k * _ROW, (k + 1) * _ROW):
                values[i] = _I(group[i] * steps[i])
            # A loop of its own: in the one above it keeps the compiler from working on several at a time.
            for i in range(k * _ROW, (k + 1) * _ROW):
                largest = _I(max(largest, _I(abs(values[i]))))
    for y in range(size):
        weights = _weights(waves[y])
        for i in range(_U(_ROW)):
            total = _sum(values, _U(i), _U(_ROW), weights)
            out[_U(y * _ROW) + _U(i)] = _I(_I(total + _I(1 << (shift - 1))) >> shift)
    for i in range(size * _ROW):
        widest = _I(max(widest, _I(abs(out[i]))))
    return bool(largest <= MAX_COEFFICIENT and widest <= MAX_BETWEEN)


@kernel
def _rows(
    columns: NDArray[np.int32],
    waves: NDArray[np.int32],
    sums: NDArray[np.int32],
    out: NDArray[np.uint8],
    first: int,
    pitch: int,
) -> None:
    """The second pass, which also rounds and puts 128 in the middle."""
    size, shift = waves.shape[0], _I(19 if waves.shape[0] == 4 else 20)
    rounding = _I((1 << (shift - 1)) + (128 << shift))
    for x in range(size):
        weights = _weights(waves[x])
        for y in range(size):
            for lane in range(_U(LANES)):
                total = _sum(columns, _U(y * _ROW) + _U(lane), _U(LANES), weights)
                sums[lane] = _I(min(max(_I(_I(total + rounding) >> shift), _I(0)), _I(255)))
            start = _U(y * pitch + first * size + x)
            for lane in range(_U(LANES)):
                out[start + _U(lane) * _U(size)] = np.uint8(sums[lane])


@kernel
def shrink(
    coefficients: NDArray[np.int16],
    steps: NDArray[np.int32],
    waves: NDArray[np.int32],
    room: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> bool:
    """One row of blocks to as many rows of pixels as there are ``waves``.

    Args:
        coefficients: as for ``transform.transform``; zero afterwards.
        steps: likewise.
        waves: see ``waves_of``; not for 8.
        room: (2, 1024), zero at first: for what is in front of and between the passes.
        out: (at least size × size × groups × ``LANES``,), rows one after the other.

    Returns:
        See ``transform.transform``.
    """
    groups, sane = coefficients.size // GROUP, True
    sums = np.empty(LANES, np.int32)
    for number in range(groups):
        group = coefficients[number * GROUP : (number + 1) * GROUP]
        sane &= _columns(group, steps, waves, room[0], room[1][: waves.shape[0] * _ROW])
        _rows(room[1], waves, sums, out, number * LANES, groups * LANES * waves.shape[0])
    for i in range(coefficients.size):
        coefficients[i] = 0
    return sane
