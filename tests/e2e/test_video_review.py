"""A held video in a real browser: the reviewer sees its filmstrip blurred, and each sharp moment is asked for alone."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tests.integration.platform.kit_fixture import running_kit
from tests.made_videos import Encoding, scene, write


@pytest.mark.parametrize("width", [360, 1280])
def test_a_reviewer_sees_a_filmstrip(chromium: Browser, tmp_path: Path, width: int) -> None:
    known = [*scene(1, 12, pace=6), *scene(2, 12, pace=6)]
    listed = write(tmp_path / "listed.mp4", known, Encoding(rate=4))
    posted = write(tmp_path / "posted.mp4", [*scene(11, 16, pace=6), *known, *scene(12, 16, pace=6)], Encoding(rate=4))
    with running_kit(tmp_path / "kit") as kit:
        kit.list_video(1, listed)
        lead = kit.held("clip", posted.read_bytes())
        with chromium.new_context(viewport={"width": width, "height": 900}) as context:
            page = context.new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{kit.url}/review/")
            page.get_by_test_id("code").fill(kit.platform.keys.review_code)
            page.get_by_test_id("reviewer").fill("robin")
            page.get_by_test_id("sign-in").click()
            frames = page.get_by_test_id("strip").get_by_role("button")
            expect(frames).to_have_count(8)
            expect(page.get_by_test_id("times")).to_contain_text("shows what the listed video shows")
            assert Axe().run(page).violations_count == 0
            assert not [url for url in asked if url.endswith("/picture")]
            frames.nth(3).click()
            page.get_by_test_id("reveal").click()
            shown = page.get_by_test_id("picture")
            expect(shown).to_have_attribute("src", f"/v1/leads/{lead}/frames/3/picture")
            page.wait_for_function("() => document.querySelector('[data-testid=picture]').naturalWidth === 240")
            frames.nth(4).click()
            expect(shown).to_have_attribute("src", f"/v1/leads/{lead}/frames/4/preview")
            assert len([url for url in asked if url.endswith("/picture")]) == 1
            assert Axe().run(page).violations_count == 0

            # Who leaves the window does not come back to a sharp picture, and who takes a break is shown nothing.
            page.get_by_test_id("reveal").click()
            expect(shown).to_have_attribute("src", f"/v1/leads/{lead}/frames/4/picture")
            page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            expect(shown).to_have_attribute("src", f"/v1/leads/{lead}/frames/4/preview")
            page.evaluate("delete document.hidden")
            asked.clear()
            page.get_by_test_id("pause").click()
            expect(page.get_by_role("heading", name="You are on a break")).to_be_focused()
            expect(page.get_by_test_id("lead")).to_have_count(0)
            expect(page.locator("img")).to_have_count(0)
            assert Axe().run(page).violations_count == 0
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            assert not [url for url in asked if "/frames/" in url]
            page.get_by_test_id("go-on").click()
            expect(page.get_by_test_id("reveal")).to_have_attribute("aria-pressed", "false")
