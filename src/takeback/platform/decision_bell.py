"""Wakes requests that wait for a decision. Decisions are made in threads, requests wait in the event loop."""

import asyncio
import threading


class DecisionBell:
    """Rings for everyone who waits.

    Args:
        last_seq: where the log of decisions ends now.
    """

    def __init__(self, last_seq: int) -> None:
        self._last_seq = last_seq
        self._closed = False
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def ring(self, seq: int) -> None:
        """Say that the log reaches ``seq``."""
        with self._lock:
            self._last_seq = max(self._last_seq, seq)
            self._wake_all()

    def close(self) -> None:
        """Let everybody go; nobody waits from now on."""
        with self._lock:
            self._closed = True
            self._wake_all()

    async def wait_beyond(self, seq: int, timeout_s: float) -> None:
        """Return when the log goes beyond ``seq``, or the time is over, or the kit stops."""
        event = asyncio.Event()
        me = (asyncio.get_running_loop(), event)
        with self._lock:
            if self._closed or self._last_seq > seq:
                return
            self._waiting.add(me)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return
        finally:
            with self._lock:
                self._waiting.discard(me)

    def _wake_all(self) -> None:
        for loop, event in self._waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
