"""The log as protocols without numbers show it: only the latest state of each entry.

An add whose entry has gone is not shown any more, so a value that was withdrawn is not handed out again; its tombstone
is. What a partner is not told (feed-v1 §4.5) is not shown to it, for these protocols have no word for it.

Every function takes a connection in a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, exists, or_, select

from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry.addressed import withheld_from
from takeback.registry.store import chunks
from takeback.registry.tables import CHANGES, ENTRIES, FEEDBACK

_ADD, _REMOVE = 1, 2


@dataclass(frozen=True, slots=True)
class ShownChange:
    """What is true of one entry since one change.

    Args:
        seq: the change's number.
        entry_id: 16 bytes.
        value: of a live entry; ``None`` for one that has gone.
    """

    seq: int
    entry_id: bytes
    value: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """A list, and the partner who reads it."""

    list: Algorithm
    partner_id: str


def shown_changes(connection: Connection, of: Reading, after: int, last: int, limit: int) -> list[ShownChange]:
    """The next entries whose latest change is above ``after`` and at most ``last``, by number."""
    gone = CHANGES.alias("gone")
    was_removed = exists().where(
        gone.c.entry_id == CHANGES.c.entry_id, gone.c.op == _REMOVE, gone.c.list == CHANGES.c.list
    )
    query = (
        select(CHANGES.c.seq, CHANGES.c.entry_id, CHANGES.c.value)
        .where(CHANGES.c.list == of.list.value, CHANGES.c.seq > after, CHANGES.c.seq <= last)
        .where(or_(CHANGES.c.op == _REMOVE, and_(~was_removed, ~withheld_from(of.partner_id))))
        .order_by(CHANGES.c.seq)
        .limit(limit)
    )
    return [
        ShownChange(seq, bytes(entry_id), None if value is None else bytes(value))
        for seq, entry_id, value in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Added:
    """How an entry that has gone once came.

    Args:
        value: what it was; ``None`` if the log has forgotten.
        day: days since 1970-01-01.
    """

    value: bytes | None = field(repr=False)
    day: int


def additions(connection: Connection, of: Reading, entry_ids: Sequence[bytes]) -> dict[bytes, Added]:
    """The adds of those of these entries that the partner was told."""
    return {
        bytes(row.entry_id): Added(None if row.value is None else bytes(row.value), row.day)
        for chunk in chunks(entry_ids)
        for row in connection.execute(
            select(CHANGES.c.entry_id, CHANGES.c.value, CHANGES.c.day).where(
                CHANGES.c.entry_id.in_(chunk),
                CHANGES.c.op == _ADD,
                CHANGES.c.list == of.list.value,
                ~withheld_from(of.partner_id),
            )
        )
    }


def words_of_list(connection: Connection, name: Algorithm) -> dict[bytes, frozenset[FeedbackValue]]:
    """What partners said of a list's live entries, by entry; who said it is not told."""
    query = (
        select(FEEDBACK.c.entry_id, FEEDBACK.c.value)
        .join(ENTRIES, ENTRIES.c.entry_id == FEEDBACK.c.entry_id)
        .where(ENTRIES.c.algorithm == name.value)
        .distinct()
    )
    words: dict[bytes, set[FeedbackValue]] = {}
    for entry_id, value in connection.execute(query):
        words.setdefault(bytes(entry_id), set()).add(FeedbackValue(value))
    return {entry_id: frozenset(values) for entry_id, values in words.items()}
