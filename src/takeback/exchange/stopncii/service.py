"""The lists by time of change, as the StopNCII shape has them, and what platforms send back.

**Source:** docs/protocol/partner-shapes.md §3.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from takeback.db import reading
from takeback.errors import InvalidInputError, NotAllowedError
from takeback.exchange.service import FeedService
from takeback.exchange.shown import Reading, ShownChange, additions, shown_changes
from takeback.exchange.types import AuditedAct, Partner
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.batch_store import entry_ids
from takeback.registry.publication import timetable
from takeback.registry.store import feedback_counts
from takeback.wire.stopncii_v1 import SIGNAL_TYPES

_SECONDS_A_DAY = 86_400
_TOKEN = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,18})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a pull stands in one list: what is above ``after``, up to ``last``, is still to come."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class HashRecord:
    """One hash.

    Args:
        list: which list.
        changed_s: Unix seconds of its latest change.
        value: lower-case hexadecimal.
        is_listed: ``False`` once withdrawn.
        words: what partners said of it.
    """

    list: Algorithm
    changed_s: int
    value: str = field(repr=False)
    is_listed: bool
    words: tuple[FeedbackValue, ...] = ()


@dataclass(frozen=True, slots=True)
class HashPage:
    """An answer.

    Args:
        records: by time of change.
        next_token: for the next page; ``None`` after the last.
        delivered_s: up to when everything has been delivered, this page included.
    """

    records: tuple[HashRecord, ...]
    next_token: str | None
    delivered_s: int


@dataclass(frozen=True, slots=True)
class _Row:
    changed_s: int
    list: Algorithm
    change: ShownChange


class StopNciiService:
    """The shape's use cases.

    Args:
        engine: the registry's database.
        feed: keeps feedback and the audit log.
    """

    def __init__(self, engine: Engine, feed: FeedService) -> None:
        self._engine = engine
        self._feed = feed

    def fetch(self, partner: Partner, start_s: int, page_size: int, untrusted_token: str | None) -> HashPage:
        """The next hashes that changed at ``start_s`` or later; audited before they are handed out.

        Raises:
            NotAllowedError: ``partner.not_entitled`` for a partner of neither list.
            InvalidInputError: ``stopncii.token``.
        """
        names = [name for name in SIGNAL_TYPES if name in partner.lists]
        if not names:
            raise NotAllowedError("partner.not_entitled", "This key is for neither of the lists that this shape has.")
        given = None if not untrusted_token else _parse_token(untrusted_token)
        with reading(self._engine) as connection:
            readings = [Reading(name, partner.partner_id) for name in names]
            rows, cursors = _collect(connection, readings, start_s, page_size, given)
            page = rows[:page_size]
            records = _records(connection, readings, page, start_s)
        reached = {name: _advanced(cursors[name], name, page) for name in names}
        if len(rows) <= page_size:
            # Whatever is left between the last shown change and the end was removed again, and is not shown.
            reached = {name: Cursor(cursor.last, cursor.last) for name, cursor in cursors.items()}
        for name in names:
            self._feed.note_pull(partner, AuditedAct.STOPNCII_PULL, name, cursors[name].after, reached[name].after)
        more = len(rows) > page_size
        delivered_s = max((row.changed_s for row in page), default=start_s)
        return HashPage(records, _token(reached) if more else None, max(delivered_s, start_s))

    def feedback(self, partner: Partner, words: Sequence[tuple[Algorithm, bytes, FeedbackValue]]) -> int:
        """Keep what a partner says of hashes; how many were about one that is listed.

        Raises:
            NotAllowedError: ``partner.not_entitled``.
        """
        with reading(self._engine) as connection:
            found = entry_ids(connection, {(name, value) for name, value, _ in words})
        said = [Feedback(name, found[name, value].hex(), word) for name, value, word in words if (name, value) in found]
        return self._feed.feedback(partner, said, AuditedAct.STOPNCII_WORD) if said else 0


def _collect(
    connection: Connection,
    readings: Sequence[Reading],
    start_s: int,
    page_size: int,
    given: dict[Algorithm, Cursor] | None,
) -> tuple[list[_Row], dict[Algorithm, Cursor]]:
    """More rows than fit a page, if there are more, by time; and where each list began."""
    rows: list[_Row] = []
    cursors: dict[Algorithm, Cursor] = {}
    for of in readings:
        name = of.list
        times = timetable(connection, name)
        if given is None:
            cursor = Cursor(times.seq_at(start_s - 1), times.last_seq())
        else:
            cursor = Cursor(given[name].after, min(given[name].last, times.last_seq()))
        cursors[name] = cursor
        found = shown_changes(connection, of, cursor.after, cursor.last, page_size + 1)
        rows += [_Row(times.time_of(change.seq), name, change) for change in found]
    # Lists keep their own order in it, because their times rise with their numbers.
    return sorted(rows, key=lambda row: row.changed_s), cursors


def _records(
    connection: Connection, readings: Sequence[Reading], page: Sequence[_Row], start_s: int
) -> tuple[HashRecord, ...]:
    words = feedback_counts(connection, [row.change.entry_id for row in page if row.change.value is not None])
    withdrawn = {
        (of.list, entry_id): added
        for of in readings
        for entry_id, added in additions(
            connection, of, [row.change.entry_id for row in page if row.list is of.list and row.change.value is None]
        ).items()
    }
    records: list[HashRecord] = []
    for row in page:
        if row.change.value is not None:
            said = tuple(sorted(words.get(row.change.entry_id, {})))
            records.append(HashRecord(row.list, row.changed_s, row.change.value.hex(), is_listed=True, words=said))
            continue
        added = withdrawn.get((row.list, row.change.entry_id))
        # Whoever cannot have had the hash is not told it now: its clients would take it for one to match.
        if added is not None and added.value is not None and added.day <= start_s // _SECONDS_A_DAY:
            records.append(HashRecord(row.list, row.changed_s, added.value.hex(), is_listed=False))
    return tuple(records)


def _advanced(cursor: Cursor, name: Algorithm, page: Sequence[_Row]) -> Cursor:
    return Cursor(max((row.change.seq for row in page if row.list is name), default=cursor.after), cursor.last)


def _token(cursors: dict[Algorithm, Cursor]) -> str:
    nothing = Cursor(0, 0)
    return "-".join(
        str(number)
        for name in SIGNAL_TYPES
        for number in (cursors.get(name, nothing).after, cursors.get(name, nothing).last)
    )


def _parse_token(untrusted: str) -> dict[Algorithm, Cursor]:
    found = _TOKEN.fullmatch(untrusted)
    if found is None:
        raise InvalidInputError("stopncii.token", "This is not a page token of this registry.")
    numbers = [int(number) for number in found.groups()]
    return {
        name: Cursor(numbers[2 * position], numbers[2 * position + 1]) for position, name in enumerate(SIGNAL_TYPES)
    }
