"""The values of the platform kit. What every room shares is in ``takeback.model``."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Action, Decision, Lead
from takeback.model.match import Match, Tier

MAX_MATCHES = 50
"""Matches kept with a lead, nearest first: enough to judge it, and a bound on what one picture can make us store."""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """A list as checks are made against it at this moment.

    Args:
        list: the list.
        seq: up to where it is loaded.
        count: live entries.
        verified_s: when it was last known to be the registry's present state, Unix seconds.
        fresh_until_s: until when the registry's word for that is good, Unix seconds.
    """

    list: Algorithm
    seq: int
    count: int
    verified_s: int
    fresh_until_s: int

    def is_stale(self, now_s: int) -> bool:
        """Whether the registry has not been heard of for longer than its word is good."""
        return now_s >= self.fresh_until_s


class Media(StrEnum):
    """What a content is."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a reviewer is told of a file.

    Args:
        width: pixels.
        height: pixels.
        media: what it is.
        duration_s: seconds; ``None`` of a picture.
    """

    width: int
    height: int
    media: Media = Media.IMAGE
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class CheckedContent:
    """A picture or a video that was asked about, after matching and before anything is stored.

    Args:
        content_id: the platform's own name for it.
        digest: keyed digest of the bytes, 32 bytes; without the kit's key it says nothing.
        facts: what a reviewer is told of it.
        matches: nearest first.
    """

    content_id: str
    digest: bytes = field(repr=False)
    facts: MediaFacts
    matches: tuple[Match, ...]

    @property
    def tier(self) -> Tier:
        """The strictest tier of any match."""
        tiers = {match.tier for match in self.matches}
        return next((tier for tier in (Tier.HOLD, Tier.LOOK) if tier in tiers), Tier.CLEAR)


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead with everything the kit knows about it.

    Args:
        lead: the lead.
        facts: of the picture or the video.
        decision: what was decided; ``None`` while it is open.
        found_later: whether it was on the platform already when the entry came onto the list.
    """

    lead: Lead
    facts: MediaFacts
    decision: Decision | None
    found_later: bool = False

    @property
    def tier(self) -> Tier:
        """The tier it was made for."""
        return Tier.HOLD if self.lead.held else Tier.LOOK


class NoticeAction(StrEnum):
    """What the log tells the platform to do."""

    HOLD = "hold"
    """Take it down until it is decided, and send a copy for review."""
    LOOK = "look"
    """Leave it, and send a copy for review."""
    REMOVE = "remove"
    KEEP = "keep"


LISTED_LATER: Final = "listed_later"
"""The reason of a notice about a content that was on the platform before its entry was on the list."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the log the platform follows.

    Args:
        seq: its place, from 1.
        lead_id: the lead.
        content_id: the platform's own name for the content.
        action: what to do.
        reason: why: a reviewer's, or ``LISTED_LATER``.
        noted_s: Unix seconds.
    """

    seq: int
    lead_id: str
    content_id: str
    action: NoticeAction
    reason: str
    noted_s: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to a check.

    Args:
        record: the lead it made or had made before; ``None`` for a clear content.
        lists: what it was checked against.
    """

    record: LeadRecord | None
    lists: tuple[ListStatus, ...]

    @property
    def must_not_publish(self) -> bool:
        """Whether the platform has to wait, or has been told to remove it."""
        if self.record is None:
            return False
        decision = self.record.decision
        return self.record.lead.held if decision is None else decision.action is Action.REMOVE


@dataclass(frozen=True, slots=True)
class Queue:
    """The open leads.

    Args:
        records: the most urgent ones, nearest deadline first.
        open_count: how many are open in all.
        overdue_count: how many of those are past their deadline.
    """

    records: tuple[LeadRecord, ...]
    open_count: int
    overdue_count: int
