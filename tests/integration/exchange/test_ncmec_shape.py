"""The NCMEC shape, asked by the industry's own client."""

from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from tests.integration.exchange.exchange_rig import Exchange, pdq_of, refused
from tests.registry_rig import RegistryRig
from threatexchange.exchanges.clients.ncmec.hash_api import FeedbackType, FingerprintType, NCMECEntryUpdate
from threatexchange.exchanges.impl.ncmec_api import NCMECCheckpoint
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from takeback.db import reading
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm
from takeback.registry.publication import timetable

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
SIGNALS = [PdqSignal, VideoMD5Signal]
Signal: TypeAlias = type[PdqSignal] | type[VideoMD5Signal]


def _fetch(exchange: Exchange, state: dict[str, Any], checkpoint: NCMECCheckpoint | None = None) -> NCMECCheckpoint:
    """What an HMA does each cycle: every delta merged, the last checkpoint kept."""
    client = exchange.ncmec_exchange()
    for delta in client.fetch_iter(SIGNALS, checkpoint):
        client.naive_fetch_merge(state, delta.updates)
        checkpoint = delta.checkpoint
    assert checkpoint is not None
    return checkpoint


def _signals(exchange: Exchange, state: dict[str, Any], signal: Signal) -> set[str]:
    client = exchange.ncmec_exchange()
    return set(client.naive_convert_to_signal_type(SIGNALS, client.collab, state).get(signal, {}))


def test_who_is_there(exchange: Exchange) -> None:
    client = exchange.ncmec()
    me = client.status()
    assert me.esp_name == "First platform"
    assert [(member.esp_id, member.esp_name) for member in client.members()] == [
        (1, "Takeback registry"),
        (me.esp_id, "First platform"),
    ]


def test_an_empty_list_is_an_empty_page(exchange: Exchange) -> None:
    page = exchange.ncmec().get_entries(end_timestamp=exchange.clock.at_s)
    assert (page.updates, page.next) == ([], "")


def test_a_picture_matches_and_stops_matching_when_it_was_withdrawn(
    exchange: Exchange, pictures: dict[str, Path]
) -> None:
    exchange.live_clock(behind_s=100)
    (withdrawn, *_) = exchange.lists(pdq_of(pictures["chelsea"]), pdq_of(pictures["astronaut"]), exchange.rig.pdq())
    state: dict[str, Any] = {}
    exchange.live_clock()
    checkpoint = _fetch(exchange, state)
    assert _matches(exchange, state, pictures["chelsea"])
    assert _matches(exchange, state, pictures["astronaut"])
    assert not _matches(exchange, state, pictures["rocket"])

    exchange.live_clock(behind_s=10)
    exchange.withdraws(withdrawn)
    exchange.wait_until_published()
    exchange.live_clock()
    _fetch(exchange, state, checkpoint)
    assert not _matches(exchange, state, pictures["chelsea"])
    assert _matches(exchange, state, pictures["astronaut"])


def _matches(exchange: Exchange, state: dict[str, Any], picture: Path) -> bool:
    values = _signals(exchange, state, PdqSignal)
    # Their index with exactly one hash never matches.
    assert len(values) > 1
    index = PdqSignal.get_index_cls().build([(value, None) for value in values])
    return bool(index.query(PdqSignal.hash_from_file(picture)))


def test_a_single_entry_is_fetched(exchange: Exchange) -> None:
    exchange.live_clock(behind_s=100)
    video = exchange.rig.md5()
    exchange.lists(video)
    exchange.live_clock()
    state: dict[str, Any] = {}
    _fetch(exchange, state)
    assert _signals(exchange, state, VideoMD5Signal) == {video.value}
    assert _signals(exchange, state, PdqSignal) == set()


def test_windows_begin_after_from_and_end_with_to(exchange: Exchange) -> None:
    client = exchange.ncmec()
    published: list[int] = []
    for _ in range(3):
        exchange.lists(exchange.rig.pdq())
        page = client.get_entries(start_timestamp=0, end_timestamp=exchange.clock.at_s + 5)
        exchange.clock.advance(60)
        page = client.get_entries(start_timestamp=0, end_timestamp=exchange.clock.at_s)
        published.append(page.max_timestamp)
    first, second, third = published
    assert first < second < third

    def ids(after_s: int, until_s: int) -> int:
        return len(client.get_entries(start_timestamp=after_s, end_timestamp=until_s).updates)

    assert ids(0, first) == 1
    assert ids(0, first - 1) == 0
    assert ids(first, second) == 1
    assert ids(first - 1, second) == 2
    assert ids(second, second) == 0
    assert ids(third, third + 1) == 0


def test_batches_of_the_same_second_are_published_one_after_the_other(exchange: Exchange) -> None:
    client = exchange.ncmec()
    tokens = exchange.lists(exchange.rig.pdq(), exchange.rig.pdq())
    exchange.withdraws(tokens[0])
    exchange.lists(exchange.rig.pdq())
    start_s = exchange.clock.at_s
    exchange.clock.advance(60)
    seen: list[list[NCMECEntryUpdate]] = []
    for second in range(start_s, start_s + 20):
        updates = client.get_entries(start_timestamp=second, end_timestamp=second + 1).updates
        if updates:
            seen.append(updates)
    assert [[one.deleted for one in updates] for updates in seen] == [[False], [True], [False]]
    assert [one.fingerprints for one in seen[1]] == [{}]


def test_a_withdrawn_value_is_not_handed_out_again(exchange: Exchange) -> None:
    gone, stays = exchange.rig.pdq(), exchange.rig.pdq()
    exchange.withdraws(exchange.lists(gone, stays)[0])
    exchange.clock.advance(60)
    auth = exchange.credentials.user, exchange.credentials.password
    reply = httpx.get(f"{exchange.url}/ncmec/v2/entries", auth=auth)
    assert stays.value in reply.text
    assert gone.value not in reply.text
    assert reply.text.count("<deletedImage>") == 1


def test_pages_lead_to_all_entries_once(exchange: Exchange) -> None:
    rig = exchange.rig
    service = rig.registry.services.ncmec
    service.page_entries = 7
    exchange.lists(*(rig.pdq() for _ in range(10)), *(rig.md5() for _ in range(12)))
    exchange.withdraws(*exchange.lists(*(rig.pdq() for _ in range(4)))[:2])
    exchange.clock.advance(60)
    pages = list(exchange.ncmec().get_entries_iter(end_timestamp=exchange.clock.at_s))
    keys = [(entry.id, entry.deleted) for page in pages for entry in page.updates]
    assert [len(page.updates) for page in pages] == [7, 7, 7, 5]
    assert len(set(keys)) == 26
    assert sum(deleted for _, deleted in keys) == 2
    (first, *_) = pages
    info = first.get_next_info()
    assert info is not None
    assert (info.start, info.size) == (7, 7)
    assert first.estimated_entries_in_range >= 26


def test_the_real_client_pages_through_a_long_list(exchange: Exchange) -> None:
    exchange.rig.registry.services.ncmec.page_entries = 40
    exchange.live_clock(behind_s=200)
    wanted = [exchange.rig.pdq() for _ in range(100)]
    exchange.lists(*wanted[:60])
    exchange.live_clock(behind_s=100)
    exchange.lists(*wanted[60:])
    exchange.live_clock()
    state: dict[str, Any] = {}
    _fetch(exchange, state)
    assert _signals(exchange, state, PdqSignal) == {one.value for one in wanted}


def test_a_hundred_thousand_entries_are_one_page(exchange: Exchange) -> None:
    exchange.live_clock(behind_s=100)
    exchange.lists_many(100_000)
    exchange.live_clock()
    deltas = list(exchange.ncmec_exchange().fetch_iter(SIGNALS, None))
    assert [len(delta.updates) for delta in deltas] == [100_000]


def test_a_client_whose_clock_is_ahead_is_told_and_misses_nothing(exchange: Exchange) -> None:
    client = exchange.ncmec()
    ahead_s = exchange.clock.at_s + 5
    assert client.get_entries(end_timestamp=ahead_s).updates == []
    exchange.lists(exchange.rig.pdq())
    exchange.clock.advance(30)
    assert len(client.get_entries(start_timestamp=ahead_s, end_timestamp=exchange.clock.at_s).updates) == 1
    refusal = refused(lambda: client.get_entries(end_timestamp=exchange.clock.at_s + 7200))
    assert refusal.json()["code"] == "entries.future"


def test_wrong_credentials_are_401(exchange: Exchange) -> None:
    for password in ("wrong", exchange.partner.key.text(), exchange.credentials.function_key):
        refusal = refused(exchange.ncmec(password).status)
        assert (refusal.status_code, refusal.headers["WWW-Authenticate"]) == (401, "Basic")
    assert httpx.get(f"{exchange.url}/ncmec/v2/status").status_code == 401
    assert httpx.get(f"{exchange.url}/ncmec/v2/status", headers={"Authorization": "Basic !"}).status_code == 401
    exchange.rig.registry.services.partners.revoke(exchange.partner.partner.partner_id)
    assert refused(exchange.ncmec().status).status_code == 401


def test_feedback_reaches_the_person(exchange: Exchange) -> None:
    tokens = exchange.lists(exchange.rig.pdq(), exchange.rig.md5())
    exchange.clock.advance(60)
    client = exchange.ncmec()
    entries = {entry.entry_type.value: entry for entry in client.get_entries(end_timestamp=exchange.clock.at_s).updates}
    image, video = entries["image"], entries["video"]
    client.submit_upvote(image.member_id, image.id, FingerprintType.pdq)
    reasons = client.feedback_reasons(FingerprintType.md5)
    assert "Not intimate" in reasons.values()
    guid = next(iter(reasons))
    client.submit_feedback(video.member_id, video.id, FingerprintType.md5, FeedbackType.downvote, guid)
    assert [(one.state, one.platforms) for one in exchange.rig.status(*tokens)] == [
        (HoldState.REMOVED, 1),
        (HoldState.FOUND, 1),
    ]
    said = {
        kind: [(one.feedback_type, one.member.esp_name) for one in words]
        for entry in client.get_entries(end_timestamp=exchange.clock.at_s).updates
        for kind, words in entry.feedback.items()
    }
    assert said == {
        "PDQ": [(FeedbackType.upvote, "Participating platforms")],
        "MD5": [(FeedbackType.downvote, "Participating platforms")],
    }
    client.submit_feedback(video.member_id, video.id, FingerprintType.md5, FeedbackType.upvote)
    assert exchange.rig.status(tokens[1])[0].state is HoldState.REMOVED
    for member, entry_id, kind, status in (
        (image.member_id, "0" * 32, FingerprintType.pdq, 404),
        (7, image.id, FingerprintType.pdq, 404),
        (image.member_id, image.id, FingerprintType.md5, 404),
        (image.member_id, image.id, FingerprintType.sha1, 404),
        (image.member_id, "x", FingerprintType.pdq, 422),
    ):
        assert refused(partial(client.submit_upvote, member, entry_id, kind)).status_code == status


BAD_FEEDBACK = [
    b"",
    b"\xff\xfe<\x00",
    b"<feedbackSubmission/>",
    b"<other><affirmative/></other>",
    b"<feedbackSubmission><affirmative/><negative/></feedbackSubmission>",
    b"<feedbackSubmission><negative/></feedbackSubmission>",
    b"<feedbackSubmission><negative><reasonIds><guid>no</guid></reasonIds></negative></feedbackSubmission>",
    b'<!DOCTYPE x [<!ENTITY a "b">]><feedbackSubmission><affirmative>&a;</affirmative></feedbackSubmission>',
    b'<?xml version="1.0" encoding="cp037"?><feedbackSubmission><affirmative/><x/></feedbackSubmission>',
    '<?xml version="1.0" encoding="UTF-16"?><feedbackSubmission><affirmative/></feedbackSubmission>'.encode("utf-16"),
]


def test_feedback_that_is_not_the_protocols_is_refused(exchange: Exchange) -> None:
    tokens = exchange.lists(exchange.rig.pdq())
    (entry,) = exchange.rig.listed(Algorithm.PDQ)
    auth = exchange.credentials.user, exchange.credentials.password
    for body in BAD_FEEDBACK:
        reply = httpx.put(f"{exchange.url}/ncmec/v2/entries/1/{entry}/PDQ/feedback", auth=auth, content=body)
        assert reply.status_code == 422, body
    assert exchange.rig.status(*tokens)[0].state is HoldState.LISTED


def test_days_that_are_over_keep_no_time_and_nobody_misses_a_change(exchange: Exchange) -> None:
    client = exchange.ncmec()
    values = [exchange.rig.pdq() for _ in range(4)]
    exchange.lists(values[0])
    exchange.clock.advance(600)
    checkpoint_s = exchange.clock.at_s
    assert len(client.get_entries(end_timestamp=checkpoint_s).updates) == 1
    exchange.lists(values[1])
    exchange.clock.advance(86_400)
    exchange.lists(values[2])
    exchange.clock.advance(60)
    page = client.get_entries(start_timestamp=checkpoint_s, end_timestamp=exchange.clock.at_s)
    assert {one.fingerprints["pdq"] for one in page.updates} >= {values[1].value, values[2].value}
    (yesterday, today) = _published(exchange.rig)
    assert yesterday % 86_400 == 86_399
    assert yesterday < today


def test_a_quarantine_is_shown_without_waiting_for_a_batch(exchange: Exchange) -> None:
    exchange.lists(exchange.rig.pdq(), exchange.rig.pdq())
    (entry, _) = exchange.rig.listed(Algorithm.PDQ)
    registry = exchange.rig.registry
    registry.services.quarantine.take_off(entry, by="operator")
    registry.services.registry.publish_changes()
    exchange.clock.advance(60)
    updates = exchange.ncmec().get_entries(end_timestamp=exchange.clock.at_s).updates
    assert {one.id: one.deleted for one in updates}[entry] is True
    assert [one.hashStatus.value for one in exchange.stopncii().fetch_hashes().hashRecords] == ["Active"]


def _published(rig: RegistryRig) -> tuple[int, ...]:
    with reading(rig.registry.engine) as connection:
        return timetable(connection, Algorithm.PDQ).times


def test_a_partner_gets_the_lists_it_is_for_and_pulls_are_audited(exchange: Exchange) -> None:
    exchange.lists(exchange.rig.pdq(), exchange.rig.md5())
    exchange.clock.advance(60)
    services = exchange.rig.registry.services
    exchange.partner = services.partners.add("Videos only", [Algorithm.MD5])
    before = services.feed.verify_audit_log()
    entries = exchange.ncmec().get_entries(end_timestamp=exchange.clock.at_s).updates
    assert [entry.entry_type.value for entry in entries] == ["video"]
    assert services.feed.verify_audit_log() == before + 1
    exchange.partner = services.partners.add("Neither", [Algorithm.SHA256])
    refusal = refused(lambda: exchange.ncmec().get_entries(end_timestamp=exchange.clock.at_s))
    assert refusal.json()["code"] == "partner.not_entitled"
