import sqlite3
import threading
from pathlib import Path

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
from tests.unit.client.feed_fixture import HandMadeRegistry, entry_id

from takeback.hashing import fingerprints_of
from takeback.model.fingerprint import Algorithm

LISTED = picture_of(1)
OTHER = picture_of(2)


def test_before_the_first_sync_nothing_is_checked(tmp_path: Path) -> None:
    registry = HandMadeRegistry(refused_lists=tuple(Algorithm))
    with running_kit(tmp_path, registry) as kit:
        reply = kit.check("a", jpeg_of(OTHER))
        assert (reply.status_code, reply.json()["code"]) == (503, "list.unavailable")
        assert kit.browser.get("/readyz").status_code == 503
        assert kit.browser.get("/healthz").status_code == 200


def test_an_unlisted_picture_is_clear(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    reply = kit.check("a", jpeg_of(OTHER)).json()
    lists = reply.pop("lists")
    assert reply == {"verdict": "clear", "tier": "clear", "lead_id": None, "deadline": None, "matches": []}
    assert {one["list"]: (one["seq"], one["stale"]) for one in lists} == {
        "pdq": (1, False),
        "md5": (1, False),
        "sha256": (1, False),
        "pdq-region": (0, False),
        "vpdq": (0, False),
    }
    assert kit.held_files() == []
    assert kit.words() == []


def test_an_edited_copy_is_held_with_a_deadline(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    reply = kit.check("photo:1", edited(LISTED)).json()
    assert (reply["verdict"], reply["tier"]) == ("held", "hold")
    assert reply["deadline"] == kit.clock.now_s() + 48 * 3600
    (match,) = reply["matches"]
    assert (match["list"], match["entry"], match["tier"]) == ("pdq", entry_id(1), "hold")
    assert 0 <= match["distance"] <= 31
    assert kit.held_files() == [reply["lead_id"]]
    assert (kit.folder / "held" / reply["lead_id"]).stat().st_mode & 0o777 == 0o600
    wait_for(lambda: kit.words() == [("pdq", entry_id(1), "PendingReview")])


def test_a_mirrored_and_a_turned_copy_are_held(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    turns = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE)
    for i, turn in enumerate(turns):
        assert kit.check(f"turned{i}", jpeg_of(LISTED.transpose(turn))).json()["verdict"] == "held"


def test_a_similar_picture_is_published_and_queued(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    reply = kit.check("b", looks_like(LISTED)).json()
    assert (reply["verdict"], reply["tier"]) == ("clear", "look"), reply
    assert reply["lead_id"] is not None
    kit.sign_in()
    (lead,) = kit.browser.get("/v1/leads?state=open").json()["leads"]
    assert (lead["lead_id"], lead["held"]) == (reply["lead_id"], False)


def test_the_same_content_asks_once(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    first, again = (kit.check("a", edited(LISTED)).json() for _ in range(2))
    assert first == again
    assert len(kit.held_files()) == 1
    wait_for(kit.words)
    assert len(kit.words()) == 1


def test_the_same_content_at_the_same_moment_asks_once(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    data = edited(LISTED)
    replies: list[dict[str, object]] = []
    threads = [threading.Thread(target=lambda: replies.append(kit.check("a", data).json())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 6
    assert {str(reply["lead_id"]) for reply in replies} == set(kit.held_files())
    assert len(kit.held_files()) == 1


def test_a_content_id_stands_for_the_same_bytes(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    kit.check("clear", jpeg_of(OTHER))
    kit.held("held", edited(LISTED))
    for content_id in ("clear", "held"):
        reply = kit.check(content_id, jpeg_of(picture_of(3)))
        assert (reply.status_code, reply.json()["code"]) == (409, "content.conflict")
    assert len(kit.held_files()) == 1


def test_a_clear_content_that_is_listed_later_is_held_when_asked_about_again(kit: RunningKit) -> None:
    kit.wait_for_sync()
    assert kit.check("a", jpeg_of(OTHER)).json()["verdict"] == "clear"
    kit.list_picture(1, jpeg_of(OTHER))
    assert kit.check("a", jpeg_of(OTHER)).json()["verdict"] == "held"


def test_an_old_clear_content_is_forgotten_and_a_lead_is_not(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.list_picture(1, jpeg_of(LISTED))
        kit.check("clear", jpeg_of(OTHER))
        kit.held("held", edited(LISTED))
        registry, clock = kit.registry, kit.clock
    clock.advance(31 * 86400)
    registry.now_s = clock.now_s()
    with running_kit(tmp_path, registry, clock) as kit:
        kit.wait_for_sync()
        assert kit.check("clear", jpeg_of(picture_of(3))).json()["verdict"] == "clear"
        assert kit.check("held", jpeg_of(picture_of(3))).status_code == 409


def test_a_withdrawn_entry_matches_no_more(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    kit.withdraw(1)
    assert kit.check("a", jpeg_of(LISTED)).json()["verdict"] == "clear"


def test_only_the_platform_may_ask(kit: RunningKit) -> None:
    kit.wait_for_sync()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        reply = kit.browser.post("/v1/check?content_id=a", content=jpeg_of(OTHER), headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (401, "platform.token")
    assert kit.browser.get("/v1/decisions").status_code == 401


def test_hostile_pictures_get_a_typed_refusal(kit: RunningKit) -> None:
    for data in [
        b"",
        b"not a picture",
        b"\xff\xd8\xff" + b"\0" * 100,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        jpeg_of(OTHER)[:700],
        b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000d494844527fffffff7fffffff08060000000000000000"),
    ]:
        kit.wait_for_sync()
        reply = kit.check("a", data)
        assert reply.status_code == 422
        assert reply.json()["code"].startswith("media.")
        assert reply.headers["content-type"] == "application/problem+json"
    # What could not be read is not remembered under the name.
    assert kit.check("a", jpeg_of(OTHER)).json()["verdict"] == "clear"


def test_hostile_content_ids_are_refused(kit: RunningKit) -> None:
    for content_id in ["", "a b", "a/b", "ä", "x" * 129, "a\n", "../../etc/passwd", "a%00"]:
        kit.wait_for_sync()
        reply = kit.check(content_id, jpeg_of(OTHER))
        assert (reply.status_code, reply.json()["code"]) == (422, "request.invalid")


def test_a_picture_over_the_limit_is_refused(tmp_path: Path) -> None:
    with running_kit(tmp_path, max_picture_bytes=20_000) as kit:
        kit.wait_for_sync()
        reply = kit.check("a", jpeg_of(OTHER) + bytes(20_000))
        assert (reply.status_code, reply.json()["code"]) == (413, "request.too_large")


def test_a_list_of_yesterday_answers_and_says_so(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.list_picture(1, jpeg_of(LISTED))
        registry, clock = kit.registry, kit.clock
    registry.refused_lists = tuple(Algorithm)
    clock.advance(86400)
    with running_kit(tmp_path, registry, clock) as kit:
        wait_for(lambda: len(kit.browser.get("/readyz").json().get("lists", [])) == len(Algorithm))
        reply = kit.check("a", edited(LISTED)).json()
        assert reply["verdict"] == "held"
        assert all(one["stale"] for one in reply["lists"])
        assert all(one["stale"] for one in kit.browser.get("/readyz").json()["lists"])


def test_a_refused_feed_keeps_the_good_list_and_is_logged_by_code(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    kit.registry.logs[Algorithm.PDQ] = []
    wait_for(lambda: "feed.rollback" in kit.log.getvalue())
    assert kit.check("a", edited(LISTED)).json()["verdict"] == "held"


def test_nothing_of_a_picture_is_in_the_database_or_the_log(kit: RunningKit) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x10\0\0\0\x1a\0\0\0\0\0\0\0CANARY-EXIF-TAG\0"
    data = jpeg_of(LISTED, exif=exif)
    assert b"CANARY-EXIF-TAG" in data
    kit.list_picture(1, data)
    headers = {
        "User-Agent": "CANARY-AGENT",
        "Content-Disposition": 'filename="CANARY-NAME.jpg"',
        "X-Forwarded-For": "203.0.113.77",
    }
    reply = kit.software.post("/v1/check?content_id=a", content=data, headers=headers).json()
    assert {match["list"] for match in reply["matches"]} == {"pdq", "md5", "sha256"}
    kit.sign_in()
    kit.browser.get(f"/v1/leads/{reply['lead_id']}/picture").raise_for_status()
    kit.decide(reply["lead_id"], "remove", "intimate_image")
    wait_for(lambda: len(kit.words()) >= 3)

    values = [one.value for one in fingerprints_of(data).fingerprints]
    canaries = [b"CANARY", b"203.0.113.77", data[200:232], *(value.encode() for value in values)]
    canaries += [bytes.fromhex(value) for value in values]
    own = {"list.sqlite3", "list.sqlite3-wal"}  # the list itself holds values; that is what it is for
    files = [path for path in kit.folder.rglob("*") if path.is_file() and path.name not in own]
    assert any(path.name == "platform.sqlite3" for path in files)
    for canary in canaries:
        assert canary not in kit.log.getvalue().encode()
        for path in files:
            assert canary not in path.read_bytes(), path.name
    secrets = (kit.platform.keys.api_token, kit.platform.keys.review_code, kit.registry.signer.partner_key().text)
    assert not any(secret in kit.log.getvalue() for secret in secrets)
    assert not any(secret in repr(kit.platform) for secret in secrets)


def test_a_lead_that_cannot_be_stored_leaves_no_picture_behind(kit: RunningKit) -> None:
    kit.list_picture(1, jpeg_of(LISTED))
    with sqlite3.connect(kit.folder / "platform.sqlite3") as db:
        db.execute("DROP TABLE outbox")
    db.close()
    assert kit.check("a", edited(LISTED)).status_code >= 500
    assert kit.held_files() == []
