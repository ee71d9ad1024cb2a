"""What the pages promise whatever is on them: usable by everyone, nothing kept, one address, no outside help."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from skimage import data

from takeback.apps.demo import DemoPorts, running_demo
from takeback.apps.demo_story import DemoAddresses
from takeback.clock import SystemClock

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]

_WHAT_IS_KEPT = """async () => ({
    local: localStorage.length, session: sessionStorage.length, cookies: document.cookie,
    databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length, history: history.length,
})"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoAddresses]:
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "log").open("w") as log, running_demo(folder, SystemClock(), DemoPorts(), log) as at:
        yield at


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(viewport={"width": 360, "height": 740})
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


def _assert_accessible(page: Page, where: str) -> None:
    result = Axe().run(page).response
    assert len(result["passes"]) > 5, f"axe did not look at {where}"
    assert [(item["id"], item["nodes"][0]["target"]) for item in result["violations"]] == [], where


def _assert_fits(page: Page, where: str) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{where} scrolls sideways"


def test_every_screen_of_the_page_is_accessible_and_fits_a_phone(
    demo: DemoAddresses, context: BrowserContext, picture: Path
) -> None:
    page = context.new_page()
    page.goto(demo.registry + "/")
    address = page.url

    def look(where: str) -> None:
        _assert_accessible(page, where)
        _assert_fits(page, where)
        assert page.url == address, where

    look("home")
    page.get_by_test_id("choose-files").set_input_files(str(picture))
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    look("check")
    page.get_by_test_id("send").click()
    number = page.get_by_test_id("receipt").inner_text()
    look("receipt")
    page.get_by_test_id("kept").click()
    look("done")
    page.get_by_test_id("have-number").click()
    page.get_by_test_id("receipt-input").fill(number)
    look("number")
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("case-status")).to_be_visible()
    look("case")
    page.get_by_test_id("withdraw-all").click()
    expect(page.get_by_test_id("confirm")).to_be_visible()
    look("confirm")

    kept = page.evaluate(_WHAT_IS_KEPT)
    # One entry for about:blank, one for the page: going back shows nothing of what was done.
    assert kept.pop("history") <= 2
    assert kept == {"local": 0, "session": 0, "cookies": "", "databases": 0, "caches": 0, "workers": 0}


def test_a_mistyped_number_is_noticed_on_the_device(demo: DemoAddresses, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(demo.registry + "/")
    page.get_by_test_id("have-number").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_test_id("receipt-input").fill("1234 5678 9012 3456 7890")
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("problem")).to_be_visible()
    _assert_accessible(page, "mistyped")
    assert asked == []


def test_fingerprints_are_made_with_the_network_gone(
    demo: DemoAddresses, context: BrowserContext, picture: Path
) -> None:
    page = context.new_page()
    page.goto(demo.registry + "/")
    context.set_offline(offline=True)
    page.get_by_test_id("choose-files").set_input_files(str(picture))
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("send")).to_be_visible()
    page.get_by_test_id("send").click()
    page.wait_for_timeout(1000)
    context.set_offline(offline=False)
    # Whether it tried again by itself or asks for it, the person gets their number in the end.
    receipt = page.get_by_test_id("receipt")
    again = page.get_by_role("button", name="again")
    expect(receipt.or_(again).first).to_be_visible(timeout=30_000)
    if not receipt.is_visible():
        again.first.click()
    expect(receipt).to_be_visible(timeout=30_000)


def test_one_unreadable_file_does_not_cost_the_others(
    demo: DemoAddresses, context: BrowserContext, picture: Path, tmp_path: Path
) -> None:
    note, cut = tmp_path / "holiday.jpg", tmp_path / "cut.jpg"
    note.write_text("this is not a picture")
    whole = io.BytesIO()
    Image.fromarray(data.coffee()).save(whole, "JPEG")
    cut.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 3])
    page = context.new_page()
    page.goto(demo.registry + "/")
    page.get_by_test_id("choose-files").set_input_files([str(note), str(picture), str(cut)])
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    number = page.get_by_test_id("receipt").inner_text()
    page.get_by_test_id("kept").click()
    page.get_by_test_id("have-number").click()
    page.get_by_test_id("receipt-input").fill(number)
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("case-status")).to_have_count(1)


def test_leaving_blanks_the_page_and_goes_elsewhere(demo: DemoAddresses, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(demo.registry + "/")
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url))
    page.get_by_test_id("quick-exit").click()
    page.wait_for_timeout(1500)
    assert not any(url.startswith(demo.registry + "/v1") for url in left)
    assert any(not url.startswith(demo.registry) for url in left)


def test_the_review_and_the_wall_are_accessible(demo: DemoAddresses, context: BrowserContext) -> None:
    desk = context.new_page()
    desk.goto(f"{demo.kit}/review/#code={demo.review_code}")
    _assert_accessible(desk, "sign in")
    _assert_fits(desk, "sign in")
    desk.get_by_test_id("reviewer").fill("robin")
    desk.get_by_test_id("sign-in").click()
    expect(desk.get_by_test_id("empty")).to_be_visible()
    _assert_accessible(desk, "empty queue")
    wall = context.new_page()
    wall.goto(demo.sample + "/")
    _assert_accessible(wall, "wall")
    _assert_fits(wall, "wall")
