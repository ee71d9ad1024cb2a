"""Fingerprints: what a picture is known by once it has been turned into numbers."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from takeback.errors import InvalidInputError


class Algorithm(StrEnum):
    """How a fingerprint was made. The value is its name on the wire, and the name of its list."""

    PDQ = "pdq"
    MD5 = "md5"
    SHA256 = "sha256"


MIN_QUALITY = 50
"""PDQ of a lower quality says nothing about the picture and is neither stored nor asked. Source: PDQ reference."""

_HEX = re.compile(r"[0-9a-f]+")


def value_length(algorithm: Algorithm) -> int:
    """Length in characters of a fingerprint's text form (lower-case hexadecimal)."""
    match algorithm:
        case Algorithm.PDQ | Algorithm.SHA256:
            return 64
        case Algorithm.MD5:
            return 32
        case _:
            assert_never(algorithm)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One fingerprint of one picture.

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
    if len(untrusted_value) != value_length(algorithm) or not _HEX.fullmatch(untrusted_value):
        raise InvalidInputError(
            "fingerprint.format",
            f"A {algorithm.value} fingerprint is {value_length(algorithm)} lower-case hexadecimal digits.",
        )
    has_quality = algorithm is Algorithm.PDQ
    if has_quality != (quality is not None) or (quality is not None and not 0 <= quality <= 100):
        raise InvalidInputError(
            "fingerprint.quality", "A PDQ fingerprint carries a quality from 0 to 100; no other algorithm has one."
        )
    return Fingerprint(algorithm, untrusted_value, quality)
