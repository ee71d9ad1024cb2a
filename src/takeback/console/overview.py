"""What an operator sees at a glance: how each list has grown, what may be counted, whether all is well.

Counts under ten are not said: few enough people stand behind them to be guessed. Values are never read here.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from takeback.clock import Clock
from takeback.db import reading
from takeback.errors import TakebackError
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry import store as registry_store
from takeback.registry.audience import audience, shown
from takeback.registry.tables import CASES, FEEDBACK, LIST_SIZES

HISTORY_DAYS: Final = 90
LOW_DISK_BYTES: Final = 1024 * 1024 * 1024
_SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class ListHistory:
    """A list and how large it has been.

    Args:
        list: which.
        seq: number of its last change.
        count: live entries.
        sizes: (day, live entries at its end), for days on which it changed, oldest first; the first may lie before
            the window, so that a line can begin at its edge. Days since 1970-01-01.
    """

    list: Algorithm
    seq: int
    count: int
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was counted; ``None`` says "fewer than ten", and that may be none."""

    group: str
    name: str
    count: int | None


class HealthState(StrEnum):
    """How one part of the registry is."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Health:
    """One part of the registry, and how it is."""

    part: str
    state: HealthState


class OverviewService:
    """Reads what the overview shows.

    Args:
        engine: the registry's database.
        clock: the time.
        data_dir: whose disk is looked at.
        batch_failures: how many batches have failed in a row in this process; ``None`` outside a serving registry.
    """

    def __init__(
        self, engine: Engine, clock: Clock, data_dir: Path, batch_failures: Callable[[], int] | None = None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._data_dir = data_dir
        self._batch_failures = batch_failures

    def lists(self) -> list[ListHistory]:
        """Every list, with its sizes of the last 90 days."""
        since = self.today() - HISTORY_DAYS
        with reading(self._engine) as connection:
            return [_history(connection, name, since) for name in Algorithm]

    def statistics(self) -> list[Figure]:
        """Everything that is counted over people and partners, small counts left out."""
        with reading(self._engine) as connection:
            cases = connection.execute(select(func.count()).select_from(CASES)).scalar_one()
            words = _words(connection)
            classes = audience(connection, 0, self.today())
        figures = [Figure("cases", "open", shown(cases))]
        figures += [Figure("for_whom", one.about.value, one.cases) for one in classes]
        return figures + [Figure("feedback", value.value, shown(words.get(value.value, 0))) for value in FeedbackValue]

    def health(self) -> list[Health]:
        """How each part is."""
        parts = [Health("database", self._database()), Health("disk", self._disk())]
        if self._batch_failures is not None:
            failed = self._batch_failures() > 0
            parts.append(Health("batches", HealthState.BAD if failed else HealthState.GOOD))
        return parts

    def today(self) -> int:
        """Days since 1970-01-01."""
        return self._clock.now_s() // _SECONDS_A_DAY

    def _database(self) -> HealthState:
        try:
            with reading(self._engine) as connection:
                registry_store.list_state(connection, Algorithm.PDQ)
        except TakebackError:
            return HealthState.BAD
        return HealthState.GOOD

    def _disk(self) -> HealthState:
        try:
            free = shutil.disk_usage(self._data_dir).free
        except OSError:
            return HealthState.BAD
        return HealthState.WARNING if free < LOW_DISK_BYTES else HealthState.GOOD


def _history(connection: Connection, name: Algorithm, since: int) -> ListHistory:
    state = registry_store.list_state(connection, name)
    column = LIST_SIZES.c
    edge = select(func.max(column.day)).where(column.list == name.value, column.day < since).scalar_subquery()
    query = (
        select(column.day, column.live_count)
        .where(column.list == name.value, column.day >= func.coalesce(edge, since))
        .order_by(column.day)
    )
    sizes = tuple((row.day, row.live_count) for row in connection.execute(query))
    return ListHistory(name, state.seq, state.count, sizes)


def _words(connection: Connection) -> dict[str, int]:
    query = select(FEEDBACK.c.value, func.count().label("words")).group_by(FEEDBACK.c.value)
    return {row.value: row.words for row in connection.execute(query)}
