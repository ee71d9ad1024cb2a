"""SQL of a batch. Rows are written in the order given: the caller has shuffled them.

**Source:** docs/protocol/case-v1.md §7.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from takeback.db.insert import insert_new, insert_or_replace
from takeback.errors import InvalidInputError
from takeback.model.case import HeldFingerprint
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, parse_fingerprint
from takeback.registry.store import INTAKE_LOCK, chunks, wishes_of
from takeback.registry.tables import (
    CASES,
    CHANGES,
    ENTRIES,
    EXPIRED,
    FEEDBACK,
    HOLDS,
    INTAKE,
    INTAKE_HOLDS,
    INTAKE_WISHES,
    LEAVING,
    LIST_SIZES,
    LISTS,
)
from takeback.registry.types import Entry, Intake, LogExtension, WaitingCase

_LONGEST_LOCK_WAIT_S = 3
_ADD, _REMOVE = 1, 2
WHOLE, DIGESTED = 1, 2
"""How an addition enters the chain: by its value, or by its digest (feed-v1 §2.3, §2.4)."""


def lock_intake(connection: Connection) -> None:
    """Let nobody write to intake until this transaction ends, and no second batch run beside this one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": INTAKE_LOCK})


def wait_briefly(connection: Connection) -> None:
    """Let this transaction fail rather than wait long for somebody who reads intake, such as ``pg_dump``.

    A waiting ``TRUNCATE`` holds up everybody who comes after it, submissions too.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_LOCK_WAIT_S}s'"))


def read_intake(connection: Connection) -> Intake:
    """All that waits. A row that this version cannot read is left where it is."""
    rows_of: dict[bytes, list[Row[Any]]] = {}
    for row in connection.execute(select(INTAKE_HOLDS)):
        rows_of.setdefault(bytes(row.case_id), []).append(row)
    cases: list[WaitingCase] = []
    unreadable: set[bytes] = set()
    for row in connection.execute(select(INTAKE)):
        case_id = bytes(row.case_id)
        try:
            held = tuple(_held(item) for item in rows_of.get(case_id, []))
            cases.append(WaitingCase(case_id, bytes(row.sealed), row.day, held))
        except (InvalidInputError, ValueError):
            unreadable.add(case_id)
    rows = connection.execute(select(INTAKE_WISHES))
    return Intake(tuple(cases), frozenset(unreadable), wishes_of((bytes(row.token_hash), row.wish) for row in rows))


def _held(row: Row[Any]) -> HeldFingerprint:
    fingerprint = parse_fingerprint(Algorithm(row.algorithm), bytes(row.value).hex(), row.quality)
    return HeldFingerprint(fingerprint, bytes(row.token_hash))


def erase_intake(connection: Connection, staying: Iterable[bytes], dropped: frozenset[bytes]) -> None:
    """Empty intake, then write back the cases that stay, without what was withdrawn from them.

    Args:
        connection: in a transaction.
        staying: case ids.
        dropped: token hashes of what is not written back.

    Both statements give whole pages back, which SQLite's ``secure_delete`` overwrites and PostgreSQL drops with the
    file; deleting row by row would leave copies in the unused parts of pages that stay in use.
    """
    cases = _rows_of_cases(connection, INTAKE, staying)
    holds = _rows_of_cases(connection, INTAKE_HOLDS, staying)
    holds = [row for row in holds if bytes(row["token_hash"]) not in dropped]
    _empty(connection, INTAKE, INTAKE_HOLDS, INTAKE_WISHES)
    for table, rows in ((INTAKE, cases), (INTAKE_HOLDS, holds)):
        if rows:
            connection.execute(insert(table), rows)


def known_cases(connection: Connection, case_ids: Iterable[bytes]) -> set[bytes]:
    """Which of these cases have been taken in before."""
    return {
        bytes(row.case_id)
        for chunk in chunks(case_ids)
        for row in connection.execute(select(CASES.c.case_id).where(CASES.c.case_id.in_(chunk)))
    }


def entry_ids(connection: Connection, keys: Iterable[tuple[Algorithm, bytes]]) -> dict[tuple[Algorithm, bytes], bytes]:
    """The entries of those fingerprints that are on a list."""
    wanted: dict[Algorithm, list[bytes]] = {}
    for algorithm, value in keys:
        wanted.setdefault(algorithm, []).append(value)
    found: dict[tuple[Algorithm, bytes], bytes] = {}
    for algorithm, values in wanted.items():
        for chunk in chunks(values):
            query = select(ENTRIES.c.value, ENTRIES.c.entry_id).where(
                ENTRIES.c.algorithm == algorithm.value, ENTRIES.c.digest.in_([_digest(value) for value in chunk])
            )
            found |= {(algorithm, bytes(row.value)): bytes(row.entry_id) for row in connection.execute(query)}
    return found


def insert_entries(connection: Connection, entries: Sequence[Entry], day: int) -> None:
    """Put entries on their lists."""
    rows = [
        {
            "entry_id": entry.entry_id,
            "algorithm": entry.algorithm.value,
            "value": entry.value,
            "digest": entry.digest(),
            "quality": entry.quality,
            "day": day,
        }
        for entry in entries
    ]
    if rows:
        connection.execute(insert(ENTRIES), rows)


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def insert_holds(connection: Connection, holds: Sequence[tuple[bytes, bytes]], until_day: int | None) -> None:
    """Write (token hash, entry id) pairs, and the day they end."""
    if holds:
        rows = [
            {"token_hash": token_hash, "entry_id": entry_id, "until_day": until_day} for token_hash, entry_id in holds
        ]
        connection.execute(insert(HOLDS), rows)


def insert_cases(connection: Connection, cases: Sequence[tuple[bytes, bytes, int]]) -> None:
    """File sealed cases: (case id, sealed bytes, day)."""
    if cases:
        rows = [{"case_id": case_id, "sealed": sealed, "day": day} for case_id, sealed, day in cases]
        connection.execute(insert(CASES), rows)


def renew_holds(connection: Connection, token_hashes: Iterable[bytes], until_day: int) -> None:
    """Let holds end later; none ends earlier than before."""
    for chunk in chunks(token_hashes):
        connection.execute(
            update(HOLDS)
            .where(HOLDS.c.token_hash.in_(chunk), HOLDS.c.until_day < until_day)
            .values(until_day=until_day)
        )


def end_endless_holds(connection: Connection, until_day: int) -> None:
    """Give holds from before there was a lifetime a whole one: nobody's ends without notice."""
    connection.execute(update(HOLDS).where(HOLDS.c.until_day.is_(None)).values(until_day=until_day))


def ended_holds(connection: Connection, today: int) -> set[bytes]:
    """Token hashes of holds whose time is over."""
    query = select(HOLDS.c.token_hash).where(HOLDS.c.until_day <= today)
    return {bytes(row.token_hash) for row in connection.execute(query)}


def note_expired(connection: Connection, token_hashes: Sequence[bytes], today: int, forget_before: int) -> None:
    """Remember for a while that these ended by themselves."""
    insert_new(connection, EXPIRED, [{"token_hash": item, "day": today} for item in token_hashes])
    connection.execute(delete(EXPIRED).where(EXPIRED.c.day < forget_before))


def leaving(connection: Connection) -> dict[bytes, int]:
    """On which day each hold that waits to leave does so."""
    return {bytes(row.token_hash): row.day for row in connection.execute(select(LEAVING))}


def rewrite_leaving(connection: Connection, rows: Sequence[tuple[bytes, int]]) -> None:
    """Write (token hash, day) pairs in the place of all there are.

    Row by row, PostgreSQL would keep what somebody took back as a dead row, and mark with its transaction what came in
    one batch; SQLite may keep copies in pages that stay in use. See :func:`erase_intake`.
    """
    _empty(connection, LEAVING)
    if rows:
        connection.execute(insert(LEAVING), [{"token_hash": item, "day": day} for item, day in rows])


def _empty(connection: Connection, *tables: Table) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"TRUNCATE {', '.join(table.name for table in tables)}"))
        return
    for table in tables:
        connection.execute(delete(table))


def due_to_leave(connection: Connection, today: int) -> set[bytes]:
    """Holds whose withdrawal has waited long enough."""
    query = select(LEAVING.c.token_hash).where(LEAVING.c.day <= today)
    return {bytes(row.token_hash) for row in connection.execute(query)}


def delete_holds(connection: Connection, token_hashes: Iterable[bytes]) -> None:
    """Let go of entries."""
    for chunk in chunks(token_hashes):
        connection.execute(delete(HOLDS).where(HOLDS.c.token_hash.in_(chunk)))


def held_entries(connection: Connection, entry_ids: Iterable[bytes]) -> set[bytes]:
    """Which of these entries somebody still holds."""
    return {
        bytes(row.entry_id)
        for chunk in chunks(entry_ids)
        for row in connection.execute(select(HOLDS.c.entry_id).where(HOLDS.c.entry_id.in_(chunk)).distinct())
    }


def delete_entries(connection: Connection, entry_ids: Iterable[bytes]) -> list[Entry]:
    """Take entries off their lists, with what partners said about them.

    Returns:
        The entries that were there.
    """
    gone: list[Entry] = []
    for chunk in chunks(entry_ids):
        gone += [
            Entry(bytes(row.entry_id), Algorithm(row.algorithm), bytes(row.value), row.quality)
            for row in connection.execute(select(ENTRIES).where(ENTRIES.c.entry_id.in_(chunk)))
        ]
        connection.execute(delete(FEEDBACK).where(FEEDBACK.c.entry_id.in_(chunk)))
        connection.execute(delete(ENTRIES).where(ENTRIES.c.entry_id.in_(chunk)))
    return gone


def append_changes(connection: Connection, extension: LogExtension) -> None:
    """Write a log's new changes and where it stands then."""
    rows = [
        {
            "list": change.list.value,
            "seq": change.seq,
            "op": _REMOVE if change.op is Op.REMOVE else _ADD,
            "entry_id": bytes.fromhex(change.entry_id),
            "value": None if change.value is None else bytes.fromhex(change.value),
            "quality": change.quality,
            "day": extension.state.day,
            "form": DIGESTED if change.is_digested else WHOLE,
        }
        for change in extension.changes
    ]
    connection.execute(insert(CHANGES), rows)
    state = extension.state
    row = {
        "list": state.list.value,
        "seq": state.seq,
        "chain": state.chain,
        "live_count": state.count,
        "day": state.day,
    }
    insert_or_replace(connection, LISTS, [row], ("seq", "chain", "live_count", "day"))
    size = {name: row[name] for name in ("list", "day", "live_count")}
    insert_or_replace(connection, LIST_SIZES, [size], ("live_count",))


def wipe_log_files(engine: Engine) -> bool:
    """Make SQLite's write-ahead log hold nothing, so that what a batch erased is gone from the disk.

    Returns:
        Whether that was possible; a long read elsewhere can stand in the way until the next batch.
    """
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        except DBAPIError:
            return False
        return not busy


def _rows_of_cases(connection: Connection, table: Table, case_ids: Iterable[bytes]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for chunk in chunks(case_ids):
        found = connection.execute(select(table).where(table.c.case_id.in_(chunk))).mappings()
        rows += [dict(row) for row in found]
    return rows
