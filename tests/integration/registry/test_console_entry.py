"""Getting into the console with a link, a password and a code; sessions and their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.console_rig import PASSWORD, Desk, open_desk

from takeback.console.types import Role
from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def _code(reply: Any) -> str:  # noqa: ANN401 - JSON
    return str(reply["code"])


def test_a_link_is_good_once_and_the_session_says_who(rig: RegistryRig, server: Server) -> None:
    enrolment = rig.registry.services.console.operators.add("robin", Role.AUDITOR)
    with httpx.Client(base_url=server.url) as http:
        desk = Desk(rig, http, enrolment.operator)
        first = desk.call("POST", "/enrolment", {"code": enrolment.code})
        # Asked again, before it is used, it is the same secret: a page may be loaded anew.
        again = desk.call("POST", "/enrolment", {"code": enrolment.code.upper().replace("-", " ")})
        assert (again["secret"], again["name"], again["role"]) == (first["secret"], "robin", "auditor")
        desk.secret = first["secret"]
        choice = {"code": enrolment.code, "password": PASSWORD, "totp": desk.code_of_now()}
        assert _code(desk.call("POST", "/enrolment/password", {**choice, "totp": "000000"}, 422)) == "console.code"
        assert (
            _code(desk.call("POST", "/enrolment/password", {**choice, "password": "short"}, 422)) == "console.password"
        )
        desk.call("POST", "/enrolment/password", choice, 204)
        session = desk.call("GET", "/session")
        assert session["operator"]["name"] == "robin"
        assert session["operator"]["means"] == ["password"]
        for path, body in (("/enrolment", {"code": enrolment.code}), ("/enrolment/password", choice)):
            assert _code(desk.call("POST", path, body, 404)) == "enrolment.unknown"


def test_a_link_ends_after_a_day_and_with_the_next_one(rig: RegistryRig, server: Server) -> None:
    operators = rig.registry.services.console.operators
    first = operators.add("robin", Role.OPERATOR)
    second = operators.give_code(first.operator.operator_id)
    with httpx.Client(base_url=server.url) as http:
        desk = Desk(rig, http, first.operator)
        desk.call("POST", "/enrolment", {"code": first.code}, 404)
        desk.call("POST", "/enrolment", {"code": second.code})
        rig.clock.advance(24 * 3600)
        desk.call("POST", "/enrolment", {"code": second.code}, 404)


def test_the_cookie_is_for_the_console_alone_and_no_script_reads_it(desk: Desk) -> None:
    desk.sign_out()
    body = {"name": "robin", "password": PASSWORD, "code": desk.code_of_now()}
    reply = desk.http.post("/operator/v1/session/password", json=body)
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/operator" in cookie
    assert "secure" not in cookie  # plain HTTP on this machine; see the next test


def test_behind_tls_the_cookie_is_sent_over_tls_only(rig: RegistryRig) -> None:
    rig.restart(console_origin="https://registry.example")
    with Server(rig.registry.app) as server:
        desk = open_desk(rig, server, "kim")
        desk.rig.clock.advance(60)
        body = {"name": "kim", "password": PASSWORD, "code": desk.code_of_now()}
        reply = desk.http.post("/operator/v1/session/password", json=body)
        assert "secure" in reply.headers["set-cookie"].lower()
        refused = desk.http.post(
            "/operator/v1/session/password", json=body, headers={"Origin": "https://other.example"}
        )
        assert (refused.status_code, _code(refused.json())) == (403, "request.cross_site")
        desk.http.close()


def test_an_apps_code_is_good_once(desk: Desk) -> None:
    desk.sign_out()
    desk.sign_in()
    desk.sign_out()
    assert _code(desk.sign_in(403)) == "console.sign_in"
    desk.rig.clock.advance(30)
    desk.sign_in()


def test_name_password_and_code_all_count_and_none_is_told_apart(desk: Desk) -> None:
    desk.sign_out()
    wrong = [{"name": "nobody"}, {"password": "another long password"}, {"code": "000000"}]
    refusals = [desk.sign_in(403, **other) for other in wrong]
    assert refusals[0] == refusals[1] == refusals[2]
    desk.call("GET", "/session", status=401)


@pytest.mark.parametrize("name", ["robin", "nobody"])
def test_after_five_wrong_ones_a_name_has_to_wait_whether_it_exists_or_not(desk: Desk, name: str) -> None:
    desk.sign_out()
    for _ in range(5):
        desk.sign_in(403, name=name, password="another long password")
    assert _code(desk.sign_in(503, name=name)) == "console.slow_down"
    desk.rig.clock.advance(900)
    desk.sign_in(204 if name == "robin" else 403, name=name)


def test_a_session_ends_when_idle_and_after_a_working_day(desk: Desk) -> None:
    desk.call("GET", "/session")
    desk.rig.clock.advance(1799)
    desk.call("GET", "/session")
    desk.rig.clock.advance(1800)
    assert _code(desk.call("GET", "/session", status=401)) == "console.session"
    desk.sign_in()
    for _ in range(8 * 3600 // 1500):
        desk.rig.clock.advance(1500)
        last = desk.http.get("/operator/v1/session").status_code
    assert last == 200
    desk.rig.clock.advance(1500)
    desk.call("GET", "/session", status=401)


def test_of_many_sessions_the_oldest_gives_way(rig: RegistryRig, server: Server, desk: Desk) -> None:
    tabs = [Desk(rig, httpx.Client(base_url=server.url), desk.operator, desk.secret) for _ in range(3)]
    for tab in tabs:
        rig.clock.advance(30)
        tab.sign_in()
    desk.call("GET", "/session", status=401)
    for tab in tabs:
        tab.call("GET", "/session")
        tab.http.close()


def test_every_process_knows_the_session(rig: RegistryRig, desk: Desk) -> None:
    other = rig.another_process()
    try:
        with Server(other.app) as second:
            cookie = dict(desk.http.cookies)
            with httpx.Client(base_url=second.url, cookies=cookie) as http:
                assert Desk(rig, http, desk.operator).call("GET", "/session")["operator"]["name"] == "robin"
            # A code that was used at one is used up at the other.
            desk.sign_out()
            desk.sign_in()
            with httpx.Client(base_url=second.url) as http:
                Desk(rig, http, desk.operator, desk.secret).sign_in(403)
    finally:
        other.close()
