"""Cases, holds and entries: what a registry promises, on either database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from takeback.errors import InvalidInputError, NotFoundError
from takeback.model.case import HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm

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
