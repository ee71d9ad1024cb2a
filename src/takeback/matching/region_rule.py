"""When two pictures' regions say that one is a copy of the other. Pure: two sets in, a verdict out.

One near pair of regions is not enough to hold a picture: at the size of a real list a chance pair turns up, and one
logo or one sleeve may be in two pictures. Several distinct regions that agree hardly ever do so by chance. So the
first near pair opens the question (and is all that the index has to search for), and the votes answer it. Votes from
one spot of the picture may all be of one sticker that both pictures have on them, so they do not hold it.
docs/adr/0020-region-recipe-and-rule.md has the measurements behind each number, docs/adr/0022 those of the spot.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.region_kernels import FAR_BITS, nearest, words_of
from takeback.matching.region_query import RegionQuery
from takeback.model.match import Tier

Values = NDArray[np.uint8]
"""(n, 32) uint8, one region's 256 bits a row."""
Places = NDArray[np.float32]
"""(n, 2) float32."""

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
        spread: two of a line's votes must come from places so far apart in the picture that is asked, in its longer
            sides; else it is for a look. Stickers are smaller. Not with 0, nor for a question without places.
        spread_bits: votes further away than this say nothing of the spread: one by chance beside a sticker's would do.

    Raises:
        InvalidInputError: ``policy.invalid`` for a radius outside 0 to 256, a line that asks for fewer than two votes,
            no line at all, or a spread outside 0 to 1.
    """

    near_bits: int = 31
    hold: tuple[VoteLine, ...] = (VoteLine(2, 48), VoteLine(3, 56), VoteLine(4, 62))
    spread: float = 0.23
    spread_bits: int = 56

    def __post_init__(self) -> None:
        radii = (self.near_bits, self.spread_bits, *(line.radius_bits for line in self.hold))
        if not self.hold or min(radii) < 0 or max(radii) > _BITS or min(line.votes for line in self.hold) < 2:
            raise InvalidInputError("policy.invalid", "A region rule has radii from 0 to 256 and two or more votes.")
        if not 0.0 <= self.spread <= 1.0:
            raise InvalidInputError("policy.invalid", "The spread of a region rule is a number from 0 to 1.")

    def decide(self, registered: RegionQuery, query: RegionQuery) -> RegionVerdict:
        """Compare all regions of a listed picture with all of one that is asked.

        Args:
            registered: distinct.
            query: mirrored forms included.
        """
        if not len(registered) or not len(query):
            return RegionVerdict(Tier.CLEAR, 0, FAR_BITS)
        distances, rows, strong_nearest = nearest(
            words_of(registered.values), registered.strong, words_of(query.values), query.strong
        )
        votes = int(np.count_nonzero(distances <= self.hold[0].radius_bits))
        places = None if query.places is None else query.places[rows]
        return RegionVerdict(self._tier(distances, places, strong_nearest), votes, int(distances.min()))

    def _tier(self, distances: NDArray[np.int64], places: Places | None, strong_nearest: int) -> Tier:
        if distances.min() > self.near_bits:
            return Tier.CLEAR
        if any(self._is_met(line, distances, places) for line in self.hold):
            return Tier.HOLD
        return Tier.LOOK if strong_nearest <= self.near_bits else Tier.CLEAR

    def _is_met(self, line: VoteLine, distances: NDArray[np.int64], places: Places | None) -> bool:
        if np.count_nonzero(distances <= line.radius_bits) < line.votes:
            return False
        if places is None or not self.spread:
            return True
        voting = places[distances <= min(line.radius_bits, self.spread_bits)]
        return _greatest_distance(voting) >= self.spread


def _greatest_distance(places: Places) -> float:
    apart = places[:, np.newaxis, :] - places[np.newaxis, :, :]
    return float(np.sqrt((apart * apart).sum(axis=2)).max(initial=0.0))
