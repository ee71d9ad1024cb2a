"""What the person's page weighs on its way to an old phone, counted where the registry sends it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from skimage import data
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from takeback.apps.registry import build_registry
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.settings import RegistrySettings

_USABLE_BYTES = 48_000
"""Until the first button can be pressed: the document, its style and its script."""

_PICTURES_BYTES = 36_000
"""What a picture needs beyond that: the worker, with hashing, the sealed case and the puzzle."""

_VIDEOS_BYTES = 80_000
"""What a video needs beyond that."""

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(180)]


@dataclass(slots=True)
class _Scales:
    """Weighs every reply, headers and all, by the path it was for."""

    replies: list[tuple[str, int, str]] = field(default_factory=list)

    def under(self, app: ASGIApp) -> ASGIApp:
        async def weighed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            size, coding = 0, ""

            async def sending(message: Message) -> None:
                nonlocal size, coding
                for name, value in message.get("headers", ()):
                    size += len(name) + len(value) + len(b": \r\n")
                    coding = value.decode() if name == b"content-encoding" else coding
                size += len(message.get("body", b""))
                await send(message)

            await app(scope, receive, sending)
            self.replies.append((scope["path"], size, coding))

        return weighed

    def of(self, start: str, end: str) -> int:
        """Bytes of the one reply whose path starts and ends so."""
        (found,) = [size for path, size, _ in self.replies if path.startswith(start) and path.endswith(end)]
        return found


@pytest.fixture
def scales() -> _Scales:
    return _Scales()


@pytest.fixture
def page(scales: _Scales, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    registry = build_registry(RegistrySettings(data_dir=tmp_path / "registry", proof_rounds=10), SystemClock())
    with Server(scales.under(registry.app)) as server:
        context = chromium.new_context(viewport={"width": 360, "height": 740})
        page = context.new_page()
        page.goto(f"{server.url}/", wait_until="commit")
        yield page
        context.close()
    registry.close()


def _wait_for(page: Page, scales: _Scales, part: str) -> None:
    for _ in range(200):
        if any(part in path for path, _, _ in scales.replies):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"nothing asked for {part}")


def test_the_page_is_light_and_brings_the_rest_afterwards(page: Page, scales: _Scales) -> None:
    expect(page.get_by_test_id("choose-button")).to_be_visible()
    _wait_for(page, scales, "/video-")
    usable = scales.of("/", "/") + scales.of("/assets/index-", ".css") + scales.of("/assets/index-", ".js")
    assert usable <= _USABLE_BYTES
    assert scales.of("/assets/main-", ".js") <= _PICTURES_BYTES
    assert scales.of("/assets/video-", ".js") <= _VIDEOS_BYTES
    paths = [path for path, _, _ in scales.replies if path.endswith(".js")]
    assert [path.removeprefix("/assets/").partition("-")[0] for path in paths] == ["index", "main", "video"]
    # Chromium unpacks what it was sent: the page works, and nothing of it went unpacked.
    assert {coding for path, _, coding in scales.replies if not path.startswith("/v1/")} == {"br"}


def test_who_spares_data_is_not_sent_what_only_videos_need(page: Page, scales: _Scales) -> None:
    _wait_for(page, scales, "/video-")
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setDataSaverOverride", {"dataSaverEnabled": True})
    scales.replies.clear()
    page.reload()
    _wait_for(page, scales, "/main-")
    page.wait_for_timeout(700)
    assert [path for path, _, _ in scales.replies if "/video-" in path] == []


def test_a_picture_is_fingerprinted_without_the_code_for_videos(page: Page, tmp_path: Path) -> None:
    page.context.route("**/video-*.js", lambda route: route.abort())
    page.reload()
    picture, film = tmp_path / "cat.png", tmp_path / "film.mp4"
    Image.fromarray(data.chelsea()).save(picture)
    film.write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    page.get_by_test_id("choose-files").set_input_files([picture, film])
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    expect(page.get_by_text("A part of this page has not arrived yet")).to_be_visible()
    # As it says: with a connection again, going back and trying again is enough.
    page.context.unroute("**/video-*.js")
    page.get_by_test_id("back").click()
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    expect(page.get_by_text("This file is damaged")).to_be_visible()
