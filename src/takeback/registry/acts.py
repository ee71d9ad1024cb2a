"""What is done about abuse, for the audit log. The exchange keeps that; a trail to it is passed in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from takeback.model.fingerprint import Algorithm

BY_COMMAND = "command"
"""Who acts from the command line: whoever may read the registry's folder."""

BY_RULE = "registry"
"""The registry itself, by its own rules."""


class ActKind(StrEnum):
    """What was done. At most 16 characters; a word that has been written is never renamed."""

    QUARANTINE = "quarantine"
    RESTORE = "restore"
    REMOVE = "remove"
    GUARD_ADD = "guard-add"
    GUARD_REMOVE = "guard-remove"
    GUARD_ADMIT = "guard-admit"
    GUARD_REJECT = "guard-reject"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done.

    Args:
        day: days since 1970-01-01.
        by: an operator's id, ``BY_COMMAND`` or ``BY_RULE``.
        what: did what.
        list: to an entry of which list.
        seq: the change of that list that came of it, or where the list stood.
        subject: the id of the entry or of the line of the guard list; never a value.
    """

    day: int
    by: str
    what: ActKind
    list: Algorithm
    seq: int
    subject: str


class Trail(Protocol):
    """Where acts are written, in the transaction in which they happen."""

    def __call__(self, connection: Connection, act: Act, /) -> None:
        """Write a line."""
        ...


def no_trail(_connection: Connection, _act: Act) -> None:
    """For registries that keep no audit log, such as those of unit tests."""
