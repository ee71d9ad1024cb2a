"""Which pictures of a video a reviewer is shown: some of the matching stretch, and one before and after it.

A reviewer sees still pictures, grey and blurred, with their times, and no sound: enough to tell a copy from a mistake.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from takeback.platform.types import LeadRecord, Media

_IN_MATCH: Final = 6
_WITHOUT_MATCH: Final = 8
_AROUND_S: Final = 2.0
"""How far from the matching stretch the pictures before and after it are."""

_STRIPS: Final = 32
"""Filmstrips kept in memory, some tens of kilobytes each: a page asks for the pictures of one strip one by one."""


@dataclass(frozen=True, slots=True)
class StripFrame:
    """One picture of a filmstrip.

    Args:
        time_s: seconds from the video's first picture.
        is_match: whether it lies in the stretch that is on the list.
    """

    time_s: float
    is_match: bool


def filmstrip_of(record: LeadRecord) -> tuple[StripFrame, ...]:
    """The filmstrip of a lead, by time; the same each time it is asked for. Empty for a picture's."""
    facts = record.facts
    if facts.media is not Media.VIDEO:
        return ()
    end_s = max(facts.duration_s or 0.0, 0.0)
    times = next((match.times for match in record.lead.matches if match.times is not None), None)
    if times is None:
        return tuple(StripFrame(time_s, is_match=False) for time_s in _spread(0.0, end_s, _WITHOUT_MATCH))
    start_s, stop_s = min(times.upload_start_s, end_s), min(times.upload_end_s, end_s)
    inside = [StripFrame(time_s, is_match=True) for time_s in _spread(start_s, stop_s, _IN_MATCH)]
    before = [StripFrame(max(start_s - _AROUND_S, 0.0), is_match=False)] if start_s > 0 else []
    after = [StripFrame(min(stop_s + _AROUND_S, end_s), is_match=False)] if stop_s < end_s else []
    return (*before, *inside, *after)


def _spread(start_s: float, end_s: float, count: int) -> list[float]:
    """The middles of so many equal parts, in quarters of a second, each once."""
    step_s = (end_s - start_s) / count
    return sorted({int((start_s + (number + 0.5) * step_s) * 4) / 4 for number in range(count)})


class FilmstripCache:
    """Blurred filmstrips that were made lately. Threads may use it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strips: OrderedDict[str, list[bytes]] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}

    def strip(self, lead_id: str, make: Callable[[], list[bytes]]) -> list[bytes]:
        """The strip of a lead; of several who ask for a new one at once, one makes it."""
        with self._lock:
            making = self._making.setdefault(lead_id, threading.Lock())
        with making:
            with self._lock:
                known = self._strips.get(lead_id)
            if known is None:
                known = make()
                with self._lock:
                    self._strips[lead_id] = known
                    while len(self._strips) > _STRIPS:
                        self._strips.popitem(last=False)
        with self._lock:
            self._making.pop(lead_id, None)
        return known

    def forget(self, lead_id: str) -> None:
        """Drop a decided lead's strip."""
        with self._lock:
            self._strips.pop(lead_id, None)
