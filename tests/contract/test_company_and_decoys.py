"""Small batches: they wait, decoys come and go with them, and only the key tells which entries those are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from takeback.model.case import HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.decoy_key import open_decoys
from takeback.registry.decoys import MAX_LIFE_DAYS
from takeback.registry.types import Wish

if TYPE_CHECKING:
    from tests.registry_rig import Person, RegistryRig

DAY_S = 86_400
LISTED = HoldStatus(HoldState.LISTED, 0)


@pytest.fixture
def small(rig: RegistryRig) -> RegistryRig:
    rig.restart(batch_min_cases=5, batch_longest_wait_min=10)
    return rig


def _column(rig: RegistryRig, query: str) -> list[bytes]:
    with rig.registry.engine.connect() as connection:
        return [bytes(value) for value in connection.execute(text(query)).scalars()]


def _is_decoy(rig: RegistryRig, value: str) -> bool:
    return open_decoys(rig.folder / "keys").is_decoy(bytes.fromhex(value))


def test_a_lone_case_waits_and_goes_with_decoys_like_it(small: RegistryRig) -> None:
    pdq, md5 = small.pdq(), small.md5()
    person = small.submits(pdq, md5)
    assert small.registry.batcher.run_if_ours() is None
    small.clock.advance(599)
    assert small.registry.batcher.run_if_ours() is None
    assert small.status(*person.tokens) == [HoldStatus(HoldState.BEING_ADDED, 0)] * 2
    small.clock.advance(1)
    report = small.registry.batcher.run_if_ours()
    assert report is not None
    assert report.added > 2
    assert small.status(*person.tokens) == [LISTED] * 2
    real = {Algorithm.PDQ: pdq.value, Algorithm.MD5: md5.value}
    listed = {name: [str(change.value) for change in small.listed(name).values()] for name in real}
    assert len(listed[Algorithm.PDQ]) + len(listed[Algorithm.MD5]) >= 2 + 4
    for name, values in listed.items():
        assert [value for value in values if not _is_decoy(small, value)] == [real[name]]


def test_enough_cases_go_at_once_and_alone(small: RegistryRig) -> None:
    for _ in range(5):
        small.submits(small.md5())
    report = small.registry.batcher.run_if_ours()
    assert report is not None
    assert (report.cases, report.added) == (5, 5)


def test_nothing_in_the_database_tells_decoys_apart(small: RegistryRig) -> None:
    people = [small.submits(small.pdq(), small.md5()) for _ in range(2)]
    small.batch()
    real_cases = {person.submission.case_id for person in people}
    cases = _column(small, "SELECT case_id FROM cases")
    assert real_cases < set(cases)
    assert len(cases) >= 5
    sizes = {len(sealed) for sealed in _column(small, "SELECT sealed FROM cases")}
    assert sizes == {len(person.submission.sealed) for person in people}
    with small.registry.engine.connect() as connection:
        for query in (
            "SELECT DISTINCT day FROM cases",
            "SELECT DISTINCT day FROM entries",
            "SELECT DISTINCT until_day FROM holds",
            "SELECT DISTINCT day FROM changes",
            # Every entry has one hold, whosever it is.
            "SELECT DISTINCT count(*) FROM holds GROUP BY entry_id",
        ):
            assert len(connection.execute(text(query)).all()) == 1
    assert len(_column(small, "SELECT entry_id FROM entries")) == len(_column(small, "SELECT token_hash FROM holds"))


def test_a_lone_withdrawal_takes_decoys_with_it(small: RegistryRig) -> None:
    person = small.submits(*(small.md5() for _ in range(4)))
    small.batch()
    small.clock.advance(DAY_S)
    small.submits(small.md5())
    small.batch()
    before = small.listed(Algorithm.MD5)
    small.wishes(Wish.WITHDRAW, person.tokens[0])
    assert small.registry.batcher.run_if_ours() is None
    small.clock.advance(600)
    small.registry.batcher.run_if_ours()
    gone = [before[change.entry_id] for change in small.changes(Algorithm.MD5) if change.op is Op.REMOVE]
    mine = person.submission.fingerprints[0].fingerprint.value
    assert [item.value for item in gone if not _is_decoy(small, str(item.value))] == [mine]
    assert len(gone) >= 3
    assert small.status(*person.tokens[1:]) == [LISTED] * 3


def test_decoys_go_when_their_time_is_up_and_nothing_else_does(small: RegistryRig) -> None:
    person = small.submits(*(small.md5() for _ in range(3)))
    small.batch()
    added = len(small.changes(Algorithm.MD5))
    assert added > 3
    small.clock.advance((MAX_LIFE_DAYS + 1) * DAY_S)
    small.settings["batch_min_cases"] = 2
    small.restart(**small.settings)
    for _ in range(60):  # a decoy is still there after 60 chances of one in four once in 30 million
        # Two cases: now company enough, so no new decoys come.
        for _ in range(2):
            small.submits(Fingerprint(Algorithm.SHA256, secrets.token_hex(32)))
        small.batch()
        if len(small.changes(Algorithm.MD5)) == 2 * added - 3:
            break
    own = {item.fingerprint.value for item in person.submission.fingerprints}
    assert {change.value for change in small.listed(Algorithm.MD5).values()} == own


def test_many_small_batches_on_a_day_and_two_processes_never_collide(small: RegistryRig) -> None:
    other = small.another_process()
    try:
        for turn in range(6):
            small.submits(*(small.md5() for _ in range(20)))
            registry = small.registry if turn % 2 else other
            assert registry.batcher.run_once() is not None, small.log.getvalue()
    finally:
        other.close()
    hashes = _column(small, "SELECT token_hash FROM holds")
    assert len(hashes) > 256  # more than are looked up at a time
    assert len(set(hashes)) == len(hashes)


def test_decoys_are_as_new_to_a_second_list_as_to_the_first(small: RegistryRig) -> None:
    """A fingerprint that is listed already comes with decoys too: what is added must not say that it was known."""
    shared = small.md5()
    small.submits(shared)
    small.batch()
    before = len(small.changes(Algorithm.MD5))
    small.submits(shared)
    small.batch()
    assert len(small.changes(Algorithm.MD5)) > before


def _hashes(rig: RegistryRig, query: str) -> set[bytes]:
    return set(_column(rig, query))


def _own(person: Person) -> set[bytes]:
    return {item.token_hash for item in person.submission.fingerprints}


def _decoy_hashes(rig: RegistryRig, person: Person) -> set[bytes]:
    return _hashes(rig, "SELECT token_hash FROM holds") - _own(person)


def _after_its_wait(rig: RegistryRig) -> None:
    assert rig.registry.batcher.run_if_ours() is None
    rig.clock.advance(600)
    assert rig.registry.batcher.run_if_ours() is not None, rig.log.getvalue()


def test_a_lone_withdrawal_that_waits_has_decoys_beside_it_and_they_go_together(small: RegistryRig) -> None:
    small.restart(**small.settings, withdrawal_delay_days=3)
    person = small.submits(*(small.md5() for _ in range(3)))
    small.batch()
    small.clock.advance(DAY_S)
    decoys = _decoy_hashes(small, person)
    small.wishes(Wish.WITHDRAW, *person.tokens)
    _after_its_wait(small)
    waiting = _hashes(small, "SELECT token_hash FROM leaving")
    beside = waiting - _own(person)
    assert waiting > _own(person)
    assert beside <= decoys
    assert len(beside) >= min(len(decoys), 12)
    with small.registry.engine.connect() as connection:
        assert len(connection.execute(text("SELECT DISTINCT day FROM leaving")).all()) == 1
    small.clock.advance(3 * DAY_S)
    _after_its_wait(small)
    assert not _hashes(small, "SELECT token_hash FROM holds") & waiting
    assert _hashes(small, "SELECT token_hash FROM leaving") == set()
    assert {status.state for status in small.status(*person.tokens)} == {HoldState.WITHDRAWN}


def test_a_lone_renewal_has_decoys_beside_it(small: RegistryRig) -> None:
    small.restart(**small.settings, hold_lifetime_days=91)
    person = small.submits(*(small.md5() for _ in range(3)))
    small.batch()
    small.clock.advance(91 * DAY_S)
    decoys = _decoy_hashes(small, person)
    small.wishes(Wish.RENEW, *person.tokens)
    _after_its_wait(small)
    latest = "SELECT token_hash FROM holds WHERE until_day = (SELECT max(until_day) FROM holds)"
    renewed = _hashes(small, latest)
    assert renewed > _own(person)
    assert renewed - _own(person) <= decoys
