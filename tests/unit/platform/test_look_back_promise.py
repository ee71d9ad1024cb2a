"""Whatever comes in between, what is remembered is compared with every entry. Real database, list store, engine."""

import hashlib
import io
import shutil
import ssl
import tempfile
import threading
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from tests.unit.client.feed_fixture import add, entry_id, remove, value

from takeback.client.feed_state import Position, Step
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.clock import ManualClock
from takeback.db import GroupWriter, open_database, reading, sqlite_url
from takeback.httpkit.logs import open_log
from takeback.matching import MatchEngine
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Lead
from takeback.model.match import Match
from takeback.platform import memory_store, store
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.finds import Finds
from takeback.platform.look_back import LookBack
from takeback.platform.memory import Memory, Noted
from takeback.platform.question import Question, ask
from takeback.platform.remembered import Remembered
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import LeadRecord, MediaFacts

SHA256 = Algorithm.SHA256
FACTS = MediaFacts(4, 3)
DAY = date(2026, 11, 22)
VALUES = st.integers(0, 5)
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing is sent, and to read a machine's certificates takes longer than everything else here."""


class StopsAfter(threading.Event):
    """Set after it has been looked at so often: a pass that is interrupted."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


@dataclass
class Check:
    """A check that has asked, and has not stored its answer yet."""

    content_id: str
    noted: Noted
    matches: list[Match]


class Kit:
    """The parts of a kit around looking back, as ``apps/platform.py`` puts them together."""

    def __init__(self, folder: Path, page_contents: int = 2) -> None:
        self.folder = folder
        self.engine = open_database(sqlite_url(folder / "platform.sqlite3"), "platform")
        self.writer = GroupWriter(self.engine)
        self.lists = ListStore(folder / "list")
        self.index = MatchEngine()
        self.memory = Memory(b"k" * 32, 30, 10**6, 10**9)
        clock, log = ManualClock(1_790_000_000), open_log(io.StringIO())
        self.http = httpx.Client(verify=NO_CERTIFICATES)
        reporter = FeedbackReporter(FeedbackSender(self.http), store.SqlOutbox(self.engine, self.writer), log)
        finds = Finds(self.writer, DecisionBell(0), reporter, clock, 60)
        self.look_back = LookBack(
            self.engine, self.writer, self.memory, self.lists, self.index, finds, clock, log, page_contents
        )

    def close(self) -> None:
        self.http.close()
        self.lists.close()
        self.writer.close()
        self.engine.dispose()

    def sync(self, changes: list[Change]) -> None:
        """What the feed client stores; the engine has not seen it yet."""
        before = self.lists.state(SHA256)
        count = before.applied.count + sum(1 if one.op is Op.ADD else -1 for one in changes)
        place = Position(before.applied.seq + len(changes), b"c" * 32, count)
        after = replace(before, applied=place, staged=place, verified_s=1, fresh_until_s=2)
        self.lists.stage(before, Step(after, changes, is_proved=True))

    def follow(self) -> None:
        """What the follower does with it."""
        seq = self.lists.state(SHA256).applied.seq
        self.index.apply(self.lists.changes_after(SHA256, self.index.seq(SHA256)))
        self.index.advance(SHA256, seq)

    def asked(self, content_id: str, number: int) -> Check:
        question = Question((Fingerprint(SHA256, value(number)),))
        asked_at = {name: self.index.seq(name) for name in Algorithm}
        matches = ask(question, self.index)
        return Check(content_id, self.memory.noted(content_id, Remembered(FACTS, question), asked_at), matches)

    def answered(self, check: Check) -> None:
        def store_it(connection):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            self.memory.keep(connection, check.noted, DAY)
            if check.matches and store.lead_of_content(connection, check.content_id) is None:
                lead_id = hashlib.md5(check.content_id.encode()).hexdigest()  # noqa: S324 - an id
                lead = Lead(lead_id, check.content_id, True, tuple(check.matches), 1, 2)
                store.add_lead(connection, LeadRecord(lead, FACTS, None))

        self.writer.run(store_it)

    def forget(self, content_id: str) -> None:
        self.writer.run(lambda connection: memory_store.forget(connection, content_id))

    def missed(self, values: dict[str, int]) -> list[tuple[str, str]]:
        """Remembered contents with a listed entry of the same value that no lead is about."""
        live = {one.value: one.entry_id for one in self.lists.entries(SHA256)}
        found = []
        with reading(self.engine) as connection:
            for content in memory_store.contents_after(connection, 0, 1000, 10**9):
                entry = live.get(value(values[content.content_id]))
                known = {entry_id for _, entry_id in store.entries_of_content(connection, content.content_id)}
                if entry is not None and entry not in known:
                    found.append((content.content_id, entry))
        return found


class LookBackMachine(RuleBasedStateMachine):
    """Entries, checks, passes and crashes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.kit = Kit(Path(self.home.name))
        self.entries = 0
        self.live: dict[int, int] = {}
        self.contents: dict[str, int] = {}
        self.checks: list[Check] = []

    def seq(self) -> int:
        return self.kit.lists.state(SHA256).applied.seq

    @rule(number=VALUES)
    def list_it(self, number: int) -> None:
        if number not in self.live:
            self.entries += 1
            self.live[number] = self.entries
            change = replace(add(self.seq() + 1, self.entries), value=value(number))
            self.kit.sync([change])

    @rule(number=VALUES)
    def withdraw(self, number: int) -> None:
        if number in self.live:
            self.kit.sync([remove(self.seq() + 1, self.live.pop(number))])

    @rule()
    def follow(self) -> None:
        self.kit.follow()

    @rule(number=VALUES)
    def begin_check(self, number: int) -> None:
        content_id = f"content{len(self.contents)}"
        self.contents[content_id] = number
        self.checks.append(self.kit.asked(content_id, number))

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def begin_check_again(self, data: st.DataObject) -> None:
        content_id = data.draw(st.sampled_from(sorted(self.contents)))
        self.checks.append(self.kit.asked(content_id, self.contents[content_id]))

    @precondition(lambda self: self.checks)
    @rule(data=st.data())
    def end_check(self, data: st.DataObject) -> None:
        self.kit.answered(self.checks.pop(data.draw(st.integers(0, len(self.checks) - 1))))

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.kit.forget(data.draw(st.sampled_from(sorted(self.contents))))

    @rule(pages=st.integers(0, 3))
    def look_back_a_little(self, pages: int) -> None:
        self.kit.look_back.run_pass(StopsAfter(pages))

    @rule()
    def crash(self) -> None:
        self.checks.clear()
        self.kit.close()
        self.kit = Kit(Path(self.home.name))
        # A kit loads what is on disk before anything is asked or looked back.
        self.kit.follow()

    @rule(again=st.sets(VALUES))
    def another_registry(self, again: set[int]) -> None:
        """The list store was deleted, and another list synced; it may be the longer one."""
        self.checks.clear()
        self.kit.close()
        shutil.rmtree(Path(self.home.name) / "list")
        self.kit = Kit(Path(self.home.name))
        self.live.clear()
        for number in again:
            self.list_it(number)
        self.kit.follow()

    def teardown(self) -> None:
        try:
            for check in self.checks:
                self.kit.answered(check)
            self.kit.follow()
            while self.kit.look_back.run_pass(threading.Event()):
                pass
            assert self.kit.missed(self.contents) == []
            assert self.kit.look_back.places()[SHA256] == self.seq()
        finally:
            self.kit.close()
            self.home.cleanup()


TestLookBack = LookBackMachine.TestCase
TestLookBack.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


def test_a_content_that_was_asked_before_a_pass_and_stored_after_it_is_not_missed(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    late = kit.asked("late", 1)
    kit.sync([add(1, 1)])
    kit.follow()
    while kit.look_back.run_pass(threading.Event()):
        pass
    assert kit.look_back.places()[SHA256] == 1
    kit.answered(late)
    assert kit.missed({"late": 1}) == [("late", entry_id(1))]
    while kit.look_back.run_pass(threading.Event()):
        pass
    assert kit.missed({"late": 1}) == []
    kit.close()


def test_what_is_too_much_goes_oldest_first(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    for number in range(4):
        kit.answered(kit.asked(f"content{number}", number))
    with reading(kit.engine) as connection:
        count, size_bytes = memory_store.totals(connection)
    assert count == 4
    small = replace(kit.look_back, memory=replace(kit.memory, max_total_bytes=size_bytes))
    small.tidy()
    with reading(kit.engine) as connection:
        assert memory_store.totals(connection) == (count, size_bytes)
    replace(small, memory=replace(kit.memory, max_total_bytes=size_bytes - 1)).tidy()
    with reading(kit.engine) as connection:
        assert memory_store.totals(connection)[1] < size_bytes
    kit.close()
