"""Quarantine: an entry that partners doubt, or that is met far too often, leaves the feed until an operator looked.

It is judged when feedback comes, by counts alone: the latest word of each active partner, and the number of words of a
day. Off the feed is a tombstone, back on it an add under a new entry id.

**Source:** docs/protocol/case-v1.md §10.2 and §10.3.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import reading, writing
from takeback.registry import batch_store, set_aside
from takeback.registry.acts import BY_COMMAND, BY_RULE, Act, ActKind, Trail, no_trail
from takeback.registry.decision_desk import DecisionDesk, entry_id_of, no_such_entry
from takeback.registry.publication import publish
from takeback.registry.set_aside import AsideEntry, Cause

_SECONDS_A_DAY = 86_400

ActivePartners = Callable[[Connection], frozenset[str]]
"""The ids of partners whose word counts."""


@dataclass(frozen=True, slots=True)
class QuarantineRules:
    """When an entry is taken off the feed.

    Args:
        quorum: so many active partners last said ``NotBlocked``, and more than said ``Blocked``.
        flood_words_per_day: so many words of feedback came about it on one day.
    """

    quorum: int = 3
    flood_words_per_day: int = 1000


class QuarantineService:
    """Takes entries off the feed, lists those that wait, puts them back or declines them.

    Args:
        engine: the registry's database.
        clock: for days.
        partners: whose word counts.
        rules: when.
        trail: the audit log.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        partners: ActivePartners,
        rules: QuarantineRules = QuarantineRules(),
        trail: Trail = no_trail,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._partners = partners
        self._rules = rules
        self._trail = trail
        self._desk = DecisionDesk(engine, clock, trail)

    def list(self) -> tuple[AsideEntry, ...]:
        """What waits for the operator in quarantine, the oldest first."""
        with reading(self._engine) as connection:
            return tuple(entry for entry in set_aside.waiting(connection) if entry.cause is not Cause.GUARD)

    def consider(self, entry_ids: Collection[str]) -> int:
        """Judge entries about which feedback has come.

        Returns:
            How many were taken off the feed.
        """
        ids = sorted({bytes.fromhex(entry_id) for entry_id in entry_ids})
        with reading(self._engine) as connection:
            if not self._due(connection, ids):
                return 0
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            return self._take_due_off(connection, ids)

    def sweep(self) -> int:
        """Judge every entry that feedback was given about, and forget the counts of days that are over.

        For the start of a process: one that ended between a word and its judgement is made good.

        Returns:
            How many were taken off the feed.
        """
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            set_aside.forget_counts_before(connection, self._today())
            return self._take_due_off(connection, set_aside.entries_spoken_of(connection))

    def take_off(self, entry_id: str, by: str = BY_COMMAND) -> None:
        """Take an entry off the feed because an operator says so. One that is off it is left as it is.

        Raises:
            NotFoundError: ``entry.unknown``.
        """
        raw = entry_id_of(entry_id)
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            grown = set_aside.take_off(connection, [raw], Cause.OPERATOR, self._today())
            if not grown and set_aside.state_of(connection, raw) is None:
                raise no_such_entry()
            for name, seq in grown.items():
                self._trail(connection, Act(self._today(), by, ActKind.QUARANTINE, name, seq, entry_id))
            publish(connection, self._clock.now_s())

    def restore(self, entry_id: str, by: str = BY_COMMAND) -> str:
        """Put an entry back onto the feed.

        Returns:
            Its new entry id.

        Raises:
            NotFoundError: ``entry.unknown`` if it does not wait and was not declined.
        """
        return self._desk.list(entry_id, by, ActKind.RESTORE)

    def remove(self, entry_id: str, by: str = BY_COMMAND) -> None:
        """Keep an entry off the feed for good. Its holds say so; when the last is withdrawn it is deleted.

        Raises:
            NotFoundError: ``entry.unknown`` if it does not wait and was not declined.
        """
        self._desk.decline(entry_id, by, ActKind.REMOVE)

    def _take_due_off(self, connection: Connection, entry_ids: Collection[bytes]) -> int:
        today, taken = self._today(), 0
        for entry_id, cause in sorted(self._due(connection, entry_ids).items()):
            for name, seq in set_aside.take_off(connection, [entry_id], cause, today).items():
                self._trail(connection, Act(today, BY_RULE, ActKind.QUARANTINE, name, seq, entry_id.hex()))
                taken += 1
        if taken:
            publish(connection, self._clock.now_s())
        return taken

    def _due(self, connection: Connection, entry_ids: Collection[bytes]) -> dict[bytes, Cause]:
        flooded = set_aside.flooded(connection, entry_ids, self._today(), self._rules.flood_words_per_day)
        doubted = set_aside.doubted(connection, entry_ids, self._partners(connection), self._rules.quorum)
        return dict.fromkeys(flooded, Cause.FLOOD) | dict.fromkeys(doubted, Cause.NOT_BLOCKED)

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY
