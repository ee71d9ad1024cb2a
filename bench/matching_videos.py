"""Videos in the engine: ``takeback bench matching --videos 100000`` adds a row for a one-minute upload.

A listed video has 60 to 100 frames, one a second. The upload is asked as a platform asks: four frames a second, as it
is and mirrored, 480 values. In every second upload half a minute is from a listed video, a few bits a frame changed.
The time is that of the whole question, from frames to matches, by the wall and by processor time: other work on the
machine disturbs the second less.
"""

import gc
import time
from dataclasses import dataclass

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray

from takeback.matching import Clip, MatchEngine
from takeback.matching.sets import clip_marks
from takeback.model.fingerprint import Algorithm
from takeback.model.video import TICKS_A_SECOND

UPLOADS = 60
UPLOAD_S = 60
COPIED_S = 30
CHANGED_BITS = 12


@dataclass(frozen=True, slots=True)
class VideoRow:
    """What was measured; memory is what the process grew by."""

    videos: int
    frames: int
    build_s: float
    memory_mb: float
    p50_ms: float
    p99_ms: float
    core_p50_ms: float
    core_p99_ms: float
    recall: float
    false_matches: int


def video_row(count: int) -> VideoRow:
    """Build an index of so many videos and ask it."""
    rng = np.random.default_rng(20)
    lengths = rng.integers(60, 101, count)
    starts = np.cumsum(lengths) - lengths
    values = rng.integers(0, 256, (int(lengths.sum()), 32), np.uint8)
    before = _resident_mb()
    begin = time.perf_counter()
    engine = MatchEngine()
    engine.bulk_load(Algorithm.VPDQ, _ids(lengths, starts), values, 1)
    build_s = time.perf_counter() - begin
    memory_mb = _resident_mb() - before
    taken, used, found, wrong = [], [], 0, 0
    for number in range(UPLOADS):
        chosen = int(rng.integers(count)) if number % 2 else None
        forms = _upload(rng, None if chosen is None else values[starts[chosen] :][:COPIED_S])
        begin, begin_used = time.perf_counter(), time.thread_time()
        matches = engine.match([], clips=forms)
        taken.append((time.perf_counter() - begin) * 1e3)
        used.append((time.thread_time() - begin_used) * 1e3)
        entries = [int(match.entry_id[16:], 16) for match in matches]
        found += chosen in entries
        wrong += sum(entry != chosen for entry in entries)
    return VideoRow(
        count,
        len(values),
        build_s,
        memory_mb,
        p50_ms=float(np.quantile(taken, 0.5)),
        p99_ms=float(np.quantile(taken, 0.99)),
        core_p50_ms=float(np.quantile(used, 0.5)),
        core_p99_ms=float(np.quantile(used, 0.99)),
        recall=found / (UPLOADS // 2),
        false_matches=wrong,
    )


def _ids(lengths: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    numbers = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    seconds = np.arange(len(numbers)) - np.repeat(starts, lengths)
    values = np.empty((len(numbers), 32), np.uint8)
    marks = clip_marks(Clip(values, seconds * TICKS_A_SECOND))
    return np.stack([numbers * np.uint64(0x9E3779B97F4A7C15), numbers, marks], axis=1)


def _upload(rng: np.random.Generator, copied: NDArray[np.uint8] | None) -> list[Clip]:
    ticks = np.arange(4 * UPLOAD_S)
    plain, mirrored = rng.integers(0, 256, (2, len(ticks), 32), np.uint8)
    if copied is not None:
        ranks = rng.random((len(copied), 256)).argsort(axis=1)
        plain[40 : 40 + 4 * len(copied) : 4] = copied ^ np.packbits(ranks < CHANGED_BITS, axis=1)
    return [Clip(plain, ticks), Clip(mirrored, ticks)]


def _resident_mb() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6
