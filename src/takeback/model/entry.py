"""The list as it travels: changes, and the head that vouches for them. Source: docs/protocol/feed-v1.md."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from takeback.model.fingerprint import Algorithm

EntryId = str
"""32 lower-case hexadecimal digits (16 random bytes)."""


class Op(StrEnum):
    """What a change does to the list."""

    ADD = "add"
    REMOVE = "remove"
    WITHHELD = "withheld"
    """An addition whose value another partner is told: here only its place and its digest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a list's log.

    Args:
        list: the list it belongs to; one list an algorithm.
        seq: position in the log, from 1 without gaps.
        op: add, remove (a tombstone, which carries no value and no quality), or withheld (nor does this).
        entry_id: the entry it concerns.
        value: the fingerprint's text; only an addition has one.
        quality: PDQ's quality; ``None`` where there is none.
        day: the UTC day of the change; nothing finer is kept.
        is_digested: whether an addition enters the chain by its digest (feed-v1 §2.4). No part of what it says.
        digest: 64 hexadecimal digits in the place of what is withheld; ``None`` on everything else.
    """

    list: Algorithm
    seq: int
    op: Op
    entry_id: EntryId
    value: str | None = field(repr=False)
    quality: int | None
    day: date
    is_digested: bool = field(default=False, compare=False)
    digest: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a list that the registry vouches for.

    Args:
        list: the list.
        seq: sequence number of the last change; 0 for a list without any.
        chain: 32 bytes, the chain value after that change.
        count: live entries after that change.
        issued: when it was signed, Unix seconds.
        expires: until when a client may take it for the present state, Unix seconds.
    """

    list: Algorithm
    seq: int
    chain: bytes
    count: int
    issued: int
    expires: int
