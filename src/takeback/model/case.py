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
    WITHDRAWN = "withdrawn"


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
    """Everything a device sends: nothing in it names the person or contains a picture."""

    case_id: bytes
    sealed: bytes
    fingerprints: tuple[HeldFingerprint, ...]


@dataclass(frozen=True, slots=True)
class HoldStatus:
    """The registry's answer about one hold.

    Args:
        state: the furthest thing that has happened.
        platforms: how many platforms have reported what the state says; 0 where it says nothing of platforms.
    """

    state: HoldState
    platforms: int
