"""The whole story in a real Chromium, with a real photograph, and an account of every byte the page sends."""

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from skimage import data
from tests.e2e.witness import Witness, account_for_proof, account_for_submission, assert_nothing_of

from takeback.apps.demo import DemoPorts, running_demo
from takeback.apps.demo_story import DemoAddresses
from takeback.client.sealing import case_keys
from takeback.clock import SystemClock, day_of
from takeback.hashing import fingerprints_of
from takeback.model.fingerprint import Algorithm
from takeback.model.receipt import parse_receipt

_FILE_NAME = "ada_bedroom_march.jpg"
_EXIF_CANARY = "CanaryCam-Serial-48151623"
_LEFT_OVER = (0, 40, 400, 440)
"""What is left of the photograph's 512 pixels a side in the copies: too little for a hash of the whole picture."""

_PATIENCE_MS = 30_000

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A photograph as a phone makes it: with a name and with metadata that say too much."""
    exif = Image.Exif()
    exif[0x010F] = _EXIF_CANARY
    exif[0x0132] = "2026:03:14 23:15:09"
    path = tmp_path / _FILE_NAME
    Image.fromarray(data.astronaut()).save(path, quality=93, exif=exif)
    return path


def _edited_copy(photograph: Path, folder: Path, name: str, *, side: int, quality: int) -> Path:
    copy = folder / name
    cut = Image.open(photograph).convert("RGB").crop(_LEFT_OVER)
    cut.resize((side, side), Image.Resampling.LANCZOS).save(copy, quality=quality)
    return copy


@dataclass(slots=True)
class _Stage:
    at: DemoAddresses
    browser: Browser
    witness: Witness
    outward: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, url: str) -> Page:
        """A browser of their own for each: cookies do not look at ports, and these three never share a machine."""
        context = self.browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
        self.contexts.append(context)
        context.on("request", lambda request: self.outward.append(request.url))
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("websocket", lambda socket: self.outward.append(socket.url))
        page.goto(url)
        return page

    def _heard(self, kind: str, text: str) -> None:
        # A policy violation is reported here, and so is a failed request.
        if kind in {"error", "warning"}:
            self.complaints.append(f"{kind}: {text}")


@pytest.fixture
def stage(chromium: Browser, tmp_path: Path) -> Iterator[_Stage]:
    witness = Witness()
    with (
        (tmp_path / "log.jsonl").open("w") as log,
        running_demo(tmp_path / "data", SystemClock(), DemoPorts(), log, witness.watch) as at,
    ):
        stage = _Stage(at, chromium, witness)
        yield stage
        for context in stage.contexts:
            context.close()


def test_the_whole_story(stage: _Stage, photograph: Path, tmp_path: Path) -> None:
    person = stage.page(stage.at.registry + "/")
    receipt = _submit(person, photograph)

    wall = stage.page(stage.at.sample + "/")
    _wait_until_listed(person, receipt)
    expected = _expected(photograph)
    _wait_for_counts(stage, {algorithm: len(values) for algorithm, values in expected.items()})
    _post(wall, _edited_copy(photograph, tmp_path, "copy.jpg", side=360, quality=50))
    _expect_upload(wall, "waiting")
    expect(wall.get_by_test_id("wall-photo")).to_have_count(0)

    _remove_as_reviewer(stage)
    _expect_upload(wall, "removed")
    _expect_case(person, "removed")

    person.get_by_test_id("withdraw-all").click()
    person.get_by_test_id("confirm").click()
    _expect_case(person, "withdrawn")
    _wait_for_counts(stage, dict.fromkeys(expected, 0))
    _post(wall, _edited_copy(photograph, tmp_path, "second.jpg", side=340, quality=60))
    _expect_upload(wall, "published")
    expect(wall.get_by_test_id("wall-photo")).to_have_count(1)

    _judge_what_was_sent(stage, photograph, receipt, expected)
    assert stage.complaints == []


def _submit(person: Page, photograph: Path) -> str:
    person.get_by_test_id("choose-files").set_input_files(str(photograph))
    person.get_by_test_id("start").click()
    person.get_by_test_id("send").click()
    receipt = person.get_by_test_id("receipt").inner_text()
    digits = re.sub(r"\D", "", receipt)
    assert len(digits) == 20
    person.get_by_test_id("kept").click()
    return digits


def _wait_until_listed(person: Page, receipt: str) -> None:
    person.goto(person.url)
    person.get_by_test_id("have-number").click()
    person.get_by_test_id("receipt-input").fill(receipt)
    person.get_by_test_id("open-case").click()
    _expect_case(person, "listed")


def _expect_case(person: Page, state: str) -> None:
    """Ask again, as a person would, until the case says it."""
    status = person.get_by_test_id("case-status")
    expect(status).to_have_count(1)
    for _ in range(60):
        if status.get_attribute("data-state") == state:
            return
        person.wait_for_timeout(500)
        person.get_by_test_id("refresh").click()
    expect(status).to_have_attribute("data-state", state)


def _expected(photograph: Path) -> dict[str, set[str]]:
    """Algorithm → the values that this side makes of the same file; edited copies are the page's default."""
    expected: dict[str, set[str]] = {algorithm.value: set() for algorithm in Algorithm}
    for fingerprint in fingerprints_of(photograph.read_bytes(), edited_copies=True).submittable:
        expected[fingerprint.algorithm.value].add(fingerprint.value)
    return expected


def _wait_for_counts(stage: _Stage, counts: dict[str, int]) -> None:
    seen: dict[str, int] = {}
    for _ in range(150):
        reply = httpx.get(stage.at.kit + "/readyz")
        if reply.is_success:
            seen = {item["list"]: item["count"] for item in reply.json()["lists"]}
        if seen == counts:
            return
        time.sleep(0.2)
    pytest.fail(f"the kit's lists have {seen}, not {counts}")


def _post(wall: Page, picture: Path) -> None:
    wall.get_by_test_id("photo-input").set_input_files(str(picture))
    wall.get_by_test_id("post").click()


def _expect_upload(wall: Page, state: str) -> None:
    expect(wall.get_by_test_id("my-upload")).to_have_attribute("data-state", state, timeout=_PATIENCE_MS)


def _remove_as_reviewer(stage: _Stage) -> None:
    desk = stage.page(f"{stage.at.kit}/review/#code={stage.at.review_code}")
    assert stage.at.review_code not in desk.url, "the code stays in the address bar and in the history"
    desk.get_by_test_id("reviewer").fill("robin")
    desk.get_by_test_id("sign-in").click()
    lead = desk.get_by_test_id("lead")
    expect(lead).to_be_visible()
    expect(lead.get_by_text("Parts of the picture are the same")).to_be_visible()
    preview = desk.get_by_test_id("picture")
    assert "preview" in str(preview.get_attribute("src"))
    desk.get_by_test_id("reveal").click()
    desk.get_by_test_id("remove").click()
    desk.get_by_test_id("reason").get_by_role("radio").first.check()
    desk.get_by_test_id("confirm").click()
    expect(desk.get_by_test_id("empty")).to_be_visible()
    desk.close()


def _judge_what_was_sent(stage: _Stage, photograph: Path, receipt: str, expected: dict[str, set[str]]) -> None:
    hosts = {url.split("/")[2] for url in stage.outward if not url.startswith(("blob:", "data:"))}
    assert hosts == {address.split("/")[2] for address in (stage.at.registry, stage.at.kit, stage.at.sample)}

    # A browser puts sec-fetch-site on everything it sends, and no script can take it off. What lacks it is the kit.
    from_page = [seen for seen in stage.witness.requests if b"sec-fetch-site:" in seen.headers]
    others = [seen for seen in stage.witness.requests if b"sec-fetch-site:" not in seen.headers]
    assert others, "the kit never asked"
    assert all(seen.target.startswith(("/feed/v1/", "/feedback/v1?")) for seen in others)
    assert len(from_page) >= 6
    picture = photograph.read_bytes()
    assert_nothing_of(picture, from_page, "bytes of the picture")
    assert_nothing_of(_decoded(picture), from_page, "pixels of the picture")
    assert_nothing_of(_FILE_NAME.encode(), from_page, "the file's name")
    assert_nothing_of(_EXIF_CANARY.encode(), from_page, "EXIF")
    assert_nothing_of(receipt.encode(), from_page, "the receipt")

    submissions = stage.witness.posts("/v1/cases")
    assert len(submissions) == 1
    content = account_for_submission(submissions[0].body, case_keys(parse_receipt(receipt)), expected)
    assert content.day == day_of(SystemClock().now_s())
    assert {hold.file_number for hold in content.holds} == {1}
    account_for_proof(submissions[0], stage.witness.posts("/v1/challenges"))

    targets = {f"{seen.method} {seen.target}" for seen in from_page if "/assets/" not in seen.target}
    assert targets <= {
        "GET /?",
        "GET /favicon.ico?",
        "GET /v1/terms?",
        "POST /v1/cases?",
        "POST /v1/challenges?",
        "POST /v1/cases/open?",
        "POST /v1/holds/status?",
        "POST /v1/holds/withdraw?",
    }
    assert all(b"cookie:" not in seen.headers for seen in from_page)


def _decoded(picture: bytes) -> bytes:
    """Rows of pixels, not all of them: enough to notice any that are sent along."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    textured = [row.tobytes() for row in pixels[::37]]
    return b"".join(textured)
