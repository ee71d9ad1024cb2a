"""Huffman tables made ready: from how many codes there are of each length to what the next bits mean.

Most of the time goes into finding where one code ends and the next begins: a look-up has to end before the next one can
start. So one look-up of eleven bits tells two values, where both fit, or how far several codes lead where values are
not wanted. What does not fit is looked up by length, which is slow and rare.

Indices are unsigned, so that nothing is negative, and every table has an entry for every index that can be made.

**Source:** ITU-T T.81 §C.2 (codes), §F.2.2.1 (extending a value), §F.2.2.2 (runs).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from takeback.hashing.downsample import kernel

U = np.uint64

part = njit(nogil=True, error_model="numpy", forceinline=True)
"""How a piece of a kernel is compiled that has to be within it."""

LOOK_BITS = 11
"""Ten cost 3 % more time for further look-ups, twelve as much for a table that crowds the first cache."""

_LOOKS = 1 << LOOK_BITS
ENDS = U(128)
"""Added to the place in a block at its end, so that an end is told from a block that is full, and from one too full."""


_BOUNDS, _FIRSTS, _SYMBOLS = 0, 17, 34
"""Where the parts of a row of ``by_length`` begin."""

LUMA_DC, LUMA_AC, COLOUR_DC, COLOUR_AC = U(0), U(1), U(2), U(3)
"""The order of tables."""


class Tables(NamedTuple):
    """Four Huffman tables made ready.

    Args:
        sound: whether in each there is a code for every symbol and none of ones only, as T.81 has it.
        by_bits: (4, 2048) uint16, by the next eleven bits: length × 256 + symbol; 0 if the code is longer or none.
        by_length: (4, 290) uint64: for each length what the next sixteen bits are less than if the code is no longer;
            for each length what is to be added to a code to have its symbol's place, modulo 256; the symbols.
        looks: (2048,) uint64, see ``looks_of``; of luma.
        leaps: (2048,) uint16, see ``leaps_of``; of colour.
    """

    sound: bool
    by_bits: NDArray[np.uint16]
    by_length: NDArray[np.uint64]
    looks: NDArray[np.uint64]
    leaps: NDArray[np.uint16]


@kernel
def tables_of(definitions: NDArray[np.uint8]) -> Tables:
    """Make tables ready.

    Args:
        definitions: (4, 272) uint8, see ``header.Header``.
    """
    by_bits, by_length = np.zeros((4, _LOOKS), np.uint16), np.zeros((4, _SYMBOLS + 256), np.uint64)
    sound = True
    for number in range(4):
        sound &= _assign(definitions[number], by_bits[number], by_length[number])
    return Tables(sound, by_bits, by_length, looks_of(by_bits[1]), leaps_of(by_bits[3]))


@kernel
def _assign(definition: NDArray[np.uint8], by_bits: NDArray[np.uint16], by_length: NDArray[np.uint64]) -> bool:
    """Codes to symbols: from the shortest, each one more than the last. Loops, as slices take a second to compile."""
    code, place = 0, 0
    for i in range(256):
        by_length[_SYMBOLS + i] = definition[16 + i]
    for length in range(1, 17):
        count = int(definition[length - 1])
        if count and (place + count > 256 or code + count >= 1 << length):
            return False
        for i in range(count if length <= LOOK_BITS else 0):
            entry = np.uint16(length << 8 | int(definition[16 + place + i]))
            for bits in range((code + i) << (LOOK_BITS - length), (code + i + 1) << (LOOK_BITS - length)):
                by_bits[bits] = entry
        by_length[_FIRSTS + length] = U((place - code) & 255)
        code, place = code + count, place + count
        by_length[_BOUNDS + length] = U(code << (16 - length))
        code <<= 1
    return True


@kernel
def slow_look(by_length: NDArray[np.uint64], number: np.uint64, bits: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The next code by comparing with the bounds of each length.

    Returns:
        Its symbol and its length; length 0 if no code begins so.
    """
    ahead = bits >> U(48)
    for length in range(U(1), U(17)):
        if ahead < by_length[number, U(_BOUNDS) + U(length)]:
            place = by_length[number, U(_FIRSTS) + U(length)] + (ahead >> (U(16) - U(length)))
            return by_length[number, U(_SYMBOLS) + (place & U(255))], U(length)
    return U(0), U(0)


@part
def value_of(bits: np.uint64, size: np.uint64) -> np.int64:
    """The value in the first ``size`` bits, 0 to 15: those that begin with 0 are negative."""
    raw = np.int64(bits >> U(1) >> (U(63) - size))
    below = np.int64(~bits) >> np.int64(63)
    return raw - (below & ((np.int64(1) << np.int64(size)) - np.int64(1)))


@kernel
def looks_of(short: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """For the next eleven bits one or two values of a block.

    Args:
        short: (2048,), the codes by the next eleven bits.

    Returns:
        (2048,) uint64; 0 if the first code is longer. From the least bit on:
        6 bits, how many are used up (two spare);
        6, length of the first code (two spare); 6, 63 less the bits of its value (two spare); the value is not here;
        8, zeros before the first value; 8, places from here to the second value; 8, places to what follows;
        16, the second value, or 0 if there is none.
        An end of block counts as a value 0 and ``ENDS`` places. What is written for it, or for a second value that is
        missing, is a zero at a place that nothing was written to.
    """
    looks = np.zeros(_LOOKS, np.uint64)
    for index in range(_LOOKS):
        first = U(short[index])
        if first == U(0):
            continue
        length, size, run = first >> U(8), first & U(15), first >> U(4) & U(15)
        used, ahead, to_second, second_value = length + size, run + U(1), run + U(1), U(0)
        if first & U(255) == U(0):
            run, ahead, to_second = U(0), ENDS, U(0)
        elif used < U(LOOK_BITS):
            rest = U(index) << (used + U(64 - LOOK_BITS))
            second = U(short[rest >> U(64 - LOOK_BITS)])
            both = used + (second >> U(8)) + (second & U(15))
            if second != U(0) and both <= U(LOOK_BITS):
                used = both
                if second & U(255) == U(0):
                    ahead += ENDS
                else:
                    to_second = ahead + (second >> U(4) & U(15))
                    second_value = U(value_of(rest << (second >> U(8)), second & U(15)))
                    ahead = to_second + U(1)
        where = run << U(24) | to_second << U(32) | ahead << U(40)
        looks[index] = used | length << U(8) | (U(63) - size) << U(16) | where | second_value << U(48)
    return looks


@kernel
def leaps_of(short: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """For the next eleven bits how far all the codes lead whose bits are among them, where values are not wanted.

    Args:
        short: (2048,), the codes by the next eleven bits.

    Returns:
        (2048,) uint16; 0 if the first code is longer. 8 bits, how many are used up, of the first code also beyond
        eleven; 8, places to what follows.
    """
    leaps = np.empty(_LOOKS, np.uint16)
    for index in range(_LOOKS):
        used, ahead = U(0), U(0)
        while used < U(LOOK_BITS) and ahead < U(64):
            code = U(short[(U(index) << (used + U(64 - LOOK_BITS))) >> U(64 - LOOK_BITS)])
            length, both = code >> U(8), used + (code >> U(8)) + (code & U(15))
            if code == U(0) or used + length > U(LOOK_BITS) or (used > U(0) and both > U(LOOK_BITS)):
                break
            used = both
            ahead += ENDS if code & U(255) == U(0) else (code >> U(4) & U(15)) + U(1)
        leaps[index] = np.uint16(used | ahead << U(8))
    return leaps
