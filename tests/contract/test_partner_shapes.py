"""The lists by time, as the NCMEC and the StopNCII face read them, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from takeback.db import reading
from takeback.exchange import store
from takeback.exchange.offers import OfferState
from takeback.exchange.types import AuditedAct
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import FeedbackValue
from takeback.registry.publication import timetable

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def _batches(rig: RegistryRig, count: int) -> list[bytes]:
    """Two PDQs and an MD5 a batch; a token of each batch's first PDQ."""
    tokens = []
    for _ in range(count):
        tokens.append(rig.submits(rig.pdq(), rig.pdq(), rig.md5()).tokens[0])
        rig.batch()
    return tokens


def test_times_rise_with_the_numbers_whatever_the_clock_does(rig: RegistryRig) -> None:
    _batches(rig, 2)
    rig.clock.advance(-500)
    _batches(rig, 1)
    rig.clock.advance(2 * 86_400)
    _batches(rig, 2)
    with reading(rig.registry.engine) as connection:
        times = timetable(connection, Algorithm.PDQ)
    assert times.seqs == (6, 8, 10)
    assert list(times.times) == sorted(set(times.times))
    assert times.times[0] % 86_400 == 86_399
    assert times.times[1] == rig.clock.at_s + 6
    assert [times.seq_at(at_s) for at_s in (0, times.times[0], times.times[1] - 1, times.times[2])] == [0, 6, 6, 10]
    assert [times.time_of(seq) for seq in (1, 6, 7, 10)] == [times.times[i] for i in (0, 0, 1, 2)]


def test_windows_and_pages_of_the_ncmec_face(rig: RegistryRig) -> None:
    ncmec, partner = rig.registry.services.ncmec, rig.partner.partner
    tokens = _batches(rig, 3)
    rig.withdraws(tokens[1])
    rig.batch()
    rig.clock.advance(60)
    window = ncmec.window(None, None)
    whole = ncmec.entries(partner, window)
    assert [one.value is None for one in whole.images] == [False] * 5 + [True]
    assert (len(whole.videos), whole.following) == (3, None)
    ncmec.page_entries = 4
    pages = [ncmec.entries(partner, window)]
    while pages[-1].following is not None:
        pages.append(ncmec.entries(partner, window, pages[-1].following))
    assert tuple(one for page in pages for one in page.images) == whole.images
    assert tuple(one for page in pages for one in page.videos) == whole.videos
    assert len(pages) == 3
    last_s = whole.images[-1].published_s
    assert [one.value for one in ncmec.entries(partner, ncmec.window(last_s - 1, last_s)).images] == [None]
    assert ncmec.members(partner)[0].number == 1


def test_pages_withdrawals_and_words_of_the_stopncii_face(rig: RegistryRig) -> None:
    stopncii, partner = rig.registry.services.stopncii, rig.partner.partner
    tokens = _batches(rig, 3)
    pages = [stopncii.fetch(partner, 10, 4, None)]
    while pages[-1].next_token is not None:
        pages.append(stopncii.fetch(partner, 10, 4, pages[-1].next_token))
    records = [record for page in pages for record in page.records]
    assert [len(page.records) for page in pages] == [4, 4, 1]
    assert len({record.value for record in records}) == 9
    words = [(Algorithm.PDQ, bytes.fromhex(one.value), FeedbackValue.BLOCKED) for one in records if one.list == "pdq"]
    assert stopncii.feedback(partner, [*words, (Algorithm.MD5, bytes(16), FeedbackValue.BLOCKED)]) == 6
    rig.withdraws(tokens[0])
    rig.batch()
    later = stopncii.fetch(partner, pages[-1].delivered_s, 100, None)
    (withdrawn,) = [record for record in later.records if not record.is_listed]
    assert withdrawn.value in {record.value for record in records}
    fresh = stopncii.fetch(partner, 10, 100, None)
    assert all(record.is_listed for record in fresh.records)
    assert {record.words for record in fresh.records if record.list == "pdq"} == {(FeedbackValue.BLOCKED,)}


def test_an_offer_is_decided_once(rig: RegistryRig) -> None:
    offers, partner = rig.registry.services.offers, rig.partner.partner
    one = rig.pdq()
    assert offers.offer(partner, [one, one]) == 2
    (waiting,) = offers.all()
    assert one.value not in repr(waiting)
    offers.take(waiting.offer_id, by="operator")
    rig.batch()
    assert {change.value for change in rig.listed(Algorithm.PDQ).values()} == {one.value}
    assert offers.offer(partner, [one]) == 1
    assert [offer.state for offer in offers.all()] == [OfferState.TAKEN]
    with reading(rig.registry.engine) as connection:
        acts = [(record.actor_id, record.what) for _, record in store.audit_page(connection, None, 9)]
    assert ("operator", AuditedAct.OFFER_TAKE) in acts
    assert acts.count((partner.partner_id, AuditedAct.STOPNCII_OFFER)) == 2
