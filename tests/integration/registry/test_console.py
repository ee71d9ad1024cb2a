"""The operator's console over the real application: getting in, roles, what is done and what is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.console_rig import PASSWORD, Desk, open_desk

from takeback.console.types import Role
from takeback.httpkit.auth import UnknownCallerError
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.registry_rig import RegistryRig


@pytest.fixture
def server(rig: RegistryRig) -> Iterator[Server]:
    with Server(rig.registry.app) as running:
        yield running


@pytest.fixture
def desk(rig: RegistryRig, server: Server) -> Iterator[Desk]:
    opened = open_desk(rig, server)
    yield opened
    opened.http.close()


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


# Passkeys


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


# Roles


READING = {"GET", "POST /operator/v1/audit/check"}
ENTERING = ("/operator/v1/session", "/operator/v1/enrolment", "/operator/v1/passkeys")


def test_an_auditor_sees_everything_and_changes_nothing(rig: RegistryRig, server: Server, desk: Desk) -> None:
    auditor = open_desk(rig, server, "alex", Role.AUDITOR)
    partner = rig.partner.partner.partner_id
    tried = 0
    for path, operations in rig.registry.app.openapi()["paths"].items():
        for method in operations:
            if not path.startswith("/operator/v1") or path.startswith(ENTERING):
                continue
            place = path.replace("{partner_id}", partner).replace("{operator_id}", desk.operator.operator_id)
            place = place.replace("{entry_id}", "0" * 32).replace("{guard_id}", "0" * 32)
            is_reading = method.upper() in READING or f"{method.upper()} {path}" in READING
            body = {"name": "x", "lists": ["pdq"], "role": "auditor"}  # what one route or another asks for
            reply = auditor.http.request(method, place, json=None if method in {"get", "delete"} else body)
            if is_reading:
                assert reply.status_code == 200, place
            else:
                tried += 1
                # Refused for who asks, before what is asked is looked at.
                assert (reply.status_code, _code(reply.json())) == (403, "console.role"), place
            stranger = httpx.request(method, server.url + place, timeout=30)
            assert (stranger.status_code, _code(stranger.json())) == (401, "console.session"), place
    assert tried >= 8
    assert [p.is_active for p in rig.registry.services.partners.all()] == [True]
    auditor.http.close()


def test_another_sites_page_gets_nothing(desk: Desk) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ):
        for method, path in (("GET", "/overview"), ("DELETE", "/session"), ("POST", "/enrolment")):
            reply = desk.http.request(method, f"/operator/v1{path}", headers=headers)
            assert (reply.status_code, _code(reply.json())) == (403, "request.cross_site"), (headers, path)
    desk.call("GET", "/overview")


# What is done


def test_partners_are_taken_in_scoped_given_another_key_and_shut_out(rig: RegistryRig, desk: Desk) -> None:
    partners = rig.registry.services.partners
    made = desk.call("POST", "/partners", {"name": "Second", "lists": ["md5"]}, 201)
    partner = made["partner"]["partner"]
    assert partners.recognise(made["key"]).lists == {Algorithm.MD5}
    desk.call("PUT", f"/partners/{partner}/lists", {"lists": ["pdq", "sha256"]})
    assert partners.recognise(made["key"]).lists == {Algorithm.PDQ, Algorithm.SHA256}
    again = desk.call("POST", f"/partners/{partner}/key", {"overlap_days": 7})
    assert partners.recognise(again["key"]).name == partners.recognise(made["key"]).name == "Second"
    assert desk.call("POST", f"/partners/{partner}/confirm") == {"ended": 1}
    with pytest.raises(UnknownCallerError):
        partners.recognise(made["key"])
    shown = again["credentials"]
    assert partners.recognise_ncmec(shown["ncmec_user"], shown["ncmec_password"]).name == "Second"
    listed = desk.call("GET", "/partners")
    assert {(row["name"], row["active"]) for row in listed["partners"]} == {("First platform", True), ("Second", True)}
    assert made["key"] not in str(listed)
    desk.call("DELETE", f"/partners/{partner}", status=204)
    assert [row["active"] for row in desk.call("GET", "/partners")["partners"]] == [True, False]
    assert _code(desk.call("POST", "/partners", {"name": "First platform", "lists": ["md5"]}, 409)) == "partner.exists"
    desk.call("POST", f"/partners/{'0' * 16}/key", {"overlap_days": 0}, 404)
    acts = [(line["actor"], line["what"], line["subject"]) for line in desk.call("GET", "/audit")["lines"]]
    done = ("revoke", "confirm", "rotate", "scope", "add")
    assert acts[:5] == [("robin", f"partner-{act}", "Second") for act in done]


def test_operators_are_taken_in_change_role_and_go(rig: RegistryRig, server: Server, desk: Desk) -> None:
    kim = open_desk(rig, server, "kim")
    desk.call("PUT", f"/operators/{kim.operator.operator_id}/role", {"role": "auditor"})
    assert _code(kim.call("POST", "/partners", {"name": "x", "lists": ["md5"]}, 403)) == "console.role"
    me = desk.operator.operator_id
    for method, path, body in (
        ("DELETE", f"/operators/{me}", None),
        ("PUT", f"/operators/{me}/role", {"role": "auditor"}),
    ):
        assert _code(desk.call(method, path, body, 409)) == "operator.last"
    made = desk.call("POST", "/operators", {"name": "sam", "role": "operator"}, 201)
    assert made["operator"]["means"] == []
    assert _code(desk.call("POST", "/operators", {"name": "sam", "role": "auditor"}, 409)) == "operator.exists"
    desk.call("POST", f"/operators/{kim.operator.operator_id}/code")
    desk.call("DELETE", f"/operators/{kim.operator.operator_id}", status=204)
    kim.call("GET", "/overview", status=401)
    kim.sign_in(403)
    rows = {row["name"]: row for row in desk.call("GET", "/operators")["operators"]}
    assert (rows["kim"]["active"], rows["kim"]["means"]) == (False, [])
    kim.http.close()


def test_an_entry_in_quarantine_is_put_back_or_kept_off(rig: RegistryRig, desk: Desk) -> None:
    people = [rig.submits(rig.pdq()) for _ in range(2)]
    rig.batch()
    values = {person.submission.fingerprints[0].fingerprint.value: person for person in people}
    for entry_id in list(rig.listed(Algorithm.PDQ)):
        desk.call("POST", f"/quarantine/{entry_id}/take-off", status=204)
    waiting = desk.call("GET", "/quarantine")["waiting"]
    assert [row["cause"] for row in waiting] == ["operator", "operator"]
    assert not any(value in str(waiting) for value in values)
    assert rig.listed(Algorithm.PDQ) == {}
    back, off = (row["entry"] for row in waiting)
    desk.call("POST", f"/quarantine/{back}/restore", status=204)
    desk.call("POST", f"/quarantine/{off}/remove", status=204)
    (listed,) = rig.listed(Algorithm.PDQ).values()
    states = {value: rig.status(*person.tokens)[0].state for value, person in values.items()}
    assert {value for value, state in states.items() if state is HoldState.LISTED} == {listed.value}
    assert desk.call("GET", "/quarantine")["waiting"] == []
    assert _code(desk.call("POST", f"/quarantine/{'0' * 32}/take-off", status=404)) == "entry.unknown"
    acts = [(line["actor"], line["what"]) for line in desk.call("GET", "/audit")["lines"]]
    assert [act for act in acts if act[1] in {"quarantine", "restore", "remove"}] == [
        ("robin", "remove"),
        ("robin", "restore"),
        ("robin", "quarantine"),
        ("robin", "quarantine"),
    ]


def test_what_everybody_has_waits_for_the_operator(rig: RegistryRig, desk: Desk) -> None:
    logo, other = rig.md5(), rig.md5()
    line = {"algorithm": "md5", "value": logo.value}
    assert desk.call("POST", "/guard", {"fingerprints": [line], "note": "a logo"}, 201) == {"added": 1}
    assert desk.call("POST", "/guard", {"fingerprints": [line], "note": "again"}, 201) == {"added": 0}
    wrong = {"algorithm": "md5", "value": "ab"}
    assert _code(desk.call("POST", "/guard", {"fingerprints": [wrong], "note": ""}, 422)) == "fingerprint.format"
    rig.submits(logo)
    rig.submits(other)
    rig.batch()
    assert [change.value for change in rig.listed(Algorithm.MD5).values()] == [other.value]
    seen = desk.call("GET", "/guard")
    assert [row["note"] for row in seen["lines"]] == ["a logo"]
    (held,) = seen["waiting"]
    assert held["cause"] == "guard"
    assert logo.value not in str(seen)
    desk.call("POST", f"/guard/waiting/{held['entry']}/admit", status=204)
    assert {change.value for change in rig.listed(Algorithm.MD5).values()} == {logo.value, other.value}
    desk.call("DELETE", f"/guard/{seen['lines'][0]['guard']}", status=204)
    after = desk.call("GET", "/guard")
    assert (after["lines"], after["waiting"]) == ([], [])
    desk.call("POST", f"/guard/waiting/{'0' * 32}/reject", status=404)


def test_the_overview_shows_sizes_by_day_and_no_small_count(rig: RegistryRig, desk: Desk) -> None:
    people = [rig.submits(rig.md5(), rig.pdq()) for _ in range(9)]
    rig.batch()
    entries = list(rig.listed(Algorithm.PDQ))
    for entry_id in entries:
        rig.registry.services.feed.feedback(
            rig.partner.partner, [Feedback(Algorithm.PDQ, entry_id, FeedbackValue.BLOCKED)]
        )
    rig.clock.advance(86_400)
    desk.sign_in()
    seen = desk.call("GET", "/overview")
    counted = {(figure["group"], figure["name"]): figure["count"] for figure in seen["statistics"]}
    assert set(counted.values()) == {None}
    rig.submits(rig.md5())
    rig.withdraws(people[0].tokens[0], people[1].tokens[0])
    rig.batch()
    seen = desk.call("GET", "/overview")
    counted = {(figure["group"], figure["name"]): figure["count"] for figure in seen["statistics"]}
    assert counted["cases", "open"] == 10
    assert counted["feedback", "Blocked"] is None
    lists = {row["list"]: row for row in seen["lists"]}
    assert [size["count"] for size in lists["md5"]["sizes"]] == [9, 8]
    assert lists["md5"]["sizes"][-1]["day"] == seen["today"]
    assert {part["part"]: part["state"] for part in seen["health"]}["database"] == "good"
    values = [item.fingerprint.value for person in people for item in person.submission.fingerprints]
    everything = "".join(desk.http.get(f"/operator/v1{p}").text for p in ("/overview", "/partners", "/audit"))
    assert not any(value in everything for value in values)


def test_the_audit_log_is_paged_and_checked(rig: RegistryRig, desk: Desk) -> None:
    for i in range(60):
        rig.registry.services.partners.add(f"Platform {i}")
    first = desk.call("GET", "/audit")["lines"]
    assert len(first) == 50
    second = desk.call("GET", f"/audit?before={first[-1]['seq']}")["lines"]
    assert [line["seq"] for line in first + second] == list(range(first[0]["seq"], 0, -1))
    assert second[-1]["actor"] == "command line"
    assert desk.call("POST", "/audit/check") == {"lines": first[0]["seq"], "broken": None}


def test_without_the_console_nothing_answers_there(rig: RegistryRig) -> None:
    rig.restart(console=False)
    with Server(rig.registry.app) as server:
        for path in ("/operator/", "/operator/v1/session"):
            assert httpx.get(server.url + path).status_code == 404
