"""The StopNCII shape, asked by the industry's own client."""

from pathlib import Path

import httpx
import pytest
from tests.integration.exchange.exchange_rig import Exchange, pdq_of, refused
from threatexchange.exchanges.clients.stopncii.api import (
    StopNCIICaseStatus,
    StopNCIICSPFeedback,
    StopNCIICSPFeedbackValue,
    StopNCIIHashRecord,
    StopNCIISignalType,
)
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIICheckpoint, StopNCIISignalMetadata
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from takeback.errors import ConflictError, NotFoundError
from takeback.exchange.offers import OfferState
from takeback.exchange.partners import Terms
from takeback.exchange.types import Scope
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
Records = dict[tuple[str, str], StopNCIISignalMetadata]
SIGNALS = [PdqSignal, VideoMD5Signal]
Values = StopNCIICSPFeedbackValue


def _fetch(exchange: Exchange, state: Records, checkpoint: StopNCIICheckpoint | None = None) -> StopNCIICheckpoint:
    client = exchange.stopncii_exchange()
    for delta in client.fetch_iter(SIGNALS, checkpoint):
        client.naive_fetch_merge(state, delta.updates)
        assert checkpoint is None or delta.checkpoint.update_time >= checkpoint.update_time
        checkpoint = delta.checkpoint
    assert checkpoint is not None
    return checkpoint


def _records(exchange: Exchange, start_s: int = 10, page_size: int = 800) -> list[StopNCIIHashRecord]:
    client, token, found = exchange.stopncii(), "", []
    while True:
        page = client.fetch_hashes(start_timestamp=start_s, page_size=page_size, next_page=token)
        assert page.count == len(page.hashRecords)
        assert page.nextSetTimestamp >= start_s
        found += page.hashRecords
        if not page.hasMoreRecords:
            return found
        token = page.nextPageToken or ""


def test_a_picture_is_fetched_and_matches(exchange: Exchange, pictures: dict[str, Path]) -> None:
    video = exchange.rig.md5()
    exchange.lists(pdq_of(pictures["chelsea"]), exchange.rig.pdq(), video)
    state: Records = {}
    checkpoint = _fetch(exchange, state)
    values = [value for kind, value in state if kind == PdqSignal.get_name()]
    index = PdqSignal.get_index_cls().build([(value, None) for value in values])
    assert index.query(PdqSignal.hash_from_file(pictures["chelsea"]))
    assert not index.query(PdqSignal.hash_from_file(pictures["rocket"]))
    assert (VideoMD5Signal.get_name(), video.value) in state

    exchange.clock.advance(60)
    exchange.lists(exchange.rig.pdq())
    before = len(state)
    later = _fetch(exchange, state, checkpoint)
    assert len(state) == before + 1
    assert later.update_time > checkpoint.update_time


def test_an_empty_list_and_a_single_entry(exchange: Exchange) -> None:
    page = exchange.stopncii().fetch_hashes(start_timestamp=1234)
    assert (page.count, page.hasMoreRecords, page.nextPageToken, page.nextSetTimestamp) == (0, False, None, 1234)
    one = exchange.rig.pdq()
    exchange.lists(one)
    (record,) = _records(exchange)
    assert (record.hashValue, record.signalType) == (one.value, StopNCIISignalType.ImagePDQ)
    assert (record.hashStatus, record.caseNumbers) == (StopNCIICaseStatus.Active, {})


def test_pages_come_by_time_and_hold_every_change_once(exchange: Exchange) -> None:
    rig = exchange.rig
    for _ in range(3):
        exchange.lists(*(rig.pdq() for _ in range(5)), *(rig.md5() for _ in range(4)))
    whole = _records(exchange)
    assert len(whole) == 27
    for page_size in (1, 4, 9, 26, 27):
        assert _records(exchange, page_size=page_size) == whole
    times = [record.lastModtimestamp for record in whole]
    assert times == sorted(times)
    assert len(set(times)) == 3
    # The start is part of what is asked for.
    assert _records(exchange, start_s=times[-1]) == whole[-9:]
    assert _records(exchange, start_s=times[-1] + 1) == []


def test_a_pull_that_was_cut_short_goes_on_from_its_checkpoint(exchange: Exchange) -> None:
    for _ in range(3):
        exchange.lists(*(exchange.rig.pdq() for _ in range(5)))
    first = exchange.stopncii().fetch_hashes(page_size=7)
    rest = _records(exchange, start_s=first.nextSetTimestamp)
    assert len({record.hashValue for record in [*first.hashRecords, *rest]}) == 15


def test_who_had_a_hash_is_told_of_its_withdrawal_and_nobody_else(exchange: Exchange) -> None:
    gone, stays = exchange.rig.pdq(), exchange.rig.pdq()
    tokens = exchange.lists(gone, stays)
    checkpoint = _fetch(exchange, {})
    exchange.withdraws(tokens[0])
    (withdrawn,) = [one for one in _records(exchange, checkpoint.update_time) if one.hashValue == gone.value]
    assert withdrawn.hashStatus is StopNCIICaseStatus.Withdrawn
    assert withdrawn.lastModtimestamp > checkpoint.update_time
    assert [one.hashValue for one in _records(exchange)] == [stays.value]


def test_wrong_keys_are_401(exchange: Exchange) -> None:
    ours = exchange.credentials
    for client in (
        exchange.stopncii(function_key="wrong"),
        exchange.stopncii(subscription_key="wrong"),
        exchange.stopncii(function_key=ours.subscription_key, subscription_key=ours.function_key),
        exchange.stopncii(function_key=ours.password, subscription_key=ours.user),
    ):
        assert refused(client.fetch_hashes).status_code == 401
    assert httpx.get(f"{exchange.url}/stopncii/v1/FetchHashes").status_code == 401


def test_a_token_that_is_not_ours_is_refused(exchange: Exchange) -> None:
    assert refused(lambda: exchange.stopncii().fetch_hashes(next_page="1-2")).status_code == 422


def test_feedback_reaches_the_person_and_the_other_partners(exchange: Exchange) -> None:
    pdq, md5 = exchange.rig.pdq(), exchange.rig.md5()
    tokens = exchange.lists(pdq, md5)
    client = exchange.stopncii()
    client.submit_feedback(StopNCIISignalType.ImagePDQ, pdq.value, Values.Blocked, {"free text"})
    client.submit_feedbacks(
        {
            (StopNCIISignalType.VideoMD5, md5.value): StopNCIICSPFeedback(Values.PendingReview),
            (StopNCIISignalType.ImagePDQ, "0" * 64): StopNCIICSPFeedback(Values.Blocked),
            (StopNCIISignalType.ImagePDQ, "no hash"): StopNCIICSPFeedback(Values.Blocked),
        }
    )
    client.submit_feedback(StopNCIISignalType.ImagePDQ, pdq.value, Values.None_)
    assert [status.state for status in exchange.rig.status(*tokens)] == [HoldState.REMOVED, HoldState.IN_REVIEW]
    records = {record.hashValue: record for record in _records(exchange)}
    (said,) = records[pdq.value].CSPFeedbacks
    assert (said.feedbackValue, said.tags) == (Values.Blocked, set())
    assert "First platform" not in said.source


def test_hashes_that_a_platform_offers_wait_for_the_operator(exchange: Exchange) -> None:
    client, services = exchange.stopncii(), exchange.rig.registry.services
    offered = exchange.rig.pdq().value
    assert refused(lambda: client.submit_hash(StopNCIISignalType.ImagePDQ, offered)).json()["code"] == "partner.scope"
    services.partners.change(exchange.partner.partner.partner_id, Terms(scopes=Scope))
    # The client writes `StopNCIISignalType.ImagePDQ` where the protocol has `ImagePDQ`.
    client.submit_hash(StopNCIISignalType.ImagePDQ, offered)
    client.submit_hash(StopNCIISignalType.ImagePDQ, offered)
    client.submit_hash(StopNCIISignalType.VideoMD5, exchange.rig.md5().value)
    client.submit_hash(StopNCIISignalType.URL, "https://example.org")
    exchange.rig.batch()
    assert _records(exchange) == []

    offers = services.offers
    waiting = {offer.fingerprint.algorithm: offer for offer in offers.all(OfferState.WAITING)}
    assert set(waiting) == {Algorithm.PDQ, Algorithm.MD5}
    offers.take(waiting[Algorithm.PDQ].offer_id)
    offers.refuse(waiting[Algorithm.MD5].offer_id)
    exchange.rig.batch()
    assert [record.hashValue for record in _records(exchange)] == [offered]
    with pytest.raises(ConflictError):
        offers.take(waiting[Algorithm.PDQ].offer_id)
    with pytest.raises(NotFoundError):
        offers.take("0" * 32)
    offers.withdraw(waiting[Algorithm.PDQ].offer_id)
    exchange.rig.batch()
    assert _records(exchange) == []
    assert {offer.state for offer in offers.all()} == {OfferState.WITHDRAWN, OfferState.REFUSED}
    services.feed.verify_audit_log()
