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
class Match:
    """One entry that a picture is near to.

    Args:
        entry_id: the entry. Never its value: that stays in the index.
        algorithm: the list it stands on.
        distance_bits: differing bits; 0 for an exact algorithm.
        tier: what the policy makes of it.
        seq: sequence number of the list when the question was asked.
        votes: regions that agree; ``None`` for an algorithm without regions.
    """

    entry_id: EntryId
    algorithm: Algorithm
    distance_bits: int
    tier: Tier
    seq: int
    votes: int | None = None
