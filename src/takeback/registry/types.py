"""Values that only the registry knows: what waits, what a batch does, where a log stands."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Protocol

from sqlalchemy import Connection

from takeback.model.case import HeldFingerprint
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A submission in intake.

    Args:
        case_id: 16 bytes.
        sealed: the sealed case.
        day: days since 1970-01-01 when it came.
        held: its fingerprints with the hashes of their tokens.
    """

    case_id: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    day: int
    held: tuple[HeldFingerprint, ...] = field(repr=False)


class Reception(Enum):
    """What became of a submission."""

    TAKEN_IN = auto()
    """The registry has this very case, now or from before."""
    ANOTHER_CASE = auto()
    """Another one came first under its id."""
    PROOF_SPENT = auto()
    """Nothing was kept."""


class Wish(IntEnum):
    """What somebody wants of a hold. The numbers are the database's."""

    WITHDRAW = 1
    KEEP = 2
    """Undo a withdrawal that waits."""
    RENEW = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the next batch is to do, by token hash."""

    withdraw: frozenset[bytes] = field(default=frozenset(), repr=False)
    keep: frozenset[bytes] = field(default=frozenset(), repr=False)
    renew: frozenset[bytes] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Intake:
    """All that waits for a batch.

    Args:
        cases: submissions that can be taken in.
        unreadable: case ids of rows this version cannot read; they stay.
        wishes: about holds.
    """

    cases: tuple[WaitingCase, ...]
    unreadable: frozenset[bytes] = field(repr=False)
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Entry:
    """One fingerprint on a list."""

    entry_id: bytes
    algorithm: Algorithm
    value: bytes = field(repr=False)
    quality: int | None

    def digest(self) -> bytes:
        """SHA-256 of the value, by which the database finds it."""
        return hashlib.sha256(self.value).digest()


@dataclass(frozen=True, slots=True)
class Additions:
    """What a batch is about to write.

    Args:
        cases: (case id, sealed bytes, day).
        entries: new ones.
        holds: (token hash, entry id).
    """

    cases: tuple[tuple[bytes, bytes, int], ...] = field(default=(), repr=False)
    entries: tuple[Entry, ...] = ()
    holds: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)

    def with_(self, others: "Additions") -> "Additions":
        """Both together, still in order: whoever writes them shuffles."""
        return Additions(self.cases + others.cases, self.entries + others.entries, self.holds + others.holds)


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """What the database knows of some holds, by token hash; the days are days since 1970-01-01.

    Args:
        wishes: what waits for a batch.
        arriving: those that wait in intake.
        entries: entry id of those that hold one.
        until: the day they end, for those that do.
        leaving: the day their withdrawal is done, for those that wait for it.
        expired: those that ended by themselves.
    """

    wishes: Wishes
    arriving: frozenset[bytes] = field(repr=False)
    entries: dict[bytes, bytes] = field(repr=False)
    until: dict[bytes, int] = field(repr=False)
    leaving: dict[bytes, int] = field(repr=False)
    expired: frozenset[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListState:
    """Where a list's log stands.

    Args:
        list: the list.
        seq: number of its last change; 0 for none.
        chain: 32 bytes, the chain value there.
        count: live entries.
        day: of the last change, days since 1970-01-01; the next one's is never lower.
    """

    list: Algorithm
    seq: int
    chain: bytes
    count: int
    day: int


@dataclass(frozen=True, slots=True)
class LogExtension:
    """What a batch appends to one log, and where the log stands then."""

    changes: tuple[Change, ...]
    state: ListState


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch did, in numbers only.

    Args:
        cases: submissions moved out of intake.
        added: entries that came onto a list.
        removed: entries that left one.
        kept: submissions that could not be taken in and still wait.
    """

    cases: int
    added: int
    removed: int
    kept: int


class GuardCheck(Protocol):
    """What a batch asks before it lists new entries: ``GuardService.hits``."""

    def __call__(self, connection: Connection, entries: Sequence[Entry], /) -> frozenset[bytes]:
        """The ids of those that are near to something on the guard list."""
        ...
