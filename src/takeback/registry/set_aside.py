"""SQL of entries that are held but kept off the feed: near to the guard list, or in quarantine.

Such an entry stays in ``entries`` under its holds, with a row of ``set_aside`` that says why. Off the feed and back on
it are a tombstone and an add under a new entry id (feed-v1 §1.3), to which holds and partners' words are moved. Every
function takes a connection in a transaction; those that write to a log need ``batch_store.lock_intake`` before.

**Source:** docs/protocol/case-v1.md §10.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry import addressed, batch_store, store
from takeback.registry.abuse_tables import ADMITTED, GUARD_VERSION, MATCH_COUNTS, SET_ASIDE
from takeback.registry.change_log import append_marks
from takeback.registry.tables import ENTRIES, FEEDBACK, HOLDS
from takeback.registry.types import Entry

_ENTRY_ID_BYTES = 16


class AsideState(StrEnum):
    """Where an entry that is kept off the feed stands. A word that has been written is never renamed."""

    WAITING = "waiting"
    """The operator has not looked yet."""
    DECLINED = "declined"
    """The operator has decided that it is not listed."""


class Cause(StrEnum):
    """Why an entry is kept off the feed. A word that has been written is never renamed."""

    GUARD = "guard"
    """Near to something on the guard list: held back by its batch, or taken off when the line came later."""
    NOT_BLOCKED = "not-blocked"
    """Enough partners found something else under it."""
    FLOOD = "flood"
    """Far more matches in a day than a private picture has."""
    OPERATOR = "operator"
    """An operator took it off."""


@dataclass(frozen=True, slots=True)
class AsideEntry:
    """An entry that waits for the operator. No value: the decision needs none.

    Args:
        entry_id: 32 hexadecimal digits.
        algorithm: of which list.
        cause: why it waits.
        day: since when, days since 1970-01-01.
        words: how many partners last said what about it.
        matches_on_worst_day: most words of feedback on one day of those that are kept.
    """

    entry_id: str
    algorithm: Algorithm
    cause: Cause
    day: int
    words: dict[FeedbackValue, int]
    matches_on_worst_day: int


def hold_back(connection: Connection, entry_ids: Sequence[bytes], day: int) -> None:
    """Keep entries off the feed that have never been on it."""
    _insert(connection, entry_ids, Cause.GUARD, day)


def take_off(connection: Connection, entry_ids: Iterable[bytes], cause: Cause, day: int) -> dict[Algorithm, int]:
    """Take entries off the feed that are on it; others are left as they are.

    Returns:
        For each list that lost one, the number of its last change.
    """
    listed = [entry for entry in _entries(connection, entry_ids) if _is_listed(connection, entry.entry_id)]
    _insert(connection, [entry.entry_id for entry in listed], cause, day)
    return append_marks(connection, [(Op.REMOVE, entry) for entry in listed], day)


def put_back(connection: Connection, entry_id: bytes, day: int) -> tuple[Entry, int] | None:
    """Put an entry (back) onto the feed, under a new id to which its holds and what partners said are moved.

    Words of ``NotBlocked`` are not: the operator has answered them.

    Returns:
        The new entry and the number of its change, or ``None`` if this one does not wait.
    """
    if state_of(connection, entry_id) is None:
        return None
    (old,) = _entries(connection, [entry_id])
    new = Entry(secrets.token_bytes(_ENTRY_ID_BYTES), old.algorithm, old.value, old.quality)
    words = [dict(row) for row in _words(connection, entry_id)]
    _forget_words(connection, entry_id)
    # The list of values knows each once, so the old row steps aside before the new one comes.
    connection.execute(update(ENTRIES).where(ENTRIES.c.entry_id == entry_id).values(digest=secrets.token_bytes(32)))
    batch_store.insert_entries(connection, [new], day)
    addressed.readdress(connection, entry_id, new)
    connection.execute(update(HOLDS).where(HOLDS.c.entry_id == entry_id).values(entry_id=new.entry_id))
    connection.execute(delete(ENTRIES).where(ENTRIES.c.entry_id == entry_id))
    kept = [{**row, "entry_id": new.entry_id} for row in words if row["value"] != FeedbackValue.NOT_BLOCKED.value]
    if kept:
        connection.execute(insert(FEEDBACK), kept)
    admitted = {"entry_id": new.entry_id, "guard_version": guard_version(connection)}
    connection.execute(insert(ADMITTED), admitted)
    grown = append_marks(connection, [(Op.ADD, new)], day)
    return new, grown[new.algorithm]


def decline(connection: Connection, entry_id: bytes) -> bool:
    """Keep an entry that waits off the feed for good; its holds say so.

    Returns:
        Whether it waited, or had been declined before.
    """
    statement = update(SET_ASIDE).where(SET_ASIDE.c.entry_id == entry_id).values(state=AsideState.DECLINED.value)
    return connection.execute(statement).rowcount > 0


def algorithms_of(connection: Connection, entry_ids: Iterable[bytes]) -> list[Algorithm]:
    """Of which list each known entry is."""
    return [entry.algorithm for entry in _entries(connection, entry_ids)]


def waiting(connection: Connection) -> list[AsideEntry]:
    """What waits for the operator, the oldest day first."""
    query = (
        select(SET_ASIDE, ENTRIES.c.algorithm)
        .join(ENTRIES, ENTRIES.c.entry_id == SET_ASIDE.c.entry_id)
        .where(SET_ASIDE.c.state == AsideState.WAITING.value)
        .order_by(SET_ASIDE.c.day, SET_ASIDE.c.entry_id)
    )
    rows = connection.execute(query).all()
    ids = [bytes(row.entry_id) for row in rows]
    words, worst = store.feedback_counts(connection, ids), _worst_days(connection, ids)
    return [
        AsideEntry(
            entry_id.hex(),
            Algorithm(row.algorithm),
            Cause(row.cause),
            row.day,
            words.get(entry_id, {}),
            worst.get(entry_id, 0),
        )
        for entry_id, row in zip(ids, rows, strict=True)
    ]


def state_of(connection: Connection, entry_id: bytes) -> AsideState | None:
    """Where an entry stands, or ``None`` if it is on the feed or unknown."""
    return states(connection, [entry_id]).get(entry_id)


def states(connection: Connection, entry_ids: Iterable[bytes]) -> dict[bytes, AsideState]:
    """Where those of these entries stand that are kept off the feed."""
    return {
        bytes(row.entry_id): AsideState(row.state)
        for chunk in store.chunks(entry_ids)
        for row in connection.execute(select(SET_ASIDE).where(SET_ASIDE.c.entry_id.in_(chunk)))
    }


def forget(connection: Connection, entry_ids: Iterable[bytes]) -> set[bytes]:
    """Before entries are deleted: forget what is kept about them here.

    Returns:
        Those that are not on the feed and so leave no tombstone.
    """
    gone: set[bytes] = set()
    for chunk in store.chunks(entry_ids):
        gone |= set(states(connection, chunk))
        connection.execute(delete(SET_ASIDE).where(SET_ASIDE.c.entry_id.in_(chunk)))
        for table in (MATCH_COUNTS, ADMITTED):
            connection.execute(delete(table).where(table.c.entry_id.in_(chunk)))
    return gone


def guard_version(connection: Connection) -> int:
    """How often the guard list has been changed."""
    return connection.execute(select(GUARD_VERSION.c.version)).scalar_one_or_none() or 0


def doubted(connection: Connection, entry_ids: Iterable[bytes], partners: frozenset[str], quorum: int) -> set[bytes]:
    """Listed entries of which at least ``quorum`` of these partners last said ``NotBlocked``, and fewer ``Blocked``."""
    against: dict[bytes, int] = {}
    for_it: dict[bytes, int] = {}
    votes = {FeedbackValue.NOT_BLOCKED: against, FeedbackValue.BLOCKED: for_it}
    for chunk in store.chunks(entry_ids):
        query = select(FEEDBACK.c.entry_id, FEEDBACK.c.partner_id, FEEDBACK.c.value)
        listed = ~exists().where(SET_ASIDE.c.entry_id == FEEDBACK.c.entry_id)
        for row in connection.execute(query.where(FEEDBACK.c.entry_id.in_(chunk), listed)):
            tally = votes.get(FeedbackValue(row.value))
            if tally is not None and row.partner_id in partners:
                entry_id = bytes(row.entry_id)
                tally[entry_id] = tally.get(entry_id, 0) + 1
    return {entry_id for entry_id, votes in against.items() if votes >= quorum and votes > for_it.get(entry_id, 0)}


def flooded(connection: Connection, entry_ids: Iterable[bytes], day: int, words_a_day: int) -> set[bytes]:
    """Listed entries about which that many words came on this day."""
    listed = ~exists().where(SET_ASIDE.c.entry_id == MATCH_COUNTS.c.entry_id)
    due = (MATCH_COUNTS.c.day == day, MATCH_COUNTS.c.words >= words_a_day, listed)
    return {
        bytes(row.entry_id)
        for chunk in store.chunks(entry_ids)
        for row in connection.execute(select(MATCH_COUNTS.c.entry_id).where(MATCH_COUNTS.c.entry_id.in_(chunk), *due))
    }


def entries_spoken_of(connection: Connection) -> list[bytes]:
    """Entries of which some partner last said ``NotBlocked``, or about which words were counted."""
    doubts = select(FEEDBACK.c.entry_id).where(FEEDBACK.c.value == FeedbackValue.NOT_BLOCKED.value)
    return sorted({bytes(row.entry_id) for row in connection.execute(doubts.union(select(MATCH_COUNTS.c.entry_id)))})


def forget_counts_before(connection: Connection, day: int) -> None:
    """Erase the counts of days that are over."""
    connection.execute(delete(MATCH_COUNTS).where(MATCH_COUNTS.c.day < day))


def _insert(connection: Connection, entry_ids: Sequence[bytes], cause: Cause, day: int) -> None:
    if entry_ids:
        about = {"state": AsideState.WAITING.value, "cause": cause.value, "day": day}
        connection.execute(insert(SET_ASIDE), [{"entry_id": entry_id, **about} for entry_id in entry_ids])


def _entries(connection: Connection, entry_ids: Iterable[bytes]) -> list[Entry]:
    return [
        Entry(bytes(row.entry_id), Algorithm(row.algorithm), bytes(row.value), row.quality)
        for chunk in store.chunks(entry_ids)
        for row in connection.execute(select(ENTRIES).where(ENTRIES.c.entry_id.in_(chunk)))
    ]


def _is_listed(connection: Connection, entry_id: bytes) -> bool:
    return state_of(connection, entry_id) is None


def _words(connection: Connection, entry_id: bytes) -> list[dict[str, object]]:
    rows = connection.execute(select(FEEDBACK).where(FEEDBACK.c.entry_id == entry_id)).mappings()
    return [dict(row) for row in rows]


def _forget_words(connection: Connection, entry_id: bytes) -> None:
    forget(connection, [entry_id])
    connection.execute(delete(FEEDBACK).where(FEEDBACK.c.entry_id == entry_id))


def _worst_days(connection: Connection, entry_ids: Iterable[bytes]) -> dict[bytes, int]:
    return {
        bytes(row.entry_id): row.words
        for chunk in store.chunks(entry_ids)
        for row in connection.execute(
            select(MATCH_COUNTS.c.entry_id, func.max(MATCH_COUNTS.c.words).label("words"))
            .where(MATCH_COUNTS.c.entry_id.in_(chunk))
            .group_by(MATCH_COUNTS.c.entry_id)
        )
    }
