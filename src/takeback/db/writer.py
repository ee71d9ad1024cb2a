"""One thread that writes, and commits together what waits at the same time.

A durable commit costs one flush of the disk however much is in it, so under load a hundred submissions share one. One
writer is also steadier than many that contend for SQLite's lock.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import groupby
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine

from takeback.db.transaction import writing
from takeback.errors import UnavailableError

Item = TypeVar("Item")
Result = TypeVar("Result")
WorkOnMany = Callable[[Connection, Sequence[Item]], Sequence[Result]]
"""Does a thing of one kind to many items, and gives one result for each, in their order."""

MAX_TOGETHER = 128
"""Jobs in one commit at most: bounds how long the first of them waits."""


class _Job(Generic[Item, Result]):
    """An item, what is to be done to it in a transaction, and where its result goes."""

    __slots__ = ("alone", "done", "item", "work")

    def __init__(self, work: WorkOnMany[Item, Result], item: Item, *, alone: bool) -> None:
        self.work = work
        self.item = item
        self.alone = alone
        self.done: Future[Result] = Future()


class GroupWriter:
    """Runs jobs in the order they came; a job's future is done when its commit is on disk.

    A job must be safe to run twice: if one of a group fails, the group is rolled back and each runs alone.

    Args:
        engine: the database.
        max_waiting: jobs that may wait; one more is refused.
    """

    def __init__(self, engine: Engine, max_waiting: int = 4096) -> None:
        self._engine = engine
        self._waiting: queue.Queue[_Job[Any, Any] | None] = queue.Queue(max_waiting)
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="database writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], Result], *, alone: bool = False) -> Future[Result]:
        """Hand over a job.

        Args:
            work: what to do; it gets the transaction's connection.
            alone: whether it needs a transaction of its own.

        Raises:
            UnavailableError: ``server.busy`` if too many wait, ``server.stopping`` after ``close``.
        """
        return self._submit(_Job(partial(_each, work=work), None, alone=alone))

    def submit_item(self, work: WorkOnMany[Item, Result], item: Item) -> Future[Result]:
        """Hand over one of many items of a kind: ``work`` gets all that wait beside each other, and runs once.

        Args:
            work: the same object for every item of the kind, such as a function of a module.
            item: what this caller has.

        Raises:
            UnavailableError: as ``submit``.
        """
        return self._submit(_Job(work, item, alone=False))

    def _submit(self, job: _Job[Item, Result]) -> Future[Result]:
        with self._gate:
            if self._closed:
                raise UnavailableError("server.stopping", "The service is stopping. Please try again shortly.")
            try:
                self._waiting.put_nowait(job)
            except queue.Full:
                raise UnavailableError("server.busy", "Too much at the moment. Please try again shortly.") from None
        return job.done

    def run(self, work: Callable[[Connection], Result], *, alone: bool = False) -> Result:
        """Hand over a job and wait for its commit."""
        return self.submit(work, alone=alone).result()

    def close(self) -> None:
        """Finish what waits, then end the thread. May be called twice."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            # A caller that went away before its turn has cancelled; from here on nobody can.
            live = [job for job in group if job.done.set_running_or_notify_cancel()]
            for _alone, run in groupby(live, key=lambda job: id(job) if job.alone else None):
                self._commit(list(run))

    def _next_group(self) -> tuple[list[_Job[Any, Any]], bool]:
        group: list[_Job[Any, Any]] = []
        job = self._waiting.get()
        while job is not None:
            group.append(job)
            if len(group) == MAX_TOGETHER:
                return group, False
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Job[Any, Any]]) -> None:
        results: list[Any] = []
        try:
            with writing(self._engine) as connection:
                for work, jobs in groupby(group, key=lambda job: job.work):
                    results += work(connection, [job.item for job in jobs])
        except BaseException as error:  # noqa: BLE001 - the writer outlives every failure; the caller gets it
            if len(group) == 1:
                group[0].done.set_exception(error)
                return
            for job in group:
                self._commit([job])
            return
        for job, result in zip(group, results, strict=True):
            job.done.set_result(result)


def _each(connection: Connection, items: Sequence[None], work: Callable[[Connection], Result]) -> list[Result]:
    return [work(connection) for _ in items]
