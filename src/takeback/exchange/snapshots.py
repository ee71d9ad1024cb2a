"""Snapshots: every live entry of a list at one place of its log, in a file that partners can fetch piece by piece.

A file is made beside the service, in short reads, so that neither a batch nor the wiping of intake waits for it. It has
the name of its digest and never changes; the one before it stays for an hour, for those who are fetching it.

All partners share one file of a list, without what any of them alone is told. Who is told something alone (feed-v1
§4.5) has a file of its own, which only it can fetch; it is made when asked for, and erased when it has had its day.

Each process makes its own files. A partner that meets another process is told ``snapshot.gone`` and begins anew.

**Source:** docs/protocol/feed-v1.md §7.
"""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from takeback.db import reading
from takeback.errors import CorruptDataError, NotFoundError, ProtocolViolationError, UnavailableError
from takeback.exchange import log_store
from takeback.exchange.log_store import LivePlace
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm
from takeback.registry import store as registry_store
from takeback.registry.addressed import is_any_told
from takeback.registry.types import ListState
from takeback.wire.feed_snapshot_v1 import MAGIC, SnapshotStatement, parse_snapshot_text, snapshot_rows, snapshot_text

_ROWS_A_READ: Final = 2_000
_SUFFIX: Final = ".snapshot"
_NOTE: Final = ".note"
_GRACE_S: Final = 3600
_GROWTH: Final = 4
"""A snapshot is made anew once the log beyond it is a quarter as long as the snapshot."""


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When snapshots are made.

    Args:
        min_changes: a log shorter than this needs none, unless it has been compacted.
        keep_days: how many days a snapshot may hold an entry that has been removed.
    """

    min_changes: int
    keep_days: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """A list as one partner is told it, or as all are who are told nothing alone."""

    list: Algorithm
    reader: str | None = None

    def stem(self) -> str:
        return self.list.value if self.reader is None else f"{self.list.value}.{self.reader}"


class SnapshotShelf:
    """The snapshot files of one process.

    Args:
        engine: the registry's database.
        folder: made when the first snapshot is (mode 0700).
        policy: when snapshots are made.
    """

    def __init__(self, engine: Engine, folder: Path, policy: SnapshotPolicy) -> None:
        self._engine = engine
        self._folder = folder
        self._policy = policy
        self._gate = threading.Lock()
        self._wanted: set[_Copy] = set()
        self.asked = threading.Event()

    def statement(self, name: Algorithm, partner_id: str) -> SnapshotStatement:
        """The newest snapshot of a list for a partner.

        Raises:
            NotFoundError: ``snapshot.none`` if the list is so short that its log tells it as fast.
            UnavailableError: ``snapshot.building`` if it is being made.
        """
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
            floor = log_store.floor(connection, name).seq
            copy = _Copy(name, partner_id if is_any_told(connection, name, partner_id) else None)
        known = self._newest(copy)
        if known is not None and known.seq >= floor:
            return known
        if floor == 0 and state.seq < self._policy.min_changes:
            raise NotFoundError("snapshot.none", "This list is short. Take its changes.")
        with self._gate:
            self._wanted.add(copy)
        self.asked.set()
        raise UnavailableError("snapshot.building", "The snapshot is being made. Please ask again in a second.")

    def file(self, name: Algorithm, partner_id: str, untrusted_digest: str) -> Path:
        """The file of a statement: one that all share, or this partner's own.

        Raises:
            NotFoundError: ``snapshot.gone``.
        """
        if len(untrusted_digest) == 64 and set(untrusted_digest) <= set("0123456789abcdef"):
            for copy in (_Copy(name), _Copy(name, partner_id)):
                path = self._path(copy, untrusted_digest)
                if path.is_file():
                    return path
        raise NotFoundError("snapshot.gone", "There is no such snapshot any more. Ask for the newest.")

    def make_wanted(self, today: int) -> None:
        """Make what has been asked for, and what is due.

        Args:
            today: days since 1970-01-01.
        """
        self.asked.clear()
        with self._gate:
            wanted, self._wanted = self._wanted, set()
        shared = [_Copy(name) for name in Algorithm]
        for copy in (*shared, *wanted.difference(shared)):
            if copy in wanted or self._is_due(copy, today):
                self.make(copy.list, copy.reader)
        for copy in self._kept():
            if copy.reader is not None and copy not in wanted and self._is_due(copy, today):
                self._note(copy).unlink(missing_ok=True)
        self._tidy()

    def make(self, name: Algorithm, reader: str | None = None) -> SnapshotStatement:
        """Make a snapshot of a list as it is now.

        Args:
            name: the list.
            reader: the partner who is told it; ``None`` for all who are told nothing alone.

        Raises:
            CorruptDataError: ``list.count`` if the log does not hold as many live entries as the list says.
            UnavailableError: ``snapshot.disk``.
        """
        copy = _Copy(name, reader)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._folder / f"{secrets.token_hex(8)}.draft"
            try:
                statement = self._write(draft, copy, state)
                self._publish(draft, copy, statement)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError("snapshot.disk", f"A snapshot cannot be written ({error.strerror}).") from None
        return statement

    def _is_due(self, copy: _Copy, today: int) -> bool:
        name, known = copy.list, self._newest(copy)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
            floor = log_store.floor(connection, name).seq
            if known is None:
                return state.seq >= self._policy.min_changes or floor > 0
            removed_on = log_store.first_removal_day(connection, name, known.seq)
        growth = max(self._policy.min_changes, known.count // _GROWTH)
        is_old = removed_on is not None and removed_on <= today - self._policy.keep_days
        return state.seq - known.seq >= growth or floor > known.seq or is_old

    def _write(self, draft: Path, copy: _Copy, state: ListState) -> SnapshotStatement:
        digest = hashlib.sha256()
        live = _Counted(self._live(LivePlace(state.list, state.seq, copy.reader)))
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for part in chain((MAGIC,), snapshot_rows(state.list, live)):
                digest.update(part)
                file.write(part)
            file.flush()
            size = file.tell()
            os.fsync(file.fileno())
        if live.count != state.count:
            raise CorruptDataError(
                "list.count", "The list and its log do not agree.", detail=f"{state.list.value} seq {state.seq}"
            )
        return SnapshotStatement(state.list, state.seq, state.chain, state.count, digest.hexdigest(), size)

    def _live(self, place: LivePlace) -> Iterator[Change]:
        after = 0
        while True:
            with reading(self._engine) as connection:
                piece = log_store.live_at(connection, place, after, _ROWS_A_READ)
            yield from piece
            if len(piece) < _ROWS_A_READ:
                return
            after = piece[-1].seq

    def _publish(self, draft: Path, copy: _Copy, statement: SnapshotStatement) -> None:
        draft.rename(self._path(copy, statement.sha256))
        note = draft.with_suffix(".written")
        note.write_text(snapshot_text(statement), "ascii")
        note.rename(self._note(copy))
        self._tidy()

    def _tidy(self) -> None:
        """Erase files that no note is of any more, an hour after they were made at the earliest."""
        latest_s = time.time() - _GRACE_S
        kept = {self._path(copy, known.sha256) for copy in self._kept() if (known := self._newest(copy))}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path not in kept and path.stat().st_mtime < latest_s:
                path.unlink(missing_ok=True)

    def _kept(self) -> set[_Copy]:
        """The copies there are."""
        stems = [path.name.removesuffix(_NOTE).partition(".") for path in self._folder.glob(f"*{_NOTE}")]
        return {_Copy(Algorithm(name), reader or None) for name, _, reader in stems if name in set(Algorithm)}

    def _newest(self, copy: _Copy) -> SnapshotStatement | None:
        try:
            statement = parse_snapshot_text(self._note(copy).read_text("ascii"))
        except (OSError, UnicodeDecodeError, ProtocolViolationError):
            return None
        return statement if self._path(copy, statement.sha256).is_file() else None

    def _path(self, copy: _Copy, digest: str) -> Path:
        return self._folder / f"{copy.stem()}.{digest}{_SUFFIX}"

    def _note(self, copy: _Copy) -> Path:
        return self._folder / f"{copy.stem()}{_NOTE}"


@dataclass(slots=True)
class _Counted:
    """Passes on what it is given and counts it."""

    items: Iterable[Change]
    count: int = 0

    def __iter__(self) -> Iterator[Change]:
        for item in self.items:
            self.count += 1
            yield item
