"""Compares what is listed already with new lines of the guard list, a slice at a time, and takes hits off the feed.

New entries are compared by their batch; this is for those that were there before a line came. How far it is stands in
the database, so a process that ends goes on where it was, and every process and command sees the same. Searching is
done outside of any lock; a slice counts only if nobody else has done it meanwhile.

**Source:** docs/protocol/case-v1.md §10.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, Engine, exists, func, select

from takeback.clock import Clock
from takeback.db import reading, writing
from takeback.db.insert import insert_or_replace
from takeback.model.fingerprint import Algorithm
from takeback.registry import batch_store, set_aside
from takeback.registry.abuse_tables import ADMITTED, GUARD, GUARD_RECHECK, SET_ASIDE
from takeback.registry.acts import BY_RULE, Act, ActKind, Trail
from takeback.registry.guard_rule import Guarded, GuardIndex, GuardRule, NearSearch
from takeback.registry.publication import publish
from takeback.registry.set_aside import Cause
from takeback.registry.tables import ENTRIES
from takeback.registry.types import Entry

_SECONDS_A_DAY = 86_400
_ROW = 1
_SLICE = 500
"""Entries looked at together: a slice holds back nobody for long, and costs one short transaction."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """How far the present comparison is, or how the last one ended.

    Args:
        is_running: whether there are lines that have not been compared with everything.
        checked: entries looked at.
        total: entries there were when it began.
        held_back: entries that were taken off the feed.
        day: when it began or ended, days since 1970-01-01.
    """

    is_running: bool
    checked: int
    total: int
    held_back: int
    day: int


@dataclass(frozen=True, slots=True)
class _Place:
    """One row of ``guard_recheck``."""

    done_version: int
    target_version: int | None
    cursor: bytes
    checked: int
    total: int
    held_back: int
    day: int


_NOWHERE = _Place(0, None, b"", 0, 0, 0, 0)


class GuardRecheck:
    """The comparison, driven from outside.

    Args:
        engine: the registry's database.
        clock: for days and publication times.
        search: finds near values.
        rule: how near.
        trail: the audit log.
    """

    def __init__(self, engine: Engine, clock: Clock, search: NearSearch, rule: GuardRule, trail: Trail) -> None:
        self._engine = engine
        self._clock = clock
        self._search = search
        self._rule = rule
        self._trail = trail
        self._made: tuple[tuple[int, int, int], GuardIndex | None] | None = None

    def progress(self) -> Recheck | None:
        """How far it is; ``None`` if there has never been anything to compare."""
        with reading(self._engine) as connection:
            place, is_due = _place(connection), _is_due(connection)
        if place == _NOWHERE and not is_due:
            return None
        if is_due and place.target_version is None:
            return Recheck(True, 0, 0, 0, place.day)
        return Recheck(
            place.target_version is not None, place.checked, max(place.total, place.checked), place.held_back, place.day
        )

    def step(self, entries: int = _SLICE) -> bool:
        """Compare the next slice.

        Args:
            entries: how many to look at.

        Returns:
            Whether there may be more to do.
        """
        with reading(self._engine) as connection:
            place, is_due = _place(connection), _is_due(connection)
            target = place.target_version
            found = [] if target is None else _next_entries(connection, place.cursor, target, entries)
            index = None if target is None else self._index(connection, place.done_version, target)
        if target is not None:
            asked = [Guarded(entry.algorithm, entry.value) for entry in found]
            answers = [False] * len(asked) if index is None else index.hits(asked)
            hits = [entry.entry_id for entry, hit in zip(found, answers, strict=True) if hit]
            last = found[-1].entry_id if len(found) == entries else None
            self._note(place, len(found), hits, last)
        elif is_due:
            self._begin(place)
        return target is not None or is_due

    def _begin(self, place: _Place) -> None:
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            if _place(connection) != place:
                return
            total = connection.execute(select(func.count()).select_from(ENTRIES)).scalar_one()
            target = set_aside.guard_version(connection)
            _write(connection, _Place(place.done_version, target, b"", 0, total, 0, self._today()))

    def _note(self, place: _Place, looked_at: int, hits: Sequence[bytes], last: bytes | None) -> None:
        """Take hits off and note the place; ``last``: the last entry looked at, ``None`` if there are no more."""
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            if _place(connection) != place:
                return
            moved = replace(
                place,
                checked=place.checked + looked_at,
                held_back=place.held_back + self._take_off(connection, hits),
                cursor=last or b"",
                day=self._today(),
            )
            if last is None:
                moved = replace(moved, done_version=place.target_version or 0, target_version=None)
            _write(connection, moved)

    def _take_off(self, connection: Connection, entry_ids: Sequence[bytes]) -> int:
        taken = 0
        for entry_id in entry_ids:
            for name, seq in set_aside.take_off(connection, [entry_id], Cause.GUARD, self._today()).items():
                self._trail(connection, Act(self._today(), BY_RULE, ActKind.QUARANTINE, name, seq, entry_id.hex()))
                taken += 1
        if taken:
            publish(connection, self._clock.now_s())
        return taken

    def _index(self, connection: Connection, done: int, target: int) -> GuardIndex | None:
        # A line that is taken off meanwhile raises the version, and is not looked for any more.
        key = (done, target, set_aside.guard_version(connection))
        if self._made is None or self._made[0] != key:
            query = select(GUARD.c.algorithm, GUARD.c.value).where(GUARD.c.version > done, GUARD.c.version <= target)
            guarded = [Guarded(Algorithm(row.algorithm), bytes(row.value)) for row in connection.execute(query)]
            self._made = (key, GuardIndex(guarded, self._search, self._rule) if guarded else None)
        return self._made[1]

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def _is_due(connection: Connection) -> bool:
    done = select(func.coalesce(func.max(GUARD_RECHECK.c.done_version), 0)).scalar_subquery()
    return bool(connection.execute(select(exists().where(GUARD.c.version > done))).scalar_one())


def _next_entries(connection: Connection, cursor: bytes, target: int, at_most: int) -> list[Entry]:
    is_aside = exists().where(SET_ASIDE.c.entry_id == ENTRIES.c.entry_id)
    # An operator who put an entry back knew these lines, and would be asked the same again.
    is_decided = exists().where(ADMITTED.c.entry_id == ENTRIES.c.entry_id, ADMITTED.c.guard_version >= target)
    query = select(ENTRIES).where(ENTRIES.c.entry_id > cursor, ~is_aside, ~is_decided)
    return [
        Entry(bytes(row.entry_id), Algorithm(row.algorithm), bytes(row.value), row.quality)
        for row in connection.execute(query.order_by(ENTRIES.c.entry_id).limit(at_most))
    ]


def _place(connection: Connection) -> _Place:
    row = connection.execute(select(GUARD_RECHECK)).one_or_none()
    if row is None:
        return _NOWHERE
    values = (row.checked, row.total, row.held_back, row.day)
    return _Place(row.done_version, row.target_version, bytes(row.cursor), *values)


def _write(connection: Connection, place: _Place) -> None:
    values = {item.name: getattr(place, item.name) for item in fields(place)}
    insert_or_replace(connection, GUARD_RECHECK, [{"id": _ROW, **values}], tuple(values))
