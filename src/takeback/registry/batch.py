"""The batch: everything in intake moves, shuffled, into cases, holds, entries and the logs, and is erased.

All in one transaction, so a batch that fails has not happened. After it, nothing in the database says which
fingerprints came together: every table is filled in an order of its own, ids are random, times are days.

**Source:** docs/protocol/case-v1.md §5 to §7; docs/protocol/feed-v1.md §1 and §2; docs/adr/0004.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from takeback.model.case import HeldFingerprint
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import batch_store, set_aside, store
from takeback.registry.change_log import append_marks
from takeback.registry.types import BatchReport, Entry, GuardCheck, Intake, WaitingCase

_ENTRY_ID_BYTES = 16

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
        guard: says which new entries are near to something on the guard list, and so wait for the operator.
    """

    shuffler: Shuffler
    today: int
    left_out: frozenset[bytes] = frozenset()
    guard: GuardCheck = no_guard

    def run(self, connection: Connection) -> BatchReport:
        """Move everything; the caller commits."""
        batch_store.lock_intake(connection)
        if not store.is_anything_waiting(connection):
            return BatchReport(0, 0, 0, 0)
        intake = batch_store.read_intake(connection)
        going = [case for case in intake.cases if case.case_id not in self.left_out]
        report = self.move(connection, going, intake.withdrawals)
        staying = intake.unreadable | (self.left_out & {case.case_id for case in intake.cases})
        batch_store.erase_intake(connection, staying, intake.withdrawals)
        return replace(report, kept=len(staying))

    def move(self, connection: Connection, going: Sequence[WaitingCase], withdrawals: frozenset[bytes]) -> BatchReport:
        """Move these cases and apply these withdrawals."""
        known = batch_store.known_cases(connection, [case.case_id for case in going])
        # case-v1 §5.3: a case that was taken in before adds nothing, and nothing withdrawn since comes back.
        new_cases = [case for case in going if case.case_id not in known]
        added = self._add_holds(connection, new_cases, withdrawals)
        removed = self._withdraw(connection, withdrawals)
        batch_store.insert_cases(connection, self._shuffled(new_cases))
        self._extend_logs(connection, added, removed)
        return BatchReport(len(going), len(added), len(removed), 0)

    def _add_holds(
        self, connection: Connection, cases: Sequence[WaitingCase], withdrawals: frozenset[bytes]
    ) -> list[Entry]:
        held = [item for case in cases for item in case.held if item.token_hash not in withdrawals]
        taken = store.entries_of_holds(connection, [item.token_hash for item in held])
        held = self._shuffled(item for item in held if item.token_hash not in taken)
        entry_ids = batch_store.entry_ids(connection, {_key_of(item) for item in held})
        new: list[Entry] = []
        for item in held:
            if _key_of(item) not in entry_ids:
                algorithm, value = _key_of(item)
                new.append(Entry(secrets.token_bytes(_ENTRY_ID_BYTES), algorithm, value, item.fingerprint.quality))
                entry_ids[algorithm, value] = new[-1].entry_id
        batch_store.insert_entries(connection, self._shuffled(new), self.today)
        batch_store.insert_holds(
            connection, self._shuffled((item.token_hash, entry_ids[_key_of(item)]) for item in held)
        )
        # case-v1 §10.1: a value near to the guard list is held, not listed.
        guarded = self.guard(connection, new)
        set_aside.hold_back(connection, sorted(guarded), self.today)
        return [entry for entry in new if entry.entry_id not in guarded]

    def _withdraw(self, connection: Connection, withdrawals: frozenset[bytes]) -> list[Entry]:
        holds = store.entries_of_holds(connection, withdrawals)
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
        batch.move(connection, [case], frozenset())
    except Exception:  # noqa: BLE001 - whatever it is, this case is the one that does it
        return False
    else:
        return True
    finally:
        attempt.rollback()


def _key_of(item: HeldFingerprint) -> tuple[Algorithm, bytes]:
    return item.fingerprint.algorithm, bytes.fromhex(item.fingerprint.value)
