"""When two pictures' regions say that one is a copy of the other. Pure: two sets in, a verdict out.

One near pair of regions is not enough to hold a picture: at the size of a real list a chance pair turns up, and one
logo or one sleeve may be in two pictures. Several distinct regions that agree hardly ever do so by chance. So the
first near pair opens the question (and is all that the index has to search for), and the votes answer it.
docs/adr/0020-region-recipe-and-rule.md has the measurements behind each number.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.model.match import Tier

Values = NDArray[np.uint8]
"""(n, 32) uint8, one region's 256 bits a row."""

_NONE_BITS = 256
_BITS = 256


@dataclass(frozen=True, slots=True)
class RegionVerdict:
    """What the regions of two pictures say.

    Args:
        tier: hold, look or clear.
        votes: distinct registered regions within the radius of the rule's first line.
        distance_bits: of the nearest pair; 256 when one of the sets is empty.
    """

    tier: Tier
    votes: int
    distance_bits: int


@dataclass(frozen=True, slots=True)
class VoteLine:
    """So many distinct registered regions, each within so many bits of a region that is asked."""

    votes: int
    radius_bits: int


@dataclass(frozen=True, slots=True)
class RegionRule:
    """The decision about one listed picture and one that is asked.

    Args:
        near_bits: the nearest pair has to be within it, for hold and for look; the radius at which an index is searched
            for candidates.
        hold: lines of which one is enough to hold; more votes may each be further away.

    Raises:
        InvalidInputError: ``policy.invalid`` for a radius outside 0 to 256, a line that asks for fewer than two votes,
            or no line at all.
    """

    near_bits: int = 31
    hold: tuple[VoteLine, ...] = (VoteLine(2, 48), VoteLine(3, 56), VoteLine(4, 62))

    def __post_init__(self) -> None:
        radii = (self.near_bits, *(line.radius_bits for line in self.hold))
        if not self.hold or min(radii) < 0 or max(radii) > _BITS or min(line.votes for line in self.hold) < 2:
            raise InvalidInputError("policy.invalid", "A region rule has radii from 0 to 256 and two or more votes.")

    def decide(
        self,
        registered: Values,
        registered_strong: NDArray[np.bool_],
        query: Values,
        query_strong: NDArray[np.bool_],
    ) -> RegionVerdict:
        """Compare all regions of a listed picture with all of one that is asked.

        Args:
            registered: (n, 32) uint8, distinct.
            registered_strong: (n,) bool.
            query: (m, 32) uint8, mirrored forms included.
            query_strong: (m,) bool.
        """
        if not len(registered) or not len(query):
            return RegionVerdict(Tier.CLEAR, 0, _NONE_BITS)
        nearest, strong_nearest = _nearest(
            _words(registered),
            np.asarray(registered_strong, np.bool_),
            _words(query),
            np.asarray(query_strong, np.bool_),
        )
        ordered = np.sort(nearest)
        tier = self._tier(ordered, int(strong_nearest))
        votes = int(np.count_nonzero(ordered <= self.hold[0].radius_bits))
        return RegionVerdict(tier, votes, int(ordered[0]))

    def _tier(self, ordered: NDArray[np.int64], strong_nearest: int) -> Tier:
        if ordered[0] > self.near_bits:
            return Tier.CLEAR
        if any(line.votes <= len(ordered) and ordered[line.votes - 1] <= line.radius_bits for line in self.hold):
            return Tier.HOLD
        return Tier.LOOK if strong_nearest <= self.near_bits else Tier.CLEAR


def _words(values: Values) -> NDArray[np.uint64]:
    return np.ascontiguousarray(values).view(np.uint64)


@njit(cache=True, nogil=True)
def ones(word: np.uint64) -> np.uint64:
    """How many bits of 64 are set. Source: Hacker's Delight, section 5-1; compilers know it as one instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True, nogil=True)
def _distance(one: NDArray[np.uint64], other: NDArray[np.uint64], limit: np.uint64) -> np.uint64:
    """Differing bits; once the first half alone reaches the limit, the exact number no longer matters."""
    bits = ones(one[0] ^ other[0]) + ones(one[1] ^ other[1])
    if bits >= limit:
        return bits
    return bits + ones(one[2] ^ other[2]) + ones(one[3] ^ other[3])


@njit(cache=True, nogil=True)
def _nearest(
    registered: NDArray[np.uint64],
    registered_strong: NDArray[np.bool_],
    query: NDArray[np.uint64],
    query_strong: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], np.uint64]:
    """For each registered region its distance to the nearest that is asked; and the nearest of all strong pairs."""
    out = np.empty(registered.shape[0], np.int64)
    strong_best = np.uint64(_NONE_BITS)
    for i in range(registered.shape[0]):
        best = np.uint64(_NONE_BITS)
        strong = registered_strong[i]
        for j in range(query.shape[0]):
            wanted = max(best, strong_best) if strong and query_strong[j] else best
            bits = _distance(registered[i], query[j], wanted)
            best = min(best, bits)
            if strong and query_strong[j]:
                strong_best = min(strong_best, bits)
        out[i] = best
    return out, strong_best
