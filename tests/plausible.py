"""PDQ values as a real picture could have them: half of the bits are ones."""

import random

from takeback.model.fingerprint import Algorithm, Fingerprint

_BITS = 256


def plausible_pdq(seed: int, quality: int = 90) -> Fingerprint:
    ones = sum(1 << place for place in _places(seed)[: _BITS // 2])
    return Fingerprint(Algorithm.PDQ, f"{ones:064x}", quality)


def near_pdq(value: str, distance_bits: int) -> str:
    """A value so many bits away, an even number, that has as many ones."""
    number = int(value, 16)
    places = _places(distance_bits)
    ones = [place for place in places if number >> place & 1][: distance_bits // 2]
    zeros = [place for place in places if not number >> place & 1][: distance_bits // 2]
    return f"{number ^ sum(1 << place for place in ones + zeros):064x}"


def _places(seed: int) -> list[int]:
    """All bit positions in an order that a seed decides."""
    return random.Random(seed).sample(range(_BITS), _BITS)  # noqa: S311 - made-up values, no secrets
