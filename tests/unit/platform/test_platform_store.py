import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine

from takeback.client.feedback import OutboxItem
from takeback.db import GroupWriter, open_database, reading, sqlite_url, writing
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Action, Feedback, FeedbackValue, Lead, Reason
from takeback.model.match import Match, Tier
from takeback.platform import store
from takeback.platform.checking import feedback_about
from takeback.platform.tables import METADATA
from takeback.platform.types import CheckedContent, LeadRecord, Media, MediaFacts

DAY = date(2026, 11, 22)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(sqlite_url(tmp_path / "platform.sqlite3"), "platform")
    yield opened
    opened.dispose()


def _match(i: int, tier: Tier = Tier.HOLD) -> Match:
    return Match(f"{i:032x}", Algorithm.PDQ, i, tier, 7)


def _record(i: int, deadline_s: int = 100) -> LeadRecord:
    lead = Lead(
        f"{i:032x}", f"content{i}", held=True, matches=(_match(1), _match(2)), created_s=1, deadline_s=deadline_s
    )
    return LeadRecord(lead, MediaFacts(10, 20, Media.VIDEO, 2.5), None)


def test_the_tables_are_what_the_migrations_make(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "takeback_platform_schema"})
        assert compare_metadata(context, METADATA) == []


def test_no_column_could_hold_a_value_or_a_name() -> None:
    columns = {f"{table.name}.{column.name}" for table in METADATA.sorted_tables for column in table.columns}
    words = ("fingerprint", "hash", "pdq", "md5", "sha", "file", "ip", "agent", "picture")
    assert not [column for column in columns for word in words if column.split(".")[1].startswith(word)]


def test_a_lead_comes_back_as_it_was(engine: Engine) -> None:
    with writing(engine) as connection:
        store.add_lead(connection, _record(1))
    with reading(engine) as connection:
        assert store.lead_of_id(connection, f"{1:032x}") == _record(1)
        assert store.lead_of_content(connection, "content1") == _record(1)
        assert store.lead_of_id(connection, "0" * 32) is None
        assert store.open_lead_ids(connection) == {f"{1:032x}"}


def test_decisions_are_numbered_and_never_reused(engine: Engine) -> None:
    with writing(engine) as connection:
        for i in (1, 2):
            store.add_lead(connection, _record(i))
            store.add_decision(connection, _record(i).lead, Action.KEEP, Reason.OTHER, "robin", 50)
    with reading(engine) as connection:
        assert [notice.seq for notice in store.notices_after(connection, 0, 10)] == [1, 2]
        assert [notice.seq for notice in store.notices_after(connection, 0, 1)] == [1]
        assert store.last_notice_seq(connection) == 2
        assert store.open_lead_ids(connection) == frozenset()


def test_contents_without_a_lead_are_forgotten(engine: Engine) -> None:
    with writing(engine) as connection:
        for name in ("content1", "clear"):
            store.remember_content(connection, CheckedContent(name, b"d" * 32, MediaFacts(1, 1), ()), DAY)
        store.add_lead(connection, _record(1))
        assert store.forget_contents(connection, DAY) == 0
        assert store.forget_contents(connection, date(2026, 11, 23)) == 1
        assert store.digest_of_content(connection, "clear") is None
        assert store.digest_of_content(connection, "content1") == b"d" * 32


def test_feedback_is_about_matches_of_the_leads_own_tier() -> None:
    lead = Lead("a" * 32, "c", held=True, matches=(_match(1), _match(40, Tier.LOOK)), created_s=1, deadline_s=2)
    words = feedback_about(LeadRecord(lead, MediaFacts(1, 1), None), FeedbackValue.BLOCKED)
    assert words == [Feedback(Algorithm.PDQ, f"{1:032x}", FeedbackValue.BLOCKED)]
    look = Lead("a" * 32, "c", held=False, matches=(_match(40, Tier.LOOK),), created_s=1, deadline_s=2)
    assert len(feedback_about(LeadRecord(look, MediaFacts(1, 1), None), FeedbackValue.BLOCKED)) == 1


class OutboxMachine(RuleBasedStateMachine):
    """The SQL outbox against a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_database(sqlite_url(Path(self.folder.name) / "p.sqlite3"), "platform")
        self.writer = GroupWriter(self.engine)
        self.outbox = store.SqlOutbox(self.engine, self.writer)
        self.expected: list[tuple[int, Feedback]] = []
        self.last_id = 0

    @rule(i=st.integers(0, 5), value=st.sampled_from(FeedbackValue))
    def queue(self, i: int, value: FeedbackValue) -> None:
        word = Feedback(Algorithm.PDQ, f"{i:032x}", value)
        self.writer.run(lambda connection: store.queue_feedback(connection, [word]))
        self.last_id += 1
        self.expected.append((self.last_id, word))

    @rule(count=st.integers(0, 3))
    def deliver(self, count: int) -> None:
        gone = [item.item_id for item in self.outbox.waiting(count)]
        self.outbox.delivered(gone)
        self.expected = self.expected[len(gone) :]

    @rule()
    def refuse(self) -> None:
        for item in self.outbox.waiting(1):
            self.outbox.refused(item.item_id, "request.invalid")
            self.expected = self.expected[1:]

    @invariant()
    def the_same_waits(self) -> None:
        assert self.outbox.waiting(100) == [OutboxItem(*one) for one in self.expected]

    def teardown(self) -> None:
        self.writer.close()
        self.engine.dispose()
        self.folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
