"""Whether a value can be the fingerprint of a picture or a file of somebody's at all.

Cheap checks against junk and against values that would match what is no picture, not against somebody who means it: any
256 bits with the right count pass. What the limits rest on is measured in ``tests/unit/model/test_plausibility.py``.

**Source:** PDQ reference implementation (bits are cut at the median of 256 numbers); docs/protocol/case-v1.md §10.5.
"""

import hashlib
import math
from functools import cache

from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import MIN_FRAME_QUALITY, parse_video

MIN_PDQ_ONES, MAX_PDQ_ONES = 96, 128
"""Every photograph, crop and drawing that we hashed has exactly 128 ones. Fewer come of ties, which only pictures of
perfect symmetry have: two flat halves 87, four flat boxes 110. More than 128 cannot be."""

_MAX_PERIOD_BYTES = 4
"""A value that repeats itself so soon is that of stripes or of a chequered board."""

_MAX_DEVIATIONS = 7.0
"""A digest whose ones are further from half of its bits, in standard deviations, does not happen by chance."""

_REGION_BYTES = 32
_TRIVIAL_FILES = (b"", b"\0", b" ", b"\n", b"\r\n")


def is_plausible(fingerprint: Fingerprint) -> bool:
    """Whether this can be the fingerprint of a picture, a video or a file.

    Args:
        fingerprint: of the right form, as ``parse_fingerprint`` has checked.
    """
    value = bytes.fromhex(fingerprint.value)
    match fingerprint.algorithm:
        case Algorithm.PDQ:
            return is_plausible_pdq(value)
        case Algorithm.MD5 | Algorithm.SHA256:
            return _is_plausible_digest(fingerprint.algorithm, value)
        case Algorithm.PDQ_REGION:
            starts = range(1, 1 + value[0] * _REGION_BYTES, _REGION_BYTES)
            return _are_mostly_plausible([value[start : start + _REGION_BYTES] for start in starts])
        case Algorithm.VPDQ:
            frames = parse_video(fingerprint.value).frames
            return _are_mostly_plausible([frame.pdq for frame in frames if frame.quality >= MIN_FRAME_QUALITY])


def is_plausible_pdq(value: bytes) -> bool:
    """Whether 32 bytes can be the PDQ of a picture of quality 50 or more."""
    return MIN_PDQ_ONES <= int.from_bytes(value).bit_count() <= MAX_PDQ_ONES and not _repeats_itself(value)


def _are_mostly_plausible(values: list[bytes]) -> bool:
    # A title card of two flat halves may be in a real video.
    return bool(values) and 2 * sum(map(is_plausible_pdq, values)) >= len(values)


def _is_plausible_digest(algorithm: Algorithm, value: bytes) -> bool:
    bits = 8 * len(value)
    deviations = abs(int.from_bytes(value).bit_count() - bits / 2) / (math.sqrt(bits) / 2)
    return deviations <= _MAX_DEVIATIONS and not _repeats_itself(value) and value not in _trivial(algorithm)


def _repeats_itself(value: bytes) -> bool:
    return any(
        value == value[:period] * (len(value) // period)
        for period in range(1, _MAX_PERIOD_BYTES + 1)
        if len(value) % period == 0
    )


@cache
def _trivial(algorithm: Algorithm) -> frozenset[bytes]:
    """Digests of files that are no picture, and that everybody has."""
    name = "md5" if algorithm is Algorithm.MD5 else "sha256"
    return frozenset(hashlib.new(name, file, usedforsecurity=False).digest() for file in _TRIVIAL_FILES)
