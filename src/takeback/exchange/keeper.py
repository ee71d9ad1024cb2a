"""A thread beside the feed: makes snapshots when asked for or due; compacts logs and erases retired keys daily."""

import threading
from typing import Final

from takeback.clock import Clock
from takeback.errors import TakebackError
from takeback.exchange.compaction import LogCompaction
from takeback.exchange.keyring import Keyring
from takeback.exchange.snapshots import SnapshotShelf
from takeback.httpkit.logs import EventLog, origin_of

_LOOK_S: Final = 60.0
_SECONDS_A_DAY: Final = 86_400


class FeedKeeper:
    """Runs until it is stopped.

    Args:
        shelf: whose snapshots to make.
        compaction: what to run daily.
        keys: what to erase retired keys from.
        clock: for days.
        log: where failures go.
    """

    def __init__(
        self, shelf: SnapshotShelf, compaction: LogCompaction, keys: Keyring, clock: Clock, log: EventLog
    ) -> None:
        self._shelf = shelf
        self._compaction = compaction
        self._keys = keys
        self._clock = clock
        self._log = log
        self._stop = threading.Event()
        self._compacted_on: int | None = None
        self._thread = threading.Thread(target=self._work, name="feed keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being made. May be called twice, and without a start."""
        self._stop.set()
        self._shelf.asked.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> None:
        """Do what there is to do. What fails is logged and tried again at the next look."""
        today = self._clock.now_s() // _SECONDS_A_DAY
        try:
            if self._compacted_on != today:
                self._compaction.run(today)
                self._keys.erase_retired()
                self._compacted_on = today
            self._shelf.make_wanted(today)
        except TakebackError as error:
            self._log.error("snapshot.failed", code=error.code, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - the thread outlives every failure
            self._log.error("snapshot.failed", error=type(error).__name__, where=origin_of(error))

    def _work(self) -> None:
        while not self._stop.is_set():
            self.run_once()
            self._shelf.asked.wait(_LOOK_S)
