"""What each partner does with its key, counted from the audit log and the words that stand.

Counts of a partner's own acts only: nothing here is of a person, so small numbers need not be hidden.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, func, select

from takeback.db import reading
from takeback.exchange import store
from takeback.exchange.tables import AUDIT
from takeback.exchange.types import PULLS, AuditedAct, Partner
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry.tables import FEEDBACK, LISTS

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PartnerStatistics:
    """One partner's counts.

    Args:
        partner: who.
        pulls: lines of the audit log that are pulls, by any face; the same pull repeated on a day is one.
        questions: lines that are questions to match-as-a-service.
        last_pull: the day of the last pull; ``None`` before the first.
        words: the last word about each live entry, counted by what it says.
        lag: by list it has pulled and may pull: how many changes it has not pulled yet.
    """

    partner: Partner
    pulls: int
    questions: int
    last_pull: date | None
    words: dict[FeedbackValue, int]
    lag: dict[Algorithm, int]


@dataclass(slots=True)
class _Acts:
    pulls: int = 0
    questions: int = 0
    last_day: int | None = None


class StatisticsService:
    """Counts.

    Args:
        engine: the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[PartnerStatistics]:
        """Every partner's counts, by name; revoked ones too."""
        with reading(self._engine) as connection:
            partners = store.partners(connection)
            acts, reached = _acts(connection)
            words = _words(connection)
            ends = {row.list: row.seq for row in connection.execute(select(LISTS.c.list, LISTS.c.seq))}
        return [
            PartnerStatistics(
                partner=partner,
                pulls=acts[partner.partner_id].pulls,
                questions=acts[partner.partner_id].questions,
                last_pull=_date_of(acts[partner.partner_id].last_day),
                words=words[partner.partner_id],
                lag={
                    name: max(ends.get(name.value, 0) - reached[partner.partner_id, name.value], 0)
                    for name in Algorithm
                    if name in partner.lists and (partner.partner_id, name.value) in reached
                },
            )
            for partner in partners
        ]


def _acts(connection: Connection) -> tuple[dict[str, _Acts], dict[tuple[str, str], int]]:
    """What each actor did; and by actor and list how far it has pulled."""
    audit = AUDIT.c
    counted = [act.value for act in (*PULLS, AuditedAct.MATCH)]
    query = (
        select(
            audit.actor_id,
            audit.what,
            audit.list,
            func.count().label("lines"),
            func.max(audit.day).label("day"),
            func.max(audit.last_seq).label("reached"),
        )
        .where(audit.what.in_(counted))
        .group_by(audit.actor_id, audit.what, audit.list)
    )
    acts: dict[str, _Acts] = defaultdict(_Acts)
    reached: dict[tuple[str, str], int] = {}
    for row in connection.execute(query):
        mine = acts[row.actor_id]
        if row.what == AuditedAct.MATCH:
            mine.questions += row.lines
            continue
        mine.pulls += row.lines
        mine.last_day = max(mine.last_day or 0, row.day)
        place = row.actor_id, row.list
        reached[place] = max(reached.get(place, 0), row.reached)
    return acts, reached


def _words(connection: Connection) -> dict[str, dict[FeedbackValue, int]]:
    words: dict[str, dict[FeedbackValue, int]] = defaultdict(dict)
    query = select(FEEDBACK.c.partner_id, FEEDBACK.c.value, func.count().label("entries")).group_by(
        FEEDBACK.c.partner_id, FEEDBACK.c.value
    )
    for row in connection.execute(query):
        words[row.partner_id][FeedbackValue(row.value)] = row.entries
    return words


def _date_of(day: int | None) -> date | None:
    return None if day is None else _EPOCH + timedelta(days=day)
