"""The feed client against a real registry, honest and then not: every refusal of feed-v1 §5."""

import io
import json
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from takeback.apps.registry import Registry, build_registry
from takeback.client.feed import FeedClient
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.client.sealing import CaseKeys, seal_for
from takeback.clock import ManualClock
from takeback.errors import NotAllowedError, ProtocolViolationError
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.settings import RegistrySettings
from takeback.wire.feed_v1 import ChangeShape, change_shape, parse_change, withhold

LIST = Algorithm.SHA256
Change = Callable[[dict[str, Any]], None]


def _value(i: int) -> str:
    return sha256(f"picture {i}".encode()).hexdigest()


class MeddlingTransport(httpx.HTTPTransport):
    """Someone between partner and registry who may change what is answered about changes."""

    def __init__(self) -> None:
        super().__init__(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self.meddle: Change | None = None
        self.replace: bytes | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if not request.url.path.endswith("/changes"):
            return response
        body = response.read()
        response.close()
        if self.replace is not None:
            return httpx.Response(response.status_code, content=self.replace)
        if self.meddle is not None:
            answer = json.loads(body)
            self.meddle(answer)
            body = json.dumps(answer).encode()
        return httpx.Response(response.status_code, content=body)


@dataclass
class Partner:
    registry: Registry
    clock: ManualClock
    client: FeedClient
    wire: MeddlingTransport

    def submit(self, *pictures: int) -> None:
        for i in pictures:
            keys = CaseKeys(sha256(f"case {i}".encode()).digest()[:16], bytes(32))
            submission = seal_for(keys, [[Fingerprint(LIST, _value(i))]], date(2026, 11, 22))
            self.registry.services.registry.submit(submission).result()
        self.registry.services.registry.run_batch()

    def refusal(self) -> str:
        before = self.values()
        with pytest.raises(ProtocolViolationError) as refusal:
            self.client.sync_once([LIST])
        assert self.values() == before
        return refusal.value.code

    def values(self) -> set[str | None]:
        return {change.value for change in self.client.store.entries(LIST)}

    def told(self, meddle: Change) -> str:
        self.wire.meddle = meddle
        code = self.refusal()
        self.wire.meddle = None
        return code


@contextmanager
def _serving(folder: Path, clock: ManualClock) -> Iterator[tuple[Registry, str]]:
    log = open_log(io.StringIO())
    registry = build_registry(RegistrySettings(data_dir=folder), clock, log)
    try:
        with Server(registry.app) as server:
            yield registry, server.url
    finally:
        registry.close()


@contextmanager
def _partner(folder: Path, store: Path, clock: ManualClock, key: PartnerKey | None = None) -> Iterator[Partner]:
    with _serving(folder, clock) as (registry, url):
        known = key or parse_partner_key(registry.services.partners.add("wall").key.text())
        wire = MeddlingTransport()
        http = httpx.Client(transport=wire, base_url=url, headers={"Authorization": f"Bearer {known.text}"})
        with ListStore(store) as lists, FeedClient(http, known, lists, clock) as client:
            yield Partner(registry, clock, client, wire)


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with _partner(tmp_path / "registry", tmp_path / "list", ManualClock()) as running:
        yield running


def test_what_is_submitted_arrives_and_what_is_withdrawn_goes(partner: Partner) -> None:
    partner.submit(1, 2, 3)
    (result,) = partner.client.sync_once([LIST])
    assert (result.seq, result.count, result.added) == (3, 3, 3)
    assert partner.values() == {_value(1), _value(2), _value(3)}
    partner.submit(4, 2)
    (result,) = partner.client.sync_once([LIST])
    assert (result.seq, result.count, result.added) == (4, 4, 1)


def test_pages_of_a_real_feed(partner: Partner) -> None:
    partner.submit(*range(7))
    partner.client.steps.page_size = 3
    (result,) = partner.client.sync_once([LIST])
    assert (result.seq, result.count) == (7, 7)


def _withhold_the_first(answer: dict[str, Any]) -> None:
    """As a registry would: the chain comes out."""
    told = parse_change(LIST, ChangeShape.model_validate(answer["changes"][0]))
    answer["changes"][0] = change_shape(withhold(told)).model_dump(exclude_none=True)


def test_meddling_between_partner_and_registry_is_refused(partner: Partner) -> None:
    partner.submit(1, 2)
    partner.client.sync_once([LIST])
    partner.submit(3, 4, 5)

    assert partner.told(lambda answer: answer["changes"].pop(1)) == "feed.chain"
    assert partner.told(lambda answer: answer["changes"].pop()) == "feed.chain"
    assert partner.told(lambda answer: answer["changes"].reverse()) == "feed.chain"
    assert partner.told(lambda answer: answer["changes"].append(answer["changes"][-1])) == "feed.chain"
    assert partner.told(lambda answer: answer["changes"][0].update(value=_value(99))) == "feed.chain"
    assert partner.told(lambda answer: answer["changes"][0].update(digested=False)) == "feed.chain"
    assert partner.told(_withhold_the_first) == "feed.withheld"
    assert partner.told(lambda answer: answer["changes"][0].update(op="withheld")) == "feed.malformed"
    assert partner.told(lambda answer: answer["changes"][0].update(value="not a value")) == "feed.malformed"
    assert partner.told(lambda answer: answer["changes"][0].update(day="2026-02-31")) == "feed.malformed"
    assert partner.told(lambda answer: answer["changes"][0].update(seq="3")) == "feed.malformed"
    assert partner.told(lambda answer: answer.pop("head")) == "feed.malformed"
    assert partner.told(lambda answer: answer["head"]["signatures"].clear()) == "feed.signature"
    assert partner.told(_with_a_longer_life) == "feed.signature"
    for body in (b"", b"null", b"<html>", b'{"changes":' + b"[" * 5000):
        partner.wire.replace = body
        assert partner.refusal() == "feed.malformed"
    partner.wire.replace = None

    partner.client.sync_once([LIST])
    assert partner.values() == {_value(i) for i in range(1, 6)}


def _with_a_longer_life(answer: dict[str, Any]) -> None:
    head = json.loads(answer["head"]["head"])
    head["expires"] += 86400
    answer["head"]["head"] = json.dumps(head, sort_keys=True, separators=(",", ":"))


def test_an_old_answer_played_again_is_a_rollback_and_later_expired(partner: Partner) -> None:
    partner.submit(1)
    recorded: dict[str, Any] = {}
    partner.wire.meddle = recorded.update
    partner.client.sync_once([LIST])
    partner.wire.meddle = None
    partner.submit(2)
    partner.clock.advance(60)
    partner.client.sync_once([LIST])
    partner.wire.replace = json.dumps(recorded).encode()
    assert partner.refusal() == "feed.rollback"
    partner.clock.advance(3600)
    assert partner.refusal() == "feed.expired"


def test_a_registry_restored_from_a_backup_is_a_rollback_and_then_a_fork(tmp_path: Path) -> None:
    folder, store, clock = tmp_path / "registry", tmp_path / "list", ManualClock()
    with _partner(folder, store, clock) as partner:
        partner.submit(1)
        partner.client.sync_once([LIST])
        key = partner.client.steps.key
    shutil.copytree(folder, tmp_path / "backup")
    with _partner(folder, store, clock, key) as partner:
        partner.submit(2)
        partner.client.sync_once([LIST])
    clock.advance(60)
    with _partner(tmp_path / "backup", store, clock, key) as partner:
        assert partner.refusal() == "feed.rollback"
        partner.submit(3)
        assert partner.refusal() == "feed.fork"
        partner.submit(4)
        assert partner.refusal() == "feed.chain"
        assert partner.values() == {_value(1), _value(2)}


def test_a_registry_with_another_signing_key_is_not_the_registry(tmp_path: Path) -> None:
    folder, store, clock = tmp_path / "registry", tmp_path / "list", ManualClock()
    with _partner(folder, store, clock) as partner:
        partner.submit(1)
        partner.client.sync_once([LIST])
        key = partner.client.steps.key
    shutil.rmtree(folder / "keys")
    with _partner(folder, store, clock, key) as partner:
        assert partner.refusal() == "feed.signature"


def test_a_partner_pulls_what_it_is_entitled_to_until_it_is_revoked(partner: Partner) -> None:
    partners = partner.registry.services.partners
    key = parse_partner_key(partners.add("another", [Algorithm.MD5]).key.text())
    partner.client.http.headers["Authorization"] = f"Bearer {key.text}"
    assert [result.list for result in partner.client.sync_once()] == [Algorithm.MD5]
    partners.revoke(key.partner_id)
    with pytest.raises(NotAllowedError) as refusal:
        partner.client.sync_once()
    assert refusal.value.code == "partner.unknown"


def test_feedback_about_an_entry_that_is_gone_is_not_counted(partner: Partner) -> None:
    partner.submit(1)
    partner.client.sync_once([LIST])
    (entry,) = partner.client.store.entries(LIST)
    sender = FeedbackSender(partner.client.http)
    words = [Feedback(LIST, entry_id, FeedbackValue.BLOCKED) for entry_id in (entry.entry_id, "0" * 32)]
    assert sender.send(words) == 1
