"""The life of entries that leave the feed and come back, as a state machine over both databases.

Whatever happens in whatever order: the feed is exactly what is held and not set aside, every hold says where its entry
stands, and nothing that was deleted or declined comes back by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

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

from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.set_aside import AsideState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.registry_rig import RegistryRig

POOL = tuple(plausible_pdq(seed) for seed in range(4))
VALUES = tuple(item.value for item in POOL)
QUORUM = 3
VOTES = (FeedbackValue.NOT_BLOCKED, FeedbackValue.BLOCKED)
picks = st.integers(min_value=0, max_value=len(POOL) - 1)


class QuarantineLife(RuleBasedStateMachine):
    def __init__(self, new_rig: Callable[[], RegistryRig]) -> None:
        super().__init__()
        self.new_rig = new_rig
        self.token_of: dict[bytes, str] = {}
        self.aside: dict[str, AsideState] = {}
        self.guarded: set[str] = set()
        self.words: dict[tuple[str, int], FeedbackValue] = {}
        self.looked = False

    @initialize()
    def open(self) -> None:
        self.rig = self.new_rig()
        service = self.rig.registry.services.partners
        self.partners = [service.add(f"Platform {number}").partner for number in range(4)]

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            self.rig.registry.close()

    @property
    def held(self) -> set[str]:
        return set(self.token_of.values())

    def entry_of(self, value: str) -> str:
        """The id of a value's entry, straight from the database: no service gives values out."""
        with self.rig.registry.engine.connect() as connection:
            query = text("SELECT entry_id FROM entries WHERE value = :value")
            return bytes(connection.execute(query, {"value": bytes.fromhex(value)}).scalar_one()).hex()

    @rule(pick=picks)
    def submit(self, pick: int) -> None:
        person = self.rig.submits(POOL[pick])
        self.rig.batch()
        if VALUES[pick] not in self.held and VALUES[pick] in self.guarded:
            self.aside[VALUES[pick]] = AsideState.WAITING
        self.token_of[person.tokens[0]] = VALUES[pick]
        self.looked = False

    @precondition(lambda self: self.token_of)
    @rule(which=st.integers(min_value=0, max_value=99))
    def withdraw(self, which: int) -> None:
        token = list(self.token_of)[which % len(self.token_of)]
        self.rig.withdraws(token)
        self.rig.batch()
        value = self.token_of.pop(token)
        if value not in self.held:
            self.aside.pop(value, None)
            self.words = {key: word for key, word in self.words.items() if key[0] != value}
        self.looked = False

    @precondition(lambda self: self.held - set(self.aside))
    @rule(pick=picks, partner=st.integers(min_value=0, max_value=3), vote=st.sampled_from(VOTES))
    def vote(self, pick: int, partner: int, vote: FeedbackValue) -> None:
        listed = sorted(self.held - set(self.aside))
        value = listed[pick % len(listed)]
        word = Feedback(Algorithm.PDQ, self.entry_of(value), vote)
        assert self.rig.registry.services.feed.feedback(self.partners[partner], [word]) == 1
        self.words[value, partner] = vote
        tally = [word for key, word in self.words.items() if key[0] == value]
        against, for_it = (tally.count(vote) for vote in VOTES)
        if against >= QUORUM and against > for_it:
            self.aside[value] = AsideState.WAITING
        self.looked = False

    @precondition(lambda self: self.held - set(self.aside))
    @rule(pick=picks)
    def take_off(self, pick: int) -> None:
        listed = sorted(self.held - set(self.aside))
        value = listed[pick % len(listed)]
        self.rig.registry.services.quarantine.take_off(self.entry_of(value))
        self.aside[value] = AsideState.WAITING
        self.looked = False

    @precondition(lambda self: self.aside)
    @rule(pick=picks)
    def restore(self, pick: int) -> None:
        value = sorted(self.aside)[pick % len(self.aside)]
        before = self.entry_of(value)
        after = self.rig.registry.services.quarantine.restore(before)
        assert after != before
        del self.aside[value]
        self.words = {
            key: word for key, word in self.words.items() if key[0] != value or word is not FeedbackValue.NOT_BLOCKED
        }
        self.looked = False

    @precondition(lambda self: self.aside)
    @rule(pick=picks)
    def remove(self, pick: int) -> None:
        value = sorted(self.aside)[pick % len(self.aside)]
        self.rig.registry.services.quarantine.remove(self.entry_of(value))
        self.aside[value] = AsideState.DECLINED

    @rule(pick=picks)
    def guard(self, pick: int) -> None:
        self.rig.registry.services.guard.add([POOL[pick]])
        self.guarded.add(VALUES[pick])

    @rule()
    def restart(self) -> None:
        self.rig.registry.close()
        self.rig.registry = self.rig.another_process()
        assert self.rig.registry.services.quarantine.sweep() == 0

    @invariant()
    def every_hold_says_where_its_entry_stands(self) -> None:
        tokens = list(self.token_of)
        for token, status in zip(tokens, self.rig.status(*tokens) if tokens else [], strict=True):
            match self.aside.get(self.token_of[token]):
                case AsideState.WAITING:
                    assert status.state is HoldState.QUARANTINED
                case AsideState.DECLINED:
                    assert status.state is HoldState.DECLINED
                case None:
                    assert status.state in {HoldState.LISTED, HoldState.FOUND, HoldState.REMOVED}

    @invariant()
    def the_feed_is_what_is_held_and_not_set_aside(self) -> None:
        if self.looked or not hasattr(self, "rig"):
            return
        self.looked = True
        listed = self.rig.listed(Algorithm.PDQ)
        assert {change.value for change in listed.values()} == self.held - set(self.aside)
        services = self.rig.registry.services
        waiting = {entry.entry_id for entry in (*services.quarantine.list(), *services.guard.waiting())}
        assert len(waiting) == sum(state is AsideState.WAITING for state in self.aside.values())
        assert not waiting & set(listed)


def test_whatever_happens_to_entries_three_accounts_agree(
    new_rig: Callable[[], RegistryRig], database_kind: str
) -> None:
    run_state_machine_as_test(
        cast("type[QuarantineLife]", lambda: QuarantineLife(new_rig)),
        settings=settings(
            # Opening a registry is what costs here.
            max_examples=10 if database_kind == "sqlite" else 3,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
