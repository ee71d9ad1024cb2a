"""Runs a batch every interval in a thread of its own, and gets over failures.

A batch that works is not logged: when somebody submitted is nobody's business. One that fails is, once a try.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from takeback.errors import TakebackError, UnavailableError
from takeback.httpkit.logs import EventLog, origin_of
from takeback.registry.types import BatchReport

_LOCKED = "registry.locked"
_MOST_DELAYS = 10
"""So many batches in a row may give way to a long reader, such as a backup, before that is a failure."""

_TRIES_BEFORE_LOOKING = 3
"""After so many failures in a row that are not the outside's fault, the cases that cause them are looked for."""


class Batches(Protocol):
    """What the batcher drives: ``RegistryService``."""

    def run_batch(self, left_out: frozenset[bytes] = frozenset()) -> BatchReport:
        """Run one batch."""
        ...

    def may_run_batch(self) -> bool:
        """Whether one should run now."""
        ...

    def publish_changes(self) -> None:
        """Note when what was added to the logs without a batch came out."""
        ...

    def find_failing_cases(self) -> frozenset[bytes]:
        """Name the cases that make one fail."""
        ...


class Turn(Protocol):
    """Whether this process is the one that runs batches: ``BatchTurn``."""

    def is_ours(self) -> bool:
        """Whether the next batch is ours to run."""
        ...

    def give_up(self) -> None:
        """Leave it to others."""
        ...


class Batcher:
    """A thread that runs batches until it is stopped.

    Args:
        batches: what to run.
        turn: whether to run them here.
        interval_s: seconds between two batches.
        log: where failures go.
        after_each: called after every interval, whether there was a batch or not.
    """

    def __init__(
        self,
        batches: Batches,
        turn: Turn,
        interval_s: float,
        log: EventLog,
        after_each: Callable[[], None] = lambda: None,
    ) -> None:
        self._batches = batches
        self._turn = turn
        self._interval_s = interval_s
        self._log = log
        self._after_each = after_each
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._left_out: frozenset[bytes] = frozenset()
        self.failures = 0
        self._delays = 0

    def start(self) -> None:
        """Begin; the first batch runs one interval from now."""
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that may be running. What waits is on disk and stays there. May be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._turn.give_up()

    def run_if_ours(self) -> BatchReport | None:
        """Run one batch if this process has the turn and the batch has company; ``None`` if not, or if it failed."""
        try:
            is_ours = self._turn.is_ours()
            if is_ours:
                # A batch that waits for company must not keep back what an operator has done meanwhile.
                self._batches.publish_changes()
                is_ours = self._batches.may_run_batch()
        except Exception as error:  # noqa: BLE001 - the next batch must come, whatever happened to this one
            self._log.error("batch.turn_failed", error=type(error).__name__, where=origin_of(error))
            return None
        return self.run_once() if is_ours else None

    def run_once(self) -> BatchReport | None:
        """Run one batch; ``None`` if it failed, which is logged and made good later."""
        try:
            report = self._batches.run_batch(self._left_out)
        except Exception as error:  # noqa: BLE001 - the next batch must come, whatever happened to this one
            if not self._gives_way(error):
                self._note_failure(error)
            return None
        self._delays = 0
        if self.failures:
            self._log.info("batch.recovered", attempt=self.failures)
        self.failures = 0
        return report

    def _work(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.run_if_ours()
            self._after_each()

    def _gives_way(self, error: Exception) -> bool:
        """Whether the batch only waits for somebody who reads the whole database, and not for too long yet."""
        if not (isinstance(error, UnavailableError) and error.code == _LOCKED):
            return False
        self._delays += 1
        self._log.info("batch.delayed", attempt=self._delays)
        return self._delays <= _MOST_DELAYS

    def _note_failure(self, error: Exception) -> None:
        self.failures += 1
        code = error.code if isinstance(error, TakebackError) else "internal"
        detail = error.detail if isinstance(error, TakebackError) else None
        self._log.error(
            "batch.failed",
            code=code,
            detail=detail,
            error=type(error).__name__,
            where=origin_of(error),
            attempt=self.failures,
        )
        # A full disk is no case's fault.
        if self.failures % _TRIES_BEFORE_LOOKING == 0 and not isinstance(error, UnavailableError):
            self._leave_out_failing_cases()

    def _leave_out_failing_cases(self) -> None:
        try:
            self._left_out = self._batches.find_failing_cases()
        except Exception as error:  # noqa: BLE001 - as above
            self._log.error("batch.search_failed", error=type(error).__name__, where=origin_of(error))
        if self._left_out:
            self._log.error("batch.cases_left_out", detail="they stay in intake and are tried again after a restart")
