import io
import json
import secrets
import threading
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import UnavailableError
from takeback.httpkit.logs import open_log
from takeback.model.case import HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry.batcher import Batcher
from takeback.registry.change_log import extend_log
from takeback.registry.service import status_of
from takeback.registry.types import BatchReport, Entry, ListState
from takeback.wire.feed_v1 import first_chain, next_chain

EMPTY = ListState(Algorithm.MD5, 0, first_chain(Algorithm.MD5), 0, 0)


def _entry() -> Entry:
    return Entry(secrets.token_bytes(16), Algorithm.MD5, secrets.token_bytes(16), None)


@given(st.lists(st.integers(min_value=0, max_value=40_000), min_size=1, max_size=8))
def test_a_log_grows_without_gaps_and_its_days_never_fall(days: list[int]) -> None:
    state, chain, last_day = EMPTY, EMPTY.chain, date(1970, 1, 1)
    for batches, today in enumerate(days, start=1):
        marks = [(Op.ADD, _entry()), (Op.ADD, _entry()), (Op.REMOVE, _entry())]
        extension = extend_log(state, marks, today)
        for seq, change in enumerate(extension.changes, start=state.seq + 1):
            assert change.seq == seq
            assert change.day >= last_day
            assert (change.value is None) == (change.op is Op.REMOVE)
            chain, last_day = next_chain(chain, change), change.day
        state = extension.state
        assert (state.chain, state.count) == (chain, batches)


def test_nothing_to_log_changes_nothing() -> None:
    assert extend_log(EMPTY, [], 20_000).state == EMPTY


@given(st.dictionaries(st.sampled_from(FeedbackValue), st.integers(min_value=0, max_value=9)))
def test_a_status_never_says_less_than_the_furthest_word(words: dict[FeedbackValue, int]) -> None:
    status = status_of(words)
    if words.get(FeedbackValue.BLOCKED):
        assert status == HoldStatus(HoldState.REMOVED, words[FeedbackValue.BLOCKED])
    elif words.get(FeedbackValue.PENDING_REVIEW):
        assert status == HoldStatus(HoldState.IN_REVIEW, words[FeedbackValue.PENDING_REVIEW])
    else:
        assert status.platforms == sum(words.values())
        assert status.state is (HoldState.FOUND if status.platforms else HoldState.LISTED)


class _Scripted:
    """Batches that end as a script says."""

    def __init__(self, *outcomes: Exception | None, failing: frozenset[bytes] = frozenset()) -> None:
        self.outcomes = list(outcomes)
        self.failing = failing
        self.left_out: list[frozenset[bytes]] = []
        self.searched = 0
        self.ran = threading.Event()

    def publish_changes(self) -> None:
        pass

    def may_run_batch(self) -> bool:
        return True

    def run_batch(self, left_out: frozenset[bytes] = frozenset()) -> BatchReport:
        self.left_out.append(left_out)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if not self.outcomes:
            self.ran.set()
        if outcome is not None:
            raise outcome
        return BatchReport(0, 0, 0, 0)

    def find_failing_cases(self) -> frozenset[bytes]:
        self.searched += 1
        return self.failing


class _Turn:
    """A turn that is ours, or fails, or is not, as told."""

    def __init__(self, is_ours: bool | Exception = True) -> None:
        self.answer = is_ours
        self.given_up = 0

    def is_ours(self) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def give_up(self) -> None:
        self.given_up += 1


def _batcher(batches: _Scripted) -> tuple[Batcher, Callable[[], list[str]]]:
    stream = io.StringIO()
    return Batcher(batches, _Turn(), 0.005, open_log(stream)), lambda: [
        json.loads(line)["event"] for line in stream.getvalue().splitlines()
    ]


def test_the_thread_gets_over_failures_and_stops_when_told() -> None:
    batches = _Scripted(RuntimeError("x"), UnavailableError("registry.unavailable", "No."), None, None)
    batcher, events = _batcher(batches)
    batcher.start()
    assert batches.ran.wait(10)
    batcher.stop()
    batcher.stop()
    assert events() == ["batch.failed", "batch.failed", "batch.recovered"]
    assert batcher.failures == 0
    count = len(batches.left_out)
    assert not threading.Event().wait(0.05)
    assert len(batches.left_out) == count


def test_a_batch_gives_way_to_a_long_reader_but_not_for_ever() -> None:
    locked = UnavailableError("registry.locked", "No.")
    batches = _Scripted(*[locked] * 10, None, *[locked] * 11)
    batcher, events = _batcher(batches)
    for _ in range(10):
        assert batcher.run_once() is None
    assert batcher.failures == 0
    assert batcher.run_once() is not None
    for _ in range(11):
        assert batcher.run_once() is None
    assert batcher.failures == 1
    assert events() == [*["batch.delayed"] * 21, "batch.failed"]


def test_cases_are_searched_for_only_after_repeated_failures_of_ours() -> None:
    bad = frozenset({b"case"})
    batches = _Scripted(*[RuntimeError("x")] * 3, failing=bad)
    batcher, events = _batcher(batches)
    assert [batcher.run_once() for _ in range(3)] == [None] * 3
    assert batches.searched == 1
    assert batcher.run_once() is not None
    assert batches.left_out == [frozenset()] * 3 + [bad]
    assert events() == ["batch.failed"] * 3 + ["batch.cases_left_out", "batch.recovered"]


def test_what_the_outside_does_is_no_cases_fault() -> None:
    batches = _Scripted(*[UnavailableError("registry.unavailable", "No.")] * 7)
    batcher, _events = _batcher(batches)
    for _ in range(7):
        assert batcher.run_once() is None
    assert batches.searched == 0


@pytest.mark.parametrize("secret", ["a fingerprint's value"])
def test_a_failures_own_words_are_not_logged(secret: str) -> None:
    stream = io.StringIO()
    Batcher(_Scripted(RuntimeError(secret)), _Turn(), 1.0, open_log(stream)).run_once()
    assert "RuntimeError" in stream.getvalue()
    assert secret not in stream.getvalue()


def test_only_whose_turn_it_is_runs_batches() -> None:
    stream = io.StringIO()
    batches, turn = _Scripted(), _Turn(is_ours=False)
    batcher = Batcher(batches, turn, 1.0, open_log(stream))
    assert batcher.run_if_ours() is None
    turn.answer = RuntimeError("the database is away")
    assert batcher.run_if_ours() is None
    assert batches.left_out == []
    turn.answer = True
    assert batcher.run_if_ours() is not None
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["batch.turn_failed"]
    batcher.stop()
    assert turn.given_up == 1
