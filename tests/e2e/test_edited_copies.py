"""What the page sends so that cropped and edited copies are found, beside what the command line makes."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from skimage import data
from tests.e2e.witness import Witness

from takeback.apps.demo import DemoPorts, running_demo
from takeback.clock import SystemClock
from takeback.hashing import fingerprints_of
from takeback.hashing.regions import parse_regions
from takeback.model.fingerprint import Algorithm, Fingerprint

_NEAR_BITS = 2
_ALIKE_BITS = 31
_AT_ONE_TIME = 7
_ORIENTATION_TAG = 0x0112

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]


@dataclass(frozen=True, slots=True)
class _Site:
    url: str
    witness: Witness


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Site]:
    witness, folder = Witness(), tmp_path_factory.mktemp("demo")
    with (
        (folder / "log").open("w") as log,
        running_demo(folder, SystemClock(), DemoPorts(), log, witness.watch) as at,
    ):
        yield _Site(at.registry + "/", witness)


@pytest.fixture
def page(site: _Site, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(site.url)
    yield page
    context.close()


def _photograph(folder: Path, name: str) -> Path:
    """A photograph in an app's white frame: there are content boxes to find. Without loss, so that pixels are equal."""
    photograph = Image.fromarray(getattr(data, name)()).convert("RGB")
    framed = Image.new("RGB", (photograph.width, photograph.height + 200), "white")
    framed.paste(photograph, (0, 120))
    path = folder / f"{name}.png"
    framed.save(path)
    return path


def _send(page: Page) -> None:
    page.get_by_test_id("start").click()
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("receipt")).to_be_visible()


def _sent(site: _Site) -> list[dict[str, Any]]:
    """The fingerprints of the last submission that arrived."""
    fingerprints: list[dict[str, Any]] = json.loads(site.witness.posts("/v1/cases")[-1].body)["fingerprints"]
    return fingerprints


def _values(sent: list[dict[str, Any]], algorithm: Algorithm) -> list[str]:
    return sorted(item["value"] for item in sent if item["algorithm"] == algorithm.value)


def _expected(fingerprints: tuple[Fingerprint, ...], algorithm: Algorithm) -> list[str]:
    return sorted(item.value for item in fingerprints if item.algorithm is algorithm)


def _near(one: str, other: str) -> bool:
    """The same number of regions, each within a few bits of one on the other side."""
    these = [int.from_bytes(row.tobytes(), "big") for row in parse_regions(one).values]
    those = [int.from_bytes(row.tobytes(), "big") for row in parse_regions(other).values]
    found = all(min((value ^ candidate).bit_count() for candidate in those) <= _NEAR_BITS for value in these)
    return len(these) == len(those) and found


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_the_page_sends_what_the_command_line_makes_of_the_same_file(
    site: _Site, page: Page, tmp_path: Path, name: str
) -> None:
    path = _photograph(tmp_path, name)
    page.get_by_test_id("choose-files").set_input_files(str(path))
    expect(page.get_by_test_id("edited-copies")).to_be_checked()
    _send(page)
    sent = _sent(site)
    expected = fingerprints_of(path.read_bytes(), edited_copies=True).submittable
    for algorithm in (Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256):
        assert _values(sent, algorithm) == _expected(expected, algorithm)
    assert len(_values(sent, Algorithm.PDQ)) > 3
    (regions,) = _values(sent, Algorithm.PDQ_REGION)
    (expected_regions,) = _expected(expected, Algorithm.PDQ_REGION)
    assert _near(regions, expected_regions)


def test_a_photograph_that_a_camera_stored_on_its_side_is_sent_in_both_positions(
    site: _Site, page: Page, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = 6
    path = tmp_path / "phone.jpg"
    Image.fromarray(data.coffee()).save(path, quality=93, exif=exif)
    page.get_by_test_id("choose-files").set_input_files(str(path))
    _send(page)
    expected = fingerprints_of(path.read_bytes(), edited_copies=True).submittable
    without_note = fingerprints_of(_without_exif(path)).submittable
    sent = _values(_sent(site), Algorithm.PDQ)
    assert sent == _expected(expected, Algorithm.PDQ)
    (stored,) = _expected(without_note, Algorithm.PDQ)
    assert min((int(value, 16) ^ int(stored, 16)).bit_count() for value in sent) <= _ALIKE_BITS


def _without_exif(path: Path) -> bytes:
    plain = io.BytesIO()
    Image.open(path).save(plain, "PNG", exif=b"")
    return plain.getvalue()


def _saved(folder: Path, format_: str, options: dict[str, Any]) -> Path:
    path = folder / f"picture.{format_.lower()}"
    Image.fromarray(data.coffee()).resize((420, 280)).save(path, format_, **options)
    return path


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    return exif.tobytes()


@pytest.mark.parametrize(
    ("format_", "options", "apart_bits"),
    [
        ("PNG", {"exif": _exif(6)}, 0),
        ("WEBP", {"exif": _exif(5), "lossless": True}, 0),
        ("AVIF", {"exif": _exif(7), "quality": 90}, 6),
        ("GIF", {}, 0),
        ("BMP", {}, 0),
    ],
)
def test_every_format_is_turned_and_hashed_as_on_the_command_line(
    site: _Site, page: Page, tmp_path: Path, format_: str, options: dict[str, Any], apart_bits: int
) -> None:
    path = _saved(tmp_path, format_, options)
    page.get_by_test_id("choose-files").set_input_files(str(path))
    _send(page)
    sent = _values(_sent(site), Algorithm.PDQ)
    expected = _expected(fingerprints_of(path.read_bytes(), edited_copies=True).submittable, Algorithm.PDQ)
    if not apart_bits:
        assert sent == expected
    for one, others in ((sent, expected), (expected, sent)):
        for value in one:
            assert min((int(value, 16) ^ int(other, 16)).bit_count() for other in others) <= apart_bits


@pytest.mark.parametrize(("format_", "apart_bits"), [("GIF", 0), ("PNG", 0), ("WEBP", 10), ("AVIF", 10)])
def test_an_animation_is_sent_with_the_same_later_frames(
    site: _Site, page: Page, tmp_path: Path, format_: str, apart_bits: int
) -> None:
    whole = Image.fromarray(data.coffee()).resize((600, 600))
    tiles = [(x, y, x + 200, y + 200) for y in range(0, 600, 200) for x in range(0, 600, 200)]
    frames = [whole.crop(tile).rotate(90 * number) for number, tile in enumerate(tiles)]
    path = tmp_path / f"moving.{format_.lower()}"
    frames[0].save(path, format_, save_all=True, append_images=frames[1:], duration=100)
    page.get_by_test_id("choose-files").set_input_files(str(path))
    page.get_by_test_id("edited-copies").uncheck()
    _send(page)
    sent = _values(_sent(site), Algorithm.PDQ)
    expected = _expected(fingerprints_of(path.read_bytes()).submittable, Algorithm.PDQ)
    assert len(sent) == len(expected) == 4
    for value in expected:
        assert min((int(value, 16) ^ int(other, 16)).bit_count() for other in sent) <= apart_bits


def test_without_the_choice_nothing_is_said_about_parts_of_the_picture(site: _Site, page: Page, tmp_path: Path) -> None:
    path = _photograph(tmp_path, "astronaut")
    page.get_by_test_id("choose-files").set_input_files(str(path))
    page.get_by_test_id("edited-copies").uncheck()
    _send(page)
    sent = sorted((item["algorithm"], item["value"]) for item in _sent(site))
    expected = fingerprints_of(path.read_bytes()).submittable
    assert sent == sorted((item.algorithm.value, item.value) for item in expected)
    assert [algorithm for algorithm, _ in sent] == ["md5", "pdq", "sha256"]


def test_more_pictures_than_fit_one_request_go_in_several_under_one_number(
    site: _Site, page: Page, tmp_path: Path
) -> None:
    paths = []
    for number in range(_AT_ONE_TIME):
        turned = Image.fromarray(data.rocket()).rotate(number, expand=True)
        paths.append(tmp_path / f"{number}.png")
        turned.save(paths[-1])
    page.get_by_test_id("choose-files").set_input_files([str(path) for path in paths])
    before = len(site.witness.posts("/v1/cases"))
    _send(page)
    bodies = [json.loads(seen.body) for seen in site.witness.posts("/v1/cases")[before:]]
    assert len(bodies) >= 2
    assert len({body["case_id"] for body in bodies}) == len(bodies)
    sent = [(item["algorithm"], item["value"]) for body in bodies for item in body["fingerprints"]]
    assert sum(name == "sha256" for name, _ in sent) == sum(name == "pdq-region" for name, _ in sent) == _AT_ONE_TIME
