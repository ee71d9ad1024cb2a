"""The life of a list as a state machine: whatever happens in whatever order, three accounts of it agree.

The live list, the replay of its log, and the entries that somebody holds are always the same; the chain fits, the
count is right, days never fall, and every hold says what the model here says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from tests.plausible import plausible_pdq

from takeback.model.case import HoldState, HoldStatus, Submission
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

# Few enough to meet again and again.
POOL = tuple(
    [plausible_pdq(number, 50 + number) for number in range(4)]
    + [Fingerprint(Algorithm.MD5, plausible_pdq(number).value[:32]) for number in range(2)]
)
FURTHEST = (
    (HoldState.REMOVED, {FeedbackValue.BLOCKED}),
    (HoldState.IN_REVIEW, {FeedbackValue.PENDING_REVIEW}),
    (HoldState.FOUND, {FeedbackValue.QUALITY_UNKNOWN, FeedbackValue.NOT_BLOCKED}),
)
numbers = st.integers(min_value=0, max_value=10**6)


class ListLifeCycle(RuleBasedStateMachine):
    def __init__(self, new_rig: Callable[[], RegistryRig]) -> None:
        super().__init__()
        self.new_rig = new_rig
        self.submissions: list[Submission] = []
        self.fingerprint_of: dict[bytes, Fingerprint] = {}
        self.waiting: list[bytes] = []
        self.held: set[bytes] = set()
        self.leaving: set[bytes] = set()
        self.words: dict[tuple[Fingerprint, int], FeedbackValue] = {}
        self.needs_check = False

    @initialize()
    def open(self) -> None:
        self.rig = self.new_rig()
        self.rig.registry.services.partners.add("Second platform")

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            self.rig.registry.close()

    @rule(chosen=st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
    def submit(self, chosen: list[Fingerprint]) -> None:
        person = self.rig.submits(*chosen)
        self.submissions.append(person.submission)
        for token, fingerprint in zip(person.tokens, chosen, strict=True):
            self.fingerprint_of[token] = fingerprint
            self.waiting.append(token)

    @precondition(lambda self: self.submissions)
    @rule(which=numbers)
    def send_again(self, which: int) -> None:
        self.rig.registry.services.registry.submit(self.submissions[which % len(self.submissions)]).result()

    @precondition(lambda self: self.fingerprint_of)
    @rule(which=st.lists(numbers, min_size=1, max_size=3))
    def withdraw(self, which: list[int]) -> None:
        known = list(self.fingerprint_of)
        tokens = {known[number % len(known)] for number in which}
        self.rig.withdraws(*tokens)
        self.leaving |= tokens

    @rule()
    def withdraw_unknown(self) -> None:
        self.rig.withdraws(bytes(16))

    @rule()
    def batch(self) -> None:
        before = {self.fingerprint_of[token] for token in self.held}
        report = self.rig.batch()
        self.held |= set(self.waiting)
        self.held -= self.leaving
        self.waiting, self.leaving = [], set()
        after = {self.fingerprint_of[token] for token in self.held}
        assert (report.added, report.removed, report.kept) == (len(after - before), len(before - after), 0)
        self.words = {key: value for key, value in self.words.items() if key[0] in after}
        self.needs_check = True

    @precondition(lambda self: self.held)
    @rule(which=numbers, partner=st.sampled_from([0, 1]), value=st.sampled_from(list(FeedbackValue)))
    def feedback(self, which: int, partner: int, value: FeedbackValue) -> None:
        listed = sorted({self.fingerprint_of[token] for token in self.held}, key=lambda item: item.value)
        fingerprint = listed[which % len(listed)]
        entries = self.rig.listed(fingerprint.algorithm).values()
        (entry,) = [change for change in entries if change.value == fingerprint.value]
        services = self.rig.registry.services
        word = Feedback(fingerprint.algorithm, entry.entry_id, value)
        assert services.feed.feedback(services.partners.all()[partner], [word]) == 1
        self.words[fingerprint, partner] = value

    @rule(seconds=st.integers(min_value=-200_000, max_value=200_000))
    def move_clock(self, seconds: int) -> None:
        self.rig.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.rig.registry.close()
        self.rig.registry = self.rig.another_process()

    @invariant()
    def every_hold_says_what_has_happened(self) -> None:
        if self.fingerprint_of:
            tokens = list(self.fingerprint_of)
            assert self.rig.status(*tokens) == [self.expected(token) for token in tokens]

    @invariant()
    def list_log_and_holds_agree(self) -> None:
        # Only a batch changes them, and looking costs a pull.
        if not self.needs_check:
            return
        self.needs_check = False
        held = {self.fingerprint_of[token] for token in self.held}
        with self.rig.registry.engine.connect() as connection:
            entry_rows = connection.execute(text("SELECT entry_id FROM entries")).scalars().all()
            hold_rows = connection.execute(text("SELECT DISTINCT entry_id FROM holds")).scalars().all()
        from_log = {name: self.rig.listed(name) for name in Algorithm}
        for name, live in from_log.items():
            assert {change.value for change in live.values()} == {item.value for item in held if item.algorithm is name}
        logged = {bytes.fromhex(entry_id) for live in from_log.values() for entry_id in live}
        assert {bytes(entry_id) for entry_id in entry_rows} == {bytes(entry_id) for entry_id in hold_rows} == logged

    def expected(self, token: bytes) -> HoldStatus:
        if token in self.leaving or (token not in self.held and token not in self.waiting):
            return HoldStatus(HoldState.WITHDRAWN, 0)
        if token in self.waiting:
            return HoldStatus(HoldState.BEING_ADDED, 0)
        words = [value for (fingerprint, _), value in self.words.items() if fingerprint == self.fingerprint_of[token]]
        for state, values in FURTHEST:
            if partners := sum(word in values for word in words):
                return HoldStatus(state, partners)
        return HoldStatus(HoldState.LISTED, 0)


def test_the_accounts_of_a_list_always_agree(new_rig: Callable[[], RegistryRig], database_kind: str) -> None:
    class OnThisDatabase(ListLifeCycle):
        def __init__(self) -> None:
            super().__init__(new_rig)

    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            # Opening a registry is what costs here.
            max_examples=25 if database_kind == "sqlite" else 6,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_model_notices_when_an_account_is_off(new_rig: Callable[[], RegistryRig]) -> None:
    machine = ListLifeCycle(new_rig)
    machine.open()
    machine.submit([POOL[0], POOL[4]])
    machine.batch()
    machine.list_log_and_holds_agree()
    with machine.rig.registry.engine.begin() as connection:
        connection.execute(text("UPDATE lists SET live_count = live_count + 1"))
    machine.needs_check = True
    with pytest.raises(AssertionError):
        machine.list_log_and_holds_agree()
    machine.teardown()
