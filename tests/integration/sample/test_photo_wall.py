import io
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.integration.platform.kit_fixture import RunningKit, edited, jpeg_of, looks_like, picture_of, wait_for
from tests.made_videos import Encoding, scene, write

from takeback.apps.sample import build_sample
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.settings import SampleSettings

LISTED = picture_of(1)
OTHER = jpeg_of(picture_of(2))


@dataclass
class RunningWall:
    visitor: httpx.Client
    log: io.StringIO
    folder: Path

    def post(self, data: bytes) -> dict[str, Any]:
        reply: dict[str, Any] = self.visitor.post("/api/photos", content=data).raise_for_status().json()
        return reply

    def state(self, photo_id: str) -> str:
        return str(self.visitor.get(f"/api/photos/{photo_id}").raise_for_status().json()["state"])

    def on_the_wall(self) -> list[str]:
        return [photo["id"] for photo in self.visitor.get("/api/photos").raise_for_status().json()["photos"]]

    def picture(self, photo_id: str) -> httpx.Response:
        return self.visitor.get(f"/photos/{photo_id}.jpg")


@contextmanager
def running_wall(kit_url: str, token: str, folder: Path) -> Iterator[RunningWall]:
    log = io.StringIO()
    sample = build_sample(SampleSettings(kit=kit_url, kit_token=SecretStr(token)), log=open_log(log), folder=folder)
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with (
        sample,
        Server(sample.app) as server,
        httpx.Client(base_url=server.url, timeout=30, verify=no_certificates) as visitor,
    ):
        yield RunningWall(visitor, log, next(folder.glob("wall-*")))


@pytest.fixture
def wall(kit: RunningKit, tmp_path: Path) -> Iterator[RunningWall]:
    kit.list_picture(1, jpeg_of(LISTED))
    folder = tmp_path / "temporary"
    folder.mkdir()
    with running_wall(kit.url, kit.platform.keys.api_token, folder) as running:
        yield running


def _decide(kit: RunningKit, action: str, reason: str) -> None:
    kit.sign_in()
    (lead,) = kit.browser.get("/v1/leads?state=open").json()["leads"]
    kit.decide(lead["lead_id"], action, reason).raise_for_status()


def test_an_unlisted_picture_is_on_the_wall_at_once(wall: RunningWall) -> None:
    posted = wall.post(OTHER)
    assert posted["state"] == "published"
    assert wall.on_the_wall() == [posted["id"]]
    shown = wall.picture(posted["id"])
    assert shown.content == OTHER
    assert shown.headers["content-type"] == "image/jpeg"
    newer = wall.post(jpeg_of(picture_of(3)))
    assert wall.on_the_wall() == [newer["id"], posted["id"]]


def test_a_video_is_on_the_wall_as_one_and_a_copy_of_a_listed_one_waits(
    kit: RunningKit, wall: RunningWall, tmp_path: Path
) -> None:
    listed = write(tmp_path / "listed.mp4", [*scene(1, 12, pace=6), *scene(2, 12, pace=6)], Encoding(rate=4))
    badly = Encoding(rate=4, options={"preset": "ultrafast", "crf": "34"})
    copy = write(tmp_path / "copy.mp4", [*scene(5, 8, pace=6), *scene(1, 12, pace=6), *scene(2, 12, pace=6)], badly)
    other = write(tmp_path / "other.mp4", scene(7, 12, pace=6), Encoding(rate=4))
    kit.list_video(2, listed)
    assert wall.post(copy.read_bytes())["state"] == "waiting"
    reply = wall.post(other.read_bytes())
    assert reply["state"] == "published"
    (shown,) = wall.visitor.get("/api/photos").json()["photos"]
    assert (shown["id"], shown["media"]) == (reply["id"], "video")
    assert wall.picture(reply["id"]).headers["content-type"] == "video/mp4"


def test_a_form_works_too_and_its_file_name_is_not_kept(wall: RunningWall) -> None:
    reply = wall.visitor.post("/api/photos", files={"photo": ("CANARY-NAME.jpg", OTHER, "image/jpeg")})
    assert reply.status_code == 201
    assert wall.picture(reply.json()["id"]).content == OTHER
    assert "CANARY" not in wall.log.getvalue()
    assert not [path for path in wall.folder.rglob("*") if "CANARY" in path.name]


def test_a_copy_waits_and_is_removed(kit: RunningKit, wall: RunningWall) -> None:
    posted = wall.post(edited(LISTED))
    assert posted["state"] == "waiting"
    assert "review" in posted["message"]
    assert wall.on_the_wall() == []
    assert wall.picture(posted["id"]).status_code == 404
    _decide(kit, "remove", "intimate_image")
    wait_for(lambda: wall.state(posted["id"]) == "removed")
    assert wall.on_the_wall() == []
    assert list(wall.folder.iterdir()) == []


def test_a_copy_that_a_reviewer_keeps_is_published(kit: RunningKit, wall: RunningWall) -> None:
    posted = wall.post(edited(LISTED))
    _decide(kit, "keep", "not_the_same")
    wait_for(lambda: wall.state(posted["id"]) == "published")
    assert wall.picture(posted["id"]).status_code == 200


def test_a_similar_picture_is_published_until_a_reviewer_removes_it(kit: RunningKit, wall: RunningWall) -> None:
    posted = wall.post(looks_like(LISTED))
    assert posted["state"] == "published"
    _decide(kit, "remove", "minor")
    wait_for(lambda: wall.on_the_wall() == [])
    assert wall.picture(posted["id"]).status_code == 404


def test_what_is_listed_later_is_taken_down_and_sent_for_review(kit: RunningKit, wall: RunningWall) -> None:
    copy = edited(picture_of(5))
    posted = [wall.post(copy)["id"], wall.post(edited(picture_of(6)))["id"]]
    assert wall.on_the_wall() == posted[::-1]
    kit.list_picture(5, jpeg_of(picture_of(5)))
    wait_for(lambda: wall.state(posted[0]) == "waiting")
    assert wall.on_the_wall() == [posted[1]]
    assert wall.picture(posted[0]).status_code == 404
    (lead,) = wait_for(lambda: [one for one in kit.software.get("/v1/leads").json()["leads"] if one["has_copy"]])
    assert (kit.folder / "held" / lead["lead_id"]).read_bytes() == copy
    _decide(kit, "keep", "not_intimate")
    wait_for(lambda: wall.on_the_wall() == posted[::-1])


def test_what_is_not_here_any_more_is_forgotten_at_the_kit(kit: RunningKit, wall: RunningWall) -> None:
    kit.check("elsewhere", edited(picture_of(5))).raise_for_status()
    kit.list_picture(5, jpeg_of(picture_of(5)))
    wait_for(lambda: kit.software.get("/v1/decisions").json()["decisions"])
    wait_for(lambda: kit.software.get("/v1/leads").json()["open"] == 0)
    assert wall.on_the_wall() == []


def test_what_is_no_picture_is_refused_in_words(wall: RunningWall) -> None:
    for data in (b"", b"<html>", jpeg_of(picture_of(2))[:500], b"GIF89a" + bytes(50)):
        reply = wall.visitor.post("/api/photos", content=data)
        assert reply.status_code == 422
        assert reply.json()["code"].startswith("media.")
        assert len(reply.json()["detail"]) > 10
        assert wall.on_the_wall() == []
        assert list(wall.folder.iterdir()) == []


def test_a_form_without_a_picture_is_refused(wall: RunningWall) -> None:
    for body in [
        b"",
        b"--x\r\n\r\n\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
    ]:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        reply = wall.visitor.post("/api/photos", content=body, headers=headers)
        assert reply.status_code == 422
        assert reply.headers["content-type"] == "application/problem+json"


def test_an_upload_over_the_limit_is_refused_unread(wall: RunningWall) -> None:
    with socket.create_connection((wall.visitor.base_url.host, wall.visitor.base_url.port or 80)) as raw:
        raw.sendall(b"POST /api/photos HTTP/1.1\r\nHost: x\r\nContent-Length: 34603008\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_an_unknown_picture(wall: RunningWall) -> None:
    for photo_id in ["0" * 32, "x", "..%2f..%2fetc%2fpasswd"]:
        assert wall.visitor.get(f"/api/photos/{photo_id}").status_code in {404, 422}
        assert wall.picture(photo_id).status_code in {404, 422}


def test_nothing_is_published_while_the_kit_cannot_answer(kit: RunningKit, tmp_path: Path) -> None:
    kit.wait_for_sync()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "temporary"
    folder.mkdir()
    token = kit.platform.keys.api_token
    with running_wall(f"http://127.0.0.1:{port}", token, folder) as wall:
        posted = wall.post(OTHER)
        assert posted["state"] == "waiting"
        assert "cannot be checked" in posted["message"]
        assert wall.on_the_wall() == []
        with Server(kit.platform.app, port=port):
            wait_for(lambda: wall.state(posted["id"]) == "published")
        assert wall.post(jpeg_of(picture_of(3)))["state"] == "waiting"
        assert wall.on_the_wall() == [posted["id"]]
        assert "kit.unavailable" in wall.log.getvalue()


def test_a_wrong_token_publishes_nothing(kit: RunningKit, tmp_path: Path) -> None:
    kit.wait_for_sync()
    folder = tmp_path / "temporary"
    folder.mkdir()
    with running_wall(kit.url, "wrong-token", folder) as wall:
        assert wall.post(OTHER)["state"] == "waiting"
        assert wall.on_the_wall() == []
        assert "wrong-token" not in wall.log.getvalue()


def test_it_forgets_everything_when_it_stops(kit: RunningKit, tmp_path: Path) -> None:
    kit.wait_for_sync()
    folder = tmp_path / "temporary"
    folder.mkdir()
    with running_wall(kit.url, kit.platform.keys.api_token, folder) as wall:
        wall.post(OTHER)
        assert len(list(wall.folder.iterdir())) == 1
    assert list(folder.iterdir()) == []
