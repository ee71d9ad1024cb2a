"""Looking back, as the kit does it: remembered contents a second, beside asking each by itself, on the same data.

``takeback bench lookback --contents 20000 --entries 200``. Contents are made up: a picture has 16 PDQs, one with
regions 400 regions besides, a video of a minute four forms of 240 frames. They are remembered in a real database,
sealed, and entries are added to a real list store; a tenth of these are of a remembered content. ``contents_per_s`` is
by the clock on the wall, ``core_per_s`` by processor time, which other work on the machine disturbs less; ``ratio`` is
against ``alone_per_s``, processor time as well: the same questions read and asked one by one. ``found`` of ``planted``
contents have a lead in the end, and ``others`` have one that should not.
"""

import argparse
import io
import json
import secrets
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from takeback.client.feed_state import Position, Step
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.clock import SystemClock
from takeback.db import GroupWriter, open_database, reading, sqlite_url, writing
from takeback.hashing.regions import RegionSet, text_of
from takeback.httpkit.logs import open_log
from takeback.matching import Clip, Growth, MatchEngine, RegionQuery, warm_up
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import TICKS_A_SECOND, Video, VideoFrame, video_value
from takeback.platform import memory_store, store
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.finds import Finds
from takeback.platform.look_back import LookBack
from takeback.platform.memory import Memory
from takeback.platform.question import Question, ask
from takeback.platform.remembered import Remembered
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.types import MediaFacts

Raw = NDArray[np.uint8]

LISTS = {"pictures": Algorithm.PDQ, "pictures with regions": Algorithm.PDQ_REGION, "videos of a minute": Algorithm.VPDQ}
FORMS = 16
ASKED_REGIONS = 400
LISTED_REGIONS = 96
SECONDS = 60
ALONE = 500
DAY = date(2026, 11, 22)


@dataclass
class Kit:
    """The parts of a kit that look back."""

    folder: Path
    opened: ExitStack

    def __post_init__(self) -> None:
        self.database = open_database(sqlite_url(self.folder / "platform.sqlite3"), "platform")
        self.opened.callback(self.database.dispose)
        self.writer = GroupWriter(self.database)
        self.opened.callback(self.writer.close)
        self.lists = self.opened.enter_context(ListStore(self.folder / "list"))
        http = self.opened.enter_context(httpx.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
        self.index = MatchEngine()
        self.memory = Memory(secrets.token_bytes(32), 30, 2**30, 2**40)
        log, clock = open_log(io.StringIO()), SystemClock()
        reporter = FeedbackReporter(FeedbackSender(http), store.SqlOutbox(self.database, self.writer), log)
        finds = Finds(self.writer, DecisionBell(0), reporter, clock, 3600)
        parts = (self.database, self.writer, self.memory, self.lists, self.index, finds, clock, log)
        self.look_back = LookBack(*parts)

    def remember(self, questions: Sequence[Question], first: int) -> int:
        """Store contents; returns their bytes."""
        asked_at = dict.fromkeys(Algorithm, 0)
        noted = [
            self.memory.noted(f"content:{number}", Remembered(MediaFacts(4, 3), question), asked_at)
            for number, question in enumerate(questions, start=first)
        ]
        with writing(self.database) as connection:
            for one in noted:
                self.memory.keep(connection, one, DAY)
        return sum(len(one.sealed or b"") for one in noted)

    def add(self, name: Algorithm, values: Sequence[str]) -> None:
        """Put entries on a list, and tell the engine."""
        quality = 90 if name is Algorithm.PDQ else None
        changes = [
            Change(name, seq, Op.ADD, secrets.token_hex(16), value, quality, DAY)
            for seq, value in enumerate(values, start=1)
        ]
        before = self.lists.state(name)
        place = Position(len(values), bytes(32), len(values))
        after = replace(before, applied=place, staged=place, verified_s=1, fresh_until_s=2)
        self.lists.stage(before, Step(after, changes, is_proved=True))
        self.index.apply(changes)

    def with_a_lead(self) -> set[str]:
        with reading(self.database) as connection:
            return {notice.content_id for notice in store.notices_after(connection, 0, 10**9)}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="takeback bench lookback", description=__doc__)
    parser.add_argument("--contents", type=int, default=20_000, help="pictures; a tenth as many videos")
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    warm_up(lambda _: None)
    for kind in LISTS:
        contents = asked.contents if kind == "pictures" else max(asked.contents // 10, 20)
        with tempfile.TemporaryDirectory(prefix="takeback-bench-") as folder, ExitStack() as opened:
            row = measure(Kit(Path(folder), opened), kind, contents, asked.entries)
        print(json.dumps(row) if asked.json else "  ".join(f"{name} {value}" for name, value in row.items()))
        sys.stdout.flush()
    return 0


def measure(kit: Kit, kind: str, contents: int, entries: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    # So that what is not remembered yet is looked back at from here.
    kit.look_back.run_pass(threading.Event())
    planted = sorted(rng.choice(contents, max(entries // 10, 1), replace=False).tolist())
    listed: list[str] = []
    size_bytes = 0
    for first, page in pages(rng, kind, contents):
        size_bytes += kit.remember(page, first)
        listed += [listed_value(rng, kind, page[at - first]) for at in planted if first <= at < first + len(page)]
    others = [listed_value(rng, kind, question_of(rng, kind)) for _ in range(entries - len(listed))]
    kit.add(LISTS[kind], [*others, *listed])
    started = time.perf_counter(), time.process_time()
    while kit.look_back.run_pass(threading.Event()):
        pass
    wall_s, core_s = time.perf_counter() - started[0], time.process_time() - started[1]
    found, wanted = kit.with_a_lead(), {f"content:{number}" for number in planted}
    alone = alone_per_s(kit, min(ALONE, contents))
    return {
        "contents": kind,
        "remembered": contents,
        "entries": entries,
        "contents_per_s": round(contents / wall_s),
        "core_per_s": round(contents / core_s),
        "alone_per_s": round(alone),
        "ratio": round(contents / core_s / alone, 1),
        "bytes_a_content": round(size_bytes / contents),
        "planted": len(wanted),
        "found": len(found & wanted),
        "others": len(found - wanted),
    }


def alone_per_s(kit: Kit, contents: int) -> float:
    """The same entries in an engine, each content read and asked by itself."""
    engine = MatchEngine(growth=Growth(background=False))
    for name in Algorithm:
        engine.apply(kit.lists.entries(name))
    started_s = time.process_time()
    number = 0
    for _ in range(contents):
        with reading(kit.database) as connection:
            (content,) = memory_store.contents_after(connection, number, 1, 1)
        number = content.number
        ask(kit.memory.opened(content).question, engine)
    return contents / (time.process_time() - started_s)


def pages(rng: np.random.Generator, kind: str, contents: int) -> Iterator[tuple[int, list[Question]]]:
    for first in range(0, contents, 500):
        yield first, [question_of(rng, kind) for _ in range(min(500, contents - first))]


def question_of(rng: np.random.Generator, kind: str) -> Question:
    digests = (
        Fingerprint(Algorithm.MD5, rng.bytes(16).hex()),
        Fingerprint(Algorithm.SHA256, rng.bytes(32).hex()),
    )
    if LISTS[kind] is Algorithm.VPDQ:
        ticks = np.arange(SECONDS * TICKS_A_SECOND, dtype=np.int64)
        return Question(digests, (), tuple(Clip(values_of(rng, len(ticks)), ticks) for _ in range(4)))
    forms = tuple(Fingerprint(Algorithm.PDQ, row.tobytes().hex(), 90) for row in values_of(rng, FORMS))
    if LISTS[kind] is Algorithm.PDQ:
        return Question((*forms, *digests))
    regions = RegionQuery(values_of(rng, ASKED_REGIONS), rng.random(ASKED_REGIONS) < 0.5)
    return Question((*forms, *digests), (regions,))


def listed_value(rng: np.random.Generator, kind: str, question: Question) -> str:
    """What a list would hold of a content: some bits of a PDQ changed, some of the regions, a frame a second."""
    match LISTS[kind]:
        case Algorithm.PDQ_REGION:
            values = question.regions[0].values[:LISTED_REGIONS]
            order = np.lexsort(values.T[::-1])
            return text_of(RegionSet(values[order], np.ones(len(order), np.bool_)))
        case Algorithm.VPDQ:
            frames = question.clips[0].values[::TICKS_A_SECOND]
            seen = tuple(VideoFrame(row.tobytes(), at * TICKS_A_SECOND, 90) for at, row in enumerate(frames))
            return video_value(Video(6, seen))
        case _:
            value = bytearray.fromhex(question.fingerprints[0].value)
            for bit in rng.choice(256, 12, replace=False).tolist():
                value[bit // 8] ^= 1 << bit % 8
            return value.hex()


def values_of(rng: np.random.Generator, count: int) -> Raw:
    """(count, 32) uint8, half of each row's bits set, as PDQ's and a region's are."""
    order = np.argsort(rng.random((count, 256), np.float32), axis=1)
    return np.packbits(order < 128, axis=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
