"""A match is a lead, never a verdict."""

from dataclasses import dataclass
from enum import StrEnum

from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm


class Tier(StrEnum):
    """What a match asks of a platform."""

    HOLD = "hold"
    """Keep it unpublished until a person has looked."""
    LOOK = "look"
    """Publish, and queue it for a look."""
    CLEAR = "clear"
    """Nothing on the list is near."""


@dataclass(frozen=True, slots=True)
class ClipTimes:
    """Where a video and a listed one show the same: seconds from each one's first picture.

    Args:
        upload_start_s: in the video that was asked about.
        upload_end_s: likewise.
        listed_start_s: in the listed video.
        listed_end_s: likewise.
    """

    upload_start_s: float
    upload_end_s: float
    listed_start_s: float
    listed_end_s: float


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that a picture or a video is near to.

    Args:
        entry_id: the entry. Never its value: that stays in the index.
        algorithm: the list it stands on.
        distance_bits: differing bits; 0 for an exact algorithm; of sets, those of the two parts nearest to each other.
        tier: what the policy makes of it.
        seq: sequence number of the list when the question was asked.
        votes: regions, or frames in order, that agree; ``None`` for an algorithm without parts.
        times: where the same is seen; ``None`` for an algorithm without times.
    """

    entry_id: EntryId
    algorithm: Algorithm
    distance_bits: int
    tier: Tier
    seq: int
    votes: int | None = None
    times: ClipTimes | None = None
