"""The page's worker in a real Chromium beside Python on the same files: the same PDQ, the same copies found, how fast.

``takeback bench browser --images DIR [--limit N] [--large DIR] [--json]``. The worker is the built page's own
file, started on an empty page from a server on loopback; it gets each file as a person's picker would hand it over.

- PDQ of the plain picture: how many bits the browser's differs from Python's, and from that of ``--large`` likewise.
- How many pictures have the same whole set in both: every value of PDQ, every region. What finds a copy of such a
  picture by one finds it by the other. Of the rest, every edit of bench/edits.py is asked of what either registers.
- Of ``--large``: seconds from handing over the file to the whole set (decoding, PDQ, views, regions, digests), the
  median of three, with a fresh worker for each picture and one small picture before, as pages warm up. Processor
  seconds are those of all the browser's processes, fetching and digests included, whatever else the machine does.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from edits import edits
from recall import _load as load_picture
from recall import _pictures as pictures_in
from recall_compare import Registered, answer, ask, without_furniture
from takeback.errors import TakebackError
from takeback.hashing import fingerprints_of
from takeback.hashing.regions import parse_regions
from takeback.hashing.regions.sets import RegionSet
from takeback.matching.region_stop_list import starter_stop_list
from takeback.model.fingerprint import Algorithm
from takeback.model.match import Tier

NEAR_BITS = 6
ROUNDS = 3
PAGE = b"<!doctype html><title>bench</title>"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]

# Hands a file to the worker and waits for its answer.
ASK = """
async ({ picture, fresh }) => {
  const file = await (await fetch(picture)).blob();
  if (fresh || globalThis.worker === undefined) {
    globalThis.worker?.terminate();
    globalThis.worker = new Worker('/worker.js', { type: 'module' });
  }
  const worker = globalThis.worker;
  const started = performance.now();
  const reply = await new Promise((resolve) => {
    worker.onmessage = ({ data }) => { if (data.kind === 'answer' || data.kind === 'problem') resolve(data); };
    worker.onerror = () => resolve({ kind: 'problem', code: 'worker.failed' });
    worker.postMessage({ id: 1, task: 'fingerprint', input: { file, editedCopies: true } });
  });
  return { seconds: (performance.now() - started) / 1000, ...reply };
}
"""

Set = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Near:
    """How near the browser's PDQ is to Python's; not compared is what either cannot read or has no usable PDQ of."""

    measure: str
    pictures: int
    bits: dict[str, int]
    within_6_bits: float
    not_compared: int


@dataclass(frozen=True, slots=True)
class Copies:
    """Whole sets that agree, and of the pictures with others the edited copies that both find."""

    measure: str
    pictures: int
    same_set: int
    python_holds: int
    browser_holds_of_these: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for one large picture's whole set."""

    measure: str
    picture: str
    megapixels: float
    seconds: float
    processor_seconds: float


def main(argv: list[str]) -> int:
    options = _options(argv)
    console = Console(stderr=options.json)
    files = pictures_in(options.images, options.limit, None)
    large = [] if options.large is None else pictures_in(options.large, 0, None)
    python = {path: _python_set(path) for path in [*files, *large]}
    rows: list[Near | Copies | Speed] = []
    with _site([*files, *large]) as url, _page(url) as page:
        browser = {path: _browser_set(page, number) for number, path in enumerate([*files, *large])}
        groups = [("photographs", files), ("large photographs", large)]
        rows += [_near(name, group, python, browser) for name, group in groups if group]
        rows += [_speed(page, number, path) for number, path in enumerate(large, len(files))]
    rows.append(_copies([path for path in files if browser[path] and python[path]], python, browser, options.processes))
    for row in rows:
        found = {"bench": "browser", **asdict(row)}
        print(json.dumps(found)) if options.json else console.print(found)
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="takeback bench browser", description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="folder with photographs")
    parser.add_argument("--limit", type=int, default=0, help="at most so many, chosen by a hash of the name")
    parser.add_argument("--large", type=Path, help="folder with photographs of many megapixels, for the time they take")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser.parse_args(argv)


@contextmanager
def _site(files: list[Path]) -> Iterator[str]:
    """A server on loopback for the worker's file, an empty page and the pictures by number."""
    folder = Path(__file__).parents[1] / "src/takeback/_web/submit/assets"
    worker = next(path for path in folder.glob("main-*.js") if "fingerprint" in path.read_text(encoding="utf-8"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = "text/html", PAGE
            if self.path == "/worker.js":
                kind, body = "text/javascript", worker.read_bytes()
            elif self.path.startswith("/picture/"):
                kind, body = "application/octet-stream", files[int(self.path.split("/")[2])].read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def _page(url: str) -> Iterator[Page]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("this benchmark needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        yield page
        browser.close()


def _browser_set(page: Page, number: int) -> Set:
    reply = page.evaluate(ASK, {"picture": f"/picture/{number}", "fresh": False})
    found: Set = reply.get("answer") or []
    return found


def _python_set(path: Path) -> Set:
    try:
        found = fingerprints_of(path.read_bytes(), edited_copies=True).submittable
    except TakebackError:
        return []
    return [{"algorithm": one.algorithm.value, "value": one.value} for one in found]


def _near(name: str, files: list[Path], python: dict[Path, Set], browser: dict[Path, Set]) -> Near:
    both = [path for path in files if _pdq(python[path]) and _pdq(browser[path])]
    bits = Counter(_bits_apart(_pdq(python[path])[0], _pdq(browser[path])[0]) for path in both)
    near = sum(count for apart, count in bits.items() if apart <= NEAR_BITS)
    shown = {str(apart): bits[apart] for apart in sorted(bits)}
    return Near(f"PDQ, {name}", len(both), shown, round(near / max(1, len(both)), 4), len(files) - len(both))


def _pdq(found: Set) -> list[bytes]:
    return [bytes.fromhex(one["value"]) for one in found if one["algorithm"] == Algorithm.PDQ.value]


def _bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _speed(page: Page, number: int, path: Path) -> Speed:
    times, processor = [], []
    for _ in range(ROUNDS):
        page.evaluate(ASK, {"picture": "/picture/0", "fresh": True})
        before = _processor_seconds(page)
        times.append(page.evaluate(ASK, {"picture": f"/picture/{number}", "fresh": False})["seconds"])
        processor.append(_processor_seconds(page) - before)
    with Image.open(path) as opened:
        megapixels = opened.width * opened.height / 1e6
    medians = (round(statistics.median(each), 2) for each in (times, processor))
    return Speed("whole set", path.name, round(megapixels, 1), *medians)


def _processor_seconds(page: Page) -> float:
    """Of all processes of the browser so far."""
    browser = page.context.browser
    if browser is None:
        raise SystemExit("the browser has gone")
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(one["cpuTime"] for one in processes))


def _copies(files: list[Path], python: dict[Path, Set], browser: dict[Path, Set], processes: int) -> Copies:
    others = [path for path in files if _as_sets(python[path]) != _as_sets(browser[path])]
    sides = [(path, _registered(python[path]), _registered(browser[path])) for path in others]
    with get_context("fork").Pool(processes, initializer=partial(os.nice, 5)) as pool:
        found = [pair for pairs in pool.imap(_holds, sides) for pair in pairs]
    here = sum(by_python for by_python, _ in found)
    there = sum(by_browser for by_python, by_browser in found if by_python)
    same = len(files) - len(others)
    return Copies("edited copies", len(files), same, here, there, round(there / here, 4) if here else None)


def _as_sets(found: Set) -> set[tuple[str, str]]:
    return {(one["algorithm"], one["value"]) for one in found}


def _registered(found: Set) -> Registered:
    values = np.array([np.frombuffer(value, np.uint8) for value in _pdq(found)]).reshape(-1, 32)
    texts = [one["value"] for one in found if one["algorithm"] == Algorithm.PDQ_REGION.value]
    none = RegionSet(np.empty((0, 32), np.uint8), np.empty(0, np.bool_))
    regions = without_furniture(parse_regions(texts[0]), starter_stop_list()) if texts else none
    return Registered(values[:1], values, regions)


def _holds(side: tuple[Path, Registered, Registered]) -> Iterable[tuple[bool, bool]]:
    path, *registered = side
    picture = load_picture(path)
    held = []
    for edit in edits():
        asked = ask(edit.of(picture, path.name))
        asked = type(asked)(asked.plain, asked.forms, without_furniture(asked.regions, starter_stop_list()))
        by_python, by_browser = (answer(one, asked).tier is Tier.HOLD for one in registered)
        held.append((by_python, by_browser))
    return held


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
