"""What a registry promises, on either database."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text, update

from takeback.console import tables as console_tables
from takeback.db import open_database, reading, writing
from takeback.errors import ConflictError, CorruptDataError, InvalidInputError, NotAllowedError, NotFoundError
from takeback.exchange import tables as exchange_tables
from takeback.exchange.tables import AUDIT
from takeback.httpkit.auth import UnknownCallerError
from takeback.model.case import HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry import tables as registry_tables

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

BEING_ADDED = HoldStatus(HoldState.BEING_ADDED, 0)
LISTED = HoldStatus(HoldState.LISTED, 0)
WITHDRAWN = HoldStatus(HoldState.WITHDRAWN, 0)


def test_a_case_waits_is_listed_and_opens_before_and_after_its_batch(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    service = rig.registry.services.registry
    assert service.open_case(person.submission.case_id) == person.submission.sealed
    assert rig.status(*person.tokens) == [BEING_ADDED, BEING_ADDED]
    assert rig.listed(Algorithm.PDQ) == {}
    report = rig.batch()
    assert (report.cases, report.added, report.removed, report.kept) == (1, 2, 0, 0)
    assert rig.status(*person.tokens) == [LISTED, LISTED]
    assert service.open_case(person.submission.case_id) == person.submission.sealed
    (entry,) = rig.listed(Algorithm.PDQ).values()
    assert (entry.value, entry.quality) == (person.submission.fingerprints[0].fingerprint.value, 90)
    with pytest.raises(NotFoundError) as caught:
        service.open_case(bytes(16))
    assert caught.value.code == "case.unknown"


def test_an_entry_lives_as_long_as_any_hold_and_leaves_a_tombstone(rig: RegistryRig) -> None:
    shared = rig.pdq()
    first = rig.submits(shared)
    second = rig.submits(shared)
    rig.batch()
    third = rig.submits(shared)
    rig.batch()
    assert len(rig.changes(Algorithm.PDQ)) == 1
    rig.withdraws(*first.tokens, *third.tokens)
    assert rig.status(*first.tokens, *second.tokens, *third.tokens) == [WITHDRAWN, LISTED, WITHDRAWN]
    rig.batch()
    assert len(rig.listed(Algorithm.PDQ)) == 1
    rig.withdraws(*second.tokens)
    assert len(rig.listed(Algorithm.PDQ)) == 1  # docs/adr/0004: the list changes with the batch
    rig.batch()
    assert rig.listed(Algorithm.PDQ) == {}
    added, removed = rig.changes(Algorithm.PDQ)
    assert (removed.op, removed.entry_id, removed.value, removed.quality) == (Op.REMOVE, added.entry_id, None, None)
    rig.submits(shared)
    rig.batch()
    (back,) = rig.listed(Algorithm.PDQ)
    assert back != added.entry_id  # feed-v1 §1.3


def test_sending_again_changes_nothing_and_brings_nothing_back(rig: RegistryRig) -> None:
    service = rig.registry.services.registry
    person = rig.submits(rig.pdq(), rig.md5())
    service.submit(person.submission).result()
    rig.batch()
    service.submit(person.submission).result()
    assert rig.batch().added == 0
    rig.withdraws(person.tokens[0])
    rig.batch()
    service.submit(person.submission).result()
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]
    rig.batch()
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]
    assert rig.listed(Algorithm.PDQ) == {}


@pytest.mark.parametrize("is_taken_in", [False, True])
def test_a_known_case_id_takes_nothing_else_in(rig: RegistryRig, is_taken_in: bool) -> None:
    service = rig.registry.services.registry
    person = rig.submits(rig.pdq())
    if is_taken_in:
        rig.batch()
    other = rig.person(rig.pdq(), rig.md5())
    service.submit(replace(other.submission, case_id=person.submission.case_id)).result()
    rig.batch()
    assert service.open_case(person.submission.case_id) == person.submission.sealed
    assert rig.status(*person.tokens, *other.tokens) == [LISTED, WITHDRAWN, WITHDRAWN]


def test_a_token_answers_for_the_first_fingerprint_it_came_with(rig: RegistryRig) -> None:
    first = rig.submits(rig.pdq())
    stolen = first.submission.fingerprints[0].token_hash
    for _ in range(2):
        other = rig.person(rig.md5())
        (held,) = other.submission.fingerprints
        again = replace(other.submission, fingerprints=(replace(held, token_hash=stolen),))
        rig.registry.services.registry.submit(again).result()
        rig.batch()
    assert rig.listed(Algorithm.MD5) == {}
    rig.withdraws(*first.tokens)
    rig.batch()
    assert rig.listed(Algorithm.PDQ) == {}


def test_what_is_withdrawn_before_its_batch_never_reaches_a_list(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    rig.withdraws(person.tokens[0])
    assert rig.status(*person.tokens) == [WITHDRAWN, BEING_ADDED]
    rig.batch()
    assert rig.changes(Algorithm.PDQ) == ()
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]


def test_an_entry_that_changes_hands_within_a_batch_stays(rig: RegistryRig) -> None:
    shared = rig.md5()
    first = rig.submits(shared)
    rig.batch()
    rig.withdraws(*first.tokens)
    second = rig.submits(shared)
    rig.batch()
    assert rig.status(*first.tokens, *second.tokens) == [WITHDRAWN, LISTED]
    assert len(rig.changes(Algorithm.MD5)) == 1


def test_unknown_tokens_look_withdrawn_and_may_be_withdrawn(rig: RegistryRig) -> None:
    unknown = bytes(16)
    assert rig.status(unknown) == [WITHDRAWN]
    rig.withdraws(unknown, unknown)
    assert rig.status(unknown) == [WITHDRAWN]
    assert rig.batch().removed == 0


def test_the_same_fingerprint_twice_in_a_case_is_one_entry_with_two_holds(rig: RegistryRig) -> None:
    fingerprint = rig.pdq()
    person = rig.submits(fingerprint, fingerprint)
    assert rig.batch().added == 1
    rig.withdraws(person.tokens[0])
    rig.batch()
    assert len(rig.listed(Algorithm.PDQ)) == 1
    rig.withdraws(person.tokens[1])
    rig.batch()
    assert rig.listed(Algorithm.PDQ) == {}


def test_a_pdq_that_says_nothing_is_refused(rig: RegistryRig) -> None:
    with pytest.raises(InvalidInputError) as caught:
        rig.submits(rig.pdq(quality=49))
    assert caught.value.code == "fingerprint.quality"
    rig.submits(rig.pdq(quality=50))


# What partners say


def _says(rig: RegistryRig, partner: int, entry_id: str, *values: FeedbackValue) -> int:
    services = rig.registry.services
    while len(services.partners.all()) <= partner:
        services.partners.add(f"Platform {len(services.partners.all())}")
    who = services.partners.all()[partner]
    return services.feed.feedback(who, [Feedback(Algorithm.PDQ, entry_id, value) for value in values])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], LISTED),
        ([FeedbackValue.QUALITY_UNKNOWN], HoldStatus(HoldState.FOUND, 1)),
        ([FeedbackValue.QUALITY_UNKNOWN, FeedbackValue.NOT_BLOCKED], HoldStatus(HoldState.FOUND, 2)),
        ([FeedbackValue.NOT_BLOCKED, FeedbackValue.PENDING_REVIEW], HoldStatus(HoldState.IN_REVIEW, 1)),
        (
            [FeedbackValue.BLOCKED, FeedbackValue.PENDING_REVIEW, FeedbackValue.BLOCKED, FeedbackValue.NOT_BLOCKED],
            HoldStatus(HoldState.REMOVED, 2),
        ),
    ],
)
def test_a_status_is_the_furthest_thing_any_platform_says(
    rig: RegistryRig, words: list[FeedbackValue], expected: HoldStatus
) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    for partner, value in enumerate(words):
        assert _says(rig, partner, entry_id, value) == 1
    assert rig.status(*person.tokens) == [expected, LISTED]


def test_the_latest_word_of_a_platform_counts_once(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    assert _says(rig, 0, entry_id, FeedbackValue.PENDING_REVIEW, FeedbackValue.BLOCKED) == 2
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.REMOVED, 1)]
    _says(rig, 0, entry_id, FeedbackValue.BLOCKED)
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.REMOVED, 1)]
    _says(rig, 0, entry_id, FeedbackValue.NOT_BLOCKED)
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.FOUND, 1)]


def test_words_about_an_entry_that_is_gone_or_elsewhere_are_dropped(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    (gone,) = rig.listed(Algorithm.PDQ)
    (elsewhere,) = rig.listed(Algorithm.MD5)
    _says(rig, 0, gone, FeedbackValue.BLOCKED)
    rig.withdraws(person.tokens[0])
    rig.batch()
    assert _says(rig, 0, gone, FeedbackValue.BLOCKED) == 0
    assert _says(rig, 0, elsewhere, FeedbackValue.BLOCKED) == 0
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]


# Clocks, failures, company


def test_a_clock_that_is_set_back_breaks_nothing(rig: RegistryRig) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    before = rig.head(Algorithm.PDQ)
    rig.clock.advance(-3 * 86_400)
    rig.submits(rig.pdq())
    rig.batch()
    assert len(rig.listed(Algorithm.PDQ)) == 2  # checks that days never fall
    assert rig.head(Algorithm.PDQ).issued >= before.issued
    assert rig.head(Algorithm.PDQ).expires >= before.expires
    other = rig.another_process()
    try:
        rig.registry.close()
        rig.registry = other
        assert rig.head(Algorithm.PDQ).issued >= before.issued
    finally:
        other.close()


def test_a_head_is_vouched_for_again_as_time_goes_on(rig: RegistryRig) -> None:
    first = rig.head(Algorithm.MD5)
    assert (first.issued, first.expires) == (rig.clock.now_s(), rig.clock.now_s() + 3600)
    rig.clock.advance(1000)
    assert rig.head(Algorithm.MD5).issued == rig.clock.now_s()


def _refuse_value(rig: RegistryRig, fingerprint: Fingerprint) -> None:
    """Make the database itself refuse one value, as a constraint that somebody added would."""
    with writing(rig.registry.engine) as connection:
        if connection.dialect.name == "sqlite":
            statement = (
                "CREATE TRIGGER refuse BEFORE INSERT ON entries "
                f"WHEN NEW.value = x'{fingerprint.value}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        else:
            statement = f"ALTER TABLE entries ADD CONSTRAINT refuse CHECK (value <> '\\x{fingerprint.value}'::bytea)"
        connection.execute(text(statement))


def _allow_value(rig: RegistryRig) -> None:
    with writing(rig.registry.engine) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(text("DROP TRIGGER refuse" if is_sqlite else "ALTER TABLE entries DROP CONSTRAINT refuse"))


def test_a_batch_that_fails_loses_nothing_is_logged_and_made_good(rig: RegistryRig) -> None:
    poison = rig.md5()
    people = [rig.submits(rig.pdq()), rig.submits(poison), rig.submits(rig.pdq())]
    tokens = [token for person in people for token in person.tokens]
    _refuse_value(rig, poison)
    assert rig.registry.batcher.run_once() is None
    assert rig.status(*tokens) == [BEING_ADDED] * 3
    assert rig.listed(Algorithm.PDQ) == {}
    _allow_value(rig)
    assert rig.batch().cases == 3
    assert rig.status(*tokens) == [LISTED] * 3
    lines = [json.loads(line) for line in rig.log.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["batch.failed", "batch.recovered"]
    assert poison.value not in rig.log.getvalue()


def test_one_case_that_cannot_be_stored_does_not_hold_up_the_rest(rig: RegistryRig) -> None:
    poison = rig.md5()
    bad, good = rig.submits(poison, rig.pdq()), rig.submits(rig.pdq())
    _refuse_value(rig, poison)
    reports = [rig.registry.batcher.run_once() for _ in range(4)]
    assert reports[:3] == [None, None, None]
    assert reports[3] is not None
    assert (reports[3].cases, reports[3].kept) == (1, 1)
    assert rig.status(*bad.tokens, *good.tokens) == [BEING_ADDED, BEING_ADDED, LISTED]
    late = rig.submits(rig.pdq())
    rig.withdraws(bad.tokens[1])
    assert rig.batch().kept == 1
    assert rig.status(*late.tokens, *bad.tokens) == [LISTED, BEING_ADDED, WITHDRAWN]
    assert rig.registry.services.registry.open_case(bad.submission.case_id) == bad.submission.sealed
    _allow_value(rig)
    rig.registry.close()
    rig.registry = rig.another_process()
    assert rig.batch().cases == 1
    assert rig.status(*bad.tokens) == [LISTED, WITHDRAWN]


def test_a_row_this_version_cannot_read_stays_where_it_is(rig: RegistryRig) -> None:
    bad, good = rig.submits(rig.md5()), rig.submits(rig.pdq())
    with writing(rig.registry.engine) as connection:
        connection.execute(
            text("UPDATE intake_holds SET algorithm = 'of-tomorrow' WHERE case_id = :id"),
            {"id": bad.submission.case_id},
        )
    assert rig.batch().kept == 1
    assert rig.status(*bad.tokens, *good.tokens) == [BEING_ADDED, LISTED]
    assert rig.batch().kept == 1
    with writing(rig.registry.engine) as connection:
        connection.execute(text("UPDATE intake_holds SET algorithm = 'md5'"))
    assert rig.batch().kept == 0
    assert rig.status(*bad.tokens) == [LISTED]


def test_many_submit_while_batches_run_in_two_processes(rig: RegistryRig) -> None:
    other = rig.another_process()
    shared = [rig.pdq() for _ in range(5)]
    done = threading.Event()

    def batches() -> None:
        while not done.is_set():
            assert other.batcher.run_once() is not None
            done.wait(0.01)

    def submits(number: int) -> tuple[bytes, ...]:
        person = rig.person(shared[number % 5], rig.md5())
        registry = rig.registry if number % 2 else other
        registry.services.registry.submit(person.submission).result()
        statuses = other.services.registry.statuses(person.tokens)
        assert {status.state for status in statuses} <= {HoldState.BEING_ADDED, HoldState.LISTED}
        return person.tokens

    thread = threading.Thread(target=batches)
    thread.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            tokens = [token for pair in pool.map(submits, range(60)) for token in pair]
    finally:
        done.set()
        thread.join()
    rig.batch()
    other.close()
    assert set(rig.status(*tokens)) == {LISTED}
    assert {change.value for change in rig.listed(Algorithm.PDQ).values()} == {item.value for item in shared}
    assert len(rig.listed(Algorithm.MD5)) == 60
    assert "batch.failed" not in rig.log.getvalue()


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_of_several_processes_one_runs_batches_until_it_ends(rig: RegistryRig) -> None:
    other = rig.another_process()
    try:
        assert rig.registry.batcher.run_if_ours() is not None
        assert rig.registry.batcher.run_if_ours() is not None
        assert other.batcher.run_if_ours() is None
        with rig.registry.engine.connect() as connection:  # its session is cut off: another may take the turn
            connection.execute(
                text("SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            )
        assert other.batcher.run_if_ours() is not None
        assert rig.registry.batcher.run_if_ours() is None
        other.close()
        assert rig.registry.batcher.run_if_ours() is not None
    finally:
        other.close()
    assert rig.log.getvalue() == ""


# Partners, audit, schema


def test_a_key_works_until_it_is_replaced_or_revoked(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    first = rig.partner
    assert partners.recognise(first.key.text()) == first.partner
    second = partners.rotate(first.partner.partner_id)
    assert partners.recognise(second.key.text()) == first.partner
    partners.revoke(first.partner.partner_id)
    partners.revoke(first.partner.partner_id)
    for text_of_key in (first.key.text(), second.key.text(), "", "tb1_x", f"tb1_{'0' * 16}_{'0' * 64}_{'0' * 32}"):
        with pytest.raises(UnknownCallerError) as caught:
            partners.recognise(text_of_key)
        assert caught.value.code == "partner.unknown"
    assert [partner.is_active for partner in partners.all()] == [False]
    with pytest.raises(NotFoundError):
        partners.rotate(first.partner.partner_id)
    with pytest.raises(NotFoundError):
        partners.revoke("0" * 16)


def test_partners_need_a_name_of_their_own_and_a_list(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    with pytest.raises(ConflictError):
        partners.add(" First platform ")
    for name in ("", "  ", "x" * 201, "a\nb"):
        with pytest.raises(InvalidInputError):
            partners.add(name)
    with pytest.raises(InvalidInputError):
        partners.add("Without lists", ())
    partners.revoke(rig.partner.partner.partner_id)
    assert partners.add("First platform").partner.partner_id != rig.partner.partner.partner_id


def test_a_partner_gets_only_the_lists_it_is_for(rig: RegistryRig) -> None:
    services = rig.registry.services
    partner = services.partners.add("Exact only", [Algorithm.MD5]).partner
    services.feed.changes(partner, "md5", 0)
    for act in (
        lambda: services.feed.head(partner, "pdq"),
        lambda: services.feed.changes(partner, "pdq", 0),
        lambda: services.feed.feedback(partner, [Feedback(Algorithm.PDQ, "0" * 32, FeedbackValue.BLOCKED)]),
    ):
        with pytest.raises(NotAllowedError) as caught:
            act()
        assert caught.value.code == "partner.not_entitled"
    with pytest.raises(NotFoundError) as unknown:
        services.feed.head(partner, "phash")
    assert unknown.value.code == "list.unknown"


def test_changes_come_in_pages_with_the_head_of_the_same_moment(rig: RegistryRig) -> None:
    rig.submits(*(rig.md5() for _ in range(7)))
    rig.batch()
    feed, partner = rig.registry.services.feed, rig.partner.partner
    assert [change.seq for change in feed.changes(partner, "md5", 2, 3).changes] == [3, 4, 5]
    assert [change.seq for change in feed.changes(partner, "md5", 5, 10**9).changes] == [6, 7]
    assert feed.changes(partner, "md5", 7).changes == ()
    assert feed.changes(partner, "md5", 2**63 - 1).changes == ()


def test_the_audit_log_has_every_pull_and_word_and_shows_tampering(rig: RegistryRig) -> None:
    feed, partner = rig.registry.services.feed, rig.partner.partner
    rig.submits(rig.pdq())
    rig.batch()
    (entry,) = feed.changes(partner, "pdq", 0).changes
    feed.changes(partner, "pdq", 1)
    feed.changes(partner, "pdq", 1)  # the same answer on the same day is one line
    feed.feedback(partner, [Feedback(Algorithm.PDQ, entry.entry_id, FeedbackValue.BLOCKED)])
    assert feed.verify_audit_log() == 4
    rig.clock.advance(86_400)
    feed.changes(partner, "pdq", 1)
    assert feed.verify_audit_log() == 5
    with writing(rig.registry.engine) as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.seq == 2).values(actor_id="f" * 16))
    with pytest.raises(CorruptDataError, match="line 2"):
        feed.verify_audit_log()


def test_the_migrations_make_the_tables_that_are_queried(rig: RegistryRig) -> None:
    both = MetaData()
    for metadata in (registry_tables.METADATA, exchange_tables.METADATA, console_tables.METADATA):
        for table in metadata.tables.values():
            table.to_metadata(both)
    with reading(rig.registry.engine) as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"version_table": "takeback_registry_schema"}), both
        )
    assert differences == []


def test_a_database_of_a_newer_version_is_left_alone(rig: RegistryRig) -> None:
    with writing(rig.registry.engine) as connection:
        connection.execute(text("UPDATE takeback_registry_schema SET version_num = 'registry_9999'"))
    with pytest.raises(ConflictError) as caught:
        open_database(rig.url, "registry")
    assert caught.value.code == "database.newer"
