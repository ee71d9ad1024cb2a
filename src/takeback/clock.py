"""Time is passed in: nothing else in the project asks the operating system what time it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a service gets the time from."""

    def now_s(self) -> int:
        """Seconds since 1970-01-01 UTC, whole."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    read: Callable[[], float] = time.time

    def now_s(self) -> int:
        """Seconds since 1970-01-01 UTC, whole."""
        return int(self.read())


@dataclass(slots=True)
class ManualClock:
    """A clock that a test or a story moves by hand."""

    at_s: int = 1_790_000_000

    def now_s(self) -> int:
        """Seconds since 1970-01-01 UTC, whole."""
        return self.at_s

    def advance(self, seconds: int) -> None:
        """Move by ``seconds``; negative moves back, as a broken clock would."""
        self.at_s += seconds


def day_of(at_s: int) -> date:
    """The UTC day of an instant: the finest time this project stores about a submission."""
    return datetime.fromtimestamp(at_s, tz=UTC).date()
