"""SQL over the change logs as a whole: what is live at a place, where they stand, what has been compacted.

Every function takes a connection in a transaction; none begins or ends one. Reads go by the piece, so that neither the
list nor a long transaction is ever held.

**Source:** docs/protocol/feed-v1.md §7 and §8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select

from takeback.db.insert import insert_if_new, insert_or_replace
from takeback.exchange import store
from takeback.exchange.tables import POINTS
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm
from takeback.registry.addressed import forget, withheld_from
from takeback.registry.tables import CHANGES, FLOORS, LISTS
from takeback.wire.feed_snapshot_v1 import Point
from takeback.wire.feed_v1 import first_chain

_ADD = 1
_REMOVE = 2
_GONE = CHANGES.alias("gone")


@dataclass(frozen=True, slots=True)
class LivePlace:
    """A list at one place of its log, as one reader is told it.

    Args:
        list: the list.
        at_seq: the place.
        reader: the partner; ``None`` for all who are told nothing alone.
    """

    list: Algorithm
    at_seq: int
    reader: str | None = None


def live_at(connection: Connection, place: LivePlace, after: int, limit: int) -> list[Change]:
    """The next entries that are live at a place of the log, as the changes that added them, in order.

    Args:
        connection: in a transaction. The log before the place does not change, so pieces read in different
            transactions belong together, unless it is compacted beyond that place meanwhile.
        place: where, and for whom.
        after: of the last entry that is known.
        limit: most entries.
    """
    query = (
        select(CHANGES, withheld_from(place.reader).label("is_withheld"))
        .where(
            CHANGES.c.list == place.list.value,
            CHANGES.c.op == _ADD,
            CHANGES.c.seq > after,
            CHANGES.c.seq <= place.at_seq,
            ~_removed_until(place.at_seq),
        )
        .order_by(CHANGES.c.seq)
        .limit(limit)
    )
    return [store.told_change_of(place.list, row) for row in connection.execute(query)]


def dead_adds(connection: Connection, name: Algorithm, until_day: int, seqs: range) -> list[int]:
    """Which of these changes are adds whose entry was removed on a day or before it.

    Args:
        connection: in a transaction.
        name: the list.
        until_day: days since 1970-01-01.
        seqs: which part of the log to look at.
    """
    removed = exists().where(
        _GONE.c.list == CHANGES.c.list,
        _GONE.c.op == _REMOVE,
        _GONE.c.entry_id == CHANGES.c.entry_id,
        _GONE.c.day <= until_day,
    )
    query = (
        select(CHANGES.c.seq)
        .where(
            CHANGES.c.list == name.value,
            CHANGES.c.op == _ADD,
            CHANGES.c.seq >= seqs.start,
            CHANGES.c.seq < seqs.stop,
            removed,
        )
        .order_by(CHANGES.c.seq)
    )
    return list(connection.execute(query).scalars())


def erase_adds(connection: Connection, name: Algorithm, seqs: Sequence[int], reached: Point) -> None:
    """Take changes out of a log, and note that nobody can follow it from before the last of them any more.

    To whom their entries were told goes with them.

    Args:
        connection: in a transaction that writes.
        name: the list.
        seqs: of adds whose entry is gone.
        reached: the place of the last of them, or where the log has been compacted to if that is further.
    """
    if reached.seq > floor(connection, name).seq:
        row = {"list": name.value, "seq": reached.seq, "chain": reached.chain}
        insert_or_replace(connection, FLOORS, [row], ("seq", "chain"))
    theirs = (CHANGES.c.list == name.value, CHANGES.c.seq.in_(seqs), CHANGES.c.op == _ADD)
    forget(connection, list(connection.execute(select(CHANGES.c.entry_id).where(*theirs)).scalars()))
    connection.execute(delete(CHANGES).where(*theirs))


def floor(connection: Connection, name: Algorithm) -> Point:
    """Up to where a log has been compacted: 0 if it is whole."""
    row = connection.execute(select(FLOORS).where(FLOORS.c.list == name.value)).one_or_none()
    return Point(name, 0, first_chain(name)) if row is None else Point(name, row.seq, bytes(row.chain))


def first_removal_day(connection: Connection, name: Algorithm, after: int) -> int | None:
    """The day of the first tombstone beyond a place of the log, or ``None`` if there is none."""
    query = select(func.min(CHANGES.c.day)).where(
        CHANGES.c.list == name.value, CHANGES.c.seq > after, CHANGES.c.op == _REMOVE
    )
    return connection.execute(query).scalar_one_or_none()


def seqs(connection: Connection) -> dict[Algorithm, int]:
    """Where every list that has begun stands."""
    return {Algorithm(row.list): row.seq for row in connection.execute(select(LISTS.c.list, LISTS.c.seq))}


def keep_point(connection: Connection, point: Point) -> None:
    """Remember what was vouched for."""
    insert_if_new(connection, POINTS, {"list": point.list.value, "seq": point.seq, "chain": point.chain})


def point_at(connection: Connection, name: Algorithm, seq: int) -> Point | None:
    """What was vouched for at a place, if anything was."""
    query = select(POINTS.c.chain).where(POINTS.c.list == name.value, POINTS.c.seq == seq)
    chain = connection.execute(query).scalar_one_or_none()
    return None if chain is None else Point(name, seq, bytes(chain))


def _removed_until(at_seq: int) -> ColumnElement[bool]:
    return exists().where(
        _GONE.c.list == CHANGES.c.list,
        _GONE.c.op == _REMOVE,
        _GONE.c.entry_id == CHANGES.c.entry_id,
        _GONE.c.seq <= at_seq,
    )
