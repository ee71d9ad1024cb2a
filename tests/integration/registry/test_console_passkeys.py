"""Getting into the console with a passkey, and passkeys that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.console_rig import Desk

from takeback.console.types import Role
from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def _code(reply: Any) -> str:  # noqa: ANN401 - JSON
    return str(reply["code"])


@pytest.fixture
def localhost(server: Server) -> str:
    return server.url.replace("127.0.0.1", "localhost")


def _enrol_passkey(rig: RegistryRig, url: str, name: str = "kim") -> tuple[Desk, Authenticator]:
    enrolment = rig.registry.services.console.operators.add(name, Role.OPERATOR)
    desk = Desk(rig, httpx.Client(base_url=url), enrolment.operator)
    asked = desk.call("POST", "/enrolment", {"code": enrolment.code})["passkey"]
    assert asked["rp_id"] == "localhost"
    device = Authenticator(url, asked["rp_id"])
    made = {"code": enrolment.code, "passkey": device.create(asked["challenge"])}
    desk.call("POST", "/enrolment/passkey", made, 204)
    return desk, device


def test_a_passkey_lets_its_owner_in_and_an_answer_is_good_once(rig: RegistryRig, localhost: str) -> None:
    desk, device = _enrol_passkey(rig, localhost)
    assert desk.call("GET", "/session")["operator"]["means"] == ["passkey"]
    desk.sign_out()
    challenge = desk.call("POST", "/session/passkey/challenge")["challenge"]
    answer = device.answer(challenge)
    desk.call("POST", "/session/passkey", answer, 204)
    assert desk.call("GET", "/session")["operator"]["name"] == "kim"
    desk.sign_out()
    assert _code(desk.call("POST", "/session/passkey", answer, 403)) == "console.passkey"
    # Even an authenticator that does not count cannot be replayed: the challenge is spent.
    assert _code(desk.call("POST", "/session/passkey", device.answer(challenge), 403)) == "console.passkey"
    desk.http.close()


def test_a_passkey_from_elsewhere_copied_or_unverified_is_refused(rig: RegistryRig, localhost: str) -> None:
    desk, device = _enrol_passkey(rig, localhost)
    desk.sign_out()
    foreign = Authenticator(localhost, "localhost")  # never enrolled
    phished = Authenticator("https://other.example", "localhost", key=device.key, credential_id=device.credential_id)
    unverified = Authenticator(localhost, "localhost", flags=1, key=device.key, credential_id=device.credential_id)
    device.count = 5
    desk.call("POST", "/session/passkey", device.answer(_challenge(desk)), 204)
    copied = Authenticator(localhost, "localhost", count=3, key=device.key, credential_id=device.credential_id)
    for intruder in (foreign, phished, unverified, copied):
        desk.http.cookies.clear()
        assert _code(desk.call("POST", "/session/passkey", intruder.answer(_challenge(desk)), 403)) == "console.passkey"
        desk.call("GET", "/session", status=401)
    # A challenge made for something else is none to sign in with.
    enrolment = rig.registry.services.console.operators.add("sam", Role.OPERATOR)
    other = desk.call("POST", "/enrolment", {"code": enrolment.code})["passkey"]["challenge"]
    desk.call("POST", "/session/passkey", device.answer(other), 403)
    desk.http.close()


def _challenge(desk: Desk) -> str:
    return str(desk.call("POST", "/session/passkey/challenge")["challenge"])


def test_a_second_passkey_is_added_when_signed_in_and_a_new_link_replaces_both(
    rig: RegistryRig, localhost: str
) -> None:
    desk, first = _enrol_passkey(rig, localhost)
    asked = desk.call("POST", "/passkeys/challenge")
    second = Authenticator(localhost, "localhost")
    desk.call("POST", "/passkeys", second.create(asked["challenge"]), 204)
    assert _code(desk.call("POST", "/passkeys", second.create(asked["challenge"]), 403)) == "console.passkey"
    for device in (first, second):
        desk.sign_out()
        desk.call("POST", "/session/passkey", device.answer(_challenge(desk)), 204)
    enrolment = rig.registry.services.console.operators.give_code(desk.operator.operator_id)
    offered = desk.call("POST", "/enrolment", {"code": enrolment.code})
    third = Authenticator(localhost, "localhost")
    made = {"code": enrolment.code, "passkey": third.create(offered["passkey"]["challenge"])}
    old_session = dict(desk.http.cookies)
    desk.call("POST", "/enrolment/passkey", made, 204)
    desk.sign_out()
    for device in (first, second):
        desk.call("POST", "/session/passkey", device.answer(_challenge(desk)), 403)
    desk.call("POST", "/session/passkey", third.answer(_challenge(desk)), 204)
    with httpx.Client(base_url=localhost, cookies=old_session) as http:
        Desk(rig, http, desk.operator).call("GET", "/session", status=401)
    desk.http.close()


def test_at_a_bare_address_there_are_no_passkeys(desk: Desk) -> None:
    assert desk.call("GET", "/session")["passkeys"] is False
    assert _code(desk.call("POST", "/session/passkey/challenge", status=403)) == "console.no_passkeys"
    assert _code(desk.call("POST", "/passkeys/challenge", status=403)) == "console.no_passkeys"
