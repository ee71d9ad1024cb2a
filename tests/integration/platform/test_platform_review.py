import io
import re
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tests.integration.platform.kit_fixture import (
    RunningKit,
    edited,
    jpeg_of,
    looks_like,
    picture_of,
    running_kit,
    wait_for,
)
from tests.unit.client.feed_fixture import entry_id

LISTED = picture_of(1)


@pytest.fixture
def lead_id(kit: RunningKit) -> str:
    kit.list_picture(1, jpeg_of(LISTED))
    return kit.held("photo:1", edited(LISTED))


def test_a_lead_as_a_reviewer_sees_it(kit: RunningKit, lead_id: str) -> None:
    kit.sign_in()
    queue = kit.browser.get("/v1/leads?state=open").json()
    assert (queue["open"], queue["overdue"]) == (1, 0)
    (lead,) = queue["leads"]
    assert lead["lead_id"] == lead_id
    assert (lead["content_id"], lead["held"], lead["state"], lead["decision"]) == ("photo:1", True, "open", None)
    assert (lead["width"], lead["height"]) == (260, 260)
    assert lead["deadline"] - lead["created"] == 48 * 3600
    assert [(m["list"], m["entry"], m["withdrawn"]) for m in lead["matches"]] == [("pdq", entry_id(1), False)]
    assert not re.search(r"[0-9a-f]{64}", str(queue))


def test_nobody_looks_without_signing_in(kit: RunningKit, lead_id: str) -> None:
    for path in ("/v1/leads?state=open", f"/v1/leads/{lead_id}", f"/v1/leads/{lead_id}/preview"):
        reply = kit.browser.get(path)
        assert (reply.status_code, reply.json()["code"]) == (401, "review.session")
    assert kit.decide(lead_id, "keep", "other").status_code == 401
    assert kit.software.get(f"/v1/leads/{lead_id}").status_code == 200
    assert kit.software.get(f"/v1/leads/{lead_id}/picture").status_code == 401


def test_the_session_cookie(kit: RunningKit) -> None:
    body = {"code": kit.platform.keys.review_code.upper().replace("-", " "), "reviewer": "robin"}
    reply = kit.browser.post("/v1/session", json=body)
    assert reply.status_code == 204
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("takeback_review=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age" not in cookie
    assert kit.browser.get("/v1/leads?state=open").status_code == 200
    kit.browser.delete("/v1/session").raise_for_status()
    kit.browser.cookies.set("takeback_review", cookie.split("=", 1)[1].split(";")[0], path="/v1")
    assert kit.browser.get("/v1/leads?state=open").status_code == 401


def test_a_session_ends_with_the_working_day(kit: RunningKit) -> None:
    kit.sign_in()
    kit.clock.advance(8 * 3600)
    assert kit.browser.get("/v1/leads?state=open").status_code == 401


def test_wrong_codes_are_slowed_down(kit: RunningKit) -> None:
    wrong = {"code": "wrong", "reviewer": "robin"}
    for _ in range(10):
        reply = kit.browser.post("/v1/session", json=wrong)
        assert (reply.status_code, reply.json()["code"]) == (401, "review.code")
    right = {"code": kit.platform.keys.review_code, "reviewer": "robin"}
    assert kit.browser.post("/v1/session", json=right).json()["code"] == "review.slow_down"
    kit.clock.advance(60)
    assert kit.browser.post("/v1/session", json=right).status_code == 204


def test_a_pseudonym_is_plain(kit: RunningKit) -> None:
    for reviewer in ["", " x", "x" * 41, "<b>", "a\nb"]:
        body = {"code": kit.platform.keys.review_code, "reviewer": reviewer}
        assert kit.browser.post("/v1/session", json=body).status_code == 422


def test_another_sites_page_is_refused_even_with_the_cookie(kit: RunningKit, lead_id: str) -> None:
    kit.sign_in()
    for site in ("same-site", "cross-site"):
        reply = kit.browser.post(
            f"/v1/leads/{lead_id}/decision",
            json={"action": "keep", "reason": "other"},
            headers={"Sec-Fetch-Site": site},
        )
        assert (reply.status_code, reply.json()["code"]) == (403, "request.cross_site")
    assert kit.browser.get("/v1/leads?state=open", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_the_preview_is_small_grey_and_blurred(kit: RunningKit, lead_id: str) -> None:
    kit.sign_in()
    reply = kit.browser.get(f"/v1/leads/{lead_id}/preview")
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["cache-control"] == "no-store"
    image = Image.open(io.BytesIO(reply.content))
    assert image.mode == "L"
    assert max(image.size) <= 256
    assert _looks(kit) == []


def test_every_look_is_recorded_and_shows_no_metadata(kit: RunningKit) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x10\0\0\0\x1a\0\0\0\0\0\0\0CANARY-EXIF-TAG\0"
    kit.list_picture(1, jpeg_of(LISTED))
    lead_id = kit.held("a", jpeg_of(LISTED, exif=exif))
    kit.sign_in("robin")
    shown = kit.browser.get(f"/v1/leads/{lead_id}/picture").content
    assert Image.open(io.BytesIO(shown)).size == LISTED.size
    assert b"CANARY" not in shown
    kit.browser.get(f"/v1/leads/{lead_id}/picture").raise_for_status()
    assert _looks(kit) == [(lead_id, "robin", kit.clock.now_s())] * 2


def _looks(kit: RunningKit) -> list[tuple[str, str, int]]:
    db = sqlite3.connect(kit.folder / "platform.sqlite3")
    try:
        return db.execute("SELECT lead_id, reviewer, looked_s FROM looks").fetchall()
    finally:
        db.close()


@pytest.mark.parametrize(
    ("action", "reason", "word", "verdict"),
    [
        ("remove", "intimate_image", "Blocked", "held"),
        ("remove", "minor", "Blocked", "held"),
        ("keep", "not_the_same", "NotBlocked", "clear"),
        ("keep", "other", "NotBlocked", "clear"),
    ],
)
def test_a_decision_erases_the_copy_and_reports_back(
    kit: RunningKit, lead_id: str, action: str, reason: str, word: str, verdict: str
) -> None:
    kit.sign_in()
    lead = kit.decide(lead_id, action, reason).raise_for_status().json()
    assert lead["state"] == "decided"
    assert lead["decision"] == {
        "action": action, "reason": reason, "reviewer": "robin", "decided": kit.clock.now_s()
    }  # fmt: skip
    assert kit.held_files() == []
    assert kit.browser.get("/v1/leads?state=open").json() == {"leads": [], "open": 0, "overdue": 0}
    assert kit.browser.get(f"/v1/leads/{lead_id}/picture").json()["code"] == "lead.no_picture"
    log = kit.software.get("/v1/decisions").json()
    assert log == {
        "seq": 1,
        "decisions": [
            {
                "seq": 1, "lead_id": lead_id, "content_id": "photo:1", "action": action, "reason": reason,
                "decided": kit.clock.now_s(),
            }
        ],
    }  # fmt: skip
    wait_for(lambda: kit.words()[-1:] == [("pdq", entry_id(1), word)])
    assert kit.check("photo:1", edited(LISTED)).json()["verdict"] == verdict


def test_a_published_look_that_was_removed_is_not_cleared_again(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    reply = kit.check("a", looks_like(LISTED)).json()
    assert (reply["verdict"], reply["tier"]) == ("clear", "look")
    kit.sign_in()
    kit.decide(reply["lead_id"], "remove", "intimate_image").raise_for_status()
    assert kit.check("a", looks_like(LISTED)).json()["verdict"] == "held"
    wait_for(lambda: ("pdq", entry_id(1), "Blocked") in kit.words())


def test_a_second_decision_must_be_the_same(kit: RunningKit, lead_id: str) -> None:
    kit.sign_in()
    first = kit.decide(lead_id, "remove", "minor").json()
    assert kit.decide(lead_id, "remove", "minor").json() == first
    for other in (("keep", "other"), ("remove", "other")):
        reply = kit.decide(lead_id, *other)
        assert (reply.status_code, reply.json()["code"]) == (409, "lead.decided")
    assert kit.software.get("/v1/decisions").json()["seq"] == 1


@pytest.mark.parametrize(
    ("action", "reason"), [("remove", "not_the_same"), ("keep", "minor"), ("keep", "x"), ("x", "other")]
)
def test_a_reason_goes_with_its_action(kit: RunningKit, lead_id: str, action: str, reason: str) -> None:
    kit.sign_in()
    assert kit.decide(lead_id, action, reason).status_code == 422
    assert kit.held_files() == [lead_id]


def test_an_unknown_lead(kit: RunningKit) -> None:
    for unknown in ["0" * 32, "x", "..%2f..%2fapi-token", "A" * 32]:
        kit.sign_in()
        for path in ("", "/preview", "/picture"):
            assert kit.browser.get(f"/v1/leads/{unknown}{path}").status_code in {404, 422}
        assert kit.decide(unknown, "keep", "other").status_code in {404, 422}


def test_a_weaker_match_is_not_spoken_for(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    similar = looks_like(LISTED)
    kit.list_picture(2, similar)
    reply = kit.check("a", similar).json()
    tiers = {(match["entry"], match["tier"]) for match in reply["matches"]}
    assert (entry_id(1), "look") in tiers
    assert (entry_id(2), "hold") in tiers
    kit.sign_in()
    kit.decide(reply["lead_id"], "remove", "intimate_image").raise_for_status()
    wait_for(lambda: any(word == "Blocked" for *_, word in kit.words()))
    assert {entry for _, entry, _ in kit.words()} == {entry_id(2)}


def test_the_most_urgent_come_first_and_the_overdue_are_counted(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    first = kit.held("first", edited(LISTED))
    kit.clock.advance(47 * 3600)
    second = kit.held("second", edited(LISTED))
    kit.clock.advance(2 * 3600)
    kit.sign_in()
    queue = kit.browser.get("/v1/leads?state=open").json()
    assert [lead["lead_id"] for lead in queue["leads"]] == [first, second]
    assert (queue["open"], queue["overdue"]) == (2, 1)


def test_an_entry_withdrawn_meanwhile_is_marked_and_still_decided(kit: RunningKit, lead_id: str) -> None:
    kit.withdraw(1)
    kit.sign_in()
    (lead,) = kit.browser.get("/v1/leads?state=open").json()["leads"]
    assert [match["withdrawn"] for match in lead["matches"]] == [True]
    assert kit.held_files() == [lead_id]
    assert kit.decide(lead_id, "keep", "not_intimate").status_code == 200


def test_waiting_for_a_decision(kit: RunningKit, lead_id: str) -> None:
    kit.sign_in()
    started = time.monotonic()
    assert kit.software.get("/v1/decisions?after=0&wait=1").json() == {"decisions": [], "seq": 0}
    assert time.monotonic() - started >= 0.9
    answers: list[httpx.Response] = []
    waiter = threading.Thread(target=lambda: answers.append(kit.software.get("/v1/decisions?after=0&wait=25")))
    waiter.start()
    time.sleep(0.2)
    started = time.monotonic()
    kit.decide(lead_id, "remove", "minor").raise_for_status()
    waiter.join()
    assert time.monotonic() - started < 5
    assert answers[0].json()["seq"] == 1
    assert kit.software.get("/v1/decisions?after=1").json() == {"decisions": [], "seq": 1}
    for wrong in ("after=-1", "wait=26", "after=x"):
        assert kit.software.get(f"/v1/decisions?{wrong}").status_code == 422


def test_stopping_lets_waiting_callers_go(kit: RunningKit) -> None:
    kit.wait_for_sync()
    answers: list[int] = []
    waiter = threading.Thread(target=lambda: answers.append(kit.software.get("/v1/decisions?wait=25").status_code))
    waiter.start()
    time.sleep(0.2)
    started = time.monotonic()
    kit.platform.close()
    waiter.join()
    assert time.monotonic() - started < 10
    assert len(answers) == 1


def test_feedback_waits_for_the_registry_across_a_restart(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.registry.takes_feedback = False
        kit.list_picture(1, jpeg_of(LISTED))
        lead_id = kit.held("a", edited(LISTED))
        kit.sign_in()
        kit.decide(lead_id, "remove", "intimate_image").raise_for_status()
        wait_for(lambda: "feedback.waits" in kit.log.getvalue())
        assert kit.words() == []
        registry = kit.registry
    registry.takes_feedback = True
    with running_kit(tmp_path, registry) as kit:
        # The latest word counts; the earlier one about the same entry need not be said any more.
        wait_for(lambda: kit.words() == [("pdq", entry_id(1), "Blocked")])
        assert kit.software.get("/v1/decisions").json()["seq"] == 1


def test_a_restart_keeps_leads_and_erases_what_no_lead_needs(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.list_picture(1, jpeg_of(LISTED))
        lead_id = kit.held("a", edited(LISTED))
        token = kit.platform.keys.api_token
        registry = kit.registry
    (tmp_path / "held" / ("0" * 32)).write_bytes(b"left by a crash before the lead was stored")
    with running_kit(tmp_path, registry) as kit:
        assert kit.held_files() == [lead_id]
        assert kit.platform.keys.api_token == token
        kit.sign_in()
        assert kit.browser.get("/v1/leads?state=open").json()["open"] == 1
        assert kit.browser.get(f"/v1/leads/{lead_id}/preview").status_code == 200


def test_the_api_describes_itself(kit: RunningKit) -> None:
    paths = kit.platform.app.openapi()["paths"]
    assert {"/v1/check", "/v1/decisions", "/v1/session", "/v1/leads", "/healthz", "/readyz"} <= set(paths)
    assert kit.browser.get("/docs").status_code == 404
