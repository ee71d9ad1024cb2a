"""Keeps the matching engine at the registry's present list, in a thread of its own.

Checks never wait for it: they ask the engine as it is and read the statuses as they were last written. At start the
engine is opened, or built, from what is on disk, so a kit that has synced once answers although the registry cannot be
reached, and says how old its list is.
"""

import threading
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final

from takeback.client.backoff import Backoff
from takeback.client.feed import FeedClient, SyncRound
from takeback.client.list_store import ListStore
from takeback.errors import TakebackError, UnavailableError
from takeback.httpkit.logs import EventLog, origin_of
from takeback.matching import MatchEngine
from takeback.model.entry import Change, EntryId
from takeback.model.fingerprint import Algorithm
from takeback.platform.index_file import IndexFile
from takeback.platform.types import ListStatus

_STOP_S: Final = 20.0


class ListFollower:
    """Owns the engine's contents.

    Args:
        client: the partner's view of the registry.
        store: where the verified lists are kept.
        engine: what checks ask.
        interval_s: pause between two looks where the registry cannot be asked for news.
        log: where refusals are written, by code.
        index_file: where the engine is saved and opened again; without one it is built anew at every start.
        on_move: told when the lists are loaded, and whenever one has changed.
    """

    def __init__(
        self,
        client: FeedClient,
        store: ListStore,
        engine: MatchEngine,
        interval_s: float,
        log: EventLog,
        index_file: IndexFile | None = None,
        on_move: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._store = store
        self._engine = engine
        self._interval_s = interval_s
        self._log = log
        self._index_file = index_file
        self._on_move = on_move
        self._statuses: MappingProxyType[Algorithm, ListStatus] = MappingProxyType({})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="list follower", daemon=True)

    def start(self) -> None:
        """Load what is on disk, then follow the feed, both in the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. May be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def statuses(self) -> tuple[ListStatus, ...]:
        """The lists checks are made against at this moment.

        Raises:
            UnavailableError: ``list.unavailable`` before the first list is loaded.
        """
        statuses = tuple(self._statuses.values())
        if not statuses:
            raise UnavailableError("list.unavailable", "The list has not been loaded yet, so nothing can be checked.")
        return statuses

    def live(self, name: Algorithm, entry_ids: Iterable[EntryId]) -> frozenset[EntryId]:
        """Which of these entries are still on the list."""
        return self._store.live(name, entry_ids)

    def _follow(self) -> None:
        backoff = Backoff(first_s=self._interval_s)
        loaded = False
        while not self._stop.is_set():
            failed = False
            try:
                if not loaded:
                    self._load()
                    loaded = True
                failed = self._one_round(self._client.sync_round())
            except TakebackError as error:
                failed = True
                self._log.error("sync.failed", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - the thread outlives every failure; the list says how old it is
                failed = True
                self._log.error("sync.failed", error=type(error).__name__, where=origin_of(error))
            pause_s = backoff.after(failed=failed)
            if failed:
                self._stop.wait(pause_s)
            else:
                self._client.wait_for_news(self._interval_s, self._stop)
        if loaded:
            self._save(at_end=True)

    def _load(self) -> None:
        if self._index_file is not None:
            self._index_file.open()
        for name in Algorithm:
            if self._store.state(name).verified_s is not None:
                self._catch_up(name)
        self._on_move()
        self._save()

    def _catch_up(self, name: Algorithm) -> bool:
        """Take what the store has gained; says whether it was anything."""
        seq = self._engine.seq(name)
        if self._index_file is not None:
            self._index_file.note(*self._store.counts_after(name, seq))
        self._take(name, self._store.changes_after(name, seq) if seq else self._store.entries(name))
        return self._engine.seq(name) != seq

    def _save(self, *, at_end: bool = False) -> None:
        if self._index_file is not None:
            self._index_file.save_if_due(at_end=at_end)

    def _one_round(self, done: SyncRound) -> bool:
        moved = [self._catch_up(result.list) for result in done.results]
        if any(moved):
            self._on_move()
        self._save()
        for refusal in done.refusals:
            self._log.warning(
                "sync.refused", list=refusal.list.value, code=refusal.error.code, detail=refusal.error.detail
            )
        return bool(done.refusals)

    def _take(self, name: Algorithm, changes: Iterable[Change]) -> None:
        state = self._store.state(name)
        self._engine.apply(changes)
        self._engine.advance(name, state.applied.seq)
        if state.verified_s is None or state.fresh_until_s is None:
            return
        status = ListStatus(
            name, self._engine.seq(name), self._engine.count(name), state.verified_s, state.fresh_until_s
        )
        # Replaced as a whole, so that a reader sees one state or the next.
        self._statuses = MappingProxyType({**self._statuses, name: status})
