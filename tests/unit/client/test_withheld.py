"""What the registry withholds from a partner: it counts, it can be removed, and it is nothing to match."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.client.feed_fixture import HandMadeRegistry, add, entry_id, remove, withheld

from takeback.client.feed import FeedClient
from takeback.client.feed_state import Position
from takeback.client.list_store import FILE_NAME, ListStore
from takeback.clock import ManualClock
from takeback.errors import ProtocolViolationError
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm

LIST = Algorithm.SHA256
LOG = [add(1, 1), withheld(2, 2), replace(add(3, 3), is_digested=True), withheld(4, 4), remove(5, 2)]


class Partner:
    """A client that can be told anything by its registry."""

    def __init__(self, folder: Path) -> None:
        self.registry = HandMadeRegistry()
        self.registry.logs[LIST] = list(LOG)
        self.clock = ManualClock(self.registry.now_s)
        self.store = ListStore(folder)
        self.client = FeedClient(self.registry.http(), self.registry.signer.partner_key(), self.store, self.clock)

    def live(self) -> list[str]:
        return [change.entry_id for change in self.store.entries(LIST)]

    def refusal(self) -> str:
        with pytest.raises(ProtocolViolationError) as refusal:
            self.client.sync_once([LIST])
        assert self.store.state(LIST).applied.seq == 0
        assert (self.live(), self.store.withheld(LIST)) == ([], 0)
        return refusal.value.code


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    return Partner(tmp_path / "list")


@pytest.mark.parametrize("page_size", [1, 2, 10])
def test_it_counts_and_is_shown_nowhere(partner: Partner, page_size: int) -> None:
    partner.client.steps.page_size = page_size
    (result,) = partner.client.sync_once([LIST])
    assert (result.seq, result.count, result.added, result.withheld) == (5, 3, 2, 1)
    assert partner.live() == [entry_id(1), entry_id(3)]
    assert {change.op for change in partner.store.changes_after(LIST, 0)} == {Op.ADD, Op.REMOVE}
    assert [change.entry_id for change in partner.store.entries_between(LIST, 0, 9)] == [entry_id(1), entry_id(3)]
    assert partner.store.live(LIST, [entry_id(4)]) == frozenset()
    assert (partner.store.place_of_entry(LIST, 0, 2), partner.store.place_of_entry(LIST, 0, 3)) == (3, None)
    partner.registry.logs[LIST] += [remove(6, 4), add(7, 7)]
    (result,) = partner.client.sync_once([LIST])
    assert (result.count, result.withheld) == (3, 0)


def test_nobody_on_the_way_can_withhold(partner: Partner) -> None:
    """The chain comes out all the same: what is refused is that the registry does not say so."""
    partner.registry.withheld_from = "cd" * 8
    assert partner.refusal() == "feed.withheld"
    honest = HandMadeRegistry.changes

    def lying(lie: Callable[..., object]) -> None:
        partner.registry.withheld_from = "ab" * 8
        partner.registry.changes = lambda *asked: lie(honest(partner.registry, *asked))  # type: ignore[method-assign,assignment]

    lying(lambda shape: shape.model_copy(update={"withheld": None}))
    assert partner.refusal() == "feed.withheld"
    told = [withheld(1, 1), *LOG[1:]]
    spoken = honest(partner.registry, LIST, 0, 10).withheld
    partner.registry.logs[LIST] = told
    lying(lambda shape: shape.model_copy(update={"withheld": spoken}))
    assert partner.refusal() == "feed.withheld"
    partner.registry.logs[LIST] = list(LOG)
    forged = partner.registry.signer.sign_other(spoken.text if spoken else "", b"takeback/head/v1\n")
    lying(lambda shape: shape.model_copy(update={"withheld": forged}))
    assert partner.refusal() == "feed.signature"


@pytest.mark.parametrize(
    "log",
    [
        [*LOG, withheld(6, 1)],
        [*LOG, add(6, 4)],
        [*LOG, withheld(6, 4)],
        [*LOG, remove(6, 4), remove(7, 4)],
        [remove(1, 2), withheld(2, 2)],
    ],
    ids=["told, then withheld", "withheld, then told", "withheld twice", "removed twice", "removed before it came"],
)
def test_an_entry_is_added_and_removed_once(partner: Partner, log: list[Change]) -> None:
    partner.registry.logs[LIST] = log
    assert partner.refusal() == "feed.chain"


def test_another_value_than_was_chained_is_refused(partner: Partner) -> None:
    digested = replace(add(1, 1), is_digested=True)
    partner.registry.logs[LIST] = [digested]
    head = partner.registry.head(LIST)
    partner.registry.lie = lambda _: head
    for other in (replace(digested, value=add(1, 9).value), replace(digested, is_digested=False)):
        partner.registry.logs[LIST] = [other]
        assert partner.refusal() == "feed.chain"
    partner.registry.logs[LIST] = [digested]
    assert partner.client.sync_once([LIST])[0].count == 1


def _store(store: ListStore, count: int, *live: Change) -> None:
    before = store.state(LIST)
    after = Position(9, bytes(32), count)
    store.replace(before, replace(before, applied=after, staged=after), iter(live))


def test_a_snapshot_says_the_same_and_what_was_told_before_leaves_a_tombstone(tmp_path: Path) -> None:
    with ListStore(tmp_path) as store:
        _store(store, 2, add(1, 1), add(2, 2))
        _store(store, 3, add(1, 1), withheld(2, 2), withheld(3, 3))
        assert ([change.seq for change in store.entries(LIST)], store.withheld(LIST)) == ([1], 2)
        assert [(c.op, c.entry_id) for c in store.changes_after(LIST, 8)] == [(Op.REMOVE, entry_id(2))]
        for count, live in (
            (2, [add(1, 1), withheld(2, 1)]),
            (2, [withheld(1, 1), withheld(2, 1)]),
            (1, [withheld(1, 1), withheld(2, 2)]),
            (1, [withheld(10, 1)]),
        ):
            with pytest.raises(ProtocolViolationError) as refusal:
                _store(store, count, *live)
            assert refusal.value.code == "feed.snapshot"
            assert store.withheld(LIST) == 2


def test_a_store_from_before_takes_what_is_withheld(tmp_path: Path) -> None:
    partner = Partner(tmp_path)
    partner.registry.logs[LIST] = [add(1, 1)]
    partner.client.sync_once([LIST])
    partner.store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("DROP TABLE withheld")
    again = Partner(tmp_path)
    (result,) = again.client.sync_once([LIST])
    assert (result.seq, result.count, result.withheld) == (5, 3, 1)
