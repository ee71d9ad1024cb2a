"""What a registry does: receive cases, answer for holds, run batches. No HTTP and no SQL here.

**Source:** docs/protocol/case-v1.md §5 and §6.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from random import SystemRandom

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.errors import InvalidInputError, NotFoundError
from takeback.model.case import HoldState, HoldStatus, Submission
from takeback.model.fingerprint import MIN_QUALITY, Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry import batch_store, set_aside, store
from takeback.registry.batch import Batch, failing_cases, no_guard
from takeback.registry.publication import publish
from takeback.registry.set_aside import AsideState
from takeback.registry.types import BatchReport, GuardCheck, ListState

_SECONDS_A_DAY = 86_400

_STATE_OF_FEEDBACK = (
    (HoldState.REMOVED, (FeedbackValue.BLOCKED,)),
    (HoldState.IN_REVIEW, (FeedbackValue.PENDING_REVIEW,)),
    # A platform that met it and took nothing down: it is undecided, or a person there found it is something else.
    (HoldState.FOUND, (FeedbackValue.QUALITY_UNKNOWN, FeedbackValue.NOT_BLOCKED)),
)
"""case-v1 §6.3: the furthest thing that any partner's last word says, in this order."""


class RegistryService:
    """The registry's use cases over one database.

    Args:
        engine: the registry's database.
        writer: commits what submitters send.
        clock: only its day is ever stored.
        guard: which new entries wait for the operator.
    """

    def __init__(self, engine: Engine, writer: GroupWriter, clock: Clock, guard: GuardCheck = no_guard) -> None:
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._guard = guard
        self._shuffler = SystemRandom()

    def submit(self, submission: Submission) -> Future[None]:
        """Receive a case; the future is done when it is on disk. New, known or sent again: it ends the same.

        Raises:
            InvalidInputError: ``fingerprint.quality`` for a PDQ that says nothing about its picture.
            UnavailableError: too much at the moment (in the future: it could not be stored).
        """
        qualities = [item.fingerprint.quality for item in submission.fingerprints]
        if any(quality is not None and quality < MIN_QUALITY for quality in qualities):
            raise InvalidInputError(
                "fingerprint.quality", f"A PDQ fingerprint of a quality below {MIN_QUALITY} cannot be looked for."
            )
        return self._writer.submit(partial(store.put_in_intake, submission=submission, day=self._today()))

    def withdraw(self, tokens: Sequence[bytes]) -> Future[None]:
        """Withdraw holds; the future is done when that is on disk. Unknown tokens end the same as known ones."""
        hashes = [_hash_of(token) for token in tokens]
        return self._writer.submit(partial(store.put_withdrawals, token_hashes=hashes))

    def open_case(self, case_id: bytes) -> bytes:
        """The sealed bytes of a case.

        Raises:
            NotFoundError: ``case.unknown``.
        """
        with reading(self._engine) as connection:
            store.settle_intake(connection)
            sealed = store.sealed_case(connection, case_id)
        if sealed is None:
            raise NotFoundError("case.unknown", "No case is known under this receipt. Please check what you typed.")
        return sealed

    def statuses(self, tokens: Sequence[bytes]) -> list[HoldStatus]:
        """What has become of holds, in the order asked. A token that is not known answers ``withdrawn``."""
        hashes = [_hash_of(token) for token in tokens]
        with reading(self._engine) as connection:
            store.settle_intake(connection)
            withdrawn = store.withdrawn_tokens(connection, hashes)
            waiting = store.waiting_tokens(connection, hashes)
            entries = store.entries_of_holds(connection, hashes)
            words = store.feedback_counts(connection, set(entries.values()))
            aside = set_aside.states(connection, set(entries.values()))
        known = {
            token_hash: status_aside(aside[entry_id]) if entry_id in aside else status_of(words.get(entry_id, {}))
            for token_hash, entry_id in entries.items()
        }
        for token_hash in waiting - set(known):
            known[token_hash] = HoldStatus(HoldState.BEING_ADDED, 0)
        gone = HoldStatus(HoldState.WITHDRAWN, 0)
        return [gone if item in withdrawn else known.get(item, gone) for item in hashes]

    def run_batch(self, left_out: frozenset[bytes] = frozenset()) -> BatchReport:
        """Move everything in intake, except cases named, in one transaction, and wipe it from the disk."""
        batch = Batch(self._shuffler, self._today(), left_out, self._guard)

        def run_and_publish(connection: Connection) -> BatchReport:
            report = batch.run(connection)
            publish(connection, self._clock.now_s())
            return report

        report = self._writer.run(run_and_publish, alone=True)
        batch_store.wipe_log_files(self._engine)
        return report

    def find_failing_cases(self) -> frozenset[bytes]:
        """Which waiting cases make a batch fail. Slow; nothing is changed."""
        batch = Batch(self._shuffler, self._today(), guard=self._guard)
        return self._writer.run(partial(failing_cases, batch=batch), alone=True)

    def list_states(self) -> list[ListState]:
        """Where each list's log stands."""
        with reading(self._engine) as connection:
            return [store.list_state(connection, name) for name in Algorithm]

    def check_readable(self) -> None:
        """Raise what is wrong with the database, if something is."""
        with reading(self._engine) as connection:
            store.is_anything_waiting(connection)

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def status_of(words: dict[FeedbackValue, int]) -> HoldStatus:
    """A listed hold's status from how many partners last said what about its entry."""
    for state, values in _STATE_OF_FEEDBACK:
        platforms = sum(words.get(value, 0) for value in values)
        if platforms:
            return HoldStatus(state, platforms)
    return HoldStatus(HoldState.LISTED, 0)


def status_aside(state: AsideState) -> HoldStatus:
    """The status of a hold whose entry is kept off the feed. It does not say why (case-v1 §10.4)."""
    match state:
        case AsideState.WAITING:
            return HoldStatus(HoldState.QUARANTINED, 0)
        case AsideState.DECLINED:
            return HoldStatus(HoldState.DECLINED, 0)


def _hash_of(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
