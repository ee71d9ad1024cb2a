"""What was on the platform before it was listed is found once it is: over HTTP, with a real engine and database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
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
from tests.made_videos import Encoding, scene, write
from tests.unit.client.feed_fixture import entry_id

from takeback.apps.demo_picture import cropped_copy, landscape
from takeback.hashing import query_fingerprints_of
from takeback.model.fingerprint import Algorithm

LISTED = picture_of(1)
OTHER = jpeg_of(picture_of(2))
PDQ = (Algorithm.PDQ,)


def _notices(kit: RunningKit, after: int = 0, wait_s: int = 20) -> list[dict[str, Any]]:
    reply = kit.software.get("/v1/decisions", params={"after": after, "wait": wait_s}).raise_for_status()
    notices: list[dict[str, Any]] = reply.json()["decisions"]
    return notices


def _lead(kit: RunningKit, lead_id: str) -> dict[str, Any]:
    lead: dict[str, Any] = kit.software.get(f"/v1/leads/{lead_id}").raise_for_status().json()
    return lead


def _send_copy(kit: RunningKit, lead_id: str, data: bytes) -> httpx.Response:
    return kit.software.post(f"/v1/copies/{lead_id}", content=data)


def _wait_until_looked_back(kit: RunningKit) -> None:
    def is_done() -> bool:
        lists = kit.browser.get("/readyz").json()["lists"]
        return all(one["looked_back"] == one["seq"] for one in lists)

    wait_for(is_done)


def test_a_copy_that_was_published_before_it_was_listed_is_found(kit: RunningKit) -> None:
    kit.wait_for_sync()
    copy = edited(LISTED)
    assert kit.check("a", copy).json()["tier"] == "clear"
    assert kit.check("other", OTHER).json()["tier"] == "clear"
    kit.list_picture(1, jpeg_of(LISTED), PDQ)

    (notice,) = _notices(kit)
    assert (notice["content_id"], notice["action"], notice["reason"]) == ("a", "hold", "listed_later")
    lead = _lead(kit, notice["lead_id"])
    assert (lead["held"], lead["found_later"], lead["has_copy"], lead["state"]) == (True, True, False, "open")
    (match,) = lead["matches"]
    assert (match["list"], match["entry"], match["tier"]) == ("pdq", entry_id(1), "hold")
    assert lead["deadline"] == lead["created"] + 24 * 3600
    wait_for(lambda: kit.words() == [("pdq", entry_id(1), "PendingReview")])
    # Whoever asks again is told to wait too.
    assert kit.check("a", copy).json()["lead_id"] == notice["lead_id"]
    assert kit.check("a", copy).json()["verdict"] == "held"

    kit.sign_in()
    assert kit.browser.get(f"/v1/leads/{notice['lead_id']}/preview").json()["code"] == "lead.no_picture"
    assert _send_copy(kit, notice["lead_id"], copy).status_code == 204
    assert _send_copy(kit, notice["lead_id"], OTHER).status_code == 204, "the first one stays"
    assert (kit.folder / "held" / notice["lead_id"]).read_bytes() == copy
    assert _lead(kit, notice["lead_id"])["has_copy"]
    assert kit.browser.get(f"/v1/leads/{notice['lead_id']}/preview").headers["content-type"] == "image/jpeg"
    kit.decide(notice["lead_id"], "remove", "intimate_image").raise_for_status()
    (decision,) = _notices(kit, notice["seq"])
    assert (decision["content_id"], decision["action"], decision["seq"]) == ("a", "remove", notice["seq"] + 1)
    assert kit.held_files() == []
    assert _remembered(kit) == ["other"]
    assert _send_copy(kit, notice["lead_id"], copy).json()["code"] == "lead.decided"


def test_a_similar_picture_stays_up_and_is_sent_for_a_look(kit: RunningKit) -> None:
    kit.wait_for_sync()
    kit.check("a", looks_like(LISTED)).raise_for_status()
    kit.list_picture(1, jpeg_of(LISTED), PDQ)
    (notice,) = _notices(kit)
    assert (notice["action"], _lead(kit, notice["lead_id"])["held"]) == ("look", False)
    # An exact copy of it is listed as well: now it has to wait. The lead is the same.
    kit.list_picture(2, looks_like(LISTED), PDQ)
    (second,) = _notices(kit, notice["seq"])
    assert (second["action"], second["lead_id"]) == ("hold", notice["lead_id"])
    lead = _lead(kit, notice["lead_id"])
    assert lead["held"]
    assert [(one["entry"], one["tier"]) for one in lead["matches"]] == [(entry_id(2), "hold"), (entry_id(1), "look")]
    wait_for(lambda: len(kit.words()) == 2)


def test_what_was_kept_is_reviewed_again_for_another_entry_only(kit: RunningKit) -> None:
    kit.wait_for_sync()
    data = looks_like(LISTED)
    kit.check("a", data).raise_for_status()
    kit.list_picture(1, jpeg_of(LISTED), PDQ)
    (first,) = _notices(kit)
    kit.sign_in()
    kit.decide(first["lead_id"], "keep", "not_the_same").raise_for_status()
    (kept,) = _notices(kit, first["seq"])
    assert kit.check("a", data).json()["verdict"] == "clear"
    kit.list_picture(2, data, (Algorithm.SHA256,))
    (second,) = _notices(kit, kept["seq"])
    assert (second["action"], second["content_id"]) == ("hold", "a")
    assert second["lead_id"] != first["lead_id"]
    assert [one["entry"] for one in _lead(kit, second["lead_id"])["matches"]] == [entry_id(2)]
    assert kit.check("a", data).json()["lead_id"] == second["lead_id"]
    assert _lead(kit, first["lead_id"])["decision"]["action"] == "keep"


def test_a_crop_is_found_by_its_regions(kit: RunningKit) -> None:
    listed = landscape(3)
    regions = (Algorithm.PDQ_REGION,)
    # Regions are asked, and remembered, from the day on which there are any on the list.
    kit.list_picture(1, landscape(4), regions, edited_copies=True)
    assert kit.check("crop", cropped_copy(listed)).json()["tier"] == "clear"
    assert kit.check("other", landscape(8)).json()["tier"] == "clear"
    kit.list_picture(2, listed, regions, edited_copies=True)
    (notice,) = _notices(kit)
    (match,) = _lead(kit, notice["lead_id"])["matches"]
    assert (notice["content_id"], match["list"], match["entry"], match["tier"]) == (
        *("crop", "pdq-region"),
        *(entry_id(2), "hold"),
    )
    # The same question gives the same answer when it is asked from the beginning.
    assert kit.check("again", cropped_copy(listed)).json()["matches"] == [
        {name: value for name, value in match.items() if name != "withdrawn"}
    ]


def test_a_video_is_found_by_its_frames_and_sent_for_its_filmstrip(kit: RunningKit, tmp_path: Path) -> None:
    known = [*scene(1, 12, pace=6), *scene(2, 12, pace=6)]
    listed = write(tmp_path / "known.mp4", known, Encoding(rate=4))
    badly = Encoding(rate=4, options={"preset": "ultrafast", "crf": "34"})
    posted = write(tmp_path / "posted.mp4", [*scene(11, 16, pace=6), *known], badly).read_bytes()
    kit.wait_for_sync()
    assert kit.check("clip", posted).json()["tier"] == "clear"
    kit.list_video(1, listed)
    (notice,) = _notices(kit)
    lead = _lead(kit, notice["lead_id"])
    assert (notice["action"], lead["media"], lead["width"], lead["has_copy"]) == ("hold", "video", 240, False)
    assert (lead["matches"][0]["list"], len(lead["frames"])) == ("vpdq", 8)
    assert _send_copy(kit, notice["lead_id"], OTHER).json()["code"] == "content.conflict"
    assert _send_copy(kit, notice["lead_id"], posted[:3000]).status_code == 422
    assert kit.held_files() == []
    assert _send_copy(kit, notice["lead_id"], posted).status_code == 204
    kit.sign_in()
    frame = kit.browser.get(f"/v1/leads/{notice['lead_id']}/frames/3/preview").raise_for_status()
    assert frame.headers["content-type"] == "image/jpeg"
    assert list((kit.folder / "arriving").iterdir()) == []


def test_a_picture_that_is_a_moment_of_a_video_listed_later_is_sent_for_a_look(kit: RunningKit, tmp_path: Path) -> None:
    kit.wait_for_sync()
    pictures = [*scene(5, 12, pace=6), *scene(6, 12, pace=6)]
    assert kit.check("still", jpeg_of(Image.fromarray(pictures[16]))).json()["tier"] == "clear"
    kit.list_video(1, write(tmp_path / "listed.mp4", pictures, Encoding(rate=4)))
    (notice,) = _notices(kit)
    lead = _lead(kit, notice["lead_id"])
    assert (notice["content_id"], lead["held"], lead["media"]) == ("still", False, "image")
    assert [(match["list"], match["tier"]) for match in lead["matches"]] == [("vpdq", "look")]


def test_what_the_platform_has_deleted_is_forgotten(kit: RunningKit) -> None:
    kit.wait_for_sync()
    for name in ("gone", "found"):
        kit.check(name, edited(LISTED)).raise_for_status()
    assert kit.software.delete("/v1/contents/gone").status_code == 204
    assert kit.software.delete("/v1/contents/gone").status_code == 204
    assert kit.browser.delete("/v1/contents/found").status_code == 401
    assert _remembered(kit) == ["found"]
    kit.list_picture(1, jpeg_of(LISTED), PDQ)
    (notice,) = _notices(kit)
    assert notice["content_id"] == "found"
    # Nobody can judge it any more: the lead is taken back, and the registry is told so.
    kit.software.delete("/v1/contents/found").raise_for_status()
    assert kit.software.get(f"/v1/leads/{notice['lead_id']}").json()["code"] == "lead.unknown"
    assert kit.software.get("/v1/leads").json()["open"] == 0
    wait_for(lambda: kit.words()[-1:] == [("pdq", entry_id(1), "QualityUnknown")])
    assert _send_copy(kit, notice["lead_id"], edited(LISTED)).json()["code"] == "lead.unknown"
    # One that there is a copy of stays: a person can still say what it was.
    lead_id = kit.held("held", edited(LISTED))
    kit.software.delete("/v1/contents/held").raise_for_status()
    assert _lead(kit, lead_id)["state"] == "open"
    assert kit.held_files() == [lead_id]


def test_a_kit_that_was_off_looks_back_when_it_is_on_again(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.wait_for_sync()
        kit.check("a", edited(LISTED)).raise_for_status()
        registry = kit.registry
    with running_kit(tmp_path, registry) as kit:
        kit.list_picture(1, jpeg_of(LISTED), PDQ)
        (notice,) = _notices(kit)
        assert notice["content_id"] == "a"
        _wait_until_looked_back(kit)
    with running_kit(tmp_path, registry) as kit:
        kit.wait_for_sync()
        _wait_until_looked_back(kit)
        assert len(_notices(kit, wait_s=0)) == 1


def test_nothing_is_remembered_for_longer_than_was_said(tmp_path: Path) -> None:
    with running_kit(tmp_path, lookback_days=3) as kit:
        kit.wait_for_sync()
        kit.check("a", edited(LISTED)).raise_for_status()
        registry, clock = kit.registry, kit.clock
    for days, left in ((3, ["a"]), (1, [])):
        clock.advance(days * 86400)
        registry.now_s = clock.now_s()
        with running_kit(tmp_path, registry, clock, lookback_days=3) as kit:
            assert _remembered(kit) == left


def test_looking_back_can_be_switched_off(tmp_path: Path) -> None:
    with running_kit(tmp_path) as kit:
        kit.wait_for_sync()
        kit.check("a", edited(LISTED)).raise_for_status()
        registry, clock = kit.registry, kit.clock
    with running_kit(tmp_path, registry, clock, lookback_days=0) as kit:
        assert _remembered(kit) == []
        kit.check("b", edited(LISTED)).raise_for_status()
        assert _remembered(kit) == []
        kit.list_picture(1, jpeg_of(LISTED), PDQ)
        assert {one["looked_back"] for one in kit.browser.get("/readyz").json()["lists"]} == {None}
        assert _notices(kit, wait_s=0) == []


def test_only_so_much_is_remembered(tmp_path: Path) -> None:
    with running_kit(tmp_path, lookback_max_content_kb=1) as kit:
        kit.wait_for_sync()
        kit.check("small", edited(LISTED)).raise_for_status()
        kit.list_picture(1, landscape(4), (Algorithm.PDQ_REGION,), edited_copies=True)
        kit.check("large", landscape(9)).raise_for_status()
        assert _remembered(kit) == ["small"]


def test_copies_of_the_database_hold_no_fingerprint_of_what_people_post(kit: RunningKit) -> None:
    kit.wait_for_sync()
    data = jpeg_of(picture_of(77))
    kit.check("a", data).raise_for_status()
    assert _remembered(kit) == ["a"]
    files = [path.read_bytes() for path in kit.folder.glob("platform.sqlite3*")]
    values = [one.value for one in query_fingerprints_of(data).fingerprints]
    assert len(values) > 5
    for value in values:
        assert not [1 for content in files if value.encode() in content or bytes.fromhex(value) in content]
        assert value not in kit.log.getvalue()


def _remembered(kit: RunningKit) -> list[str]:
    with closing(sqlite3.connect(kit.folder / "platform.sqlite3")) as database:
        return [row[0] for row in database.execute("SELECT content_id FROM remembered ORDER BY number")]
