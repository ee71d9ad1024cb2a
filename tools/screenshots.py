"""Plays the demo in a real Chromium and photographs its screens.

``python tools/screenshots.py docs/images`` makes the two pictures of the README; with ``--all`` every screen at 360 and
1280 pixels, to look at.
"""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pyotp
from playwright.sync_api import Browser, Page, sync_playwright

from takeback.apps.demo import DemoPorts, running_demo
from takeback.apps.demo_picture import edited_copy, landscape
from takeback.apps.demo_story import DemoAddresses
from takeback.apps.registry_doors import open_console
from takeback.clock import SystemClock
from takeback.console.types import Role
from takeback.settings import RegistrySettings

_SEED = 3
_SETTLE_MS = 400
_SYNC_MS = 3000


class Camera:
    """Takes a picture of a page, or does not, depending on what was asked for."""

    def __init__(self, folder: Path, wanted: set[str] | None, width: int) -> None:
        self._folder = folder
        self._wanted = wanted
        self._width = width

    def take(self, page: Page, name: str) -> None:
        """Photograph the whole page as ``NAME.png``, or ``NAME-WIDTH.png`` when all screens are taken."""
        if self._wanted is not None and name not in self._wanted:
            return
        page.wait_for_timeout(_SETTLE_MS)
        file = f"{name}.png" if self._wanted is not None else f"{name}-{self._width}.png"
        page.screenshot(path=self._folder / file, full_page=self._wanted is None)


def _play(browser: Browser, at: DemoAddresses, folder: Path, camera: Camera, width: int) -> None:
    picture, copy = folder / "picture.jpg", folder / "copy.jpg"
    picture.write_bytes(landscape(_SEED + width))
    copy.write_bytes(edited_copy(picture.read_bytes()))

    def page(url: str) -> Page:
        opened = browser.new_context(viewport={"width": width, "height": 820}, device_scale_factor=1.5).new_page()
        opened.goto(url)
        return opened

    person = page(at.registry + "/")
    _submit(person, camera, picture)
    wall = page(at.sample + "/")
    wall.get_by_test_id("photo-input").set_input_files(str(copy))
    wall.get_by_test_id("post").click()
    wall.get_by_test_id("my-upload").wait_for()
    camera.take(wall, "wall")
    _review(page(f"{at.kit}/review/#code={at.review_code}"), camera)
    person.wait_for_timeout(_SYNC_MS)
    person.get_by_test_id("refresh").click()
    camera.take(person, "removed")
    person.get_by_test_id("withdraw-all").click()
    camera.take(person, "confirm")


def _submit(person: Page, camera: Camera, picture: Path) -> None:
    camera.take(person, "home")
    person.get_by_test_id("choose-files").set_input_files([str(picture), __file__])
    camera.take(person, "chosen")
    person.get_by_test_id("start").click()
    person.get_by_test_id("send").wait_for()
    camera.take(person, "check")
    person.get_by_test_id("send").click()
    digits = re.sub(r"\D", "", person.get_by_test_id("receipt").inner_text())
    camera.take(person, "receipt")
    person.get_by_test_id("kept").click()
    camera.take(person, "done")
    person.goto(person.url)
    person.get_by_test_id("have-number").click()
    person.get_by_test_id("receipt-input").fill(digits)
    camera.take(person, "number")
    person.get_by_test_id("open-case").click()
    person.get_by_test_id("case-status").wait_for()
    camera.take(person, "case")
    while person.get_by_test_id("case-status").get_attribute("data-state") != "listed":
        person.wait_for_timeout(500)
        person.get_by_test_id("refresh").click()
    person.wait_for_timeout(_SYNC_MS)


def _review(desk: Page, camera: Camera) -> None:
    desk.get_by_test_id("reviewer").fill("robin")
    camera.take(desk, "sign-in")
    desk.get_by_test_id("sign-in").click()
    desk.get_by_test_id("lead").wait_for()
    camera.take(desk, "review")
    desk.get_by_test_id("reveal").click()
    desk.get_by_test_id("remove").click()
    camera.take(desk, "deciding")
    desk.get_by_test_id("reason").get_by_role("radio").first.check()
    desk.get_by_test_id("confirm").click()
    desk.get_by_test_id("empty").wait_for()
    camera.take(desk, "empty")


def _console(browser: Browser, at: DemoAddresses, data_dir: Path, camera: Camera, width: int) -> None:
    """Every view of the operator's console, as somebody who comes with a link."""
    with open_console(RegistrySettings(data_dir=data_dir), SystemClock()) as services:
        code = services.operators.add(f"robin {width}", Role.OPERATOR).code
    desk = browser.new_context(viewport={"width": width, "height": 820}, device_scale_factor=1.5).new_page()
    desk.goto(f"{at.registry}/operator/#code={code}")
    secret = desk.get_by_test_id("secret").inner_text().replace(" ", "")
    camera.take(desk, "console-link")
    desk.get_by_test_id("password").fill("a quiet morning in March")
    desk.get_by_test_id("code").fill(pyotp.TOTP(secret).now())
    desk.get_by_test_id("enrol").click()
    desk.get_by_test_id("health").wait_for()
    for view in ("overview", "partners", "quarantine", "guard", "audit", "operators", "account"):
        desk.get_by_test_id(f"view-{view}").click()
        camera.take(desk, f"console-{view}")
    desk.get_by_test_id("sign-out").click()
    camera.take(desk, "console-sign-in")


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every screen at 360 and 1280 px")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    shots = [(360, None), (1280, None)] if arguments.all else [(390, {"receipt"}), (1100, {"review"})]
    with (
        tempfile.TemporaryDirectory() as made,
        (Path(made) / "log").open("w") as log,
        running_demo(Path(made) / "data", SystemClock(), DemoPorts(), log) as at,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for width, wanted in shots:
            camera = Camera(arguments.folder, wanted, width)
            _play(browser, at, Path(made), camera, width)
            if wanted is None:
                _console(browser, at, Path(made) / "data" / "registry", camera, width)
    return 0


if __name__ == "__main__":
    sys.exit(main())
