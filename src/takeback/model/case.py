"""A person's case as their own device sees it, and what the registry says about each hold."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from takeback.model.fingerprint import Algorithm, Fingerprint


class HoldState(StrEnum):
    """What has become of one fingerprint a person submitted. The values are words on the wire, and in CLI output."""

    BEING_ADDED = "being_added"
    LISTED = "listed"
    FOUND = "found"
    IN_REVIEW = "in_review"
    REMOVED = "removed"
    QUARANTINED = "quarantined"
    DECLINED = "declined"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class About(StrEnum):
    """Whom a case is about: a coarse class, counted by day and kept nowhere else (case-v1 §5.5)."""

    SELF_UNDER_18 = "self_under_18"
    SELF_BEFORE_18 = "self_before_18"
    """Somebody of age now, about a picture from before they were 18."""
    TRUSTED_ADULT = "trusted_adult"
    """A parent, or another adult somebody under 18 trusts, on their behalf."""
    ADULT = "adult"


@dataclass(frozen=True, slots=True)
class Hold:
    """One fingerprint in a sealed case.

    Args:
        token: 16 random bytes; whoever has them may ask about the hold and withdraw it. The registry has the SHA-256.
        algorithm: what kind of fingerprint it holds; the value itself is not kept, the token is enough.
        file_number: which of the person's files it came from, from 1. Names are not kept.
    """

    token: bytes = field(repr=False)
    algorithm: Algorithm
    file_number: int


@dataclass(frozen=True, slots=True)
class CaseContent:
    """What is sealed: only the receipt opens it."""

    day: date
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class HeldFingerprint:
    """A fingerprint on its way to the registry, with the hash of the token that will answer for it."""

    fingerprint: Fingerprint
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """One sheet of a case, everything a device sends: nothing in it names the person or contains a picture.

    Args:
        case_id: 16 bytes, of this sheet.
        sealed: the sealed sheet.
        fingerprints: what is held.
        about: counted when the sheet is new, then forgotten; ``None`` if not said, and on every sheet but the first.
    """

    case_id: bytes
    sealed: bytes
    fingerprints: tuple[HeldFingerprint, ...]
    about: About | None = None


@dataclass(frozen=True, slots=True)
class HoldStatus:
    """The registry's answer about one hold.

    Args:
        state: the furthest thing that has happened.
        platforms: how many platforms have reported what the state says; 0 where it says nothing of platforms.
        leaves: from which day on it is withdrawn; only while it is ``withdrawing``.
        expires: from which day on nobody looks for it unless it is renewed; ``None`` for never.
    """

    state: HoldState
    platforms: int
    leaves: date | None = None
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator has set that a person should know before they decide.

    Args:
        adult_cases: whether pictures of adults, taken as adults, are accepted.
        withdrawal_delay_days: how long a withdrawal waits and can be taken back; 0 for not at all.
        hold_lifetime_days: how long a fingerprint stays at least before it has to be renewed; ``None`` for ever.
    """

    adult_cases: bool = False
    withdrawal_delay_days: int = 0
    hold_lifetime_days: int | None = None
