"""A case after it was sent, in a browser: pictures added, taken back, kept after all, renewed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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

    from playwright.sync_api import Browser, Page

    from takeback.apps.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    settings = RegistrySettings(data_dir=tmp_path / "registry", withdrawal_delay_days=3, hold_lifetime_days=365)
    built = build_registry(settings, SystemClock())
    yield built
    built.close()


@pytest.fixture(params=[360, 1280])
def page(registry: Registry, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with Server(registry.app) as server:
        context = chromium.new_context(viewport={"width": request.param, "height": 800}, locale="en")
        page = context.new_page()
        page.goto(server.url + "/")
        yield page
        context.close()


def _look(page: Page, name: str) -> None:
    _assert_accessible(page, name)
    _assert_fits(page, name)
    if folder := os.environ.get("TAKEBACK_SCREENSHOTS"):
        width = page.evaluate("window.innerWidth")
        page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)


def _states(page: Page) -> list[str | None]:
    return [item.get_attribute("data-state") for item in page.get_by_test_id("case-status").all()]


def test_a_case_lives_on_after_it_was_sent(registry: Registry, page: Page, tmp_path: Path) -> None:
    cat, cup = tmp_path / "cat.png", tmp_path / "cup.png"
    Image.fromarray(data.chelsea()).save(cat)
    Image.fromarray(data.coffee()).save(cup)

    asked = page.get_by_test_id("adults-ask")
    asked.locator("summary").click()
    expect(asked).to_contain_text("StopNCII")
    _look(page, "adults first")
    page.get_by_test_id("choose-files").set_input_files(str(cat))
    expect(page.get_by_test_id("who-unsaid")).to_be_checked()
    page.get_by_test_id("who-adult").check()
    expect(page.get_by_test_id("adults")).to_contain_text("StopNCII")
    expect(page.get_by_test_id("choose-button")).to_have_count(0)
    expect(page.get_by_test_id("start")).to_have_count(0)
    _look(page, "adults")
    page.get_by_test_id("who-self_under_18").check()
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    number = page.get_by_test_id("receipt").inner_text()
    page.get_by_test_id("kept").click()
    registry.batcher.run_once()

    page.get_by_test_id("have-number").click()
    page.get_by_test_id("receipt-input").fill(number)
    page.get_by_test_id("open-case").click()
    expect(page.get_by_test_id("expires")).to_be_visible()
    page.get_by_test_id("add-more").click()
    expect(page.get_by_test_id("adding")).to_be_visible()
    page.get_by_test_id("choose-files").set_input_files(str(cup))
    _look(page, "adding")
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("case-status")).to_have_count(2)
    assert _states(page) == ["listed", "being_added"]
    registry.batcher.run_once()
    page.get_by_test_id("refresh").click()
    expect(page.locator("[data-state=listed]")).to_have_count(2)

    page.get_by_test_id("withdraw").nth(1).click()
    expect(page.get_by_test_id("confirm")).to_be_visible()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("leaves")).to_be_visible()
    assert _states(page) == ["listed", "withdrawing"]
    _look(page, "withdrawing")
    page.get_by_test_id("keep").click()
    expect(page.locator("[data-state=listed]")).to_have_count(2)
    page.get_by_test_id("renew").click()
    expect(page.get_by_role("status").filter(has_text="anew")).to_be_visible()
    assert {item.cases for item in registry.services.registry.audience(1)} == {None}
