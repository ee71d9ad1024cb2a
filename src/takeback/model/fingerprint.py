"""Fingerprints: what a picture or a video is known by once it has been turned into numbers."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

from takeback.errors import InvalidInputError
from takeback.model.video import MAX_VIDEO_DIGITS, parse_video


class Algorithm(StrEnum):
    """How a fingerprint was made. The value is its name on the wire, and the name of its list."""

    PDQ = "pdq"
    MD5 = "md5"
    SHA256 = "sha256"
    PDQ_REGION = "pdq-region"
    """One picture's set of regions: finds a copy that was cropped, turned or covered in part."""
    VPDQ = "vpdq"
    """One video's frames with their times: finds a copy that was encoded anew, cut or scaled."""


MIN_QUALITY = 50
"""PDQ of a lower quality says nothing about the picture and is neither stored nor asked. Source: PDQ reference."""

MAX_REGIONS = 96
"""Most regions of one picture in one value."""

_REGION_BYTES = 32
_REGION_ONES = 128
"""Bits set in every region: they are cut at their median."""

MAX_REGION_DIGITS = 2 * (1 + MAX_REGIONS * _REGION_BYTES + MAX_REGIONS // 8)
MAX_VALUE_DIGITS = max(MAX_REGION_DIGITS, MAX_VIDEO_DIGITS)
"""Length in characters of the longest value of any algorithm."""

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def value_length(algorithm: Algorithm) -> int | None:
    """Length in characters of a fingerprint's text form (lower-case hexadecimal); ``None`` where it varies."""
    match algorithm:
        case Algorithm.PDQ | Algorithm.SHA256:
            return 64
        case Algorithm.MD5:
            return 32
        case Algorithm.PDQ_REGION | Algorithm.VPDQ:
            return None
        case _:
            assert_never(algorithm)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One fingerprint of one picture or video.

    Args:
        algorithm: how it was made.
        value: lower-case hexadecimal; PDQ's bit 255 first. Sensitive, so never part of a ``repr``.
        quality: PDQ's quality, 0 to 100; ``None`` where the algorithm has none.
    """

    algorithm: Algorithm
    value: str = field(repr=False)
    quality: int | None = None


def parse_fingerprint(algorithm: Algorithm, untrusted_value: str, quality: int | None) -> Fingerprint:
    """Check a fingerprint that came from outside.

    Raises:
        InvalidInputError: ``fingerprint.format`` for a wrong length or alphabet, ``fingerprint.quality`` for a quality
            outside 0 to 100, or one where the algorithm has none, or none where it has one.
    """
    length = value_length(algorithm)
    if algorithm is Algorithm.VPDQ:
        parse_video(untrusted_value)
    elif length is None:
        _check_regions(untrusted_value)
    elif len(untrusted_value) != length or not _HEX.fullmatch(untrusted_value):
        raise InvalidInputError(
            "fingerprint.format", f"A {algorithm.value} fingerprint is {length} lower-case hexadecimal digits."
        )
    has_quality = algorithm is Algorithm.PDQ
    if has_quality != (quality is not None) or (quality is not None and not 0 <= quality <= 100):
        raise InvalidInputError(
            "fingerprint.quality", "A PDQ fingerprint carries a quality from 0 to 100; no other algorithm has one."
        )
    return Fingerprint(algorithm, untrusted_value, quality)


def _check_regions(untrusted_value: str) -> None:
    """A region set has one text only (docs/fingerprints.md): counted, ascending, balanced, a bit for each region."""
    malformed = InvalidInputError("fingerprint.format", "This is not a set of picture regions.")
    if len(untrusted_value) > MAX_REGION_DIGITS or not _HEX.fullmatch(untrusted_value):
        raise malformed
    data = bytes.fromhex(untrusted_value)
    count, values = data[0], data[1 : 1 + data[0] * _REGION_BYTES]
    flags = data[1 + count * _REGION_BYTES :]
    regions = [values[i : i + _REGION_BYTES] for i in range(0, len(values), _REGION_BYTES)]
    if not 1 <= count <= MAX_REGIONS or len(values) != count * _REGION_BYTES or len(flags) != (count + 7) // 8:
        raise malformed
    unused = int.from_bytes(flags, "big") & ((1 << (-count % 8)) - 1)
    balanced = all(int.from_bytes(region, "big").bit_count() == _REGION_ONES for region in regions)
    if unused or not balanced or any(one >= other for one, other in pairwise(regions)):
        raise malformed
