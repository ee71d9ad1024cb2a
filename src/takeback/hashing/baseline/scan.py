"""The coded data of a baseline scan: luma is read, colour is passed over.

numba checks no index, and whoever made the file may wish us ill. So:

* the data lie in a buffer with more room behind them than one block can use up (stuffing.py), and before every block it
  is seen that the reading has not gone beyond them;
* the bits that index a table are as many as its size has; places in a block are below 64 before a look-up and below
  ``PLACES`` after it; blocks are counted, not read until something stops;
* anything undefined ends the reading with "no": a code that is none, a run beyond the block, a value that no picture
  has, data too short or too long.

**Source:** ITU-T T.81 §F.2.2 (decoding), §A.2.3 (order of blocks).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.baseline.codes import (
    COLOUR_AC,
    COLOUR_DC,
    ENDS,
    LOOK_BITS,
    LUMA_AC,
    LUMA_DC,
    Tables,
    U,
    part,
    slow_look,
    tables_of,
    value_of,
)
from takeback.hashing.baseline.shrunk import shrink
from takeback.hashing.baseline.transform import GROUP, LANES, transform
from takeback.hashing.downsample import kernel

PLACES = 96
"""Places in a block that can be written to: 63, and behind it two runs of 15 and the value between them."""

_MAX_DC = 2047
_SHIFT = U(64 - LOOK_BITS)
_ONES = U(0x7FFFFFFFFFFFFFFF)


class Unit(NamedTuple):
    """What coded data consist of, again and again.

    Args:
        across: luma blocks side by side, 1 or 2.
        down: luma blocks one above the other, 1 or 2.
        colours: blocks of colour after them.
    """

    across: int
    down: int
    colours: int


@part
def _next_eight(data: NDArray[np.uint8], at: np.uint64) -> np.uint64:
    """Eight bytes as one number, the first its highest byte; the compiler makes one instruction of it."""
    high = (
        U(data[at]) << U(56) | U(data[at + U(1)]) << U(48) | U(data[at + U(2)]) << U(40) | U(data[at + U(3)]) << U(32)
    )
    low = U(data[at + U(4)]) << U(24) | U(data[at + U(5)]) << U(16) | U(data[at + U(6)]) << U(8) | U(data[at + U(7)])
    return high | low


@part
def _filled(
    data: NDArray[np.uint8], bits: np.uint64, held: np.uint64, at: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """At least 56 bits, the next one highest; how many are held; the next byte to read."""
    return bits | _next_eight(data, at) >> held, held | U(56), at + ((U(63) - held) >> U(3))


@part
def _write(
    look: np.uint64,
    bits: np.uint64,
    order: NDArray[np.uint64],
    place: np.uint64,
    lane: np.uint64,
    out: NDArray[np.int16],
) -> None:
    """The value or the two values of a look-up; ``bits`` are those before it."""
    ahead, missing = bits << (look >> U(8) & U(63)), look >> U(16) & U(63)
    below = np.int64(~ahead) >> np.int64(63)
    value = np.int64(ahead >> U(1) >> missing) - (below & np.int64(_ONES >> missing))
    out[lane + order[place + (look >> U(24) & U(255))]] = np.int16(value)
    out[lane + order[place + (look >> U(32) & U(255))]] = np.int16(np.int64(look) >> np.int64(48))


@part
def _is_over(place: np.uint64) -> bool:
    """Whether a block is full, or its end was read."""
    return bool(place == U(64) or ENDS < place < ENDS + U(64))


@kernel
def _read_row(  # noqa: C901, PLR0912, PLR0915 - see below
    data: NDArray[np.uint8],
    reader: NDArray[np.uint64],
    tables: Tables,
    order: NDArray[np.uint64],
    unit: Unit,
    units: int,
    out: NDArray[np.int16],
) -> bool:
    """Read the coefficients of a row of units.

    In one piece, because numba counts an array in and out where it is handed to another function. For every block that
    would take half as long as reading it.

    Args:
        data: see ``luma_of``.
        reader: (5,): the next bits, highest first; how many are held; the next byte to read; the last at which a block
            may begin; the last DC value.
        tables: of the file.
        order: see ``luma_of``.
        unit: of the file.
        units: how many in a row.
        out: a row of groups for each row of blocks, zero.

    Returns:
        Whether all that is coded there could be read.
    """
    by_bits, by_length, looks, leaps = tables.by_bits, tables.by_length, tables.looks, tables.leaps
    across, down, colours = unit
    bits, held, at, end, dc = reader[0], reader[1], reader[2], reader[3], np.int64(reader[4])
    pitch = U(out.size // down)
    for first in range(0, units * across, across):
        for block in range(across * down):
            if at > end:
                return False
            column = U(first + (block & (across - 1)))
            lane = U(block >> (across - 1)) * pitch + column // U(LANES) * U(GROUP) + column % U(LANES)
            bits, held, at = _filled(data, bits, held, at)
            symbol = U(by_bits[LUMA_DC, bits >> _SHIFT])
            size, length = symbol & U(255), symbol >> U(8)
            if length == U(0):
                size, length = slow_look(by_length, LUMA_DC, bits)
            dc += value_of(bits << length, size)
            if length == U(0) or abs(dc) > _MAX_DC:
                return False
            out[lane] = np.int16(dc)
            bits, held, place = bits << (length + size), held - length - size, U(1)
            while True:
                before, look, used = bits, U(0), U(0)
                while place < U(64):
                    # Two look-ups use up 42 bits at most; a slow one has the 35 that the first of them leaves.
                    bits, held, at = _filled(data, bits, held, at)
                    before, look = bits, looks[bits >> _SHIFT]
                    used = look & U(63)
                    if used == U(0):
                        break
                    _write(look, bits, order, place, lane, out)
                    bits, held, place = bits << used, held - used, place + (look >> U(40) & U(255))
                    if place >= U(64):
                        break
                    before, look = bits, looks[bits >> _SHIFT]
                    used = look & U(63)
                    if used == U(0):
                        break
                    _write(look, bits, order, place, lane, out)
                    bits, held, place = bits << used, held - used, place + (look >> U(40) & U(255))
                if _is_over(place):
                    break
                if place > U(64):
                    # The second code may be the next block's: back, and one at a time.
                    bits, held, place = before, held + used, place - (look >> U(40) & U(255))
                symbol, length = slow_look(by_length, LUMA_AC, bits)
                size, place = symbol & U(15), place + (symbol >> U(4))
                if length == U(0) or (place > U(63) and symbol != U(0)):
                    return False
                if symbol != U(0):
                    out[lane + order[place]] = np.int16(value_of(bits << length, size))
                bits, held, place = bits << (length + size), held - length - size, place + U(1)
                if symbol == U(0):
                    break
        for _ in range(colours):
            if at > end:
                return False
            bits, held, at = _filled(data, bits, held, at)
            symbol = U(by_bits[COLOUR_DC, bits >> _SHIFT])
            size, length = symbol & U(255), symbol >> U(8)
            if length == U(0):
                size, length = slow_look(by_length, COLOUR_DC, bits)
            if length == U(0):
                return False
            bits, held, place = bits << (length + size), held - length - size, U(1)
            while True:
                before, look, used = bits, U(0), U(0)
                while place < U(64):
                    bits, held, at = _filled(data, bits, held, at)
                    before, look = bits, U(leaps[bits >> _SHIFT])
                    used = look & U(255)
                    if used == U(0):
                        break
                    bits, held, place = bits << used, held - used, place + (look >> U(8))
                    if place >= U(64):
                        break
                    before, look = bits, U(leaps[bits >> _SHIFT])
                    used = look & U(255)
                    if used == U(0):
                        break
                    bits, held, place = bits << used, held - used, place + (look >> U(8))
                if _is_over(place):
                    break
                if place > U(64):
                    bits, held, place = before, held + used, place - (look >> U(8))
                symbol, length = slow_look(by_length, COLOUR_AC, bits)
                size, place = symbol & U(15), place + (symbol >> U(4))
                if length == U(0) or (place > U(63) and symbol != U(0)):
                    return False
                bits, held, place = bits << (length + size), held - length - size, place + U(1)
                if symbol == U(0):
                    break
    reader[0], reader[1], reader[2], reader[4] = bits, held, at, U(dc)
    return True


@kernel
def luma_of(
    data: NDArray[np.uint8],
    length: int,
    definitions: NDArray[np.uint8],
    steps: NDArray[np.int32],
    order: NDArray[np.uint64],
    unit: Unit,
    waves: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> bool:
    """Decode.

    Args:
        data: coded data as ``stuffing.without_stuffing`` leaves them.
        length: how many bytes of it are coded data.
        definitions: (4, 272), the Huffman tables; see ``header.Header``.
        steps: (1024,), see ``transform.transform``.
        order: (``PLACES``,), where each place of a block is in a group.
        unit: of the file.
        waves: see ``shrunk.waves_of``; those of 8 for all pixels.
        out: (height, width), the pixels.

    Returns:
        Whether it could be done; if not, the pixels are not to be used.
    """
    tables = tables_of(definitions)
    if not tables.sound:
        return False
    height, width = out.shape
    size = waves.shape[0]
    units = (width + size * unit.across - 1) // (size * unit.across)
    groups = (units * unit.across + LANES - 1) // LANES
    pitch = groups * GROUP
    coefficients = np.zeros(unit.down * pitch, np.int16)
    room, pixels = np.zeros((2, 64 * LANES), np.int32), np.empty(groups * 8 * LANES, np.uint64)
    single = pixels.view(np.uint8)
    reader = np.zeros(5, np.uint64)
    reader[3] = U(length + 8)
    for top in range(0, height, size * unit.down):
        if not _read_row(data, reader, tables, order, unit, units, coefficients):
            return False
        for row in range(unit.down):
            blocks = coefficients[row * pitch : (row + 1) * pitch]
            if size == 8:
                sane = transform(blocks, steps, room[0], pixels)
            else:
                sane = shrink(blocks, steps, waves, room, single)
            if not sane:
                return False
            _store(single, groups * LANES * size, top + size * row, min(top + size * (row + 1), height), out)
    left_bits = 8 * (length - np.int64(reader[2])) + np.int64(reader[1])
    return bool(0 <= left_bits < 8)


@kernel
def _store(pixels: NDArray[np.uint8], pitch: int, top: int, end: int, out: NDArray[np.uint8]) -> None:
    """Rows from ``top`` on, if there are any, without what is beyond the right side."""
    for y in range(top, end):
        start, row = U((y - top) * pitch), out[y]
        for x in range(U(row.size)):
            row[U(x)] = pixels[start + U(x)]
