"""The list as a platform keeps it: one SQLite file in a folder of its own (mode 0700, file 0600).

Changes, sequence number and chain are stored in one transaction (feed-v1 §5.1), so a power cut leaves the list as it
was before or after a page, never between. Values that leave the list are overwritten in the file (``secure_delete``).

One writer at a time; readers open connections of their own and see a steady state.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from takeback.client.feed_state import ListState, Position, Step, new_list_state, without_staged
from takeback.errors import ConflictError, CorruptDataError, ProtocolViolationError, UnavailableError
from takeback.model.entry import Change, EntryId, Head, Op
from takeback.model.fingerprint import Algorithm

FILE_NAME: Final = "list.sqlite3"

_VERSION: Final = 1
_BUSY_S: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE lists (
  list TEXT PRIMARY KEY,
  applied_seq INTEGER NOT NULL, applied_chain BLOB NOT NULL, applied_count INTEGER NOT NULL,
  staged_seq INTEGER NOT NULL, staged_chain BLOB NOT NULL, staged_count INTEGER NOT NULL,
  head_seq INTEGER, head_chain BLOB, head_count INTEGER, head_issued INTEGER, head_expires INTEGER,
  verified_s INTEGER, fresh_until_s INTEGER
) WITHOUT ROWID;
CREATE TABLE entries (
  list TEXT NOT NULL, entry_id TEXT NOT NULL, seq INTEGER NOT NULL,
  value TEXT NOT NULL, quality INTEGER, day TEXT NOT NULL,
  PRIMARY KEY (list, entry_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX entries_by_seq ON entries (list, seq);
CREATE TABLE tombstones (
  list TEXT NOT NULL, seq INTEGER NOT NULL, entry_id TEXT NOT NULL, day TEXT NOT NULL,
  PRIMARY KEY (list, seq)
) WITHOUT ROWID;
CREATE TABLE staged (
  list TEXT NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL, entry_id TEXT NOT NULL,
  value TEXT, quality INTEGER, day TEXT NOT NULL,
  PRIMARY KEY (list, seq)
) WITHOUT ROWID;
"""
_STATE_COLUMNS: Final = (
    "list, applied_seq, applied_chain, applied_count, staged_seq, staged_chain, staged_count,"
    " head_seq, head_chain, head_count, head_issued, head_expires, verified_s, fresh_until_s"
)


class ListStore:
    """The synced lists in a folder.

    Args:
        folder: made if it is not there.

    Raises:
        UnavailableError: ``store.unavailable`` if the folder cannot be used.
        CorruptDataError: ``store.damaged`` if the file is no list store. Delete the folder and sync again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise UnavailableError("store.unavailable", f"The list cannot be kept there: {error.strerror}.") from None
        with _as_store_errors():
            self._writer = self._connect()
            self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._writer.close()

    def state(self, name: Algorithm) -> ListState:
        """What is remembered about a list; that of an empty list before the first sync."""
        with self._reader() as db:
            return _read_state(db, name)

    def stage(self, before: ListState, step: Step) -> None:
        """Store a page; if it is proved, apply everything staged, all in one transaction.

        Args:
            before: the state the step was made from.
            step: from :func:`takeback.client.feed_state.take_page`.

        Raises:
            ConflictError: ``store.busy`` if another process has moved the list meanwhile.
            ProtocolViolationError: ``feed.chain`` for an entry added twice, or removed without being there.
        """
        with self._transaction() as db:
            _expect(db, before)
            db.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, step.changes))
            if step.is_proved:
                _apply_staged(db, step.state.list)
            _write_state(db, step.state)
        if step.is_proved and step.changes:
            self._wipe()

    def _wipe(self) -> None:
        # secure_delete overwrites in the main file, and a page gets there only from the log beside it. A reader that is
        # busy right now puts it off to the next time.
        with self._lock, _as_store_errors():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def drop_staged(self, name: Algorithm) -> None:
        """Forget what was fetched and never proved."""
        with self._transaction() as db:
            db.execute("DELETE FROM staged WHERE list = ?", (name.value,))
            _write_state(db, without_staged(_read_state(db, name)))

    def entries(self, name: Algorithm) -> Iterator[Change]:
        """Every live entry as the change that added it, in the order of the log."""
        return self._read(
            "SELECT list, seq, 'add', entry_id, value, quality, day FROM entries WHERE list = :list ORDER BY seq",
            {"list": name.value},
        )

    def changes_after(self, name: Algorithm, seq: int) -> Iterator[Change]:
        """What leads from the list at ``seq`` to the list now, in order: what was added and is there, and tombstones.

        A tombstone may be of an entry that was not there at ``seq``; removing it is nothing.
        """
        return self._read(
            "SELECT list, seq, 'add', entry_id, value, quality, day FROM entries WHERE list = :list AND seq > :seq"
            " UNION ALL "
            "SELECT list, seq, 'remove', entry_id, NULL, NULL, day FROM tombstones WHERE list = :list AND seq > :seq"
            " ORDER BY 2",
            {"list": name.value, "seq": seq},
        )

    def counts_after(self, name: Algorithm, seq: int) -> tuple[int, int]:
        """How many entries that are there now were added after ``seq``, and how many tombstones came after it."""
        question = (
            "SELECT (SELECT count(*) FROM entries WHERE list = :list AND seq > :seq),"
            " (SELECT count(*) FROM tombstones WHERE list = :list AND seq > :seq)"
        )
        with self._reader() as db:
            added, removed = db.execute(question, {"list": name.value, "seq": seq}).fetchone()
            return added, removed

    def live(self, name: Algorithm, entry_ids: Iterable[EntryId]) -> frozenset[EntryId]:
        """Which of these entries are on the list now."""
        question = "SELECT 1 FROM entries WHERE list = ? AND entry_id = ?"
        with self._reader() as db:
            return frozenset(one for one in entry_ids if db.execute(question, (name.value, one)).fetchone())

    def _read(self, sql: str, parameters: dict[str, object]) -> Iterator[Change]:
        with self._reader() as db:
            for row in db.execute(sql, parameters):
                yield _change(row)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with _as_store_errors(), closing(self._connect()) as db:
            yield db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                db.execute(f"PRAGMA {pragma}")
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self) -> None:
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise CorruptDataError("store.damaged", "The list was stored by another version. Please sync anew.")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _as_store_errors():
            db = self._writer
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise UnavailableError(
            "store.unavailable", "The list's file cannot be used right now.", detail=str(error)
        ) from None
    except sqlite3.DatabaseError as error:
        raise CorruptDataError(
            "store.damaged",
            "The list's file is damaged. Delete it and sync again; nothing is lost.",
            detail=str(error),
        ) from None


def _expect(db: sqlite3.Connection, before: ListState) -> None:
    now = _read_state(db, before.list)
    if (now.applied, now.staged) != (before.applied, before.staged):
        raise ConflictError("store.busy", "Another process is syncing into the same folder.")


def _apply_staged(db: sqlite3.Connection, name: Algorithm) -> None:
    """Move staged changes into the list, refusing those that cannot be (§2.3): the counts have to come out."""
    arguments = {"list": name.value}
    (adds, removes) = db.execute(
        "SELECT count(*) FILTER (WHERE op = 'add'), count(*) FILTER (WHERE op = 'remove') FROM staged"
        " WHERE list = :list",
        arguments,
    ).fetchone()
    added = db.execute(
        "INSERT OR IGNORE INTO entries (list, entry_id, seq, value, quality, day)"
        " SELECT list, entry_id, seq, value, quality, day FROM staged WHERE list = :list AND op = 'add'",
        arguments,
    ).rowcount
    # Entry ids never come back (§2.3), so adding all and then removing is the same as going through the log;
    # the comparison of sequence numbers refuses a tombstone that stands before its entry.
    removed = db.execute(
        "DELETE FROM entries WHERE list = :list AND entry_id IN"
        " (SELECT gone.entry_id FROM staged AS gone JOIN entries AS there"
        "  ON there.list = gone.list AND there.entry_id = gone.entry_id"
        "  WHERE gone.list = :list AND gone.op = 'remove' AND gone.seq > there.seq)",
        arguments,
    ).rowcount
    if (added, removed) != (adds, removes):
        raise ProtocolViolationError(
            "feed.chain", "The list arrived with changes missing, repeated or altered.", detail=f"{name.value}: entries"
        )
    db.execute(
        "INSERT INTO tombstones SELECT list, seq, entry_id, day FROM staged WHERE list = :list AND op = 'remove'",
        arguments,
    )
    db.execute("DELETE FROM staged WHERE list = :list", arguments)


def _read_state(db: sqlite3.Connection, name: Algorithm) -> ListState:
    row = db.execute(f"SELECT {_STATE_COLUMNS} FROM lists WHERE list = ?", (name.value,)).fetchone()  # noqa: S608 - a constant
    if row is None:
        return new_list_state(name)
    head = None if row[7] is None else Head(name, row[7], row[8], row[9], row[10], row[11])
    return ListState(name, Position(*row[1:4]), Position(*row[4:7]), head, row[12], row[13])


def _write_state(db: sqlite3.Connection, state: ListState) -> None:
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


def _row(change: Change) -> tuple[object, ...]:
    return (
        change.list.value,
        change.seq,
        change.op.value,
        change.entry_id,
        change.value,
        change.quality,
        change.day.isoformat(),
    )


def _change(row: tuple[str, int, str, str, str | None, int | None, str]) -> Change:
    name, seq, op, entry_id, value, quality, day = row
    return Change(Algorithm(name), seq, Op(op), entry_id, value, quality, date.fromisoformat(day))
