"""What the page makes of a video, in its worker or with a video element, beside what the command line makes of it."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.made_videos import Encoding, Frame, scene, turned, write, write_sound

from takeback.apps.registry import build_registry
from takeback.clock import SystemClock
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.work import hash_to_register
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm
from takeback.model.video import Video, parse_video
from takeback.settings import RegistrySettings

_NEAR_BITS = 16
_VP9 = Encoding("libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"})
_HEVC = Encoding("libx265", options={"preset": "ultrafast", "x265-params": "log-level=none"})

Values = dict[str, list[str]]

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    registry = build_registry(RegistrySettings(data_dir=folder, proof_rounds=10), SystemClock())
    with Server(registry.app) as server:
        yield f"{server.url}/"
    registry.close()


@pytest.fixture
def page(site: str, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(site)
    yield page
    context.close()


@pytest.fixture
def page_without_webcodecs(site: str, chromium: Browser) -> Iterator[Page]:
    """As on a device whose browser has none: the worker's own script takes it away first."""

    def without(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body="delete self.VideoDecoder;\n" + reply.text())

    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(60_000)
    context.route("**/assets/main-*.js", without)
    page = context.new_page()
    page.goto(site)
    yield page
    context.close()


def _made_by(page: Page, file: Path) -> Values:
    """Every fingerprint that the page shows for a file, by the words it has for its kind."""
    page.get_by_test_id("choose-files").set_input_files(file)
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible(timeout=60_000)
    kinds = page.locator("dl.values dt").all_text_contents()
    values = page.locator("dl.values dd").all_text_contents()
    made: Values = {}
    for kind, value in zip(kinds, values, strict=True):
        made.setdefault(kind.strip().rpartition("(")[2].rstrip(")"), []).append(value)
    return made


def _made_here(file: Path) -> dict[Algorithm, list[str]]:
    found = hash_to_register(file, VideoLimits(), edited_copies=True).fingerprints
    return {name: [one.value for one in found if one.algorithm is name] for name in Algorithm}


def _share_near(one: Video, other: Video) -> float:
    near = 0
    for frame in one.frames:
        bits = int.from_bytes(frame.pdq, "big")
        distances = [(bits ^ int.from_bytes(each.pdq, "big")).bit_count() for each in other.frames]
        near += min(distances) <= _NEAR_BITS
    return near / len(one.frames)


def _in_bars(pictures: list[Frame]) -> list[Frame]:
    return [np.pad(pixels, ((40, 40), (0, 0), (0, 0))) for pixels in pictures]


def test_a_turned_video_with_a_cut_gives_the_same_values_in_every_bit(page: Page, tmp_path: Path) -> None:
    file = turned(write(tmp_path / "cut.mp4", [*scene(1, 25), *scene(2, 20)]), 90)
    made, here = _made_by(page, file), _made_here(file)
    assert made["vPDQ"] == here[Algorithm.VPDQ]
    assert len(parse_video(made["vPDQ"][0]).frames) > 3
    assert made["PDQ regions"] == here[Algorithm.PDQ_REGION]
    assert (made["MD5"], made["SHA-256"]) == (here[Algorithm.MD5], here[Algorithm.SHA256])
    expect(page.get_by_role("heading", name="Video 1").first).to_be_visible()


def test_a_webm_with_bars_gives_both_values(page: Page, tmp_path: Path) -> None:
    file = write(tmp_path / "bars.webm", _in_bars(list(chain(scene(3, 22), scene(4, 20)))), _VP9)
    made, here = _made_by(page, file), _made_here(file)
    assert len(here[Algorithm.VPDQ]) == 2
    assert made["vPDQ"] == here[Algorithm.VPDQ]


def test_uneven_times_give_the_same_values(page: Page, tmp_path: Path) -> None:
    times = [0, 30, 900, 1200, 1210, 2600, 2700, 3900, 4000, 5400]
    file = write(tmp_path / "uneven.mp4", scene(5, 100)[::10], Encoding(times=times))
    assert _made_by(page, file)["vPDQ"] == _made_here(file)[Algorithm.VPDQ]


def test_a_short_video_that_fades_in_from_black_gives_the_same_values(page: Page, tmp_path: Path) -> None:
    light = [(pixels * (number / 120)).astype(np.uint8) for number, pixels in enumerate(scene(10, 30))]
    file = write(tmp_path / "fade.mp4", light)
    made, here = _made_by(page, file), _made_here(file)
    assert made["vPDQ"] == here[Algorithm.VPDQ]
    frames = parse_video(made["vPDQ"][0]).frames
    assert min(one.quality for one in frames) < 20 < max(one.quality for one in frames) < 50
    assert made["PDQ regions"] == here[Algorithm.PDQ_REGION]


def test_where_the_worker_cannot_decode_the_page_does(page_without_webcodecs: Page, tmp_path: Path) -> None:
    file = write(tmp_path / "cut.mp4", [*scene(6, 25), *scene(7, 30)])
    made, here = _made_by(page_without_webcodecs, file), _made_here(file)
    (mine,), (theirs,) = made["vPDQ"], here[Algorithm.VPDQ]
    assert parse_video(mine).duration_class == parse_video(theirs).duration_class
    # Beside a cut a video element may show the picture before.
    assert _share_near(parse_video(theirs), parse_video(mine)) >= 0.8
    assert made["MD5"] == here[Algorithm.MD5]


def test_a_video_that_nothing_here_decodes_is_known_by_its_file(page: Page, tmp_path: Path) -> None:
    file = write(tmp_path / "new.mp4", scene(8, 10), _HEVC)
    made, here = _made_by(page, file), _made_here(file)
    assert made == {"MD5": here[Algorithm.MD5], "SHA-256": here[Algorithm.SHA256]}
    expect(page.get_by_text("cannot look into this video")).to_be_visible()


def test_sound_alone_and_a_file_cut_short_are_said_kindly(page: Page, tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", scene(9, 20)).read_bytes()
    (tmp_path / "short.mp4").write_bytes(whole[: len(whole) // 2])
    page.get_by_test_id("choose-files").set_input_files([write_sound(tmp_path / "song.mp4"), tmp_path / "short.mp4"])
    page.get_by_test_id("start").click()
    expect(page.get_by_text("only sound")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("damaged")).to_be_visible()
