"""The tables of a list store and what is done to them inside one transaction.

What the registry withholds is kept apart from the entries: it counts, and is nothing to match (feed-v1 §4.5).
Every function takes a connection in a transaction; none begins or ends one. Ids and values are stored as bytes. A list
lies in the order of its log, so that a snapshot is written from front to back.
"""

import sqlite3
from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Final

from takeback.client.feed_state import ListState, Position, new_list_state
from takeback.errors import ConflictError, ProtocolViolationError
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm

VERSION: Final = 2
SCHEMA: Final = """
CREATE TABLE lists (
  list TEXT PRIMARY KEY,
  applied_seq INTEGER NOT NULL, applied_chain BLOB NOT NULL, applied_count INTEGER NOT NULL,
  staged_seq INTEGER NOT NULL, staged_chain BLOB NOT NULL, staged_count INTEGER NOT NULL,
  head_seq INTEGER, head_chain BLOB, head_count INTEGER, head_issued INTEGER, head_expires INTEGER,
  verified_s INTEGER, fresh_until_s INTEGER
) WITHOUT ROWID;
CREATE TABLE entries (
  list TEXT NOT NULL, seq INTEGER NOT NULL, entry_id BLOB NOT NULL,
  value BLOB NOT NULL, quality INTEGER, day INTEGER NOT NULL,
  PRIMARY KEY (list, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX entries_by_id ON entries (list, entry_id);
CREATE TABLE tombstones (
  list TEXT NOT NULL, seq INTEGER NOT NULL, entry_id BLOB NOT NULL, day INTEGER NOT NULL,
  PRIMARY KEY (list, seq, entry_id)
) WITHOUT ROWID;
CREATE TABLE staged (
  list TEXT NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL, entry_id BLOB NOT NULL,
  value BLOB, quality INTEGER, day INTEGER NOT NULL,
  PRIMARY KEY (list, seq)
) WITHOUT ROWID;
CREATE TABLE departing (list TEXT NOT NULL, entry_id BLOB NOT NULL, PRIMARY KEY (list, entry_id)) WITHOUT ROWID;
CREATE TABLE trust (pin TEXT PRIMARY KEY, public_key BLOB NOT NULL) WITHOUT ROWID;
"""
LATER_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS withheld (
  list TEXT NOT NULL, seq INTEGER NOT NULL, entry_id BLOB NOT NULL, PRIMARY KEY (list, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS withheld_by_id ON withheld (list, entry_id);
CREATE TABLE IF NOT EXISTS identity (name BLOB NOT NULL)
"""
"""Tables made beside the version's own: a store of an earlier build gets them when it is opened."""

_ROWS_AT_ONCE: Final = 5_000
_STATE_COLUMNS: Final = (
    "list, applied_seq, applied_chain, applied_count, staged_seq, staged_chain, staged_count,"
    " head_seq, head_chain, head_count, head_issued, head_expires, verified_s, fresh_until_s"
)


def expect(db: sqlite3.Connection, before: ListState) -> None:
    """Raise ``store.busy`` if the list is not where it was."""
    now = read_state(db, before.list)
    if (now.applied, now.staged) != (before.applied, before.staged):
        raise ConflictError("store.busy", "Another process is syncing into the same folder.")


def apply_staged(db: sqlite3.Connection, name: Algorithm) -> None:
    """Move staged changes into the list, refusing those that cannot be (§2.3): the counts have to come out."""
    arguments = {"list": name.value}
    (adds, removes) = db.execute(
        "SELECT count(*) FILTER (WHERE op <> 'remove'), count(*) FILTER (WHERE op = 'remove') FROM staged"
        " WHERE list = :list",
        arguments,
    ).fetchone()
    added = db.execute(
        "INSERT OR IGNORE INTO entries (list, seq, entry_id, value, quality, day)"
        " SELECT list, seq, entry_id, value, quality, day FROM staged WHERE list = :list AND op = 'add'",
        arguments,
    ).rowcount
    added += db.execute(
        "INSERT OR IGNORE INTO withheld (list, seq, entry_id)"
        " SELECT list, seq, entry_id FROM staged WHERE list = :list AND op = 'withheld'",
        arguments,
    ).rowcount
    is_clear = not _is_told_and_withheld(db, name)
    # Entry ids never come back (§2.3), so adding all and then removing is the same as going through the log;
    # the comparison of sequence numbers refuses a tombstone that stands before its entry.
    removed = sum(
        db.execute(
            f"DELETE FROM {table} WHERE list = :list AND entry_id IN"  # noqa: S608 - a constant
            f" (SELECT gone.entry_id FROM staged AS gone JOIN {table} AS there"
            "  ON there.list = gone.list AND there.entry_id = gone.entry_id"
            "  WHERE gone.list = :list AND gone.op = 'remove' AND gone.seq > there.seq)",
            arguments,
        ).rowcount
        for table in ("entries", "withheld")
    )
    if (added, removed, is_clear) != (adds, removes, True):
        raise ProtocolViolationError(
            "feed.chain", "The list arrived with changes missing, repeated or altered.", detail=f"{name.value}: entries"
        )
    db.execute(
        "INSERT INTO tombstones SELECT list, seq, entry_id, day FROM staged WHERE list = :list AND op = 'remove'",
        arguments,
    )
    db.execute("DELETE FROM staged WHERE list = :list", arguments)


def replace_entries(db: sqlite3.Connection, after: ListState, live: Iterable[Change]) -> None:
    """Exchange a list's entries for a snapshot's, with tombstones for those that are not in it."""
    place: dict[str, object] = {"list": after.list.value, "seq": after.applied.seq}
    db.execute("INSERT INTO departing SELECT list, entry_id FROM entries WHERE list = :list", place)
    for table in ("entries", "withheld", "staged"):
        db.execute(f"DELETE FROM {table} WHERE list = :list", place)  # noqa: S608 - a constant
    rows, end = _insert_live(db, live)
    count, last = db.execute("SELECT count(*), max(seq) FROM entries WHERE list = :list", place).fetchone()
    count += withheld_count(db, after.list)
    expected = after.applied.count
    is_clear = not _is_told_and_withheld(db, after.list)
    if (rows, count, is_clear) != (expected, expected, True) or end > after.applied.seq:
        raise ProtocolViolationError(
            "feed.snapshot", "The snapshot of the list does not hold what was signed.", detail=after.list.value
        )
    # When each of them went is not known any more; the day of the snapshot's last entry is the nearest there is.
    db.execute(
        "INSERT INTO tombstones SELECT list, :seq, entry_id,"
        " (SELECT coalesce(max(day), 0) FROM entries WHERE list = :list AND seq = :last)"
        " FROM departing AS gone WHERE list = :list"
        " AND NOT EXISTS (SELECT 1 FROM entries AS here WHERE here.list = gone.list AND here.entry_id = gone.entry_id)",
        {**place, "last": last},
    )
    db.execute("DELETE FROM departing")


def _insert_live(db: sqlite3.Connection, live: Iterable[Change]) -> tuple[int, int]:
    """Write what lives; how many changes that were, and the number of the last."""
    changes = iter(live)
    rows = end = 0
    while piece := list(islice(changes, _ROWS_AT_ONCE)):
        db.executemany(
            "INSERT OR IGNORE INTO entries (list, seq, entry_id, value, quality, day) VALUES (?, ?, ?, ?, ?, ?)",
            [_entry_row(change) for change in piece if change.op is Op.ADD],
        )
        db.executemany(
            "INSERT OR IGNORE INTO withheld (list, seq, entry_id) VALUES (?, ?, ?)",
            [(one.list.value, one.seq, bytes.fromhex(one.entry_id)) for one in piece if one.op is Op.WITHHELD],
        )
        rows, end = rows + len(piece), max(end, piece[-1].seq)
    return rows, end


def withheld_count(db: sqlite3.Connection, name: Algorithm) -> int:
    """How many of a list's live entries this partner is not told."""
    count: int = db.execute("SELECT count(*) FROM withheld WHERE list = ?", (name.value,)).fetchone()[0]
    return count


def _is_told_and_withheld(db: sqlite3.Connection, name: Algorithm) -> bool:
    """Whether an entry was added twice, once with its value and once without."""
    question = (
        "SELECT 1 FROM withheld JOIN entries ON entries.list = withheld.list AND entries.entry_id = withheld.entry_id"
        " WHERE withheld.list = ?"
    )
    return db.execute(question, (name.value,)).fetchone() is not None


def read_state(db: sqlite3.Connection, name: Algorithm) -> ListState:
    """What is remembered about a list."""
    row = db.execute(f"SELECT {_STATE_COLUMNS} FROM lists WHERE list = ?", (name.value,)).fetchone()  # noqa: S608 - a constant
    if row is None:
        return new_list_state(name)
    head = None if row[7] is None else Head(name, row[7], row[8], row[9], row[10], row[11])
    return ListState(name, Position(*row[1:4]), Position(*row[4:7]), head, row[12], row[13])


def write_state(db: sqlite3.Connection, state: ListState) -> None:
    """Remember it."""
    head = state.head
    db.execute(
        f"INSERT OR REPLACE INTO lists ({_STATE_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - a constant
        (
            state.list.value,
            *(state.applied.seq, state.applied.chain, state.applied.count),
            *(state.staged.seq, state.staged.chain, state.staged.count),
            *((None,) * 5 if head is None else (head.seq, head.chain, head.count, head.issued, head.expires)),
            state.verified_s,
            state.fresh_until_s,
        ),
    )


def _entry_row(change: Change) -> tuple[object, ...]:
    return (
        change.list.value,
        change.seq,
        bytes.fromhex(change.entry_id),
        bytes.fromhex(change.value or ""),
        change.quality,
        change.day.toordinal(),
    )


def staged_row(change: Change) -> tuple[object, ...]:
    """A change as a row of ``staged``."""
    return (
        change.list.value,
        change.seq,
        change.op.value,
        bytes.fromhex(change.entry_id),
        None if change.value is None else bytes.fromhex(change.value),
        change.quality,
        change.day.toordinal(),
    )


def change_of(row: tuple[str, int, str, bytes, bytes | None, int | None, int]) -> Change:
    """A change from a row."""
    name, seq, op, entry_id, value, quality, day = row
    return Change(
        Algorithm(name),
        seq,
        Op(op),
        entry_id.hex(),
        None if value is None else value.hex(),
        quality,
        date.fromordinal(max(day, 1)),
    )
