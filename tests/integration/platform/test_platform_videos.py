"""Videos through the whole kit: a file comes in, a lead with a filmstrip comes out, and nothing is left behind."""

import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.integration.platform.kit_fixture import RunningKit, jpeg_of, picture_of, running_kit
from tests.made_videos import Encoding, scene, write, write_sound
from tests.unit.client.feed_fixture import entry_id

RATE = 4
BADLY = Encoding(rate=RATE, options={"preset": "ultrafast", "crf": "36"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A listed video of three scenes, and what people post."""
    made = tmp_path_factory.mktemp("videos")
    known = [*scene(1, 12, pace=6), *scene(2, 12, pace=6), *scene(3, 12, pace=6)]
    strange = [*scene(11, 16, pace=6), *scene(12, 16, pace=6)]
    write(made / "known.mp4", known, Encoding(rate=RATE))
    write(made / "compilation.mp4", [*strange, *known], BADLY)
    write(made / "strange.mp4", strange, Encoding(rate=RATE))
    write_sound(made / "sound.mp4")
    return made


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningKit]:
    """One kit for all: starting the process that reads videos takes a second."""
    with running_kit(tmp_path_factory.mktemp("kit") / "kit", max_picture_bytes=4096) as running:
        running.list_video(1, folder / "known.mp4")
        running.sign_in()
        yield running


def test_a_copy_inside_a_compilation_is_held_with_its_times(kit: RunningKit, folder: Path) -> None:
    file = folder / "compilation.mp4"
    assert file.stat().st_size > 4096, "larger than a picture may be"
    reply = kit.check("clip", file.read_bytes()).raise_for_status().json()
    assert (reply["verdict"], reply["tier"]) == ("held", "hold")
    (match,) = reply["matches"]
    assert (match["list"], match["entry"]) == ("vpdq", entry_id(1))
    assert match["times"] == pytest.approx(
        {"upload_start": 8, "upload_end": 17, "listed_start": 0, "listed_end": 9}, abs=1.5
    )
    assert kit.held_files() == [reply["lead_id"]]
    assert (kit.folder / "held" / reply["lead_id"]).read_bytes() == file.read_bytes()
    assert list((kit.folder / "arriving").iterdir()) == []

    lead = kit.browser.get(f"/v1/leads/{reply['lead_id']}").json()
    assert (lead["media"], lead["width"], lead["height"]) == ("video", 240, 208)
    assert lead["duration"] == pytest.approx(17, abs=0.5)
    inside = [frame["time"] for frame in lead["frames"] if frame["match"]]
    assert len(inside) >= 4
    assert all(6.5 <= time <= 17.5 for time in inside)
    assert [frame["time"] for frame in lead["frames"]] == sorted(frame["time"] for frame in lead["frames"])
    assert not lead["frames"][0]["match"]
    _look_at_the_frames(kit, lead)

    assert kit.check("clip", file.read_bytes()).json()["lead_id"] == reply["lead_id"]
    assert kit.check("clip", (folder / "strange.mp4").read_bytes()).status_code == 409
    kit.decide(reply["lead_id"], "remove", "intimate_image").raise_for_status()
    assert kit.held_files() == []
    assert kit.browser.get(f"/v1/leads/{reply['lead_id']}/frames/0/preview").status_code == 404


def _look_at_the_frames(kit: RunningKit, lead: dict[str, object]) -> None:
    """Previews are small, grey and without detail; what is shown sharp is recorded, and only that."""
    address = f"/v1/leads/{lead['lead_id']}"
    assert _looks(kit, str(lead["lead_id"])) == []
    previews = [kit.browser.get(f"{address}/frames/{number}/preview") for number in range(len(list(lead["frames"])))]  # type: ignore[call-overload]
    assert {one.headers["content-type"] for one in previews} == {"image/jpeg"}
    shown = [Image.open(io.BytesIO(one.content)) for one in previews]
    assert all(max(one.size) <= 256 for one in shown)
    assert all(one.convert("RGB").split()[0].tobytes() == one.convert("RGB").split()[2].tobytes() for one in shown)
    assert len({one.content for one in previews}) > 1, "different moments look different"
    assert kit.browser.get(f"{address}/preview").content == previews[0].content
    assert _looks(kit, str(lead["lead_id"])) == []
    sharp = Image.open(io.BytesIO(kit.browser.get(f"{address}/frames/1/picture").raise_for_status().content))
    assert sharp.size == (240, 208)
    assert _looks(kit, str(lead["lead_id"])) == ["robin"]
    assert kit.browser.get(f"{address}/frames/60/preview").json()["code"] == "lead.no_frame"
    assert kit.software.get(f"{address}/frames/0/preview").status_code == 401


def _looks(kit: RunningKit, lead_id: str) -> list[str]:
    with sqlite3.connect(kit.folder / "platform.sqlite3") as database:
        found = [row[0] for row in database.execute("SELECT reviewer FROM looks WHERE lead_id = ?", (lead_id,))]
    database.close()
    return found


def test_a_picture_of_a_listed_video_is_published_and_looked_at(kit: RunningKit) -> None:
    """A screenshot of one of its moments; it may be a title card, so a person decides."""
    moment = Image.fromarray(scene(2, 12, pace=6)[4]).resize((160, 139))
    reply = kit.check("screenshot", jpeg_of(moment, quality=50)).raise_for_status().json()
    assert (reply["verdict"], reply["tier"]) == ("clear", "look")
    (match,) = reply["matches"]
    assert (match["list"], match["entry"], match.get("times")) == ("vpdq", entry_id(1), None)
    lead = kit.browser.get(f"/v1/leads/{reply['lead_id']}").json()
    assert (lead["media"], lead["frames"]) == ("image", [])
    kit.decide(reply["lead_id"], "keep", "not_the_same").raise_for_status()


def test_another_video_is_clear_and_nothing_of_it_is_kept(kit: RunningKit, folder: Path) -> None:
    before = kit.held_files()
    reply = kit.check("strange", (folder / "strange.mp4").read_bytes()).raise_for_status().json()
    assert (reply["verdict"], reply["tier"], reply["matches"]) == ("clear", "clear", [])
    assert kit.held_files() == before
    assert list((kit.folder / "arriving").iterdir()) == []


def test_what_cannot_be_read_is_refused_and_erased(kit: RunningKit, folder: Path) -> None:
    whole = (folder / "known.mp4").read_bytes()
    refusals = {
        "sound": ((folder / "sound.mp4").read_bytes(), "media.no_video"),
        "head": (whole[:1500], None),
        "large-picture": (jpeg_of(picture_of(3, 1000), quality=95), "request.too_large"),
    }
    for content_id, (body, code) in refusals.items():
        reply = kit.check(content_id, body)
        assert reply.status_code in {413, 422}
        assert code in {None, reply.json()["code"]}
        assert reply.json()["code"].startswith(("media.", "request."))
    assert list((kit.folder / "arriving").iterdir()) == []


def test_a_video_over_the_limit_is_refused(tmp_path: Path, folder: Path) -> None:
    with running_kit(tmp_path / "kit", max_video_bytes=2000, max_picture_bytes=1500) as kit:
        kit.wait_for_sync()
        reply = kit.check("a", (folder / "known.mp4").read_bytes())
        assert (reply.status_code, reply.json()["code"]) == (413, "request.too_large")
        pieces = (piece for piece in [(folder / "known.mp4").read_bytes()[:1990], b"x" * 4000])
        reply = kit.software.post("/v1/check", params={"content_id": "b"}, content=pieces)
        assert (reply.status_code, reply.json()["code"]) == (413, "request.too_large")
        assert list((kit.folder / "arriving").iterdir()) == []
