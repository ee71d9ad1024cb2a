"""The text form of a region set: the value of one ``pdq-region`` fingerprint.

Bytes, written as lower-case hexadecimal: the number of regions n (1 byte, 1 to 96), n values of 32 bytes in strictly
ascending order, and ⌈n/8⌉ bytes with one bit for each region, the first in the most significant bit, that says whether
it is strong; unused bits are zero. One set has exactly one text, so the same picture submitted twice is one entry.
"""

import re
from itertools import pairwise

import numpy as np

from takeback.errors import InvalidInputError
from takeback.hashing.regions.sets import MAX_REGISTERED, RegionSet

_VALUE_BYTES = 32
_ONES = 128
"""Bits set in every region's value: they are cut at the median."""

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def text_of(regions: RegionSet) -> str:
    """Write a set.

    Raises:
        InvalidInputError: ``fingerprint.format`` for an empty set, or one with more than 96 regions.
    """
    if not 1 <= len(regions) <= MAX_REGISTERED:
        raise _malformed()
    flags = np.packbits(regions.strong)
    return (bytes([len(regions)]) + regions.values.tobytes() + flags.tobytes()).hex()


def parse_regions(untrusted_text: str) -> RegionSet:
    """Read a set.

    Raises:
        InvalidInputError: ``fingerprint.format`` for another alphabet or length, values out of order or repeated, a
            value that is not balanced, or unused bits that are set.
    """
    if not _HEX.fullmatch(untrusted_text):
        raise _malformed()
    data = bytes.fromhex(untrusted_text)
    count = data[0]
    flag_bytes = (count + 7) // 8
    if not 1 <= count <= MAX_REGISTERED or len(data) != 1 + count * _VALUE_BYTES + flag_bytes:
        raise _malformed()
    values = np.frombuffer(data, np.uint8, count * _VALUE_BYTES, 1).reshape(count, _VALUE_BYTES)
    flags = np.unpackbits(np.frombuffer(data, np.uint8, flag_bytes, 1 + count * _VALUE_BYTES))
    rows = [row.tobytes() for row in values]
    ascending = all(one < other for one, other in pairwise(rows))
    balanced = bool((np.bitwise_count(values).sum(axis=1) == _ONES).all())
    if not ascending or not balanced or flags[count:].any():
        raise _malformed()
    return RegionSet(values, flags[:count].astype(np.bool_))


def _malformed() -> InvalidInputError:
    return InvalidInputError("fingerprint.format", "This is not a set of picture regions.")
