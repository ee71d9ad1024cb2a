"""The batch: everything in intake moves, shuffled, into cases, holds, entries and the logs, and is erased.

All in one transaction, so a batch that fails has not happened. After it, nothing in the database says which
fingerprints came together: every table is filled in an order of its own, ids are random, times are days.

**Source:** docs/protocol/case-v1.md §5 to §7; docs/protocol/feed-v1.md §1 and §2; docs/adr/0004, 0030 and 0033.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from takeback.model.case import HeldFingerprint, Terms
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import addressed, batch_store, set_aside, store
from takeback.registry.canary_life import Canaries
from takeback.registry.change_log import append_marks
from takeback.registry.topping_up import ToppingUp
from takeback.registry.types import Additions, BatchReport, Entry, GuardCheck, Intake, WaitingCase, Wishes

_ENTRY_ID_BYTES = 16

EXPIRY_PERIOD_DAYS = 91
"""Holds end on the first day of a quarter of a year only. A finer day would be a mark that few fingerprints share."""

_EXPIRED_REMEMBERED_DAYS = 400
"""How long a person who comes back is told that their hold ended by itself, rather than that it was taken back."""

Item = TypeVar("Item")


class Shuffler(Protocol):
    """Where order comes from: ``random.SystemRandom`` in service."""

    def shuffle(self, x: list[Item]) -> None:
        """Shuffle in place."""
        ...


def no_guard(_connection: Connection, _entries: Sequence[Entry]) -> frozenset[bytes]:
    """The guard of a registry without a guard list."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Batch:
    """How a batch is run.

    Args:
        shuffler: the source of order.
        today: days since 1970-01-01.
        left_out: case ids that stay in intake this time.
        terms: delay of withdrawals, lifetime of holds.
        topping_up: decoys for a small batch, if any.
        canaries: entries that one partner alone is told, if any.
        guard: says which new entries are near to something on the guard list, and so wait for the operator.
    """

    shuffler: Shuffler
    today: int
    left_out: frozenset[bytes] = frozenset()
    terms: Terms = field(default_factory=Terms)
    topping_up: ToppingUp | None = None
    canaries: Canaries | None = None
    guard: GuardCheck = no_guard

    def run(self, connection: Connection) -> BatchReport:
        """Move everything; the caller commits."""
        batch_store.lock_intake(connection)
        batch_store.wait_briefly(connection)
        if self.ends_holds:
            batch_store.end_endless_holds(connection, self._until_day())
        if not store.is_anything_waiting(connection, self.today, holds_end=self.ends_holds):
            return BatchReport(0, 0, 0, 0)
        intake = batch_store.read_intake(connection)
        going = [case for case in intake.cases if case.case_id not in self.left_out]
        staying = intake.unreadable | (self.left_out & {case.case_id for case in intake.cases})
        dropped = self._gone_at_once(intake.wishes) | batch_store.due_to_leave(connection, self.today)
        report = self.move(connection, going, intake.wishes)
        batch_store.erase_intake(connection, staying, dropped)
        return replace(report, kept=len(staying))

    @property
    def ends_holds(self) -> bool:
        """Whether holds have a lifetime."""
        return self.terms.hold_lifetime_days is not None

    def move(self, connection: Connection, going: Sequence[WaitingCase], wishes: Wishes) -> BatchReport:
        """Move these cases and do what is wished."""
        known = batch_store.known_cases(connection, [case.case_id for case in going])
        # case-v1 §5.3: a case that was taken in before adds nothing, and nothing withdrawn since comes back.
        new_cases = [case for case in going if case.case_id not in known]
        additions = self._additions(connection, new_cases, self._gone_at_once(wishes))
        if self.topping_up is not None:
            additions = additions.with_(self.topping_up.arriving(connection, new_cases, self.today))
        added = self._write(connection, additions)
        added += self._write_canaries(connection, added, new_cases)
        removed = self._remove(connection, self._leaving(connection, wishes))
        self._extend_logs(connection, added, removed)
        return BatchReport(len(going), len(added), len(removed), 0)

    def _gone_at_once(self, wishes: Wishes) -> frozenset[bytes]:
        return frozenset() if self.terms.withdrawal_delay_days else wishes.withdraw

    def _additions(self, connection: Connection, cases: Sequence[WaitingCase], dropped: frozenset[bytes]) -> Additions:
        held = [item for case in cases for item in case.held if item.token_hash not in dropped]
        taken = store.entries_of_holds(connection, [item.token_hash for item in held])
        keyed = self._shuffled((_key_of(item), item) for item in held if item.token_hash not in taken)
        entry_ids = batch_store.entry_ids(connection, {key for key, _ in keyed})
        new: list[Entry] = []
        for key, item in keyed:
            if key not in entry_ids:
                new.append(Entry(secrets.token_bytes(_ENTRY_ID_BYTES), *key, item.fingerprint.quality))
                entry_ids[key] = new[-1].entry_id
        return Additions(
            cases=tuple((case.case_id, case.sealed, case.day) for case in cases),
            entries=tuple(new),
            holds=tuple((item.token_hash, entry_ids[key]) for key, item in keyed),
        )

    def _write(self, connection: Connection, additions: Additions) -> list[Entry]:
        """Write all of it; the entries that go onto their lists."""
        until_day = self._until_day() if self.ends_holds else None
        batch_store.insert_entries(connection, self._shuffled(additions.entries), self.today)
        batch_store.insert_holds(connection, self._shuffled(additions.holds), until_day)
        batch_store.insert_cases(connection, self._shuffled(additions.cases))
        # case-v1 §10.1: a value near to the guard list is held, not listed.
        guarded = self.guard(connection, additions.entries)
        set_aside.hold_back(connection, sorted(guarded), self.today)
        return [entry for entry in additions.entries if entry.entry_id not in guarded]

    def _write_canaries(
        self, connection: Connection, added: Sequence[Entry], new_cases: Sequence[WaitingCase]
    ) -> list[Entry]:
        """Write canaries beside what is added; those that go onto their lists."""
        if self.canaries is None:
            return []
        coming = self.canaries.arriving(connection, added, new_cases, self.today)
        entries = [entry for mine in coming.values() for entry in mine]
        batch_store.insert_entries(connection, entries, self.today)
        addressed.note(connection, coming)
        for entry in entries:
            until_day = self._until_day_of(self.canaries.last_day(entry, self.today)) if self.ends_holds else None
            batch_store.insert_holds(connection, [(self.canaries.hold(entry), entry.entry_id)], until_day)
        return entries

    def _leaving(self, connection: Connection, wishes: Wishes) -> frozenset[bytes]:
        """Note delays and renewals; the token hashes of all holds that go now, whyever."""
        if self.ends_holds:
            renewed = self._in_company(connection, store.known_holds(connection, wishes.renew))
            batch_store.renew_holds(connection, self._shuffled(renewed), self._until_day())
        expired = batch_store.ended_holds(connection, self.today) if self.ends_holds else set()
        batch_store.note_expired(connection, self._shuffled(expired), self.today, self.today - _EXPIRED_REMEMBERED_DAYS)
        waiting = self._waiting_to_leave(connection, wishes)
        going = expired | {item for item, day in waiting.items() if day <= self.today} | self._gone_at_once(wishes)
        if self.topping_up is not None:
            going |= self.topping_up.leaving(connection, len(going), self.today)
        if self.canaries is not None:
            going |= self.canaries.leaving(connection, self.today)
        staying = {item: day for item, day in waiting.items() if item not in going}
        if staying != batch_store.leaving(connection):
            batch_store.rewrite_leaving(connection, self._shuffled(staying.items()))
        return frozenset(going)

    def _waiting_to_leave(self, connection: Connection, wishes: Wishes) -> dict[bytes, int]:
        """What leaves on which day, as it is wished now; asking again changes no day."""
        waiting = {item: day for item, day in batch_store.leaving(connection).items() if item not in wishes.keep}
        delay_days = self.terms.withdrawal_delay_days
        if delay_days:
            asked = store.known_holds(connection, wishes.withdraw) - set(waiting)
            waiting |= dict.fromkeys(self._in_company(connection, asked), self.today + delay_days)
        return waiting

    def _in_company(self, connection: Connection, holds: set[bytes]) -> set[bytes]:
        """Holds of people, with decoys beside them that are treated alike: a day's few would be a group."""
        beside = self.topping_up.beside(connection, len(holds), self.today) if self.topping_up is not None else set()
        return holds | beside

    def _until_day(self) -> int:
        return end_of_hold(self.today, self.terms.hold_lifetime_days or 0)

    def _until_day_of(self, last_day: int) -> int:
        # A canary goes on its own day; ending with everybody's holds it would never be older than a lifetime.
        return max(self._until_day(), end_of_hold(last_day, 0))

    def _remove(self, connection: Connection, going: frozenset[bytes]) -> list[Entry]:
        holds = store.entries_of_holds(connection, going)
        batch_store.delete_holds(connection, holds)
        affected = set(holds.values())
        orphans = affected - batch_store.held_entries(connection, affected)
        unlisted = set_aside.forget(connection, orphans)
        return [entry for entry in batch_store.delete_entries(connection, orphans) if entry.entry_id not in unlisted]

    def _extend_logs(self, connection: Connection, added: Sequence[Entry], removed: Sequence[Entry]) -> None:
        marks = [(Op.ADD, entry) for entry in added] + [(Op.REMOVE, entry) for entry in removed]
        append_marks(connection, self._shuffled(marks), self.today)

    def _shuffled(self, items: Iterable[Item]) -> list[Item]:
        shuffled = list(items)
        self.shuffler.shuffle(shuffled)
        return shuffled


def end_of_hold(today: int, lifetime_days: int) -> int:
    """The day a hold made or renewed today ends: the first of a period, so that many end together (case-v1 §6.7).

    Args:
        today: days since 1970-01-01.
        lifetime_days: how long it lasts at least.
    """
    return -(-(today + lifetime_days) // EXPIRY_PERIOD_DAYS) * EXPIRY_PERIOD_DAYS


def failing_cases(connection: Connection, batch: Batch) -> frozenset[bytes]:
    """Try each waiting case by itself, undo it, and name those that the database refuses.

    Slow, so only for a batch that has failed again and again: one submission must not hold up everybody's.
    """
    batch_store.lock_intake(connection)
    intake: Intake = batch_store.read_intake(connection)
    return frozenset(case.case_id for case in intake.cases if not _can_move(connection, batch, case))


def _can_move(connection: Connection, batch: Batch, case: WaitingCase) -> bool:
    attempt = connection.begin_nested()
    try:
        batch.move(connection, [case], Wishes())
    except Exception:  # noqa: BLE001 - whatever it is, this case is the one that does it
        return False
    else:
        return True
    finally:
        attempt.rollback()


def _key_of(item: HeldFingerprint) -> tuple[Algorithm, bytes]:
    return item.fingerprint.algorithm, bytes.fromhex(item.fingerprint.value)
