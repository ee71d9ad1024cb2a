"""Quarantine and the guard list, on either database: off the feed and back, with the holds that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.plausible import near_pdq, plausible_pdq

from takeback.errors import NotFoundError
from takeback.exchange import store as exchange_store
from takeback.exchange.types import AuditedAct
from takeback.model.case import HoldState, HoldStatus
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.registry.set_aside import Cause
from takeback.registry.types import Reception

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

    from takeback.exchange.types import Partner

LISTED = HoldStatus(HoldState.LISTED, 0)
PAUSED = HoldStatus(HoldState.QUARANTINED, 0)
DECLINED = HoldStatus(HoldState.DECLINED, 0)
WITHDRAWN = HoldStatus(HoldState.WITHDRAWN, 0)


def _partners(rig: RegistryRig, count: int) -> list[Partner]:
    service = rig.registry.services.partners
    return [service.add(f"Platform {number}", tuple(Algorithm)).partner for number in range(count)]


def _say(rig: RegistryRig, partner: Partner, entry_id: str, value: FeedbackValue, times: int = 1) -> int:
    word = Feedback(Algorithm.PDQ, entry_id, value)
    return rig.registry.services.feed.feedback(partner, [word] * times)


def _only_entry(rig: RegistryRig) -> str:
    (entry_id,) = rig.listed(Algorithm.PDQ)
    return entry_id


def _audited(rig: RegistryRig) -> list[AuditedAct]:
    with rig.registry.engine.connect() as connection:
        acts = [record.what for _, record, _ in exchange_store.audit_lines(connection)]
    assert rig.registry.services.feed.verify_audit_log() == len(acts)
    return [act for act in acts if act in set(AuditedAct) - {AuditedAct.PULL, AuditedAct.FEEDBACK}]


def test_a_quorum_of_partners_takes_an_entry_off_and_the_operator_puts_it_back(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    entry_id = _only_entry(rig)
    first, second, third, fourth = _partners(rig, 4)
    _say(rig, first, entry_id, FeedbackValue.NOT_BLOCKED, times=5)
    _say(rig, second, entry_id, FeedbackValue.NOT_BLOCKED)
    _say(rig, fourth, entry_id, FeedbackValue.BLOCKED)
    assert _only_entry(rig) == entry_id  # one partner counts once, however often it says so
    _say(rig, third, entry_id, FeedbackValue.NOT_BLOCKED)
    assert rig.listed(Algorithm.PDQ) == {}
    assert rig.status(*person.tokens) == [PAUSED]
    quarantine = rig.registry.services.quarantine
    (waiting,) = quarantine.list()
    assert (waiting.entry_id, waiting.cause) == (entry_id, Cause.NOT_BLOCKED)
    assert waiting.words == {FeedbackValue.NOT_BLOCKED: 3, FeedbackValue.BLOCKED: 1}

    again = quarantine.restore(entry_id)
    assert again != entry_id
    (change,) = rig.listed(Algorithm.PDQ).values()
    assert (change.entry_id, change.value) == (again, person.submission.fingerprints[0].fingerprint.value)
    assert rig.status(*person.tokens) == [HoldStatus(HoldState.REMOVED, 1)]  # what was said for it is still known
    assert quarantine.list() == ()
    _say(rig, first, again, FeedbackValue.NOT_BLOCKED)
    assert _only_entry(rig) == again  # what was said against it has been answered
    rig.withdraws(*person.tokens)
    rig.batch()
    assert [change.op for change in rig.changes(Algorithm.PDQ)] == [Op.ADD, Op.REMOVE, Op.ADD, Op.REMOVE]
    assert rig.listed(Algorithm.PDQ) == {}
    kinds = [AuditedAct.QUARANTINE, AuditedAct.RESTORE]
    assert [act for act in _audited(rig) if act in kinds] == kinds


def test_partners_that_took_it_down_outweigh_as_many_that_did_not(rig: RegistryRig) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    entry_id = _only_entry(rig)
    partners = _partners(rig, 7)
    for partner in partners[:3]:
        _say(rig, partner, entry_id, FeedbackValue.BLOCKED)
    for partner in partners[3:6]:
        _say(rig, partner, entry_id, FeedbackValue.NOT_BLOCKED)
    assert _only_entry(rig) == entry_id
    _say(rig, partners[6], entry_id, FeedbackValue.NOT_BLOCKED)
    assert rig.listed(Algorithm.PDQ) == {}


def test_a_partner_that_was_shut_out_has_no_word(rig: RegistryRig) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    entry_id = _only_entry(rig)
    partners = _partners(rig, 3)
    for partner in partners[:2]:
        _say(rig, partner, entry_id, FeedbackValue.NOT_BLOCKED)
    rig.registry.services.partners.revoke(partners[0].partner_id)
    _say(rig, partners[2], entry_id, FeedbackValue.NOT_BLOCKED)
    assert _only_entry(rig) == entry_id


def test_a_flood_of_matches_takes_an_entry_off_on_its_day(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    entry_id = _only_entry(rig)
    _say(rig, rig.partner.partner, entry_id, FeedbackValue.PENDING_REVIEW, times=999)
    rig.clock.advance(86_400)
    _say(rig, rig.partner.partner, entry_id, FeedbackValue.PENDING_REVIEW, times=999)
    assert _only_entry(rig) == entry_id
    _say(rig, rig.partner.partner, entry_id, FeedbackValue.BLOCKED)
    assert rig.listed(Algorithm.PDQ) == {}
    (waiting,) = rig.registry.services.quarantine.list()
    assert (waiting.cause, waiting.matches_on_worst_day) == (Cause.FLOOD, 1000)
    assert rig.status(*person.tokens) == [PAUSED]


def test_what_the_operator_removes_stays_off_and_its_holds_say_so(rig: RegistryRig) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    quarantine = rig.registry.services.quarantine
    entry_id = _only_entry(rig)
    quarantine.take_off(entry_id)
    quarantine.take_off(entry_id)
    (waiting,) = quarantine.list()
    assert waiting.cause is Cause.OPERATOR
    quarantine.remove(entry_id)
    assert quarantine.list() == ()
    second = rig.submits(person.submission.fingerprints[0].fingerprint)
    rig.batch()
    assert rig.status(*person.tokens, *second.tokens) == [DECLINED, DECLINED]
    assert rig.listed(Algorithm.PDQ) == {}
    rig.withdraws(*person.tokens)
    rig.batch()
    assert rig.status(*person.tokens, *second.tokens) == [WITHDRAWN, DECLINED]
    rig.withdraws(*second.tokens)
    rig.batch()
    assert [change.op for change in rig.changes(Algorithm.PDQ)] == [Op.ADD, Op.REMOVE]  # one tombstone, not two
    for act in (quarantine.remove, quarantine.restore, quarantine.take_off):
        with pytest.raises(NotFoundError, match="No entry of this id"):
            act(entry_id)


@pytest.mark.parametrize("text", ["", "zz", "0" * 31, " " * 32, "é" * 32])
def test_what_cannot_be_an_entry_is_unknown(rig: RegistryRig, text: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        rig.registry.services.quarantine.restore(text)
    assert caught.value.code == "entry.unknown"


def test_a_word_whose_judgement_was_missed_is_judged_at_the_next_start(rig: RegistryRig) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    entry_id = _only_entry(rig)
    for partner in _partners(rig, 3):
        service = rig.registry.services.feed
        word = Feedback(Algorithm.PDQ, entry_id, FeedbackValue.NOT_BLOCKED)
        with rig.registry.engine.begin() as connection:  # as a process that ended right after this commit
            service._keep_feedback(connection, partner, [word], AuditedAct.FEEDBACK)
    assert _only_entry(rig) == entry_id
    rig.registry.close()
    rig.registry = rig.another_process()
    rig.registry.start()
    assert rig.listed(Algorithm.PDQ) == {}


def test_what_is_near_the_guard_list_waits_for_the_operator(rig: RegistryRig) -> None:
    guard = rig.registry.services.guard
    meme = plausible_pdq(1)
    (line,) = guard.add([meme], note="a meme")
    assert guard.add([meme], note="again") == ()
    close = Fingerprint(Algorithm.PDQ, near_pdq(meme.value, 30), 80)
    far = Fingerprint(Algorithm.PDQ, near_pdq(meme.value, 32), 80)
    person = rig.submits(close, far)
    assert [status.state for status in rig.status(*person.tokens)] == [HoldState.BEING_ADDED] * 2
    assert rig.batch().added == 1
    assert rig.status(*person.tokens) == [PAUSED, LISTED]
    assert [change.value for change in rig.listed(Algorithm.PDQ).values()] == [far.value]
    assert rig.registry.services.quarantine.list() == ()
    (waiting,) = guard.waiting()
    assert (waiting.algorithm, waiting.cause) == (Algorithm.PDQ, Cause.GUARD)
    admitted = guard.admit(waiting.entry_id)
    assert rig.listed(Algorithm.PDQ)[admitted].value == close.value
    assert rig.status(*person.tokens) == [LISTED, LISTED]
    assert [line.note for line in guard.list()] == ["a meme"]
    guard.remove(line.guard_id)
    assert guard.list() == ()
    third = rig.submits(Fingerprint(Algorithm.PDQ, near_pdq(meme.value, 4), 80))
    rig.batch()
    assert rig.status(*third.tokens) == [LISTED]
    with pytest.raises(NotFoundError):
        guard.remove(line.guard_id)


def test_what_is_rejected_never_reaches_the_feed_and_leaves_no_tombstone(rig: RegistryRig) -> None:
    guard = rig.registry.services.guard
    logo = rig.md5()
    guard.add([logo])
    person = rig.submits(logo, rig.md5())
    rig.batch()
    (waiting,) = guard.waiting()
    guard.reject(waiting.entry_id)
    assert guard.waiting() == ()
    assert rig.status(*person.tokens) == [DECLINED, LISTED]
    rig.withdraws(person.tokens[0])
    rig.batch()
    assert len(rig.changes(Algorithm.MD5)) == 1
    assert rig.status(*person.tokens) == [WITHDRAWN, LISTED]


def test_another_process_sees_a_new_line_at_its_next_batch(rig: RegistryRig) -> None:
    rig.registry.services.guard.add([rig.md5()])
    rig.submits(rig.md5())
    rig.batch()
    logo = rig.md5()
    other = rig.another_process()
    other.services.guard.add([logo])
    other.close()
    person = rig.submits(logo)
    rig.batch()
    assert rig.status(*person.tokens) == [PAUSED]


def test_the_reply_and_the_way_to_the_batch_are_the_same_near_the_guard_list_and_far_from_it(rig: RegistryRig) -> None:
    logo = rig.pdq()
    rig.registry.services.guard.add([logo])
    for fingerprint in (logo, replace(logo, value=rig.pdq().value)):
        person = rig.person(fingerprint)
        assert rig.registry.services.registry.submit(person.submission).result() is Reception.TAKEN_IN
        assert [status.state for status in rig.status(*person.tokens)] == [HoldState.BEING_ADDED]
