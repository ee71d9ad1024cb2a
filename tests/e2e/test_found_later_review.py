"""What was published before it was listed, on the review page in a real browser: before and after its copy has come."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tests.integration.platform.kit_fixture import edited, jpeg_of, picture_of, running_kit

from takeback.model.fingerprint import Algorithm

LISTED = picture_of(1)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_picture_appears_when_the_platform_has_sent_it(chromium: Browser, tmp_path: Path, width: int) -> None:
    with running_kit(tmp_path / "kit") as kit:
        kit.wait_for_sync()
        kit.check("a", edited(LISTED)).raise_for_status()
        kit.list_picture(1, jpeg_of(LISTED), (Algorithm.PDQ,))
        (notice,) = kit.software.get("/v1/decisions", params={"wait": 20}).json()["decisions"]
        with chromium.new_context(viewport={"width": width, "height": 900}) as context:
            page = context.new_page()
            page.goto(f"{kit.url}/review/")
            page.get_by_test_id("code").fill(kit.platform.keys.review_code)
            page.get_by_test_id("reviewer").fill("robin")
            page.get_by_test_id("sign-in").click()
            expect(page.get_by_test_id("no-copy")).to_be_visible()
            expect(page.get_by_test_id("place")).to_contain_text("Taken down until you decide")
            expect(page.get_by_test_id("reveal")).to_have_count(0)
            assert Axe().run(page).violations_count == 0
            kit.software.post(f"/v1/copies/{notice['lead_id']}", content=edited(LISTED)).raise_for_status()
            # The page looks for news by itself.
            expect(page.get_by_test_id("picture")).to_be_visible(timeout=20_000)
            expect(page.get_by_test_id("no-copy")).to_have_count(0)
            page.wait_for_function("() => document.querySelector('[data-testid=picture]').naturalWidth > 0")
            assert Axe().run(page).violations_count == 0
