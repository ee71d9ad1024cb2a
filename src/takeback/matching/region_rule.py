"""When two pictures' regions say that one is a copy of the other. Pure: two sets in, a verdict out.

One near pair of regions is not enough to hold a picture: at the size of a real list a chance pair turns up, and one
logo or one sleeve may be in two pictures. Several distinct regions that agree hardly ever do so by chance. So the
first near pair opens the question (and is all that the index has to search for), and the votes answer it.
docs/adr/0020-region-recipe-and-rule.md has the measurements behind each number.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.region_kernels import FAR_BITS, nearest, words_of
from takeback.model.match import Tier

Values = NDArray[np.uint8]
"""(n, 32) uint8, one region's 256 bits a row."""

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
            return RegionVerdict(Tier.CLEAR, 0, FAR_BITS)
        flags = np.asarray(registered_strong, np.bool_), np.asarray(query_strong, np.bool_)
        distances, strong_nearest = nearest(words_of(registered), flags[0], words_of(query), flags[1])
        ordered = np.sort(distances)
        tier = self._tier(ordered, int(strong_nearest))
        votes = int(np.count_nonzero(ordered <= self.hold[0].radius_bits))
        return RegionVerdict(tier, votes, int(ordered[0]))

    def _tier(self, ordered: NDArray[np.int64], strong_nearest: int) -> Tier:
        if ordered[0] > self.near_bits:
            return Tier.CLEAR
        if any(line.votes <= len(ordered) and ordered[line.votes - 1] <= line.radius_bits for line in self.hold):
            return Tier.HOLD
        return Tier.LOOK if strong_nearest <= self.near_bits else Tier.CLEAR
