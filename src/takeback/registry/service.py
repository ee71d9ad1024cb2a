"""What a registry does: receive cases, answer for holds, run batches. No HTTP and no SQL here.

**Source:** docs/protocol/case-v1.md §5 to §7.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from random import SystemRandom

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.errors import NotAllowedError, NotFoundError
from takeback.model.case import About, HoldState, HoldStatus, Submission, Terms
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry import batch_store, set_aside, store
from takeback.registry.audience import AudienceCount, audience
from takeback.registry.batch import Batch, end_of_hold, failing_cases, no_guard
from takeback.registry.canary_life import Canaries
from takeback.registry.caps import SubmissionCaps
from takeback.registry.company import Company
from takeback.registry.proof import SpentProof, forget_expired, spend
from takeback.registry.publication import is_anything_unpublished, publish
from takeback.registry.set_aside import AsideState
from takeback.registry.topping_up import ToppingUp
from takeback.registry.tries import Tries
from takeback.registry.types import BatchReport, GuardCheck, HoldFacts, ListState, Reception, Wish

_SECONDS_A_DAY = 86_400
_EPOCH = date(1970, 1, 1)

_STATE_OF_FEEDBACK = (
    (HoldState.REMOVED, (FeedbackValue.BLOCKED,)),
    (HoldState.IN_REVIEW, (FeedbackValue.PENDING_REVIEW,)),
    # A platform that met it and took nothing down: it is undecided, or a person there found it is something else.
    (HoldState.FOUND, (FeedbackValue.QUALITY_UNKNOWN, FeedbackValue.NOT_BLOCKED)),
)
"""case-v1 §6.3: the furthest thing that any partner's last word says, in this order."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator has set about cases.

    Args:
        terms: what a person is told.
        company: whether a batch may go already.
        topping_up: decoys for small batches; ``None`` for none.
        canaries: entries for one partner alone; ``None`` for none.
        tries: how many receipts that open nothing are answered.
        caps: how much a submission may hold.
        guard: which new entries wait for the operator.
    """

    terms: Terms = field(default_factory=Terms)
    company: Company = field(default_factory=lambda: Company(1, 0))
    topping_up: ToppingUp | None = None
    canaries: Canaries | None = None
    tries: Tries = field(default_factory=lambda: Tries(600))
    caps: SubmissionCaps = field(default_factory=SubmissionCaps)
    guard: GuardCheck = no_guard


class RegistryService:
    """The registry's use cases over one database.

    Args:
        engine: the registry's database.
        writer: commits what submitters send.
        clock: only its day is ever stored.
        rules: what the operator has set.
    """

    def __init__(self, engine: Engine, writer: GroupWriter, clock: Clock, rules: Rules | None = None) -> None:
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._rules = rules or Rules()
        self._shuffler = SystemRandom()

    @property
    def terms(self) -> Terms:
        """What a person should know before they decide."""
        return self._rules.terms

    def submit(self, submission: Submission, proof: SpentProof | None = None) -> Future[Reception]:
        """Receive a case; the future is done when it is on disk. New, known or sent again: it ends the same.

        Args:
            submission: what was sent.
            proof: spent together with it.

        Returns:
            What became of it.

        Raises:
            InvalidInputError: as :meth:`takeback.registry.caps.SubmissionCaps.check`.
            NotAllowedError: ``case.adult`` for a case about an adult where those are not accepted.
            UnavailableError: too much at the moment (in the future: it could not be stored).
        """
        self._rules.caps.check(submission)
        if submission.about is About.ADULT and not self.terms.adult_cases:
            raise NotAllowedError(
                "case.adult", "This service is for pictures of people under 18. Others help adults: see stopncii.org."
            )
        return self._writer.submit_item(_take_in, (submission, self._today(), proof))

    def wish(self, tokens: Sequence[bytes], wish: Wish) -> Future[None]:
        """Withdraw, keep or renew holds; done when that is on disk. Unknown tokens end the same as known ones."""
        hashes = [_hash_of(token) for token in tokens]
        return self._writer.submit(partial(store.put_wishes, token_hashes=hashes, wish=wish))

    def withdraw(self, tokens: Sequence[bytes]) -> Future[None]:
        """Withdraw holds."""
        return self.wish(tokens, Wish.WITHDRAW)

    def open_case(self, case_id: bytes) -> bytes:
        """The sealed bytes of a case.

        Raises:
            NotFoundError: ``case.unknown``.
            UnavailableError: ``case.tries`` if too many receipts that open nothing were tried just now.
        """
        return self.open_sheets((case_id,))[case_id]

    def open_sheets(self, case_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """The sealed bytes of those of a case's sheets that there are.

        Raises:
            NotFoundError: ``case.unknown`` if the first is not known.
            UnavailableError: ``case.tries`` if too many receipts that open nothing were tried just now.
        """
        with reading(self._engine) as connection:
            store.settle_intake(connection)
            sealed = store.sealed_cases(connection, case_ids)
        if case_ids[0] not in sealed:
            self._rules.tries.note(self._clock.now_s())
            raise NotFoundError("case.unknown", "No case is known under this receipt. Please check what you typed.")
        return sealed

    def statuses(self, tokens: Sequence[bytes]) -> list[HoldStatus]:
        """What has become of holds, in the order asked. A token that is not known answers ``withdrawn``."""
        hashes = [_hash_of(token) for token in tokens]
        with reading(self._engine) as connection:
            store.settle_intake(connection)
            facts = store.hold_facts(connection, hashes)
            listed = set(facts.entries.values())
            words = store.feedback_counts(connection, listed)
            aside = set_aside.states(connection, listed)
        known = {entry_id: status_of(words.get(entry_id, {})) for entry_id in listed}
        known |= {entry_id: status_aside(state) for entry_id, state in aside.items()}
        return [self._status(item, facts, known) for item in hashes]

    def _status(self, token_hash: bytes, facts: HoldFacts, known: dict[bytes, HoldStatus]) -> HoldStatus:
        entry_id = facts.entries.get(token_hash)
        if entry_id is None and token_hash not in facts.arriving:
            return HoldStatus(HoldState.EXPIRED if token_hash in facts.expired else HoldState.WITHDRAWN, 0)
        leaves = self._leaves(token_hash, facts)
        if token_hash in facts.wishes.withdraw and leaves is None:
            return HoldStatus(HoldState.WITHDRAWN, 0)
        if leaves is not None:
            return HoldStatus(HoldState.WITHDRAWING, 0, leaves=leaves)
        if entry_id is None:
            return HoldStatus(HoldState.BEING_ADDED, 0)
        return replace(known[entry_id], expires=self._expires(token_hash, facts))

    def _leaves(self, token_hash: bytes, facts: HoldFacts) -> date | None:
        if token_hash in facts.wishes.keep:
            return None
        day = facts.leaving.get(token_hash)
        if day is None and token_hash in facts.wishes.withdraw and self.terms.withdrawal_delay_days:
            day = self._today() + self.terms.withdrawal_delay_days
        return None if day is None else _EPOCH + timedelta(days=day)

    def _expires(self, token_hash: bytes, facts: HoldFacts) -> date | None:
        lifetime_days = self.terms.hold_lifetime_days
        if lifetime_days is None:
            return None
        renewed = end_of_hold(self._today(), lifetime_days)
        day = renewed if token_hash in facts.wishes.renew else facts.until.get(token_hash, renewed)
        return _EPOCH + timedelta(days=day)

    def audience(self, days: int) -> Sequence[AudienceCount]:
        """Whom the cases of the last days are about; small numbers are left out."""
        with reading(self._engine) as connection:
            return audience(connection, self._today() - days + 1, self._today())

    def may_run_batch(self) -> bool:
        """Whether the batch has company enough, or has waited for it long enough (case-v1 §7.2)."""
        with reading(self._engine) as connection:
            cases = store.waiting_cases(connection)
            is_anything = store.is_anything_waiting(connection, self._today(), holds_end=self._ends_holds)
        return self._rules.company.may_go(cases, is_anything=is_anything, now_s=self._clock.now_s())

    @property
    def _ends_holds(self) -> bool:
        return self.terms.hold_lifetime_days is not None

    def _batch(self, left_out: frozenset[bytes] = frozenset()) -> Batch:
        rules = self._rules
        return Batch(
            self._shuffler,
            self._today(),
            left_out,
            terms=rules.terms,
            topping_up=rules.topping_up,
            canaries=rules.canaries,
            guard=rules.guard,
        )

    def run_batch(self, left_out: frozenset[bytes] = frozenset()) -> BatchReport:
        """Move everything in intake, except cases named, in one transaction, and wipe it from the disk."""
        batch = self._batch(left_out)
        if batch.topping_up is not None:
            with reading(self._engine) as connection:
                batch.topping_up.look(connection, batch.today)

        def run_and_publish(connection: Connection) -> BatchReport:
            report = batch.run(connection)
            publish(connection, self._clock.now_s())
            forget_expired(connection, self._clock.now_s())
            return report

        report = self._writer.run(run_and_publish, alone=True)
        batch_store.wipe_log_files(self._engine)
        return report

    def publish_changes(self) -> None:
        """Note when changes came out that no batch made, such as quarantines (docs/adr/0040)."""
        with reading(self._engine) as connection:
            if not is_anything_unpublished(connection):
                return

        def publish_now(connection: Connection) -> None:
            batch_store.lock_intake(connection)
            publish(connection, self._clock.now_s())

        self._writer.run(publish_now, alone=True)

    def find_failing_cases(self) -> frozenset[bytes]:
        """Which waiting cases make a batch fail. Slow; nothing is changed."""
        return self._writer.run(
            partial(failing_cases, batch=replace(self._batch(), topping_up=None, canaries=None)), alone=True
        )

    def list_states(self) -> list[ListState]:
        """Where each list's log stands."""
        with reading(self._engine) as connection:
            return [store.list_state(connection, name) for name in Algorithm]

    def check_readable(self) -> None:
        """Raise what is wrong with the database, if something is."""
        with reading(self._engine) as connection:
            store.waiting_cases(connection)

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def _take_in(connection: Connection, items: Sequence[tuple[Submission, int, SpentProof | None]]) -> list[Reception]:
    good = spend(connection, [proof for _, _, proof in items])
    proven = [(submission, day) for (submission, day, _), is_good in zip(items, good, strict=True) if is_good]
    taken = iter(store.put_in_intake(connection, proven))
    return [_reception(next(taken)) if is_good else Reception.PROOF_SPENT for is_good in good]


def _reception(is_taken: bool) -> Reception:
    return Reception.TAKEN_IN if is_taken else Reception.ANOTHER_CASE


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
