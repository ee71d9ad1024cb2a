"""What is done at the console, who may do it, what it shows and what is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.console_rig import Desk, open_desk

from takeback.console.types import Role
from takeback.httpkit.auth import UnknownCallerError
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

READING = {"GET", "POST /operator/v1/audit/check"}
ENTERING = ("/operator/v1/session", "/operator/v1/enrolment", "/operator/v1/passkeys")


def _code(reply: Any) -> str:  # noqa: ANN401 - JSON
    return str(reply["code"])


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
            place = place.replace("{offer_id}", "0" * 32)
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


def test_a_partners_terms_are_changed_and_hold_at_once(server: Server, desk: Desk) -> None:
    made = desk.call("POST", "/partners", {"name": "Second", "lists": ["md5"]}, 201)
    place = f"/partners/{made['partner']['partner']}/terms"
    assert (made["partner"]["per_minute"], made["partner"]["scopes"]) == (None, ["feedback", "pull"])
    key = {"Authorization": f"Bearer {made['key']}"}
    head = f"{server.url}/feed/v1/md5/head"
    assert httpx.get(head, headers=key, timeout=30).status_code == 200
    terms = {"scopes": ["feedback", "submit"], "per_minute": 30, "networks": ["192.0.2.0/24"]}
    changed = desk.call("PUT", place, terms)
    assert {name: changed[name] for name in terms} == terms
    refused = httpx.get(head, headers=key, timeout=30)
    assert (refused.status_code, _code(refused.json())) == (403, "partner.network")
    desk.call("PUT", place, {**terms, "networks": []})
    refused = httpx.get(head, headers=key, timeout=30)
    assert (refused.status_code, _code(refused.json())) == (403, "partner.scope")
    back = desk.call("PUT", place, {"scopes": ["pull"], "per_minute": 0, "networks": []})
    assert (back["per_minute"], back["networks"]) == (None, [])
    assert httpx.get(head, headers=key, timeout=30).status_code == 200
    assert _code(desk.call("PUT", place, {**terms, "networks": ["example.org"]}, 422)) == "partner.networks"
    desk.call("PUT", place, {**terms, "scopes": []}, 422)
    assert [line["what"] for line in desk.call("GET", "/audit")["lines"]].count("partner-terms") == 3


def test_what_partners_do_is_counted_as_the_command_counts_it(rig: RegistryRig, desk: Desk) -> None:
    rig.submits(rig.md5(), rig.md5())
    rig.batch()
    (entry_id, *_) = rig.listed(Algorithm.MD5)
    word = Feedback(Algorithm.MD5, entry_id, FeedbackValue.BLOCKED)
    rig.registry.services.feed.feedback(rig.partner.partner, [word])
    rig.submits(rig.md5())
    rig.batch()
    (counts,) = desk.call("GET", "/partners/statistics")["partners"]
    assert counts["partner"] == rig.partner.partner.partner_id
    assert counts["words"] == [{"value": "Blocked", "entries": 1}]
    assert {"list": "md5", "changes": 1} in counts["behind"]
    (known,) = rig.registry.services.statistics.all()
    assert (counts["pulls"], counts["questions"]) == (known.pulls, known.questions)
    assert counts["last_pull"] == rig.clock.now_s() // 86_400


def test_what_partners_offer_is_listed_only_when_an_operator_takes_it(rig: RegistryRig, desk: Desk) -> None:
    offers = rig.registry.services.offers
    wanted, other = rig.md5(), rig.md5()
    offers.offer(rig.partner.partner, [wanted, other])
    seen = desk.call("GET", "/offers")
    assert (seen["total"], {row["name"] for row in seen["offers"]}) == (2, {"First platform"})
    assert wanted.value not in str(seen)
    of_value = {offer.fingerprint.value: offer.offer_id for offer in offers.all()}
    desk.call("POST", f"/offers/{of_value[wanted.value]}/take", status=204)
    desk.call("POST", f"/offers/{of_value[other.value]}/refuse", status=204)
    conflict = desk.call("POST", f"/offers/{of_value[other.value]}/take", status=409)
    assert _code(conflict) == "offer.decided"
    rig.batch()
    assert [change.value for change in rig.listed(Algorithm.MD5).values()] == [wanted.value]
    assert desk.call("GET", "/offers")["offers"] == []
    assert [row["state"] for row in desk.call("GET", "/offers?state=taken")["offers"]] == ["taken"]
    desk.call("POST", f"/offers/{of_value[wanted.value]}/withdraw", status=204)
    rig.batch()
    assert rig.listed(Algorithm.MD5) == {}
    desk.call("POST", f"/offers/{'0' * 32}/refuse", status=404)
    acts = [(line["actor"], line["what"]) for line in desk.call("GET", "/audit")["lines"]]
    assert [act for act in acts if act[1].startswith("offer-")] == [
        ("robin", "offer-withdraw"),
        ("robin", "offer-refuse"),
        ("robin", "offer-take"),
    ]


def test_of_many_offers_the_first_are_shown_and_all_are_counted(rig: RegistryRig, desk: Desk) -> None:
    rig.registry.services.offers.offer(rig.partner.partner, [rig.md5() for _ in range(130)])
    seen = desk.call("GET", "/offers")
    assert (len(seen["offers"]), seen["total"]) == (100, 130)


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


def test_what_is_listed_and_near_a_new_line_waits_too_and_how_far_that_is_shows(rig: RegistryRig, desk: Desk) -> None:
    logo = rig.md5()
    rig.submits(logo, rig.md5())
    rig.batch()
    assert desk.call("GET", "/guard")["recheck"] is None
    desk.call("POST", "/guard", {"fingerprints": [{"algorithm": "md5", "value": logo.value}], "note": ""}, 201)
    assert desk.call("GET", "/guard")["recheck"]["running"] is True
    while rig.registry.services.guard.recheck.step():
        pass
    seen = desk.call("GET", "/guard")
    done = {name: seen["recheck"][name] for name in ("running", "checked", "total", "held_back")}
    assert done == {"running": False, "checked": 2, "total": 2, "held_back": 1}
    (held,) = seen["waiting"]
    desk.call("POST", f"/guard/waiting/{held['entry']}/reject", status=204)
    assert logo.value not in {change.value for change in rig.listed(Algorithm.MD5).values()}


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
