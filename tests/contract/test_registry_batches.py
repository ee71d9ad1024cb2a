"""Batches that fail, batches under load, and whose turn it is, on either database."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from takeback.db import writing
from takeback.model.case import HoldState, HoldStatus
from takeback.model.fingerprint import Algorithm, Fingerprint

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

BEING_ADDED = HoldStatus(HoldState.BEING_ADDED, 0)
LISTED = HoldStatus(HoldState.LISTED, 0)
WITHDRAWN = HoldStatus(HoldState.WITHDRAWN, 0)


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


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_long_reader_of_intake_delays_a_batch_and_no_submission(rig: RegistryRig) -> None:
    """As ``pg_dump`` does: it holds every table for as long as it runs."""
    first = rig.submits(rig.md5())
    with rig.registry.engine.connect() as reader:
        reader.execute(text("LOCK TABLE intake, intake_holds, intake_wishes, leaving IN ACCESS SHARE MODE"))
        assert rig.registry.batcher.run_once() is None
        assert rig.registry.batcher.failures == 0  # a backup must not make the service look broken
        second = rig.submits(rig.md5())
        assert rig.status(*first.tokens, *second.tokens) == [BEING_ADDED] * 2
    rig.batch()
    assert rig.status(*first.tokens, *second.tokens) == [LISTED] * 2
    assert "batch.delayed" in rig.log.getvalue()
    assert "batch.failed" not in rig.log.getvalue()


def test_processes_of_one_database_know_how_many_they_are(rig: RegistryRig) -> None:
    is_postgresql = rig.registry.engine.dialect.name == "postgresql"
    mine = rig.registry.processes
    mine.look()
    alone = mine.count()
    other = rig.another_process()
    other.services.registry.check_readable()
    mine.look()
    assert mine.count() == (alone + 1 if is_postgresql else 1)
    other.close()
    mine.look()
    assert mine.count() == alone
