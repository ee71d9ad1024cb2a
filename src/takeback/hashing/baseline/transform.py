"""From coefficients to pixels: the inverse cosine transform of JPEG, equal in every bit to the libraries' accurate one.

Sixteen blocks at once, their coefficients side by side, so that a processor does the same with each at the same time
and nothing has to be turned. Whole numbers of 32 bits; numba makes 64 of them unless told otherwise after every step.

**Source:** Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989), with
constants of 13 bits and two bits more between the two passes, as in libjpeg's ``jidctint``.
"""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.downsample import kernel

LANES = 16
"""Blocks that are transformed at once."""

GROUP = 65 * LANES
"""Coefficients of a group: 64 rows in the order of the picture, and one for what is written beyond a block's end."""

_I = np.int32
_ROW = 8 * LANES

MAX_COEFFICIENT = 4095
MAX_BETWEEN = 16383
"""Beyond, a library's sixteen-bit sums may overflow, each in its way. An honest picture has about 1150 and 11600 at
most, and somewhat more where it was saved so poorly that nothing is left of it."""


@kernel
def _clamped(value: np.int32) -> np.uint64:
    return np.uint64(_I(min(max(_I(value >> _I(18)), _I(0)), _I(255))))


@kernel
def _halves(
    a: np.int32, b: np.int32, c: np.int32, d: np.int32, e: np.int32, f: np.int32, g: np.int32, h: np.int32
) -> tuple[np.int32, np.int32, np.int32, np.int32, np.int32, np.int32, np.int32, np.int32]:
    """One dimension of eight frequencies, the lowest first, up to the last step.

    Returns:
        The even parts of outputs 0 to 3, then the odd ones: output ``i`` is even + odd, output 7 - i is even - odd.
        They have 13 bits more than the outputs.
    """
    shared = _I((c + g) * _I(4433))
    low, high = _I(shared - g * _I(15137)), _I(shared + c * _I(6270))
    total, difference = _I(_I(a + e) << _I(13)), _I(_I(a - e) << _I(13))
    turn = _I((_I(h + d) + _I(f + b)) * _I(9633))
    outer, inner = _I(_I(h + b) * _I(-7373)), _I(_I(f + d) * _I(-20995))
    one, other = _I(turn - _I(h + d) * _I(16069)), _I(turn - _I(f + b) * _I(3196))
    return (
        _I(total + high),
        _I(difference + low),
        _I(difference - low),
        _I(total - high),
        _I(b * _I(12299) + outer + other),
        _I(d * _I(25172) + inner + one),
        _I(f * _I(16819) + inner + other),
        _I(h * _I(2446) + outer + one),
    )


@kernel
def _between(value: np.int32) -> np.int32:
    return _I(_I(value + _I(1024)) >> _I(11))


@kernel
def _largest(a: np.int32, b: np.int32, c: np.int32, d: np.int32) -> np.int32:
    return _I(max(_I(max(_I(abs(a)), _I(abs(b)))), _I(max(_I(abs(c)), _I(abs(d))))))


@kernel
def _columns(group: NDArray[np.int16], steps: NDArray[np.int32], out: NDArray[np.int32]) -> bool:
    """The first pass.

    Returns:
        Whether everything was of a size that pictures have.
    """
    largest, widest = _I(0), _I(0)
    for i in range(_ROW):
        a, b = _I(group[i] * steps[i]), _I(group[i + _ROW] * steps[i + _ROW])
        c, d = _I(group[i + 2 * _ROW] * steps[i + 2 * _ROW]), _I(group[i + 3 * _ROW] * steps[i + 3 * _ROW])
        e, f = _I(group[i + 4 * _ROW] * steps[i + 4 * _ROW]), _I(group[i + 5 * _ROW] * steps[i + 5 * _ROW])
        g, h = _I(group[i + 6 * _ROW] * steps[i + 6 * _ROW]), _I(group[i + 7 * _ROW] * steps[i + 7 * _ROW])
        largest = _I(max(largest, _largest(a, b, c, d), _largest(e, f, g, h)))
        p, q, r, s, t, u, v, w = _halves(a, b, c, d, e, f, g, h)
        a, b, c, d = _between(_I(p + t)), _between(_I(q + u)), _between(_I(r + v)), _between(_I(s + w))
        e, f, g, h = _between(_I(s - w)), _between(_I(r - v)), _between(_I(q - u)), _between(_I(p - t))
        out[i], out[i + _ROW], out[i + 2 * _ROW], out[i + 3 * _ROW] = a, b, c, d
        out[i + 4 * _ROW], out[i + 5 * _ROW], out[i + 6 * _ROW], out[i + 7 * _ROW] = e, f, g, h
    # In a loop of its own: in the one above it keeps the compiler from working on several columns at a time.
    for i in range(64 * LANES):
        widest = _I(max(widest, _I(abs(out[i]))))
    return bool(largest <= MAX_COEFFICIENT and widest <= MAX_BETWEEN)


@kernel
def _rows(columns: NDArray[np.int32], out: NDArray[np.uint64], first: int, stride: int) -> None:
    """The second pass: eight pixels of one row of one block are one number, the leftmost its lowest byte."""
    rounding = _I((1 << 17) + (128 << 18))
    for row in range(8):
        for lane in range(LANES):
            i = row * _ROW + lane
            p, q, r, s, t, u, v, w = _halves(
                columns[i],
                columns[i + LANES],
                columns[i + 2 * LANES],
                columns[i + 3 * LANES],
                columns[i + 4 * LANES],
                columns[i + 5 * LANES],
                columns[i + 6 * LANES],
                columns[i + 7 * LANES],
            )
            p, q, r, s = _I(p + rounding), _I(q + rounding), _I(r + rounding), _I(s + rounding)
            left = (
                _clamped(_I(p + t))
                | _clamped(_I(q + u)) << np.uint64(8)
                | _clamped(_I(r + v)) << np.uint64(16)
                | _clamped(_I(s + w)) << np.uint64(24)
            )
            right = (
                _clamped(_I(s - w))
                | _clamped(_I(r - v)) << np.uint64(8)
                | _clamped(_I(q - u)) << np.uint64(16)
                | _clamped(_I(p - t)) << np.uint64(24)
            )
            out[first + row * stride + lane] = left | right << np.uint64(32)


@kernel
def transform(
    coefficients: NDArray[np.int16], steps: NDArray[np.int32], columns: NDArray[np.int32], out: NDArray[np.uint64]
) -> bool:
    """One row of blocks to eight rows of pixels.

    Args:
        coefficients: (groups × ``GROUP``,), as read; zero afterwards.
        steps: (1024,), the quantization step of each, in the order of the picture, ``LANES`` times.
        columns: (1024,), room for what is between the passes.
        out: (8 × groups × ``LANES``,), eight pixels in each.

    Returns:
        Whether everything was of a size that pictures have; if not, the pixels are not to be used.
    """
    groups = coefficients.size // GROUP
    sane = True
    for number in range(groups):
        group = coefficients[number * GROUP : (number + 1) * GROUP]
        sane &= _columns(group, steps, columns)
        _rows(columns, out, number * LANES, groups * LANES)
    for i in range(coefficients.size):
        coefficients[i] = 0
    return sane
