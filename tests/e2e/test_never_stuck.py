"""A frightened person on an old phone: every step can be stopped, every error says what to do, no touch loses anything.

Also every state that lasts only a moment is looked at with axe here, in the colours and sizes that people set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from skimage import data
from tests.e2e.test_pages import _assert_accessible, _assert_fits

from takeback.apps.registry import build_registry
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page, Route

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]

_EVERY_SETTING: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 360, "height": 740}},
    "dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
    "smallest": {"viewport": {"width": 320, "height": 568}, "reduced_motion": "reduce"},
    "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    registry = build_registry(
        RegistrySettings(data_dir=tmp_path / "registry", proof_rounds=10, proof_guesses=10, batch_min_cases=1),
        SystemClock(),
    )
    with Server(registry.app) as server:
        yield f"{server.url}/"
    registry.close()


@pytest.fixture
def page(site: str, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="en")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(site)
    yield page
    context.close()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.png" for name in ("cat", "cup", "face", "moon", "coins", "camera")]
    for path, picture in zip(
        paths, (data.chelsea, data.coffee, data.astronaut, data.moon, data.coins, data.camera), strict=True
    ):
        Image.fromarray(picture()[:256, :256]).save(path)
    return paths


def _choose(page: Page, paths: list[Path]) -> None:
    page.get_by_test_id("choose-files").set_input_files(paths)


def _number(page: Page) -> str:
    return re.sub(r"\D", "", page.get_by_test_id("receipt").inner_text())


def test_who_stops_without_a_connection_is_not_stuck(page: Page, pictures: list[Path]) -> None:
    expect(page.get_by_test_id("choose-button")).to_be_visible()
    _choose(page, pictures[:1])
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    page.context.set_offline(offline=True)
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("waiting")).to_be_visible()
    _assert_accessible(page, "waiting")
    page.get_by_test_id("stop-sending").click()
    page.get_by_test_id("back").click()
    # The worker that was stopped cannot be loaded anew, and everything still works.
    page.get_by_test_id("edited-copies").uncheck()
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    page.get_by_test_id("send").click()
    expect(page.get_by_role("heading", name="No connection right now")).to_be_visible()
    page.context.set_offline(offline=False)
    expect(page.get_by_test_id("receipt")).to_be_visible()


def test_a_busy_registry_is_not_called_a_missing_connection(page: Page, pictures: list[Path]) -> None:
    def busy(route: Route) -> None:
        route.fulfill(status=503, content_type="text/plain", body="later")

    page.context.route("**/v1/challenges", busy)
    _choose(page, pictures[:1])
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    expect(page.get_by_role("heading", name="We are busy right now")).to_be_visible()
    page.context.unroute("**/v1/challenges")
    page.get_by_test_id("again").click()
    expect(page.get_by_test_id("receipt")).to_be_visible()


def test_what_arrived_before_a_stop_has_its_number(page: Page, pictures: list[Path]) -> None:
    arrived: list[str] = []

    def only_the_first(route: Route) -> None:
        if arrived:
            route.abort()
            return
        arrived.append(route.request.url)
        route.continue_()

    page.context.route("**/v1/cases", only_the_first)
    _choose(page, pictures)  # more than one sheet holds
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    expect(page.get_by_text("Part 2 of 2")).to_be_visible()
    expect(page.get_by_test_id("waiting")).to_be_visible()
    page.get_by_test_id("stop-sending").click()
    expect(page.get_by_text("Only a part of your fingerprints has arrived")).to_be_visible()
    number = _number(page)
    page.context.unroute("**/v1/cases")
    page.get_by_test_id("kept").click()
    page.get_by_test_id("have-number").click()
    page.get_by_test_id("receipt-input").fill(number)
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("case-status").first).to_be_visible()


def test_no_single_touch_loses_pictures_or_the_number(page: Page, pictures: list[Path]) -> None:
    _choose(page, pictures[:2])
    page.get_by_test_id("clear").click()
    expect(page.get_by_role("dialog", name="Clear this page?")).to_be_visible()
    _assert_accessible(page, "clear pictures")
    page.get_by_test_id("cancel").click()
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    number = _number(page)
    page.get_by_test_id("clear").click()
    expect(page.get_by_role("dialog", name="Have you kept your number?")).to_be_visible()
    _assert_accessible(page, "clear number")
    page.keyboard.press("Escape")
    page.get_by_test_id("kept").click()
    page.get_by_test_id("show-number").click()
    assert _number(page) == number
    page.get_by_test_id("kept").click()

    # Another picture goes under the same number, and the number need not be typed.
    page.get_by_test_id("add-to-sent").click()
    expect(page.get_by_test_id("adding")).to_be_visible()
    _assert_accessible(page, "adding to what was sent")
    _choose(page, pictures[2:3])
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("case-status")).to_have_count(3)
    page.get_by_test_id("clear").click()
    expect(page.get_by_test_id("choose-button")).to_be_visible()
    page.get_by_test_id("have-number").click()
    assert page.get_by_test_id("receipt-input").input_value() == ""


def test_a_lost_connection_does_not_shout_over_a_case(page: Page, pictures: list[Path]) -> None:
    _choose(page, pictures[:1])
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    page.get_by_test_id("kept").click()
    page.get_by_test_id("have-number").click()
    page.clock.install()
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("case-status")).to_be_visible()
    page.context.set_offline(offline=True)
    page.clock.run_for(10_500)
    expect(page.get_by_test_id("said")).to_contain_text("may be a little old")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_test_id("refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("check your internet")
    page.context.set_offline(offline=False)
    page.get_by_test_id("refresh").click()
    expect(page.get_by_test_id("said")).to_contain_text("up to date")
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("setting", _EVERY_SETTING)
def test_states_that_last_a_moment_are_accessible_in_every_setting(
    chromium: Browser, tmp_path: Path, pictures: list[Path], setting: str
) -> None:
    settings = RegistrySettings(data_dir=tmp_path / "slow", proof_guesses=100_000, proof_rounds=20_000)
    registry = build_registry(settings, SystemClock())
    note, twin = tmp_path / "note.jpg", tmp_path / "twin.png"
    note.write_text("not a picture")
    twin.write_bytes(pictures[0].read_bytes())
    with Server(registry.app) as server:
        context = chromium.new_context(locale="en", **_EVERY_SETTING[setting])
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(server.url)

        def look(where: str) -> None:
            _assert_accessible(page, f"{where}, {setting}")
            _assert_fits(page, where)
            _assert_way_out(page)

        look("home")
        _choose(page, [pictures[0], note, twin])
        look("chosen")
        page.get_by_test_id("start").click()
        expect(page.get_by_test_id("some")).to_have_text(re.compile("1 of 3 files is ready"))
        look("check")
        page.get_by_test_id("send").click()
        expect(page.get_by_test_id("puzzle")).to_be_visible()
        look("puzzle")
        page.get_by_test_id("stop-sending").click()
        page.get_by_test_id("back").click()
        page.get_by_role("button", name="Remove Picture 1").click()
        page.get_by_role("button", name="Remove Picture 2").click()
        page.get_by_test_id("start").click()
        expect(page.get_by_role("heading", name="We could not use this")).to_be_visible()
        look("none")
        context.close()
    registry.close()


def _assert_way_out(page: Page) -> None:
    """The button that leaves is whole, on the screen, and as big as a finger."""
    box = page.get_by_test_id("quick-exit").bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    assert min(box["width"], box["height"]) >= 44
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert 0 <= box["y"] <= size["height"] - box["height"]


def test_the_way_out_stays_on_the_screen_with_letters_twice_as_big(site: str, chromium: Browser) -> None:
    context: BrowserContext = chromium.new_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page = context.new_page()
    page.goto(site)
    page.add_style_tag(content="html { font-size: 200% !important }")
    _assert_way_out(page)
    page.get_by_test_id("have-number").click()
    _assert_way_out(page)
    _assert_fits(page, "number")
    context.close()


def test_the_whole_way_with_the_keyboard_alone(page: Page, pictures: list[Path]) -> None:
    """Tab and Enter, as somebody who cannot use a pointer does it; only the file dialog is the browser's own."""

    def press(test_id: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement?.dataset.testid") == test_id:
                page.keyboard.press("Enter")
                return
        pytest.fail(f"Tab never came to {test_id}")

    with page.expect_file_chooser() as chooser:
        press("choose-button")
    chooser.value.set_files(pictures[:1])
    expect(page.get_by_role("heading", name="1 file chosen")).to_be_focused()
    press("start")
    expect(page.get_by_test_id("send")).to_be_visible()
    press("send")
    expect(page.get_by_role("heading", name="This is your number")).to_be_focused()
    press("kept")
    press("have-number")
    press("open-case")
    expect(page.get_by_test_id("case-status")).to_be_visible()
    press("withdraw-all")
    expect(page.get_by_test_id("cancel")).to_be_focused()  # the one that changes nothing
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("confirm")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("said")).to_contain_text("taken back")


def test_leaving_works_from_inside_a_dialog_and_leaves_no_way_back(page: Page, pictures: list[Path], site: str) -> None:
    _choose(page, pictures[:1])
    page.get_by_test_id("clear").click()
    left: list[str] = []
    page.context.route(
        re.compile("^https:"), lambda route: route.fulfill(content_type="text/html", body="<p>Weather</p>")
    )
    page.on("request", lambda request: left.append(request.url))
    for _ in range(3):
        page.keyboard.press("Shift")
    page.wait_for_url(lambda url: not url.startswith(site), wait_until="commit")
    assert [url for url in left if url.startswith(site)] == [], "leaving asked the registry for something"
    expect(page.get_by_text("Weather")).to_be_visible()
    page.go_back(wait_until="commit")
    assert not page.url.startswith(site)
