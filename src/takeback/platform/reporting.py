"""Sends feedback to the registry from the outbox, in a thread of its own, until it has arrived."""

import threading
from typing import Final

from takeback.client.backoff import Backoff
from takeback.client.feedback import FeedbackSender, Outbox
from takeback.errors import TakebackError
from takeback.httpkit.logs import EventLog, origin_of

_FIRST_PAUSE_S: Final = 1.0
_IDLE_S: Final = 60.0
_STOP_S: Final = 20.0


class FeedbackReporter:
    """Delivers whatever waits, at once when told, and again with growing pauses after a failure.

    Args:
        sender: talks to the registry.
        outbox: where words wait.
        log: where failures are written, by code.
    """

    def __init__(self, sender: FeedbackSender, outbox: Outbox, log: EventLog) -> None:
        self._sender = sender
        self._outbox = outbox
        self._log = log
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="feedback reporter", daemon=True)

    def start(self) -> None:
        """Start with what an earlier run has left."""
        self._thread.start()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; what was not sent stays in the outbox. May be called twice."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _work(self) -> None:
        backoff = Backoff(first_s=_FIRST_PAUSE_S)
        while not self._stop.is_set():
            self._wake.clear()
            failed = not self._delivered()
            pause_s = backoff.after(failed=failed)
            if failed:
                # A new word does not shorten the pause: it is the registry that is missing.
                self._stop.wait(pause_s)
            else:
                self._wake.wait(_IDLE_S)

    def _delivered(self) -> bool:
        try:
            self._sender.deliver(self._outbox)
        except TakebackError as error:
            self._log.warning("feedback.waits", code=error.code, detail=error.detail)
            return False
        except Exception as error:  # noqa: BLE001 - the thread outlives every failure; the words are still in the outbox
            self._log.error("feedback.failed", error=type(error).__name__, where=origin_of(error))
            return False
        return True
