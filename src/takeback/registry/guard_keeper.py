"""A thread beside the batches that compares what is listed with new lines of the guard list.

It works as much as it rests, so that requests of the same process hardly notice.
"""

import threading
import time
from typing import Final, Protocol

from takeback.httpkit.logs import EventLog, origin_of

_LOOK_S: Final = 5.0
"""Another process or a command may have brought new lines."""


class Steps(Protocol):
    """What is driven: ``GuardRecheck``."""

    def step(self) -> bool:
        """Do a slice; whether there may be more to do."""
        ...


class GuardKeeper:
    """Runs until it is stopped.

    Args:
        steps: what to do.
        log: where failures go.
        look_s: seconds between two looks whether there are new lines.
    """

    def __init__(self, steps: Steps, log: EventLog, look_s: float = _LOOK_S) -> None:
        self._look_s = look_s
        self._steps = steps
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="guard keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the slice that may be at work. May be called twice, and without a start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        rest_s = 0.0
        while not self._stop.wait(rest_s):
            rest_s = self._one_step()

    def _one_step(self) -> float:
        began = time.perf_counter()
        try:
            is_more = self._steps.step()
        except Exception as error:  # noqa: BLE001 - the thread outlives every failure
            self._log.error("guard.recheck_failed", error=type(error).__name__, where=origin_of(error))
            is_more = False
        return time.perf_counter() - began if is_more else self._look_s
