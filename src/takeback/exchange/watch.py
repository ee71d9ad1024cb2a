"""Long polls: a partner asks once for all its lists, and is answered when one of them has moved.

Nothing is pushed by whoever runs the batch, which may be another process: while somebody waits, the lists' places are
read once every half second, however many wait. The answer says which lists to look at, nothing else.

**Source:** docs/protocol/feed-v1.md §10.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from takeback.errors import UnavailableError
from takeback.httpkit.stopping import Stopping
from takeback.model.fingerprint import Algorithm

_LOOK_S: Final = 0.5
_HEARTBEAT: Final = b" "
_LOOKS_A_HEARTBEAT: Final = 2
_MAX_OF_ONE_PARTNER: Final = 16
MAX_WAIT_S: Final = 60


class ListWatch:
    """Who waits for which list to move.

    Args:
        read_seqs: where the lists stand now; blocking.
        stopping: set when the service ends; everybody is answered then.
        max_waiting: partners' questions open at a time; one more is refused.
    """

    def __init__(self, read_seqs: Callable[[], Mapping[Algorithm, int]], stopping: Stopping, max_waiting: int) -> None:
        self._read_seqs = read_seqs
        self._stopping = stopping
        self._max_waiting = max_waiting
        self._waiting: dict[str, int] = {}
        self._seqs: Mapping[Algorithm, int] = {}
        self._read_at_s = float("-inf")
        self._reading = asyncio.Lock()

    def enter(self, partner_id: str) -> None:
        """Take a place among those who wait.

        Raises:
            UnavailableError: ``server.busy`` if too many wait, or too many of this partner.
        """
        mine = self._waiting.get(partner_id, 0)
        if mine >= _MAX_OF_ONE_PARTNER or sum(self._waiting.values()) >= self._max_waiting:
            raise UnavailableError("server.busy", "Too many questions are open. Please ask again shortly.")
        self._waiting[partner_id] = mine + 1

    def leave(self, partner_id: str) -> None:
        """Give the place back."""
        left = self._waiting.get(partner_id, 0) - 1
        if left > 0:
            self._waiting[partner_id] = left
        else:
            self._waiting.pop(partner_id, None)

    async def heartbeats_until_moved(self, places: Mapping[Algorithm, int], seconds: float) -> AsyncIterator[bytes]:
        """A blank at once and every second until a list is beyond its place, the time is over or the service ends."""
        end_s = time.monotonic() + seconds
        looks = 0
        while not (await self.moved(places) or self._stopping.is_set() or time.monotonic() >= end_s):
            if looks % _LOOKS_A_HEARTBEAT == 0:
                yield _HEARTBEAT
            looks += 1
            await asyncio.sleep(_LOOK_S)

    async def moved(self, places: Mapping[Algorithm, int]) -> list[Algorithm]:
        """Which lists are beyond these places."""
        async with self._reading:
            if time.monotonic() >= self._read_at_s + _LOOK_S:
                self._seqs = await asyncio.to_thread(self._read_seqs)
                self._read_at_s = time.monotonic()
        return [name for name, seq in places.items() if self._seqs.get(name, 0) > seq]
