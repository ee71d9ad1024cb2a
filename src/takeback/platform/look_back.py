"""Compares what the lists have gained with every content that is remembered, in a thread of its own.

A pass takes the entries between two places of each list into a small engine and puts every remembered question to it,
by the rules an upload is judged by. It writes down how far it is, so a kit that is killed goes on from there. The
promise, which ``memory_store`` keeps in its transactions: when a list's ``seq`` is S, every content that is remembered
has been compared with every entry up to S, at its check or here.

**Source:** docs/protocol/platform-v1.md §6.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine

from takeback.client.list_store import ListStore
from takeback.clock import Clock, day_of
from takeback.db import GroupWriter, reading
from takeback.errors import CorruptDataError, TakebackError
from takeback.httpkit.logs import EventLog, origin_of
from takeback.matching import Growth, MatchEngine
from takeback.model.fingerprint import Algorithm
from takeback.platform import memory_store, store
from takeback.platform.finds import Finds
from takeback.platform.memory import Memory
from takeback.platform.memory_store import Progress, SealedContent
from takeback.platform.question import ask, search_radius_bits
from takeback.platform.remembered import Remembered
from takeback.platform.types import MAX_MATCHES

_MOST_ENTRIES: Final = {Algorithm.PDQ_REGION: 2_000, Algorithm.VPDQ: 2_000}
_MOST_OTHER_ENTRIES: Final = 100_000
"""Entries of a list in one pass: bounds the memory a pass takes."""

_PAGE_BYTES: Final = 16 * 2**20
_PAGES_A_NOTE: Final = 16
"""Pages after which it is written down how far a pass is; a commit costs as much as half a page."""

KEEP_NAMES_DAYS: Final = 30
"""How long it is remembered which bytes a content's name stood for, where there is no lead and no looking back."""

_IDLE_S: Final = 60.0
_STOP_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass that has begun.

    Args:
        lists: which places of each list it lies between.
        position: contents up to this number have been compared.
    """

    lists: Mapping[Algorithm, Progress]
    position: int


@dataclass(frozen=True, slots=True)
class LookBack:
    """What a look back works with.

    Args:
        engine: the kit's database.
        writer: its one writer.
        memory: opens what is remembered.
        lists: where the verified lists are kept.
        index: what checks ask; it says how far checks are made against a list, and by which rules.
        finds: takes what is found.
        clock: the time.
        log: where what cannot be read is counted.
        page_contents: contents that are read and searched at once.
    """

    engine: Engine = field(repr=False)
    writer: GroupWriter
    memory: Memory
    lists: ListStore
    index: MatchEngine
    finds: Finds
    clock: Clock
    log: EventLog = field(repr=False)
    page_contents: int = 256

    def run_pass(self, stop: threading.Event) -> bool:
        """Go through what is remembered once.

        Args:
            stop: ends it after the page it is at; the pass is gone on with the next time.

        Returns:
            Whether there was something to do.
        """
        planned = self._plan()
        if planned is None:
            return False
        engine = self._engine_of(planned)
        names = [name for name in planned.lists if engine.count(name)]
        position = planned.position
        pages = 0
        while not stop.is_set():
            page = self._page(position) if names else []
            if not page:
                if self.writer.run(lambda connection, at=position: _finish(connection, planned, at, names)):  # type: ignore[misc]
                    return True
                continue
            self._search(page, engine, names)
            position = page[-1].number
            pages += 1
            if pages % _PAGES_A_NOTE == 0 and not self._note(planned, position):
                return True
        self._note(planned, position)
        return True

    def tidy(self) -> None:
        """Forget what is too old, and what came first where it is too much. To be called before anything is checked."""
        today = day_of(self.clock.now_s())
        keep_days = self.memory.keep_days
        before = today - timedelta(days=keep_days) if self.memory.is_on else today + timedelta(days=1)
        while self.writer.run(lambda connection: memory_store.forget_before(connection, before)):
            pass
        old = today - timedelta(days=KEEP_NAMES_DAYS)
        self.writer.run(lambda connection: store.forget_contents(connection, old))
        is_full = False
        while self._size_bytes() > self.memory.max_total_bytes:
            is_full = True
            self.writer.run(memory_store.forget_oldest)
        if is_full:
            self.log.warning("lookback.full", detail="the oldest contents were forgotten before their time")

    def places(self) -> dict[Algorithm, int]:
        """Up to where each list has been compared with everything that is remembered."""
        with reading(self.engine) as connection:
            return {name: known.seq for name, known in memory_store.progress(connection).items()}

    def _plan(self) -> Pass | None:
        while True:
            with reading(self.engine) as connection:
                known = memory_store.progress(connection)
                is_empty = not memory_store.is_any_after(connection, 0)
            running = {name: one for name, one in known.items() if self._goes_on(name, one)}
            if running:
                return Pass(running, min(one.position for one in running.values()))
            wanted = {name: one for name in Algorithm if (one := self._next(name, known.get(name), is_empty))}
            if not wanted:
                return None
            if self.writer.run(lambda connection: _begin(connection, known, wanted, is_empty)):  # noqa: B023 - run at once
                begun = {name: one for name, one in wanted.items() if one.target is not None}
                return Pass(begun, 0) if begun else None

    def _goes_on(self, name: Algorithm, known: Progress) -> bool:
        return known.target is not None and known.source == self.lists.identity and known.target <= self.index.seq(name)

    def _next(self, name: Algorithm, known: Progress | None, is_empty: bool) -> Progress | None:
        """What to write down about a list before the next pass; ``None`` if it has been compared to its end."""
        seq = self.index.seq(name)
        source = self.lists.identity
        # Of another list than this one nothing has been compared yet.
        is_of_this = known is not None and known.source == source and known.seq <= seq
        before = seq if is_empty else known.seq if known is not None and is_of_this else 0
        if before == seq:
            compared = Progress(source, seq)
            return None if known == compared else compared
        most = _MOST_ENTRIES.get(name, _MOST_OTHER_ENTRIES)
        target = self.lists.place_of_entry(name, before, most)
        return Progress(source, before, seq if target is None else min(target, seq))

    def _engine_of(self, planned: Pass) -> MatchEngine:
        engine = MatchEngine(self.index.policy, Growth(background=False))
        for name, one in planned.lists.items():
            target = one.seq if one.target is None else one.target
            engine.apply(self.lists.entries_between(name, one.seq, target))
            engine.advance(name, target)
        return engine

    def _page(self, position: int) -> list[SealedContent]:
        with reading(self.engine) as connection:
            return memory_store.contents_after(connection, position, self.page_contents, _PAGE_BYTES)

    def _search(self, page: Sequence[SealedContent], engine: MatchEngine, names: Sequence[Algorithm]) -> None:
        opened = [(content, remembered) for content in page if (remembered := self._opened(content)) is not None]
        near = set[int]()
        for name in names:
            values = [remembered.question.values(name) for _, remembered in opened]
            if sum(map(len, values)):
                owners = np.repeat(np.arange(len(values)), [len(rows) for rows in values])
                _, found = engine.near(name, np.concatenate(values), search_radius_bits(name, engine.policy))
                near.update(owners[found[:, 0]].tolist())
        for number in sorted(near):
            content, remembered = opened[number]
            matches = ask(remembered.question, engine)[:MAX_MATCHES]
            if matches:
                self.finds.take(content, remembered.facts, matches)

    def _opened(self, content: SealedContent) -> Remembered | None:
        try:
            return self.memory.opened(content)
        except CorruptDataError as error:
            self.log.warning("lookback.unreadable", code=error.code, detail=error.detail)
            self.writer.run(lambda connection: memory_store.forget(connection, content.content_id))
            return None

    def _note(self, planned: Pass, position: int) -> bool:
        return self.writer.run(lambda connection: _move(connection, planned, position))

    def _size_bytes(self) -> int:
        with reading(self.engine) as connection:
            return memory_store.totals(connection)[1]


def _begin(
    connection: Connection, known: Mapping[Algorithm, Progress], wanted: Mapping[Algorithm, Progress], is_empty: bool
) -> bool:
    """Write down what is planned, unless something has changed since it was planned."""
    if memory_store.progress(connection) != known or (is_empty and memory_store.is_any_after(connection, 0)):
        return False
    for name, one in wanted.items():
        memory_store.set_progress(connection, name, one)
    return True


def _move(connection: Connection, planned: Pass, position: int) -> bool:
    if not _is_valid(connection, planned):
        return False
    memory_store.move(connection, list(planned.lists), position)
    return True


def _finish(connection: Connection, planned: Pass, position: int, names: Sequence[Algorithm]) -> bool:
    """End a pass, if no content has come meanwhile. A pass that is void has ended too."""
    if not _is_valid(connection, planned):
        return True
    if names and memory_store.is_any_after(connection, position):
        return False
    for name, one in planned.lists.items():
        seq = one.seq if one.target is None else one.target
        memory_store.set_progress(connection, name, Progress(one.source, seq))
    return True


def _is_valid(connection: Connection, planned: Pass) -> bool:
    """Whether nobody has lowered a list's place since the pass began."""
    now = memory_store.progress(connection)
    return all(name in now and replace(now[name], position=one.position) == one for name, one in planned.lists.items())


class LookBackThread:
    """Looks back whenever the lists have moved, and tidies up.

    Args:
        look_back: what it does.
        log: where failures are written, by code.
    """

    def __init__(self, look_back: LookBack, log: EventLog) -> None:
        self._look_back = look_back
        self._log = log
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._are_lists_loaded = False
        self._tidied_s = 0.0
        self._thread = threading.Thread(target=self._work, name="look back", daemon=True)

    def start(self) -> None:
        """Tidy up, then begin with what an earlier run has left as soon as the lists are loaded."""
        self._tidy()
        self._thread.start()

    def lists_moved(self) -> None:
        """The lists are loaded, or have changed."""
        self._are_lists_loaded = True
        self._wake.set()

    def stop(self) -> None:
        """End the thread; a pass goes on at the next start. May be called twice."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._once()
            except TakebackError as error:
                self._log.warning("lookback.waits", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - the thread outlives every failure; how far it is is written down
                self._log.error("lookback.failed", error=type(error).__name__, where=origin_of(error))
            self._wake.wait(_IDLE_S)

    def _tidy(self) -> None:
        self._look_back.tidy()
        self._tidied_s = time.monotonic()

    def _once(self) -> None:
        if time.monotonic() - self._tidied_s >= _IDLE_S:
            self._tidy()
        if not self._look_back.memory.is_on or not self._are_lists_loaded:
            return
        while not self._stop.is_set() and self._look_back.run_pass(self._stop):
            pass
