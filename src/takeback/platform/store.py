"""The kit's SQL. Every function works in the caller's transaction; nothing here decides anything."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Final

from sqlalchemy import Connection, Engine, Row, delete, exists, func, insert, select, update

from takeback.client.feedback import OutboxItem
from takeback.db import GroupWriter, reading
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Action, Decision, Feedback, FeedbackValue, Lead, Reason
from takeback.model.match import ClipTimes, Match, Tier
from takeback.platform.tables import CONTENTS, DECISIONS, LEAD_MATCHES, LEADS, LOOKS, NOTICES, OUTBOX, REMEMBERED
from takeback.platform.types import CheckedContent, LeadRecord, Media, MediaFacts, Notice, NoticeAction, Queue

_TIMES_UNKNOWN: Final = dict.fromkeys(field.name for field in fields(ClipTimes))
"""The columns that say where a match is seen, in the order of ``ClipTimes``."""


def digest_of_content(connection: Connection, content_id: str) -> bytes | None:
    """The keyed digest a content was checked with, if it is remembered."""
    found = connection.execute(select(CONTENTS.c.digest).where(CONTENTS.c.content_id == content_id)).first()
    return None if found is None else bytes(found.digest)


def remember_content(connection: Connection, content: CheckedContent, day: date) -> None:
    """Note a content that was not known."""
    connection.execute(insert(CONTENTS).values(content_id=content.content_id, digest=content.digest, day=day))


def forget_contents(connection: Connection, before: date) -> int:
    """Forget contents from before a day that made no lead and are not looked back at; returns how many."""
    has_lead = exists().where(LEADS.c.content_id == CONTENTS.c.content_id)
    is_remembered = exists().where(REMEMBERED.c.content_id == CONTENTS.c.content_id)
    return connection.execute(delete(CONTENTS).where(CONTENTS.c.day < before, ~has_lead, ~is_remembered)).rowcount


def forget_content(connection: Connection, content_id: str) -> None:
    """Forget a content's digest, unless it has made a lead."""
    has_lead = exists().where(LEADS.c.content_id == CONTENTS.c.content_id)
    connection.execute(delete(CONTENTS).where(CONTENTS.c.content_id == content_id, ~has_lead))


def add_lead(connection: Connection, record: LeadRecord) -> None:
    """Store a new lead and its matches."""
    lead = record.lead
    connection.execute(
        insert(LEADS).values(
            lead_id=lead.lead_id,
            content_id=lead.content_id,
            held=lead.held,
            found_later=record.found_later,
            is_open=True,
            created_s=lead.created_s,
            deadline_s=lead.deadline_s,
            width=record.facts.width,
            height=record.facts.height,
            media=record.facts.media.value,
            duration_s=record.facts.duration_s,
        )
    )
    _add_matches(connection, lead)


def extend_lead(connection: Connection, record: LeadRecord) -> None:
    """Give an open lead other matches, and what follows from them."""
    lead = record.lead
    changed = {"held": lead.held, "found_later": record.found_later, "deadline_s": lead.deadline_s}
    connection.execute(update(LEADS).where(LEADS.c.lead_id == lead.lead_id).values(changed))
    connection.execute(delete(LEAD_MATCHES).where(LEAD_MATCHES.c.lead_id == lead.lead_id))
    _add_matches(connection, lead)


def drop_lead(connection: Connection, lead_id: str) -> None:
    """Take back a lead that nobody can judge."""
    connection.execute(delete(LEAD_MATCHES).where(LEAD_MATCHES.c.lead_id == lead_id))
    connection.execute(delete(LEADS).where(LEADS.c.lead_id == lead_id))


def _add_matches(connection: Connection, lead: Lead) -> None:
    connection.execute(
        insert(LEAD_MATCHES),
        [
            {
                "lead_id": lead.lead_id,
                "position": position,
                "list": match.algorithm.value,
                "entry_id": match.entry_id,
                "distance_bits": match.distance_bits,
                "tier": match.tier.value,
                "seq": match.seq,
                "votes": match.votes,
                **_TIMES_UNKNOWN,
                **({} if match.times is None else asdict(match.times)),
            }
            for position, match in enumerate(lead.matches)
        ],
    )


def lead_of_content(connection: Connection, content_id: str) -> LeadRecord | None:
    """The lead a content has made: the open one if there is one, otherwise the one decided last."""
    question = (
        select(LEADS)
        .outerjoin(DECISIONS, DECISIONS.c.lead_id == LEADS.c.lead_id)
        .where(LEADS.c.content_id == content_id)
        .order_by(LEADS.c.is_open.desc(), DECISIONS.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(question).first()
    return None if row is None else _records(connection, [row])[0]


def entries_of_content(connection: Connection, content_id: str) -> frozenset[tuple[Algorithm, EntryId]]:
    """Every entry that any lead of a content was about."""
    question = (
        select(LEAD_MATCHES.c.list, LEAD_MATCHES.c.entry_id)
        .join(LEADS, LEADS.c.lead_id == LEAD_MATCHES.c.lead_id)
        .where(LEADS.c.content_id == content_id)
    )
    return frozenset((Algorithm(row.list), row.entry_id) for row in connection.execute(question))


def lead_of_id(connection: Connection, lead_id: str) -> LeadRecord | None:
    """A lead by its id."""
    row = connection.execute(select(LEADS).where(LEADS.c.lead_id == lead_id)).first()
    return None if row is None else _records(connection, [row])[0]


def open_queue(connection: Connection, now_s: int, limit: int) -> Queue:
    """The open leads, nearest deadline first."""
    urgent = select(LEADS).where(LEADS.c.is_open).order_by(LEADS.c.deadline_s, LEADS.c.lead_id).limit(limit)
    rows = connection.execute(urgent).all()
    counts = connection.execute(
        select(func.count(), func.count().filter(LEADS.c.deadline_s < now_s)).where(LEADS.c.is_open)
    ).one()
    return Queue(tuple(_records(connection, rows)), counts[0], counts[1])


def open_lead_ids(connection: Connection) -> frozenset[str]:
    """Every lead whose picture is still needed."""
    return frozenset(connection.execute(select(LEADS.c.lead_id).where(LEADS.c.is_open)).scalars())


def add_decision(
    connection: Connection, lead: Lead, action: Action, reason: Reason, reviewer: str, decided_s: int
) -> Decision:
    """Close a lead, and tell the platform."""
    connection.execute(update(LEADS).where(LEADS.c.lead_id == lead.lead_id).values(is_open=False))
    notice = add_notice(connection, lead, NoticeAction(action.value), reason.value, decided_s)
    connection.execute(
        insert(DECISIONS).values(
            seq=notice.seq,
            lead_id=lead.lead_id,
            content_id=lead.content_id,
            action=action.value,
            reason=reason.value,
            reviewer=reviewer,
            decided_s=decided_s,
        )
    )
    return Decision(notice.seq, lead.lead_id, lead.content_id, action, reason, reviewer, decided_s)


def add_notice(connection: Connection, lead: Lead, action: NoticeAction, reason: str, noted_s: int) -> Notice:
    """Write a line of the log the platform follows."""
    line = {"lead_id": lead.lead_id, "content_id": lead.content_id, "reason": reason, "noted_s": noted_s}
    written = insert(NOTICES).values(action=action.value, **line).returning(NOTICES.c.seq)
    seq = connection.execute(written).scalar_one()
    return Notice(seq, lead.lead_id, lead.content_id, action, reason, noted_s)


def notices_after(connection: Connection, seq: int, limit: int) -> tuple[Notice, ...]:
    """The log from a place on."""
    rows = connection.execute(select(NOTICES).where(NOTICES.c.seq > seq).order_by(NOTICES.c.seq).limit(limit))
    return tuple(
        Notice(row.seq, row.lead_id, row.content_id, NoticeAction(row.action), row.reason, row.noted_s) for row in rows
    )


def last_notice_seq(connection: Connection) -> int:
    """Where the log ends; 0 if it is empty."""
    last: int | None = connection.execute(select(func.max(NOTICES.c.seq))).scalar_one()
    return last or 0


def add_look(connection: Connection, lead_id: str, reviewer: str, looked_s: int) -> None:
    """Record that a reviewer had the picture itself shown."""
    connection.execute(insert(LOOKS).values(lead_id=lead_id, reviewer=reviewer, looked_s=looked_s))


def queue_feedback(connection: Connection, words: Iterable[Feedback]) -> None:
    """Put words into the outbox."""
    rows = [{"list": word.list.value, "entry_id": word.entry_id, "value": word.value.value} for word in words]
    if rows:
        connection.execute(insert(OUTBOX), rows)


class SqlOutbox:
    """The durable outbox as :class:`takeback.client.feedback.FeedbackSender` sees it.

    Args:
        engine: the kit's database.
        writer: its one writer.
    """

    def __init__(self, engine: Engine, writer: GroupWriter) -> None:
        self._engine = engine
        self._writer = writer

    def waiting(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest items, oldest first."""
        wanted = select(OUTBOX).where(OUTBOX.c.refused_code.is_(None)).order_by(OUTBOX.c.item_id).limit(limit)
        with reading(self._engine) as connection:
            return [
                OutboxItem(row.item_id, Feedback(Algorithm(row.list), row.entry_id, FeedbackValue(row.value)))
                for row in connection.execute(wanted)
            ]

    def delivered(self, item_ids: Sequence[int]) -> None:
        """Forget items that have arrived."""
        gone = delete(OUTBOX).where(OUTBOX.c.item_id.in_(item_ids))
        self._writer.run(lambda connection: connection.execute(gone).rowcount)

    def refused(self, item_id: int, code: str) -> None:
        """Put aside an item the registry will never take."""
        marked = update(OUTBOX).where(OUTBOX.c.item_id == item_id).values(refused_code=code)
        self._writer.run(lambda connection: connection.execute(marked).rowcount)


def _records(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> list[LeadRecord]:
    ids = [row.lead_id for row in rows]
    matches: dict[str, list[Match]] = {lead_id: [] for lead_id in ids}
    found = connection.execute(
        select(LEAD_MATCHES)
        .where(LEAD_MATCHES.c.lead_id.in_(ids))
        .order_by(LEAD_MATCHES.c.lead_id, LEAD_MATCHES.c.position)
    )
    for row in found:
        matches[row.lead_id].append(_match(row))
    decided = connection.execute(select(DECISIONS).where(DECISIONS.c.lead_id.in_(ids)))
    decisions = {row.lead_id: _decision(row) for row in decided}
    return [
        LeadRecord(
            Lead(row.lead_id, row.content_id, row.held, tuple(matches[row.lead_id]), row.created_s, row.deadline_s),
            MediaFacts(row.width, row.height, Media(row.media), row.duration_s),
            decisions.get(row.lead_id),
            row.found_later,
        )
        for row in rows
    ]


def _match(row: Row[tuple[object, ...]]) -> Match:
    known = row.upload_start_s is not None
    times = ClipTimes(*(getattr(row, name) for name in _TIMES_UNKNOWN)) if known else None
    return Match(row.entry_id, Algorithm(row.list), row.distance_bits, Tier(row.tier), row.seq, row.votes, times)


def _decision(row: Row[tuple[object, ...]]) -> Decision:
    return Decision(
        row.seq,
        row.lead_id,
        row.content_id,
        Action(row.action),
        Reason(row.reason),
        row.reviewer,
        row.decided_s,
    )
