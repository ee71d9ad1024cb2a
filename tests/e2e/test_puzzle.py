"""The puzzle in a real Chromium: a person sees what is going on, may stop it, and loses nothing by it."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from skimage import data

from takeback.apps.registry import build_registry
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.settings import RegistrySettings

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(180)]
_PATIENCE_MS = 60_000


def test_a_long_puzzle_shows_progress_and_can_be_stopped(chromium: Browser, tmp_path: Path) -> None:
    photograph = tmp_path / "photograph.png"
    Image.fromarray(data.astronaut()[:200, :200]).save(photograph)
    settings = RegistrySettings(data_dir=tmp_path / "registry", proof_guesses=100_000, proof_rounds=20_000)
    registry = build_registry(settings, SystemClock())
    with Server(registry.app) as server:
        page = chromium.new_context(viewport={"width": 360, "height": 740}).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(server.url)
        page.get_by_test_id("choose-files").set_input_files(str(photograph))
        page.get_by_test_id("start").click()
        page.get_by_test_id("send").click()
        puzzle = page.get_by_test_id("puzzle")
        expect(puzzle).to_be_visible()
        expect(page.get_by_text("Your device solves a short puzzle")).to_be_visible()
        # It moves on: a guess of such a puzzle takes some milliseconds, and the bar hears of every eighth.
        page.wait_for_function("document.querySelector('[data-testid=puzzle]').value > 0")
        page.get_by_test_id("stop-sending").click()
        expect(page.get_by_test_id("send")).to_be_visible()
        assert registry.services.registry.run_batch().cases == 0
        page.get_by_test_id("send").click()
        expect(puzzle).to_be_visible()
        page.context.close()
    registry.close()
