import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.client.feed_fixture import HandMadeRegistry, Signer, add, entry_id, remove, served, value

from takeback.client.feed import FeedClient, SyncRound
from takeback.client.feed_state import take_page
from takeback.client.list_store import FILE_NAME, ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.clock import ManualClock
from takeback.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotAllowedError,
    TakebackError,
    UnavailableError,
)
from takeback.model.fingerprint import Algorithm

LIST = Algorithm.SHA256


class Partner:
    """A client, its store and a registry that can lie."""

    def __init__(self, folder: Path) -> None:
        self.registry = HandMadeRegistry()
        self.registry.logs[LIST] = [add(1, 1), add(2, 2), remove(3, 1), add(4, 3)]
        self.clock = ManualClock(self.registry.now_s)
        self.store = ListStore(folder)
        self.client = FeedClient(self.registry.http(), self.registry.signer.partner_key(), self.store, self.clock)

    def later(self, seconds: int = 10) -> None:
        self.clock.advance(seconds)
        self.registry.now_s += seconds

    def live(self) -> list[str]:
        return [change.entry_id for change in self.store.entries(LIST)]

    def refusal(self) -> str:
        with pytest.raises(TakebackError) as refusal:
            self.client.sync_once([LIST])
        return refusal.value.code


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    return Partner(tmp_path / "list")


def test_a_first_sync_and_what_changes_later(partner: Partner) -> None:
    (first,) = partner.client.sync_once([LIST])
    assert (first.seq, first.count, first.added, first.removed) == (4, 2, 2, 1)
    assert partner.live() == [entry_id(2), entry_id(3)]
    partner.registry.logs[LIST] += [add(5, 5), remove(6, 2)]
    partner.later()
    (second,) = partner.client.sync_once([LIST])
    assert (second.seq, second.count, second.added, second.removed) == (6, 2, 1, 1)
    assert partner.live() == [entry_id(3), entry_id(5)]
    assert [(c.seq, c.op.value) for c in partner.store.changes_after(LIST, 4)] == [(5, "add"), (6, "remove")]
    assert partner.store.live(LIST, [entry_id(2), entry_id(3)]) == {entry_id(3)}


def test_entries_come_back_as_they_were_sent(partner: Partner) -> None:
    partner.registry.logs[Algorithm.PDQ] = [add(1, 1, Algorithm.PDQ)]
    partner.client.sync_once([Algorithm.PDQ])
    assert list(partner.store.entries(Algorithm.PDQ)) == partner.registry.logs[Algorithm.PDQ]


def test_small_pages_give_the_same_list(partner: Partner) -> None:
    partner.client.steps.page_size = 1
    (result,) = partner.client.sync_once([LIST])
    assert (result.seq, result.count) == (4, 2)
    assert partner.live() == [entry_id(2), entry_id(3)]


def test_every_refusal_keeps_the_last_good_list(partner: Partner) -> None:
    partner.client.sync_once([LIST])
    before, good = partner.store.state(LIST), partner.live()
    log = partner.registry.logs[LIST]
    honest = partner.registry.signer

    partner.later()
    partner.registry.logs[LIST] = log[:3]
    assert partner.refusal() == "feed.rollback"
    partner.registry.logs[LIST] = [*log[:3], add(4, 77)]
    assert partner.refusal() == "feed.fork"
    partner.registry.logs[LIST] = [*log, add(5, 5), add(6, 6)]
    partner.registry.drop_seq = 5
    assert partner.refusal() == "feed.chain"
    partner.registry.drop_seq = None
    partner.registry.lie = lambda head: replace(head, chain=bytes(32))
    assert partner.refusal() == "feed.chain"
    partner.registry.lie = lambda head: replace(head, count=7)
    assert partner.refusal() == "feed.chain"
    partner.registry.lie = lambda head: replace(head, expires=partner.clock.now_s())
    assert partner.refusal() == "feed.expired"
    partner.registry.lie = lambda head: replace(head, list=Algorithm.MD5)
    assert partner.refusal() == "feed.malformed"
    partner.registry.lie = lambda head: head

    partner.registry.signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(NotAllowedError):  # the hand-made registry knows its own partner's key only
        partner.client.sync_once([LIST])
    partner.registry.signer = honest

    assert partner.live() == good
    assert partner.store.state(LIST).applied == before.applied
    assert partner.store.state(LIST).verified_s == before.verified_s
    partner.client.sync_once([LIST])
    assert partner.store.state(LIST).applied.seq == 6


def test_a_registry_with_another_key_is_refused_even_if_it_takes_the_partner_key(partner: Partner) -> None:
    key = partner.registry.signer.partner_key()
    partner.client.steps.key = PartnerKey(key.partner_id, key.text, pin="0" * 32)
    assert partner.refusal() == "feed.signature"
    assert partner.live() == []


def test_an_impossible_log_is_refused_although_it_is_signed(partner: Partner) -> None:
    for impossible in (
        [add(1, 1), add(2, 1)],
        [add(1, 1), remove(2, 9)],
        [add(1, 1), add(2, 2), remove(3, 1), remove(4, 1)],
    ):
        partner.registry.logs[LIST] = impossible
        assert partner.refusal() == "feed.chain"
        assert partner.live() == []


def test_a_tombstone_before_its_entry_is_refused(partner: Partner) -> None:
    partner.registry.logs[LIST] = [add(1, 1), remove(2, 2), add(3, 2)]
    assert partner.refusal() == "feed.chain"


def test_a_lie_on_a_later_page_costs_what_was_staged_and_nothing_else(partner: Partner) -> None:
    partner.client.steps.page_size = 2
    partner.registry.drop_seq = 3
    assert partner.refusal() == "feed.chain"
    assert partner.store.state(LIST).staged.seq == 0
    partner.registry.drop_seq = None
    partner.client.sync_once([LIST])
    assert partner.live() == [entry_id(2), entry_id(3)]


def test_an_interruption_between_pages_goes_on_where_it_was(partner: Partner, tmp_path: Path) -> None:
    partner.client.steps.page_size = 2
    assert partner.client._drive(partner.client.steps.page_steps(LIST)) is False
    assert partner.live() == []
    partner.registry.unreachable = True
    with pytest.raises(UnavailableError):
        partner.client.sync_once([LIST])
    assert partner.store.state(LIST).staged.seq == 2
    partner.store.close()

    partner.registry.unreachable = False
    with ListStore(tmp_path / "list") as store:
        partner.client.steps.store = store
        partner.registry.asked.clear()
        partner.client.sync_once([LIST])
        assert [path.split("after=")[1].split("&")[0] for path in partner.registry.asked if "after=" in path] == ["2"]
        assert [change.entry_id for change in store.entries(LIST)] == [entry_id(2), entry_id(3)]


_CHILD = """
import sys
from pathlib import Path
from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.clock import ManualClock
from takeback.model.fingerprint import Algorithm
url, key, folder, now_s = sys.argv[1:]
store = ListStore(Path(folder))
client = FeedClient.at(url, parse_partner_key(key), store, ManualClock(int(now_s)))
client.steps.page_size = 2
client.sync_once([Algorithm.SHA256])
"""


@dataclass
class StallingRegistry(HandMadeRegistry):
    """Stops answering once the client asks for what comes after ``stall_after``."""

    stall_after: int | None = 4
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        answer = super().answer(path, authorization)
        if self.stall_after is not None and f"after={self.stall_after}&" in path:
            self.stalled.set()
            self.go_on.wait(20)
        return answer


def test_a_client_killed_between_pages_resumes(tmp_path: Path) -> None:
    registry = StallingRegistry()
    registry.logs[LIST] = [add(i, i) for i in range(1, 10)]
    key = registry.signer.partner_key()
    with served(registry) as url:
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, url, key.text, str(tmp_path), str(registry.now_s)], env=dict(os.environ)
        )
        assert registry.stalled.wait(20)
        child.send_signal(signal.SIGKILL)
        child.wait()
        registry.stall_after = None
        registry.go_on.set()
        registry.asked.clear()
        with (
            ListStore(tmp_path) as store,
            FeedClient.at(url, key, store, ManualClock(registry.now_s)) as client,
        ):
            assert (store.state(LIST).applied.seq, store.state(LIST).staged.seq) == (0, 4)
            client.sync_once([LIST])
            assert store.state(LIST).applied.seq == 9
            assert len(list(store.entries(LIST))) == 9
        assert not any("after=0&" in path for path in registry.asked)


def test_lists_a_partner_is_not_for_are_skipped_unless_named(partner: Partner) -> None:
    partner.registry.refused_lists = tuple(set(Algorithm) - {LIST})
    assert [result.list for result in partner.client.sync_once()] == [LIST]
    with pytest.raises(NotAllowedError) as refusal:
        partner.client.sync_once([Algorithm.PDQ])
    assert refusal.value.code == "partner.not_entitled"
    partner.registry.refused_lists = tuple(Algorithm)
    with pytest.raises(NotAllowedError):
        partner.client.sync_once()


def test_one_bad_list_does_not_stop_the_others(partner: Partner) -> None:
    partner.registry.logs[Algorithm.MD5] = [add(1, 1, Algorithm.MD5), add(2, 1, Algorithm.MD5)]
    done = partner.client.sync_round()
    assert {result.list for result in done.results} == set(Algorithm) - {Algorithm.MD5}
    assert [(refusal.list, refusal.error.code) for refusal in done.refusals] == [(Algorithm.MD5, "feed.chain")]


def test_follow_goes_on_after_failures_and_stops_when_told(partner: Partner) -> None:
    stop = threading.Event()
    seen: list[SyncRound] = []

    def on_round(done: SyncRound) -> None:
        seen.append(done)
        partner.registry.unreachable = len(seen) == 1
        if len(seen) == 3:
            stop.set()

    partner.client.follow(0.001, stop, on_round)
    assert [bool(done.refusals) for done in seen] == [False, True, False]


def test_stale_is_said_when_the_registry_falls_silent(partner: Partner) -> None:
    partner.client.sync_once([LIST])
    assert not partner.store.state(LIST).is_stale(partner.clock.now_s())
    partner.clock.advance(3600)
    assert partner.store.state(LIST).is_stale(partner.clock.now_s())
    assert partner.refusal() == "feed.expired"
    assert partner.live() == [entry_id(2), entry_id(3)]


def test_two_writers_on_one_store_do_not_mix(partner: Partner, tmp_path: Path) -> None:
    before = partner.store.state(LIST)
    step = take_page(before, partner.registry.head(LIST), partner.registry.logs[LIST], partner.clock.now_s())
    partner.client.sync_once([LIST])
    with ListStore(tmp_path / "list") as second, pytest.raises(ConflictError) as refusal:
        second.stage(before, step)
    assert refusal.value.code == "store.busy"
    assert partner.live() == [entry_id(2), entry_id(3)]


def test_the_store_is_private_and_forgets_removed_values(partner: Partner, tmp_path: Path) -> None:
    partner.client.sync_once([LIST])
    folder = tmp_path / "list"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert bytes.fromhex(value(2)) in b"".join(path.read_bytes() for path in folder.iterdir())
    partner.registry.logs[LIST].append(remove(5, 2))
    partner.later()
    partner.client.sync_once([LIST])
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert bytes.fromhex(value(2)) not in everything
    assert bytes.fromhex(value(3)) in everything


def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database, whatever its name says" * 40)
    with pytest.raises(CorruptDataError) as refusal:
        ListStore(tmp_path)
    assert refusal.value.code == "store.damaged"


def test_a_store_of_another_version_says_so(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(CorruptDataError):
        ListStore(tmp_path)


def test_a_store_that_cannot_be_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnavailableError):
        ListStore(tmp_path / "file" / "below")


def test_an_unknown_partner_is_told(partner: Partner) -> None:
    partner.client.http.headers["Authorization"] = "Bearer tb1_nobody"
    with pytest.raises(NotAllowedError) as refusal:
        partner.client.sync_once()
    assert refusal.value.code == "partner.unknown"


def test_partner_keys(partner: Partner) -> None:
    key = partner.registry.signer.partner_key()
    assert parse_partner_key(f"  {key.text}\n") == key
    assert key.text not in repr(key)
    assert "cd" * 32 not in repr((key, partner.client))
    for text in ("", "tb1_", key.text[:-1], key.text.upper(), key.text + "0"):
        with pytest.raises(InvalidInputError) as refusal:
            parse_partner_key(text)
        assert refusal.value.code == "partner.key_format"
        assert "cd" * 32 not in str(refusal.value).lower()
