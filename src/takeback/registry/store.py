"""SQL of everyday requests: submit, wish, open a case, ask about holds, and what partners say about entries.

Every function takes a connection in a transaction; none begins or ends one.

**Source:** docs/protocol/case-v1.md §5 to §7.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Table, delete, exists, func, select, text

from takeback.db.insert import insert_new, insert_or_add, insert_or_replace, insert_those_new
from takeback.model.case import Submission
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.abuse_tables import MATCH_COUNTS
from takeback.registry.audience import count_cases
from takeback.registry.tables import (
    ADDRESSED,
    CASES,
    ENTRIES,
    EXPIRED,
    FEEDBACK,
    HOLDS,
    INTAKE,
    INTAKE_HOLDS,
    INTAKE_WISHES,
    LEAVING,
    LISTS,
)
from takeback.registry.types import HoldFacts, ListState, Wish, Wishes
from takeback.wire.feed_v1 import first_chain

_CHUNK = 500
"""Values in one ``IN (…)``: far below either database's limit on parameters."""

_SHARED_IN = "takeback_intake_shared_in"
INTAKE_LOCK = 0x7A6B_0002
"""PostgreSQL advisory lock: whoever writes to intake shares it, a batch has it alone."""

Item = TypeVar("Item")


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split what goes into one ``IN (…)``."""
    source = iter(items)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def share_intake(connection: Connection) -> None:
    """Keep a batch out until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name != "postgresql":
        return
    # Many submissions share a transaction, and asking again would be one more round trip for each of them.
    transaction = connection.get_transaction()
    if connection.info.get(_SHARED_IN) is not transaction:
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": INTAKE_LOCK})
        connection.info[_SHARED_IN] = transaction


def settle_intake(connection: Connection) -> None:
    """Wait for a batch that is at work, before the snapshot is taken.

    PostgreSQL's ``TRUNCATE`` empties a table for older snapshots too, so a reader could otherwise find a submission
    neither in intake nor beside it. ``LOCK TABLE`` is the one statement that waits before the snapshot.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE intake, intake_holds, intake_wishes, leaving IN ACCESS SHARE MODE"))


def put_in_intake(connection: Connection, submissions: Sequence[tuple[Submission, int]]) -> list[bool]:
    """Keep submissions until the next batch. A case that has been received before changes nothing (case-v1 §5.3).

    Args:
        connection: in a transaction.
        submissions: each with the day it came, days since 1970-01-01; of several of one case the first counts.

    Returns:
        Of each, whether the registry has this very case; not if another one came first under its id.
    """
    if not submissions:
        return []
    share_intake(connection)
    sealed = sealed_cases(connection, [submission.case_id for submission, _ in submissions])
    new: dict[bytes, tuple[Submission, int]] = {}
    for submission, day in submissions:
        if submission.case_id not in sealed:
            new.setdefault(submission.case_id, (submission, day))
    cases = [{"case_id": key, "sealed": submission.sealed, "day": day} for key, (submission, day) in new.items()]
    taken = insert_those_new(connection, INTAKE, cases, INTAKE.c.case_id)
    _take_in(connection, [new[case_id] for case_id in sorted(taken)])
    # Another process can have been faster between the two statements.
    lost = new.keys() - taken
    sealed |= {case_id: new[case_id][0].sealed for case_id in taken} | (sealed_cases(connection, lost) if lost else {})
    return [sealed[submission.case_id] == submission.sealed for submission, _ in submissions]


def _take_in(connection: Connection, submissions: Sequence[tuple[Submission, int]]) -> None:
    count_cases(connection, Counter((day, item.about) for item, day in submissions if item.about is not None))
    rows = [
        {
            "token_hash": item.token_hash,
            "case_id": submission.case_id,
            "algorithm": item.fingerprint.algorithm.value,
            "value": bytes.fromhex(item.fingerprint.value),
            "quality": item.fingerprint.quality,
        }
        for submission, _ in submissions
        for item in submission.fingerprints
    ]
    insert_new(connection, INTAKE_HOLDS, rows)


_TAKEN_BACK_BY = {Wish.WITHDRAW: Wish.KEEP, Wish.KEEP: Wish.WITHDRAW}


def put_wishes(connection: Connection, token_hashes: Sequence[bytes], wish: Wish) -> None:
    """Mark holds for the next batch, known or not (case-v1 §6.4). Of two contrary wishes the last counts."""
    share_intake(connection)
    wanted = sorted(set(token_hashes))
    contrary = _TAKEN_BACK_BY.get(wish)
    if contrary is not None:
        for chunk in chunks(wanted):
            connection.execute(
                delete(INTAKE_WISHES).where(INTAKE_WISHES.c.token_hash.in_(chunk), INTAKE_WISHES.c.wish == contrary)
            )
    insert_new(connection, INTAKE_WISHES, [{"token_hash": item, "wish": wish.value} for item in wanted])


def sealed_cases(connection: Connection, case_ids: Collection[bytes]) -> dict[bytes, bytes]:
    """The sealed bytes of those of these cases that have been acknowledged."""
    found: dict[bytes, bytes] = {}
    for table in (CASES, INTAKE):
        query = select(table.c.case_id, table.c.sealed).where(table.c.case_id.in_(case_ids))
        found |= {bytes(row.case_id): bytes(row.sealed) for row in connection.execute(query)}
    return found


def wishes_of(rows: Iterable[tuple[bytes, int]]) -> Wishes:
    """Sort (token hash, wish) pairs."""
    sets: dict[int, set[bytes]] = {wish: set() for wish in Wish}
    for token_hash, wish in rows:
        sets[wish].add(token_hash)
    return Wishes(frozenset(sets[Wish.WITHDRAW]), frozenset(sets[Wish.KEEP]), frozenset(sets[Wish.RENEW]))


def hold_facts(connection: Connection, token_hashes: Sequence[bytes]) -> HoldFacts:
    """What there is to know of some holds, known or not."""
    wishes: list[tuple[bytes, int]] = []
    entries: dict[bytes, bytes] = {}
    until: dict[bytes, int] = {}
    for chunk in chunks(token_hashes):
        query = select(INTAKE_WISHES).where(INTAKE_WISHES.c.token_hash.in_(chunk))
        wishes += [(bytes(row.token_hash), row.wish) for row in connection.execute(query)]
        for row in connection.execute(select(HOLDS).where(HOLDS.c.token_hash.in_(chunk))):
            entries[bytes(row.token_hash)] = bytes(row.entry_id)
            if row.until_day is not None:
                until[bytes(row.token_hash)] = row.until_day
    return HoldFacts(
        wishes=wishes_of(wishes),
        arriving=frozenset(_those_in(connection, INTAKE_HOLDS, token_hashes)),
        entries=entries,
        until=until,
        leaving=leaving_days(connection, token_hashes),
        expired=frozenset(_those_in(connection, EXPIRED, token_hashes)),
    )


def known_holds(connection: Connection, token_hashes: Iterable[bytes]) -> set[bytes]:
    """Which of these hold an entry, or wait in intake to do so."""
    asked = list(token_hashes)
    return _those_in(connection, HOLDS, asked) | _those_in(connection, INTAKE_HOLDS, asked)


def leaving_days(connection: Connection, token_hashes: Iterable[bytes]) -> dict[bytes, int]:
    """On which day those of these holds that wait to leave do so."""
    return {
        bytes(row.token_hash): row.day
        for chunk in chunks(token_hashes)
        for row in connection.execute(select(LEAVING).where(LEAVING.c.token_hash.in_(chunk)))
    }


def _those_in(connection: Connection, table: Table, token_hashes: Iterable[bytes]) -> set[bytes]:
    column = table.c.token_hash
    return {
        bytes(row.token_hash)
        for chunk in chunks(token_hashes)
        for row in connection.execute(select(column).where(column.in_(chunk)))
    }


def entries_of_holds(connection: Connection, token_hashes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Entry id by token hash, for those that hold an entry."""
    return {
        bytes(row.token_hash): bytes(row.entry_id)
        for chunk in chunks(token_hashes)
        for row in connection.execute(select(HOLDS.c.token_hash, HOLDS.c.entry_id).where(HOLDS.c.token_hash.in_(chunk)))
    }


def first_day(connection: Connection, today: int) -> int:
    """The day on which the oldest entry came, days since 1970-01-01; today if there is none."""
    day = connection.execute(select(func.min(ENTRIES.c.day))).scalar_one()
    return today if day is None else int(day)


def feedback_counts(connection: Connection, entry_ids: Iterable[bytes]) -> dict[bytes, dict[FeedbackValue, int]]:
    """How many partners last said what about each entry."""
    counts: dict[bytes, dict[FeedbackValue, int]] = {}
    for chunk in chunks(entry_ids):
        query = (
            select(FEEDBACK.c.entry_id, FEEDBACK.c.value, func.count().label("partners"))
            .where(FEEDBACK.c.entry_id.in_(chunk))
            .group_by(FEEDBACK.c.entry_id, FEEDBACK.c.value)
        )
        for row in connection.execute(query):
            counts.setdefault(bytes(row.entry_id), {})[FeedbackValue(row.value)] = row.partners
    return counts


def record_feedback(connection: Connection, partner_id: str, words: Sequence[Feedback], day: int) -> int:
    """Keep a partner's words about live entries, the latest of each (feed-v1 §6.2).

    Returns:
        How many words were about an entry that is live on the list they name, and not withheld from this partner.
    """
    live = _live_entries(connection, words, partner_id)
    latest = {(word.list, word.entry_id): word.value for word in words}
    rows = [
        {"partner_id": partner_id, "entry_id": bytes.fromhex(entry_id), "value": value.value, "day": day}
        for (name, entry_id), value in latest.items()
        if (name, entry_id) in live
    ]
    insert_or_replace(connection, FEEDBACK, rows, ("value", "day"))
    _count_words(connection, [word for word in words if (word.list, word.entry_id) in live], day)
    return sum((word.list, word.entry_id) in live for word in words)


def _count_words(connection: Connection, words: Sequence[Feedback], day: int) -> None:
    # Every word counts, also a partner's second about the same entry: ten thousand copies are ten thousand matches.
    counts = Counter(bytes.fromhex(word.entry_id) for word in words)
    rows = [{"entry_id": entry_id, "day": day, "words": count} for entry_id, count in counts.items()]
    insert_or_add(connection, MATCH_COUNTS, rows, "words")


def _live_entries(connection: Connection, words: Sequence[Feedback], partner_id: str) -> set[tuple[Algorithm, str]]:
    wanted = {bytes.fromhex(word.entry_id) for word in words}
    found: set[tuple[Algorithm, str]] = set()
    # feed-v1 §6.2: of what is withheld from it a partner has nothing to say, and could take another's canaries off.
    withheld = exists().where(ADDRESSED.c.entry_id == ENTRIES.c.entry_id, ADDRESSED.c.partner_id != partner_id)
    for chunk in chunks(wanted):
        query = select(ENTRIES.c.entry_id, ENTRIES.c.algorithm).where(ENTRIES.c.entry_id.in_(chunk), ~withheld)
        # The batch deletes entries; a word must not arrive for one that is going in this instant.
        found |= {
            (Algorithm(row.algorithm), bytes(row.entry_id).hex())
            for row in connection.execute(query.with_for_update(read=True))
        }
    return found


def list_state(connection: Connection, name: Algorithm) -> ListState:
    """Where a list's log stands; a list nobody has added to stands at 0."""
    row = connection.execute(select(LISTS).where(LISTS.c.list == name.value)).one_or_none()
    if row is None:
        return ListState(name, 0, first_chain(name), 0, 0)
    return ListState(name, row.seq, bytes(row.chain), row.live_count, row.day)


def is_anything_waiting(connection: Connection, today: int, *, holds_end: bool) -> bool:
    """Whether a batch would have something to do.

    Args:
        connection: in a transaction.
        today: days since 1970-01-01.
        holds_end: whether holds have a lifetime.
    """
    due = [exists().where(LEAVING.c.day <= today)]
    if holds_end:
        due.append(exists().where(HOLDS.c.until_day <= today))
    return is_intake_waiting(connection) or any(connection.execute(select(item)).scalar_one() for item in due)


def is_intake_waiting(connection: Connection) -> bool:
    """Whether anything waits in intake: the one place where fingerprints of a case stand together."""
    tables = (INTAKE, INTAKE_WISHES)
    return any(connection.execute(select(exists().select_from(table))).scalar_one() for table in tables)


def waiting_cases(connection: Connection) -> int:
    """How many submissions wait for a batch."""
    return int(connection.execute(select(func.count()).select_from(INTAKE)).scalar_one())
