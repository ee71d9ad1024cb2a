"""The breaker: how hard the puzzle is, by how much comes in from everybody together. Nobody is told apart.

Pure: it is told the time and of each submission. Every minute that has more submissions than it should adds steps to
the difficulty, at once; every quiet minute takes one away.

**Source:** docs/protocol/case-v1.md §9.4.
"""

from collections.abc import Callable
from dataclasses import dataclass

_MINUTE_S = 60
_MOST_SET_BACK = 5
"""Minutes."""


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the difficulty rises and how far.

    Args:
        trip_per_minute: submissions in a minute that add a step; as many again add another.
        factor: by how much a step multiplies the work.
        max_steps: steps at most, so that a flood cannot shut a person with an old phone out for good.
    """

    trip_per_minute: int = 60
    factor: float = 2.0
    max_steps: int = 6


class Breaker:
    """Counts this process's submissions, a minute at a time.

    Args:
        rules: when the difficulty rises.
        processes: how many share what comes in; each trips at its share.
    """

    def __init__(self, rules: BreakerRules, processes: Callable[[], int] = lambda: 1) -> None:
        self._rules = rules
        self._processes = processes
        self._minute = 0
        self._count = 0
        self._steps_before = 0

    def note(self, now_s: int) -> None:
        """A submission was taken in."""
        self._move_to(now_s)
        self._count += 1

    def steps(self, now_s: int) -> int:
        """How many steps are on at the moment."""
        self._move_to(now_s)
        return min(self._steps_before + self._count // self._trip, self._rules.max_steps)

    def work(self, normal: int, now_s: int) -> int:
        """What a normal amount of work is at the moment."""
        return max(int(normal * self._rules.factor ** self.steps(now_s)), 1)

    @property
    def _trip(self) -> int:
        return max(self._rules.trip_per_minute // self._processes(), 1)

    def _move_to(self, now_s: int) -> None:
        minute = now_s // _MINUTE_S
        # A clock that is set back a little keeps counting in the minute that was last. One that had been far ahead
        # goes on from where it is now: in that minute it would count for days, and never calm down.
        if self._minute - _MOST_SET_BACK <= minute <= self._minute:
            return
        tripped = self._count // self._trip
        after = self._steps_before + tripped if tripped else self._steps_before - 1
        quiet_minutes = max(minute - self._minute - 1, 0)
        self._steps_before = max(min(after, self._rules.max_steps) - quiet_minutes, 0)
        self._minute, self._count = minute, 0
