"""Whom cases are about: one number a day and class, raised when a case comes, beside no case and no fingerprint.

**Source:** docs/protocol/case-v1.md §5.5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from takeback.db.insert import insert_or_add
from takeback.model.case import About
from takeback.registry.tables import AUDIENCE

FEWEST_SHOWN = 10
"""A smaller number is not shown: it could be somebody."""


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """How many cases there were about somebody.

    Args:
        about: whom.
        cases: how many; ``None`` for fewer than ``FEWEST_SHOWN``.
    """

    about: About
    cases: int | None


def count_cases(connection: Connection, more: Mapping[tuple[int, About], int]) -> None:
    """So many more cases of each day and class."""
    rows = [{"day": day, "about": about.value, "cases": cases} for (day, about), cases in sorted(more.items())]
    insert_or_add(connection, AUDIENCE, rows, "cases")


def audience(connection: Connection, first_day: int, last_day: int) -> Sequence[AudienceCount]:
    """Cases of these days together (days since 1970-01-01, both included), every class named."""
    query = (
        select(AUDIENCE.c.about, func.sum(AUDIENCE.c.cases).label("cases"))
        .where(AUDIENCE.c.day.between(first_day, last_day))
        .group_by(AUDIENCE.c.about)
    )
    found = {row.about: int(row.cases) for row in connection.execute(query)}
    return [AudienceCount(about, shown(found.get(about.value, 0))) for about in About]


def shown(count: int) -> int | None:
    """The number, if it is large enough to be shown."""
    return count if count >= FEWEST_SHOWN else None
