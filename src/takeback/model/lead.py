"""From a match to a decision: the values a platform's review works with."""

from dataclasses import dataclass
from enum import StrEnum

from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.match import Match


class FeedbackValue(StrEnum):
    """What a partner tells the registry about an entry. The industry's words, as StopNCII uses them."""

    BLOCKED = "Blocked"
    NOT_BLOCKED = "NotBlocked"
    PENDING_REVIEW = "PendingReview"
    QUALITY_UNKNOWN = "QualityUnknown"


class Action(StrEnum):
    """What a reviewer decides about a piece of content."""

    REMOVE = "remove"
    KEEP = "keep"


class Reason(StrEnum):
    """Why, in the reviewer's words from a closed list, so that reports can count them."""

    INTIMATE_IMAGE = "intimate_image"
    MINOR = "minor"
    NOT_THE_SAME = "not_the_same"
    NOT_INTIMATE = "not_intimate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lead:
    """A piece of content that waits for a person.

    Args:
        lead_id: 32 lower-case hexadecimal digits.
        content_id: the platform's own name for the content.
        held: whether it is kept unpublished until decided.
        matches: why, nearest first.
        created_s: Unix seconds of the check that made it.
        deadline_s: Unix seconds by which it should be decided.
    """

    lead_id: str
    content_id: str
    held: bool
    matches: tuple[Match, ...]
    created_s: int
    deadline_s: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A reviewer's decision about a lead.

    Args:
        seq: position in the platform's log of decisions, from 1; what the platform polls by.
        lead_id: the lead.
        content_id: the platform's own name for the content.
        action: remove it, or keep it up.
        reason: from the closed list.
        reviewer: the reviewer's pseudonym.
        decided_s: Unix seconds.
    """

    seq: int
    lead_id: str
    content_id: str
    action: Action
    reason: Reason
    reviewer: str
    decided_s: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """One word from a partner about one entry of one list."""

    list: Algorithm
    entry_id: EntryId
    value: FeedbackValue
