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
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from takeback.client.feed_state import ListState, Step, without_staged
from takeback.client.list_rows import (
    LATER_SCHEMA,
    SCHEMA,
    VERSION,
    apply_staged,
    change_of,
    expect,
    read_state,
    replace_entries,
    staged_row,
    withheld_count,
    write_state,
)
from takeback.errors import CorruptDataError, UnavailableError
from takeback.model.entry import Change, EntryId
from takeback.model.fingerprint import Algorithm

FILE_NAME: Final = "list.sqlite3"

_BUSY_S: Final = 30.0
_SNAPSHOT_CACHE_KIB: Final = 48 * 1024
"""Page cache while a snapshot is stored: the index over a million random ids stays in it."""


class ListStore:
    """The synced lists in a folder.

    Args:
        folder: made if it is not there.

    Raises:
        UnavailableError: ``store.unavailable`` if the folder cannot be used.
        CorruptDataError: ``store.damaged`` if the file is no list store. Delete the folder and sync again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
            self._identity = self._named()

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

    @property
    def identity(self) -> bytes:
        """16 random bytes made with the file, so that what is derived from it is not taken for another file's."""
        return self._identity

    def state(self, name: Algorithm) -> ListState:
        """What is remembered about a list; that of an empty list before the first sync."""
        with self._reader() as db:
            return read_state(db, name)

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
            expect(db, before)
            db.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)", map(staged_row, step.changes))
            if step.is_proved:
                apply_staged(db, step.state.list)
            write_state(db, step.state)
        if step.is_proved and step.changes:
            self._wipe()

    def replace(self, before: ListState, after: ListState, live: Iterable[Change]) -> None:
        """Exchange a list for a snapshot's, all in one transaction.

        What was on the list and is not in the snapshot leaves a tombstone at the snapshot's place, so that
        :meth:`changes_after` tells it like any other change.

        Args:
            before: the state the snapshot was accepted in.
            after: from :func:`takeback.client.feed_state.take_snapshot`.
            live: the snapshot's entries, in the order of the log.

        Raises:
            ConflictError: ``store.busy`` if another process has moved the list meanwhile.
            ProtocolViolationError: ``feed.snapshot`` if the entries are not as many as was signed, twice there, or
                beyond the snapshot's place; what reading them raises. The list stays as it was.
        """
        with self._transaction() as db:
            db.execute(f"PRAGMA cache_size = -{_SNAPSHOT_CACHE_KIB}")
            expect(db, before)
            replace_entries(db, after, live)
            write_state(db, after)
        self._wipe()

    def trusted_key(self, pin: str) -> bytes | None:
        """The signing key that a partner key with this pin has led to; ``None`` before the first sync."""
        with self._reader() as db:
            row = db.execute("SELECT public_key FROM trust WHERE pin = ?", (pin,)).fetchone()
            return None if row is None else row[0]

    def trust(self, pin: str, public_key: bytes) -> None:
        """Remember the signing key to trust from now on (feed-v1 §9.4)."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO trust VALUES (?, ?)", (pin, public_key))

    def _wipe(self) -> None:
        # secure_delete overwrites in the main file, and a page gets there only from the log beside it. A reader that is
        # busy right now puts it off to the next time.
        with self._lock, _as_store_errors():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._writer.execute("PRAGMA shrink_memory").fetchone()
            self._writer.execute("PRAGMA cache_size = -2000")

    def drop_staged(self, name: Algorithm) -> None:
        """Forget what was fetched and never proved."""
        with self._transaction() as db:
            db.execute("DELETE FROM staged WHERE list = ?", (name.value,))
            write_state(db, without_staged(read_state(db, name)))

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

    def entries_between(self, name: Algorithm, after: int, until: int) -> Iterator[Change]:
        """The live entries that were added after one place of the log and up to another, in its order."""
        return self._read(
            "SELECT list, seq, 'add', entry_id, value, quality, day FROM entries"
            " WHERE list = :list AND seq > :after AND seq <= :until ORDER BY seq",
            {"list": name.value, "after": after, "until": until},
        )

    def place_of_entry(self, name: Algorithm, after: int, number: int) -> int | None:
        """Sequence number of the ``number``-th live entry after a place of the log; ``None`` if there are fewer."""
        question = "SELECT seq FROM entries WHERE list = ? AND seq > ? ORDER BY seq LIMIT 1 OFFSET ?"
        with self._reader() as db:
            row = db.execute(question, (name.value, after, number - 1)).fetchone()
            return None if row is None else row[0]

    def counts_after(self, name: Algorithm, seq: int) -> tuple[int, int]:
        """How many entries that are there now were added after ``seq``, and how many tombstones came after it."""
        question = (
            "SELECT (SELECT count(*) FROM entries WHERE list = :list AND seq > :seq),"
            " (SELECT count(*) FROM tombstones WHERE list = :list AND seq > :seq)"
        )
        with self._reader() as db:
            added, removed = db.execute(question, {"list": name.value, "seq": seq}).fetchone()
            return added, removed

    def withheld(self, name: Algorithm) -> int:
        """How many of a list's live entries this partner is not told (feed-v1 §4.5)."""
        with self._reader() as db:
            return withheld_count(db, name)

    def live(self, name: Algorithm, entry_ids: Iterable[EntryId]) -> frozenset[EntryId]:
        """Which of these entries are on the list now."""
        question = "SELECT 1 FROM entries WHERE list = ? AND entry_id = ?"
        with self._reader() as db:
            return frozenset(
                one for one in entry_ids if db.execute(question, (name.value, bytes.fromhex(one))).fetchone()
            )

    def _read(self, sql: str, parameters: dict[str, object]) -> Iterator[Change]:
        with self._reader() as db:
            for row in db.execute(sql, parameters):
                yield change_of(row)

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
                for statement in SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise CorruptDataError("store.damaged", "The list was stored by another version. Please sync anew.")

    def _named(self) -> bytes:
        with self._transaction() as db:
            for statement in LATER_SCHEMA.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)", (os.urandom(16),))
            name: bytes = db.execute("SELECT name FROM identity").fetchone()[0]
            return name

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
