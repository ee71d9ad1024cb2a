"""Browsers that lack something: scripts, or a decoder. The page says so, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pillow_heif
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

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(120)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    registry = build_registry(RegistrySettings(data_dir=tmp_path / "registry"), SystemClock())
    with Server(registry.app) as server:
        yield f"{server.url}/"
    registry.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_without_scripts_the_page_says_why_and_who_listens(chromium: Browser, site: str, width: int) -> None:
    with chromium.new_context(java_script_enabled=False, viewport={"width": width, "height": 740}) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.get_by_role("heading", level=1)).to_have_text("This page needs JavaScript")
        expect(page.get_by_role("link", name="988 Lifeline")).to_be_visible()
        assert page.get_by_role("link").count() > 10


def test_a_heic_is_left_to_the_browser_and_chromium_says_kindly_that_it_cannot(
    chromium: Browser, site: str, tmp_path: Path
) -> None:
    file = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(Image.fromarray(data.astronaut())).save(file)
    with chromium.new_context(viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.goto(site)
        page.get_by_test_id("choose-files").set_input_files([file])
        page.get_by_test_id("start").click()
        expect(page.get_by_text(re.compile("This is a HEIC picture"))).to_be_visible()
        expect(page.get_by_text(re.compile("Take a screenshot"))).to_be_visible()
        _assert_accessible(page, "a HEIC that cannot be read")
        _assert_fits(page, "a HEIC that cannot be read")
