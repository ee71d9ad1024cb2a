"""Coded data without what keeps them from looking like markers: after each byte 255 of theirs a zero is put.

**Source:** ITU-T T.81 §F.1.2.3.
"""

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.downsample import kernel

PADDING = 512
"""Zeros behind coded data. A block is 63 values of at most 26 bits and one of 27: 209 bytes. A reader looks 8 ahead."""

_U = np.uint64
_END_OF_IMAGE = 0xD9


@kernel
def without_stuffing(data: NDArray[np.uint8], start: int, out: NDArray[np.uint8]) -> int:
    """Copy coded data without the stuffing, down to the next marker.

    Args:
        data: the file.
        start: where they start in it.
        out: as long as what follows there, and ``PADDING`` more.

    Returns:
        How many bytes there are, with ``PADDING`` zeros behind them in ``out``; -1 if what follows them is not the end
        of the image.
    """
    at, to, end = _U(start), _U(0), _U(data.size)
    while at < end:
        if at + _U(8) <= end:
            special = False
            for i in range(_U(8)):
                out[to + _U(i)] = data[at + _U(i)]
                special |= data[at + _U(i)] == 255
            if not special:
                at, to = at + _U(8), to + _U(8)
                continue
        value = data[at]
        at += _U(1)
        if value == 255:
            following = 1 if at == end else data[at]
            if following != 0:
                for i in range(_U(PADDING)):
                    out[to + _U(i)] = 0
                return int(to) if following == _END_OF_IMAGE else -1
            at += _U(1)
        out[to] = value
        to += _U(1)
    return -1
