"""Thresholds: the one place that says which distance asks a platform for what."""

from dataclasses import dataclass, field

from takeback.errors import InvalidInputError
from takeback.matching.clip_rule import ClipRule
from takeback.matching.region_rule import RegionRule
from takeback.model.fingerprint import MIN_QUALITY
from takeback.model.match import Tier
from takeback.model.video import MIN_FRAME_QUALITY

PDQ_BITS = 256


@dataclass(frozen=True, slots=True)
class Policy:
    """What is near, and how near.

    Args:
        hold_radius_bits: PDQ up to this far is held. 31 is the industry's threshold. Source: PDQ reference.
        look_radius_bits: PDQ above the hold radius and up to this far is queued for a look; the same value as
            ``hold_radius_bits`` switches the tier off. Unrelated photographs are at least 72 bits apart in our tests.
        min_quality: a query of a lower PDQ quality is not asked: it says nothing about the picture.
        min_frame_quality: frames of a video of a lower PDQ quality are neither stored nor asked. Lower than that of a
            picture, because frames speak together; docs/video.md §2.3.
        still_radius_bits: a posted picture up to this far from a frame of a listed video is queued for a look, never
            held: that frame may be a title card. ``None`` switches it off. Docs: docs/matching.md §5.
        regions: when the regions of two pictures say that one is a copy of the other.
        clips: when the frames of two videos say that one holds a clip of the other.

    Raises:
        InvalidInputError: ``policy.invalid`` for radii outside 0 to 256 or in the wrong order, or a quality outside
            0 to 100.
    """

    hold_radius_bits: int = 31
    look_radius_bits: int = 60
    min_quality: int = MIN_QUALITY
    min_frame_quality: int = MIN_FRAME_QUALITY
    still_radius_bits: int | None = 31
    regions: RegionRule = field(default_factory=RegionRule)
    clips: ClipRule = field(default_factory=ClipRule)

    def __post_init__(self) -> None:
        if not 0 <= self.hold_radius_bits <= self.look_radius_bits <= PDQ_BITS:
            raise InvalidInputError("policy.invalid", "0 <= hold radius <= look radius <= 256 must hold.")
        if self.still_radius_bits is not None and not 0 <= self.still_radius_bits <= PDQ_BITS:
            raise InvalidInputError("policy.invalid", "The radius for stills is a number of bits from 0 to 256.")
        if not all(0 <= one <= 100 for one in (self.min_quality, self.min_frame_quality)):
            raise InvalidInputError("policy.invalid", "The smallest quality is a number from 0 to 100.")

    def tier_of(self, distance_bits: int) -> Tier:
        """What a PDQ distance asks for."""
        if distance_bits <= self.hold_radius_bits:
            return Tier.HOLD
        return Tier.LOOK if distance_bits <= self.look_radius_bits else Tier.CLEAR
