"""The life of a hold beyond being listed: withdrawals that wait, holds that end, what is counted about cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from takeback.clock import day_of
from takeback.db import writing
from takeback.errors import NotAllowedError, NotFoundError, UnavailableError
from takeback.model.case import About, HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import store
from takeback.registry.audience import AudienceCount
from takeback.registry.batch import EXPIRY_PERIOD_DAYS
from takeback.registry.types import Reception, Wish

if TYPE_CHECKING:
    from datetime import date

    from tests.registry_rig import RegistryRig

DAY_S = 86_400
BEING_ADDED = HoldStatus(HoldState.BEING_ADDED, 0)
LISTED = HoldStatus(HoldState.LISTED, 0)
WITHDRAWN = HoldStatus(HoldState.WITHDRAWN, 0)
EXPIRED = HoldStatus(HoldState.EXPIRED, 0)


def _today(rig: RegistryRig) -> date:
    return day_of(rig.clock.now_s())


def _rows(rig: RegistryRig, table: str) -> int:
    with rig.registry.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - ours


# Withdrawals that wait


def test_a_delayed_withdrawal_waits_and_then_happens(rig: RegistryRig) -> None:
    rig.restart(withdrawal_delay_days=3)
    person, other = rig.submits(rig.pdq(), rig.md5()), rig.submits(rig.pdq())
    rig.batch()
    waiting = HoldStatus(HoldState.WITHDRAWING, 0, leaves=_today(rig) + timedelta(days=3))
    rig.withdraws(person.tokens[0])
    assert rig.status(*person.tokens) == [waiting, LISTED]
    rig.batch()
    rig.clock.advance(DAY_S)
    rig.withdraws(person.tokens[0])  # asking again changes no day
    rig.batch()
    assert rig.status(*person.tokens, *other.tokens) == [waiting, LISTED, LISTED]
    assert len(rig.listed(Algorithm.PDQ)) == 2
    rig.clock.advance(2 * DAY_S)
    assert rig.batch().removed == 1  # nothing else waits: the day alone brings the batch about
    assert rig.status(*person.tokens, *other.tokens) == [WITHDRAWN, LISTED, LISTED]
    assert rig.changes(Algorithm.PDQ)[-1].op is Op.REMOVE
    assert _rows(rig, "leaving") == 0


@pytest.mark.parametrize("noted", [False, True])
def test_a_withdrawal_that_waits_can_be_undone(rig: RegistryRig, noted: bool) -> None:
    rig.restart(withdrawal_delay_days=3)
    person = rig.submits(rig.pdq())
    rig.batch()
    rig.withdraws(*person.tokens)
    if noted:
        rig.batch()
    rig.wishes(Wish.KEEP, *person.tokens)
    assert rig.status(*person.tokens) == [LISTED]
    rig.batch()
    rig.clock.advance(10 * DAY_S)
    rig.batch()
    assert rig.status(*person.tokens) == [LISTED]
    rig.withdraws(*person.tokens)  # undone is not for ever
    rig.batch()
    rig.clock.advance(3 * DAY_S)
    rig.batch()
    assert rig.status(*person.tokens) == [WITHDRAWN]


def test_of_contrary_wishes_the_last_counts(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq(), rig.pdq())
    rig.batch()
    rig.withdraws(*person.tokens)
    rig.wishes(Wish.KEEP, person.tokens[0])
    rig.wishes(Wish.KEEP, person.tokens[1])
    rig.withdraws(person.tokens[1])
    assert rig.status(*person.tokens) == [LISTED, WITHDRAWN]
    rig.batch()
    assert rig.status(*person.tokens) == [LISTED, WITHDRAWN]


def test_wishes_about_unknown_holds_leave_nothing_behind(rig: RegistryRig) -> None:
    rig.restart(withdrawal_delay_days=3, hold_lifetime_days=91)
    for wish in Wish:
        rig.wishes(wish, bytes(16), bytes([1]) * 16)
    assert rig.status(bytes(16)) == [WITHDRAWN]
    rig.batch()
    assert [_rows(rig, table) for table in ("intake_wishes", "leaving", "expired", "holds")] == [0, 0, 0, 0]


def test_a_withdrawal_before_the_batch_waits_too_where_withdrawals_do(rig: RegistryRig) -> None:
    rig.restart(withdrawal_delay_days=1)
    person = rig.submits(rig.pdq())
    rig.withdraws(*person.tokens)
    rig.batch()
    assert len(rig.listed(Algorithm.PDQ)) == 1
    rig.clock.advance(DAY_S)
    rig.batch()
    assert rig.listed(Algorithm.PDQ) == {}


# Holds that end


def _until(rig: RegistryRig, lifetime_days: int) -> date:
    today = (_today(rig) - day_of(0)).days
    return day_of(0) + timedelta(days=-(-(today + lifetime_days) // EXPIRY_PERIOD_DAYS) * EXPIRY_PERIOD_DAYS)


def test_a_hold_ends_unless_it_is_renewed(rig: RegistryRig) -> None:
    rig.restart(hold_lifetime_days=100)
    forgotten, renewed = rig.submits(rig.pdq(), rig.md5()), rig.submits(rig.pdq())
    rig.batch()
    until = _until(rig, 100)
    assert until >= _today(rig) + timedelta(days=100)
    assert {status.expires for status in rig.status(*forgotten.tokens, *renewed.tokens)} == {until}
    rig.clock.advance(95 * DAY_S)
    rig.wishes(Wish.RENEW, *renewed.tokens)
    later = _until(rig, 100)
    assert later > until
    assert rig.status(*renewed.tokens) == [replace(LISTED, expires=later)]
    rig.batch()
    assert rig.status(*renewed.tokens, *forgotten.tokens[:1]) == [
        replace(LISTED, expires=later),
        replace(LISTED, expires=until),
    ]
    rig.clock.advance((until - _today(rig)).days * DAY_S - DAY_S)
    assert rig.batch().removed == 0
    rig.clock.advance(DAY_S)
    assert rig.batch().removed == 2
    assert rig.status(*forgotten.tokens, *renewed.tokens) == [EXPIRED, EXPIRED, replace(LISTED, expires=later)]
    assert rig.changes(Algorithm.MD5)[-1].op is Op.REMOVE
    rig.clock.advance(500 * DAY_S)
    rig.batch()
    rig.submits(rig.pdq())
    rig.clock.advance(500 * DAY_S)
    rig.batch()
    assert rig.status(*forgotten.tokens) == [WITHDRAWN, WITHDRAWN]  # what was remembered for a while is forgotten


def test_days_on_which_holds_end_are_few(rig: RegistryRig) -> None:
    rig.restart(hold_lifetime_days=200)
    tokens: list[bytes] = []
    for _ in range(4):
        tokens += rig.submits(rig.pdq()).tokens
        rig.batch()
        rig.clock.advance(20 * DAY_S)
    rig.wishes(Wish.RENEW, *tokens[::2])
    rig.batch()
    assert len({status.expires for status in rig.status(*tokens)}) <= 2


def test_holds_from_before_there_was_a_lifetime_get_a_whole_one(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    rig.clock.advance(400 * DAY_S)
    assert rig.status(*person.tokens) == [LISTED]
    rig.restart(hold_lifetime_days=91)
    rig.batch()
    assert rig.status(*person.tokens) == [replace(LISTED, expires=_until(rig, 91))]
    rig.restart()
    rig.clock.advance(400 * DAY_S)
    rig.batch()
    assert rig.status(*person.tokens) == [LISTED]  # switched off again, nothing ends


# Cases


def test_another_case_under_a_known_id_is_told_so(rig: RegistryRig) -> None:
    service = rig.registry.services.registry
    person = rig.submits(rig.pdq())
    other = replace(rig.person(rig.md5()).submission, case_id=person.submission.case_id)
    for _ in range(2):
        assert service.submit(other).result() is Reception.ANOTHER_CASE
        assert service.submit(person.submission).result() is Reception.TAKEN_IN
        rig.batch()
    assert rig.listed(Algorithm.MD5) == {}


def test_of_cases_that_come_in_one_transaction_the_first_under_an_id_counts(rig: RegistryRig) -> None:
    known, person = rig.submits(rig.pdq()), rig.person(rig.pdq())
    other = replace(rig.person(rig.md5()).submission, case_id=person.submission.case_id)
    also = replace(rig.person(rig.md5()).submission, case_id=known.submission.case_id)
    came = [person.submission, other, known.submission, also, person.submission]
    with writing(rig.registry.engine) as connection:
        answers = store.put_in_intake(connection, [(submission, 20_000) for submission in came])
    assert answers == [True, False, True, False, True]
    rig.batch()
    assert rig.listed(Algorithm.MD5) == {}
    assert rig.status(*known.tokens, *person.tokens) == [LISTED, LISTED]


def test_sheets_are_opened_together(rig: RegistryRig) -> None:
    service = rig.registry.services.registry
    first = rig.submits(rig.pdq())
    rig.batch()
    second = rig.submits(rig.pdq())
    ids = (first.submission.case_id, second.submission.case_id, bytes(16))
    assert service.open_sheets(ids) == {item.submission.case_id: item.submission.sealed for item in (first, second)}
    with pytest.raises(NotFoundError):
        service.open_sheets((bytes(16), *ids))


def test_wrong_receipts_are_answered_so_many_times_a_minute(rig: RegistryRig) -> None:
    rig.restart(unknown_case_tries_per_min=3)
    person = rig.submits(rig.pdq())
    service = rig.registry.services.registry
    for _ in range(3):
        with pytest.raises(NotFoundError):
            service.open_case(bytes(16))
    with pytest.raises(UnavailableError) as caught:
        service.open_case(bytes(16))
    assert caught.value.code == "case.tries"
    assert service.open_case(person.submission.case_id) == person.submission.sealed  # who has a receipt is let in
    rig.clock.advance(60)
    with pytest.raises(NotFoundError):
        service.open_case(bytes(16))


# Whom cases are about


def test_whom_cases_are_about_is_counted_and_small_numbers_are_not_shown(rig: RegistryRig) -> None:
    service = rig.registry.services.registry
    for about, times in ((About.SELF_UNDER_18, 10), (About.TRUSTED_ADULT, 9), (None, 2)):
        for _ in range(times):
            submission = replace(rig.person(rig.md5()).submission, about=about)
            assert service.submit(submission).result() is Reception.TAKEN_IN
            assert service.submit(submission).result() is Reception.TAKEN_IN  # the same again is not another
        rig.batch()
    counts = {About.SELF_UNDER_18: 10, About.SELF_BEFORE_18: None, About.TRUSTED_ADULT: None, About.ADULT: None}
    assert service.audience(1) == [AudienceCount(about, count) for about, count in counts.items()]
    rig.clock.advance(DAY_S)
    assert {item.cases for item in service.audience(1)} == {None}
    assert service.audience(2)[0] == AudienceCount(About.SELF_UNDER_18, 10)


def test_cases_about_adults_are_taken_where_the_operator_says_so(rig: RegistryRig) -> None:
    submission = replace(rig.person(rig.md5()).submission, about=About.ADULT)
    with pytest.raises(NotAllowedError) as caught:
        rig.registry.services.registry.submit(submission)
    assert caught.value.code == "case.adult"
    rig.restart(adult_cases=True)
    assert rig.registry.services.registry.submit(submission).result() is Reception.TAKEN_IN
