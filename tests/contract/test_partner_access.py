"""Keys that overlap, limits, networks and counts, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from alembic import command
from sqlalchemy import text
from starlette.requests import Request

from takeback.apps.registry import build_registry
from takeback.clock import day_of
from takeback.db import writing
from takeback.db.schema import _config
from takeback.errors import InvalidInputError, NotAllowedError, NotFoundError
from takeback.exchange.gate import GateRules, PartnerGate, parse_proxies
from takeback.exchange.partners import PartnerService, Terms
from takeback.exchange.types import DEFAULT_SCOPES, Scope, new_partner_key
from takeback.httpkit.auth import UnknownCallerError
from takeback.httpkit.logs import open_log
from takeback.httpkit.rate import RateLimitedError, RequestRate
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue
from takeback.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.registry_rig import RegistryRig

    from takeback.exchange.partners import IssuedKey

DAY_S = 86_400


def _knows(partners: PartnerService, issued: IssuedKey) -> list[bool]:
    """Whether a key opens the native, the NCMEC and the StopNCII face."""
    ours = issued.key.credentials()
    tries: tuple[Callable[[], object], ...] = (
        lambda: partners.recognise(issued.key.text()),
        lambda: partners.recognise_ncmec(ours.user, ours.password),
        lambda: partners.recognise_stopncii(ours.function_key, ours.subscription_key),
    )
    opened = []
    for attempt in tries:
        try:
            attempt()
        except UnknownCallerError:
            opened.append(False)
        else:
            opened.append(True)
    return opened


def test_a_replaced_key_stays_good_for_its_overlap(rig: RegistryRig) -> None:
    partners, first = rig.registry.services.partners, rig.partner
    partner_id = first.partner.partner_id
    second = partners.rotate(partner_id, overlap_days=7)
    assert _knows(partners, first) == _knows(partners, second) == [True] * 3
    rig.clock.advance(6 * DAY_S)
    third = partners.rotate(partner_id, overlap_days=7)
    assert _knows(partners, first) == [True] * 3
    rig.clock.advance(DAY_S)
    # A second rotation gives the first key no more time.
    assert _knows(partners, first) == [False] * 3
    assert _knows(partners, second) == _knows(partners, third) == [True] * 3
    rig.clock.advance(6 * DAY_S)
    assert _knows(partners, second) == [False] * 3
    assert _knows(partners, third) == [True] * 3


def test_a_rotation_ends_when_it_is_confirmed_or_was_urgent(rig: RegistryRig) -> None:
    partners, first = rig.registry.services.partners, rig.partner
    partner_id = first.partner.partner_id
    second = partners.rotate(partner_id, overlap_days=30)
    assert partners.confirm(partner_id) == 1
    assert partners.confirm(partner_id) == 0
    assert (_knows(partners, first), _knows(partners, second)) == ([False] * 3, [True] * 3)
    third = partners.rotate(partner_id)
    assert (_knows(partners, second), _knows(partners, third)) == ([False] * 3, [True] * 3)
    partners.revoke(partner_id)
    assert _knows(partners, third) == [False] * 3
    with pytest.raises(NotFoundError):
        partners.confirm(partner_id)


def test_no_secret_of_any_face_is_in_the_database(rig: RegistryRig) -> None:
    rig.registry.services.partners.rotate(rig.partner.partner.partner_id, overlap_days=7)
    ours = rig.partner.key.credentials()
    secrets = (rig.partner.key.secret.hex(), ours.password, ours.function_key, ours.subscription_key.split("-")[1])
    with writing(rig.registry.engine) as connection:
        rows = connection.execute(text("SELECT * FROM partner_keys")).all()
    kept = "".join(value.hex() if isinstance(value, bytes) else str(value) for row in rows for value in row)
    assert len(rows) == 2
    assert not [secret for secret in secrets if secret in kept]
    shown = repr(rig.partner) + repr(ours)
    assert not [secret for secret in secrets if secret in shown]


def test_a_key_of_before_opens_the_native_feed_until_it_is_rotated(rig: RegistryRig) -> None:
    """A database of the version before keys had rows of their own."""
    key = new_partner_key("0123456789abcdef", rig.partner.key.pin)
    with writing(rig.registry.engine) as connection:
        connection.execute(text("DROP TABLE offers"))
        connection.execute(text("DROP TABLE partner_keys"))
        connection.execute(text("DROP TABLE publications"))
        connection.execute(text("DROP INDEX changes_entry_id"))
        for column in ("scopes", "requests_per_minute", "networks"):
            connection.execute(text(f"ALTER TABLE partners DROP COLUMN {column}"))
        connection.execute(text("DELETE FROM partners"))
        kind = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
        connection.execute(text(f"ALTER TABLE partners ADD COLUMN secret_hash {kind}"))
        connection.execute(
            text(
                "INSERT INTO partners (partner_id, name, lists, day, secret_hash) VALUES (:id, 'Old', 'md5', 1, :key)"
            ),
            {"id": key.partner_id, "key": key.secret_hash()},
        )
        command.stamp(_config(connection, "registry"), "registry_0002", purge=True)
        command.upgrade(_config(connection, "registry"), "registry_0003")
    partners = rig.registry.services.partners
    partner = partners.recognise(key.text())
    assert partner.lists == {Algorithm.MD5}
    assert partner.scopes == DEFAULT_SCOPES
    with pytest.raises(UnknownCallerError):
        partners.recognise_ncmec(key.credentials().user, key.credentials().password)
    assert _knows(partners, partners.rotate(key.partner_id)) == [True] * 3


def _request(address: str | None, key: str, forwarded: str | None = None) -> Request:
    headers = [(b"authorization", f"Bearer {key}".encode())]
    if forwarded is not None:
        headers.append((b"x-forwarded-for", forwarded.encode()))
    client = None if address is None else (address, 1234)
    return Request({"type": "http", "headers": headers, "client": client})


def _gate(rig: RegistryRig, rules: GateRules) -> PartnerGate:
    return PartnerGate(rig.registry.services.partners, RequestRate(rig.clock), rules)


def test_a_key_is_good_only_from_its_networks(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    key = rig.partner.key.text()
    proxied = _gate(rig, GateRules(600, 1200, parse_proxies("10.0.0.0/8, ::1/128")))

    def admits(address: str | None, forwarded: str | None = None) -> bool:
        try:
            proxied.native(_request(address, key, forwarded), Scope.PULL)
        except NotAllowedError as error:
            return error.code != "partner.network"
        return True

    assert admits("203.0.113.9")
    assert admits(None)
    partners.change(rig.partner.partner.partner_id, Terms(networks=["192.0.2.0/24", "2001:db8::/48"]))
    assert admits("192.0.2.7")
    assert admits("::ffff:192.0.2.7")
    assert admits("2001:db8:0:1::1")
    assert not admits("203.0.113.9")
    assert not admits(None)
    assert not admits("not an address")
    assert admits("10.0.0.1", "192.0.2.7")
    assert admits("::1", "203.0.113.9, 192.0.2.7, 10.2.3.4")
    # What stands left of the last untrusted hop, the caller wrote itself.
    assert not admits("10.0.0.1", "192.0.2.7, 203.0.113.9")
    assert not admits("203.0.113.9", "192.0.2.7")
    assert not admits("10.0.0.1", "nonsense")
    for wrong in (["192.0.2.7/24"], ["elsewhere"], ["192.0.2.0/24"] * 33):
        with pytest.raises(InvalidInputError):
            partners.change(rig.partner.partner.partner_id, Terms(networks=wrong))
    with pytest.raises(InvalidInputError):
        parse_proxies("proxy.example")


def test_who_asks_too_often_waits(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    slow = partners.add("Slow", terms=Terms(requests_per_minute=6))
    gate = _gate(rig, GateRules(60, 120))

    def asks(issued: IssuedKey) -> tuple[int, int]:
        """How many requests pass until one does not, and how long that one is told to wait."""
        for passed in range(500):
            try:
                gate.native(_request("192.0.2.7", issued.key.text()), Scope.PULL)
            except RateLimitedError as error:
                return passed, error.retry_after_s
        raise AssertionError

    assert (asks(rig.partner), asks(slow)) == ((120, 1), (12, 10))
    rig.clock.advance(10)
    assert (asks(rig.partner), asks(slow)) == ((10, 1), (1, 10))
    rig.clock.advance(-100)
    assert asks(slow) == (0, 10)
    rig.clock.advance(10_000)
    assert asks(slow) == (12, 10)
    with pytest.raises(InvalidInputError):
        partners.change(slow.partner.partner_id, Terms(requests_per_minute=-1))
    assert partners.change(slow.partner.partner_id, Terms(requests_per_minute=0)).requests_per_minute is None


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_face_says_when_to_come_back(rig: RegistryRig) -> None:
    issued = rig.registry.services.partners.add("Slow", terms=Terms(requests_per_minute=1))
    ours = issued.key.credentials()
    keys = {"x-functions-key": ours.function_key, "Ocp-Apim-Subscription-Key": ours.subscription_key}
    with Server(rig.registry.app) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/stopncii/v1/FetchHashes", headers=keys).status_code == 200
        assert http.get("/ncmec/v2/status", auth=(ours.user, ours.password)).status_code == 200
        native = {"Authorization": f"Bearer {issued.key.text()}"}
        # One key, one bucket, whichever face it is shown to.
        for reply in (
            http.get("/feed/v1/md5/head", headers=native),
            http.get("/ncmec/v2/status", auth=(ours.user, ours.password)),
            http.get("/stopncii/v1/FetchHashes", headers=keys),
        ):
            assert (reply.status_code, reply.json()["code"], reply.headers["Retry-After"]) == (429, "caller.rate", "60")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_address_is_compared_and_forgotten(rig: RegistryRig) -> None:
    address = "203.0.113.77"
    issued = rig.registry.services.partners.add("From there", terms=Terms(networks=["203.0.113.64/27"]))
    settings = RegistrySettings(data_dir=rig.folder, database_url=rig.url, trusted_proxies="127.0.0.0/8")
    registry = build_registry(settings, rig.clock, open_log(rig.log))
    with Server(registry.app) as server, httpx.Client(base_url=server.url) as http:
        key = {"Authorization": f"Bearer {issued.key.text()}"}
        assert http.get("/feed/v1/md5/changes", headers=key).json()["code"] == "partner.network"
        assert http.get("/feed/v1/md5/changes", headers={**key, "X-Forwarded-For": address}).status_code == 200
        files = [file.read_bytes() for file in rig.folder.rglob("*") if file.is_file()]
    registry.close()
    assert len(files) > 1
    assert not [content for content in files if address.encode() in content]
    assert address not in rig.log.getvalue()


def test_a_key_does_what_it_is_for(rig: RegistryRig) -> None:
    partners = rig.registry.services.partners
    reader = partners.add("Reader", terms=Terms(scopes=[Scope.PULL]))
    gate = _gate(rig, GateRules(60, 60))
    gate.native(_request(None, reader.key.text()), Scope.PULL)
    for scope in (Scope.FEEDBACK, Scope.MATCH, Scope.SUBMIT):
        with pytest.raises(NotAllowedError) as refusal:
            gate.native(_request(None, reader.key.text()), scope)
        assert refusal.value.code == "partner.scope"


def test_counts_of_what_each_partner_does(rig: RegistryRig) -> None:
    services = rig.registry.services
    quiet = services.partners.add("Quiet")
    rig.submits(rig.pdq(), rig.pdq(), rig.md5())
    rig.batch()
    first = services.feed.changes(rig.partner.partner, "pdq", 0, 1).changes[0]
    services.feed.changes(rig.partner.partner, "pdq", 0, 1)
    rig.clock.advance(60)
    services.ncmec.entries(rig.partner.partner, services.ncmec.window(None, None))
    services.feed.feedback(rig.partner.partner, [Feedback(Algorithm.PDQ, first.entry_id, FeedbackValue.BLOCKED)])
    rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    counts = {one.partner.partner_id: one for one in services.statistics.all()}
    mine = counts[rig.partner.partner.partner_id]
    # The same pull repeated on a day is one line; the NCMEC shape's is one for each list.
    assert (mine.pulls, mine.questions) == (3, 0)
    assert mine.last_pull == day_of(rig.clock.at_s)
    assert mine.words == {FeedbackValue.BLOCKED: 1}
    assert mine.lag == {Algorithm.PDQ: 1, Algorithm.MD5: 1}
    nobody = counts[quiet.partner.partner_id]
    assert (nobody.pulls, nobody.last_pull, nobody.words, nobody.lag) == (0, None, {}, {})
