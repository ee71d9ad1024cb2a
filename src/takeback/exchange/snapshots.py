"""Snapshots: every live entry of a list at one place of its log, in a file that partners can fetch piece by piece.

A file is made beside the service, in short reads, so that neither a batch nor the wiping of intake waits for it. It has
the name of its digest and never changes; the one before it stays for an hour, for those who are fetching it.

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
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm
from takeback.registry import store as registry_store
from takeback.registry.types import ListState
from takeback.wire.feed_snapshot_v1 import MAGIC, SnapshotStatement, parse_snapshot_text, snapshot_rows, snapshot_text

_ROWS_A_READ: Final = 2_000
_SUFFIX: Final = ".snapshot"
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
        self._wanted: set[Algorithm] = set()
        self.asked = threading.Event()

    def statement(self, name: Algorithm) -> SnapshotStatement:
        """The newest snapshot of a list.

        Raises:
            NotFoundError: ``snapshot.none`` if the list is so short that its log tells it as fast.
            UnavailableError: ``snapshot.building`` if it is being made.
        """
        known = self._newest(name)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
            floor = log_store.floor(connection, name).seq
        if known is not None and known.seq >= floor:
            return known
        if floor == 0 and state.seq < self._policy.min_changes:
            raise NotFoundError("snapshot.none", "This list is short. Take its changes.")
        with self._gate:
            self._wanted.add(name)
        self.asked.set()
        raise UnavailableError("snapshot.building", "The snapshot is being made. Please ask again in a second.")

    def file(self, name: Algorithm, untrusted_digest: str) -> Path:
        """The file of a statement.

        Raises:
            NotFoundError: ``snapshot.gone``.
        """
        if len(untrusted_digest) == 64 and set(untrusted_digest) <= set("0123456789abcdef"):
            path = self._path(name, untrusted_digest)
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
        for name in Algorithm:
            if name in wanted or self._is_due(name, today):
                self.make(name)

    def make(self, name: Algorithm) -> SnapshotStatement:
        """Make a snapshot of a list as it is now.

        Raises:
            CorruptDataError: ``list.count`` if the log does not hold as many live entries as the list says.
            UnavailableError: ``snapshot.disk``.
        """
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._folder / f"{secrets.token_hex(8)}.draft"
            try:
                statement = self._write(draft, state)
                self._publish(draft, statement)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError("snapshot.disk", f"A snapshot cannot be written ({error.strerror}).") from None
        return statement

    def _is_due(self, name: Algorithm, today: int) -> bool:
        known = self._newest(name)
        with reading(self._engine) as connection:
            state = registry_store.list_state(connection, name)
            floor = log_store.floor(connection, name).seq
            if known is None:
                return state.seq >= self._policy.min_changes or floor > 0
            removed_on = log_store.first_removal_day(connection, name, known.seq)
        growth = max(self._policy.min_changes, known.count // _GROWTH)
        is_old = removed_on is not None and removed_on <= today - self._policy.keep_days
        return state.seq - known.seq >= growth or floor > known.seq or is_old

    def _write(self, draft: Path, state: ListState) -> SnapshotStatement:
        digest = hashlib.sha256()
        live = _Counted(self._live(state))
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

    def _live(self, state: ListState) -> Iterator[Change]:
        after = 0
        while True:
            with reading(self._engine) as connection:
                piece = log_store.live_at(connection, state.list, state.seq, after, _ROWS_A_READ)
            yield from piece
            if len(piece) < _ROWS_A_READ:
                return
            after = piece[-1].seq

    def _publish(self, draft: Path, statement: SnapshotStatement) -> None:
        draft.rename(self._path(statement.list, statement.sha256))
        note = draft.with_suffix(".note")
        note.write_text(snapshot_text(statement), "ascii")
        note.rename(self._note(statement.list))
        self._tidy(statement)

    def _tidy(self, newest: SnapshotStatement) -> None:
        latest_s = time.time() - _GRACE_S
        for path in self._folder.glob(f"{newest.list.value}.*{_SUFFIX}"):
            if path != self._path(newest.list, newest.sha256) and path.stat().st_mtime < latest_s:
                path.unlink(missing_ok=True)

    def _newest(self, name: Algorithm) -> SnapshotStatement | None:
        try:
            statement = parse_snapshot_text(self._note(name).read_text("ascii"))
        except (OSError, UnicodeDecodeError, ProtocolViolationError):
            return None
        return statement if self._path(name, statement.sha256).is_file() else None

    def _path(self, name: Algorithm, digest: str) -> Path:
        return self._folder / f"{name.value}.{digest}{_SUFFIX}"

    def _note(self, name: Algorithm) -> Path:
        return self._folder / f"{name.value}.note"


@dataclass(slots=True)
class _Counted:
    """Passes on what it is given and counts it."""

    items: Iterable[Change]
    count: int = 0

    def __iter__(self) -> Iterator[Change]:
        for item in self.items:
            self.count += 1
            yield item
