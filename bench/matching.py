"""The matching engine beside Faiss's exact binary indexes, in one run on the same values and queries.

``takeback bench matching --entries 10000000 --queries 20000 --peers``. A row is one engine on one kind of entries at
one radius. ``queries_per_s`` is for batches on ``threads`` threads, ``single_per_s``, ``p50_ms`` and ``p99_ms`` for one
query a call, all by the clock on the wall; ``core_per_s`` is for batches by processor time, which other work on the
machine disturbs less, and is what ``ratio`` compares. ``recall`` is against numpy over all entries for some queries and
against where the queries were taken from for all; ``memory_mb`` is how much the process grew.
"""

import argparse
import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from matching_entries import Kind, chunk_loads, make_entries, make_queries
from matching_plot import write_plot
from matching_videos import video_row
from takeback.matching import MatchEngine, warm_up
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint

Raw = NDArray[np.uint8]
Search = Callable[[Raw], set[tuple[int, int]]]

PDQ = Algorithm.PDQ
GROW = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000)
MULTIHASH_MOST = 10_000_000  # 3.4 GB there; three times as much would not fit beside other things
REFERENCE_QUERIES = 20
REGIONS_OF_AN_UPLOAD = 250


@dataclass(frozen=True, slots=True)
class Row:
    engine: str
    kind: str
    entries: int
    radius: int
    threads: int
    queries_per_s: float
    core_per_s: float | None = None
    single_per_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    build_s: float | None = None
    memory_mb: float | None = None
    open_s: float | None = None
    recall: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    kind: str
    values: Raw
    queries: Raw
    origins: NDArray[np.int64]  # the entry a query was made from, or -1
    radius: int

    def truth(self) -> set[tuple[int, int]]:
        """Query and entry, by numpy, for the first queries; by origin for the others."""
        wanted = {(query, int(entry)) for query, entry in enumerate(self.origins) if entry >= 0}
        words = self.values.view(np.uint64)
        for query in range(min(REFERENCE_QUERIES, len(self.queries))):
            distances = np.zeros(len(words), np.uint16)
            for column in range(4):
                distances += np.bitwise_count(words[:, column] ^ self.queries[query].view(np.uint64)[column])
            wanted |= {(query, int(entry)) for entry in np.flatnonzero(distances <= self.radius)}
        return wanted


def ids_of(count: int) -> NDArray[np.uint64]:
    """Random-looking ids that tell the entry's number: the second half is the number."""
    numbers = np.arange(count, dtype=np.uint64)
    return np.stack([numbers * np.uint64(0x9E3779B97F4A7C15), numbers], axis=1)


def resident_mb() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


def rates(search: Callable[[Raw], object], queries: Raw, threads: int, batch: int) -> tuple[float, float]:
    """Queries a second by the wall and by processor time, each thread taking its part in batches: best of three.

    By processor time it is the slowest thread's: what the threads together would do if nothing else ran.
    """
    parts = np.array_split(queries, threads)
    used = [0.0] * threads

    def work(number: int) -> None:
        begin = time.thread_time()
        for at in range(0, len(parts[number]), batch):
            search(parts[number][at : at + batch])
        used[number] = time.thread_time() - begin

    best_wall = best_used = float("inf")
    for _ in range(3):
        # This thread does the first part itself: OpenMP's limit of one thread holds only for the thread that set it.
        others = [threading.Thread(target=work, args=(number,)) for number in range(1, threads)]
        begin = time.perf_counter()
        for other in others:
            other.start()
        work(0)
        for other in others:
            other.join()
        best_wall, best_used = min(best_wall, time.perf_counter() - begin), min(best_used, max(used))
    return len(queries) / best_wall, len(queries) / best_used


def latencies_ms(search: Callable[[Raw], object], queries: Raw) -> NDArray[np.float64]:
    taken = np.empty(len(queries))
    for at in range(len(queries)):
        begin = time.perf_counter()
        search(queries[at : at + 1])
        taken[at] = time.perf_counter() - begin
    return taken * 1e3


def measured(row: Row, search: Callable[[Raw], object], pairs: Search, task: Task, batch: int, single: int) -> Row:
    """Fill a row's speeds and recall."""
    truth = task.truth()
    search(task.queries[:1])
    taken = latencies_ms(search, task.queries[:single])
    by_wall, by_processor = rates(search, task.queries, row.threads, batch)
    return replace(
        row,
        queries_per_s=by_wall,
        core_per_s=by_processor,
        single_per_s=1e3 / float(taken.mean()),
        p50_ms=float(np.quantile(taken, 0.5)),
        p99_ms=float(np.quantile(taken, 0.99)),
        recall=len(truth & pairs(task.queries)) / len(truth),
    )


def our_rows(tasks: list[Task], threads: tuple[int, ...]) -> Iterator[Row]:
    """Build once for the tasks, which share their values, and measure each."""
    values = tasks[0].values
    ids = ids_of(len(values))
    before = resident_mb()
    begin = time.perf_counter()
    engine = MatchEngine()
    engine.bulk_load(PDQ, ids, values, 1)
    build_s = time.perf_counter() - begin
    memory_mb = resident_mb() - before
    open_s = opening_s(engine)
    for task in tasks:

        def search(part: Raw, radius: int = task.radius) -> object:
            return engine.near(PDQ, part, radius)

        def pairs(part: Raw, radius: int = task.radius) -> set[tuple[int, int]]:
            found_ids, found = engine.near(PDQ, part, radius)
            return set(zip(found[:, 0].tolist(), found_ids[:, 1].astype(np.int64).tolist(), strict=True))

        for count in threads:
            empty = Row("takeback", task.kind, len(values), task.radius, count, 0.0, build_s=build_s)
            row = measured(empty, search, pairs, task, 256, min(len(task.queries), 5000))
            yield replace(row, memory_mb=memory_mb, open_s=open_s)
    yield from extra_rows(engine, tasks[0])


def opening_s(engine: MatchEngine) -> float:
    with tempfile.TemporaryDirectory() as folder:
        engine.save(Path(folder) / "index")
        begin = time.perf_counter()
        MatchEngine.open(Path(folder) / "index")
        return time.perf_counter() - begin


def extra_rows(engine: MatchEngine, task: Task) -> Iterator[Row]:
    """What a platform does besides: whole questions through the policy, an upload's regions, additions meanwhile."""
    values, kind = task.values, task.kind
    asked = [[Fingerprint(PDQ, value.tobytes().hex(), 80)] for value in task.queries[:500]]
    taken = np.array([timed(engine.match, query) for query in asked]) * 1e3
    p50, p99 = (float(np.quantile(taken, share)) for share in (0.5, 0.99))
    rate = 1e3 / float(taken.mean())
    note = "match(): hold and look through the policy"
    yield Row("takeback", kind, len(values), engine.policy.look_radius_bits, 1, rate, None, rate, p50, p99, note=note)
    regions = task.queries[:REGIONS_OF_AN_UPLOAD]
    whole = min(timed(lambda part: engine.near(PDQ, part, 31), regions) for _ in range(5))
    note = f"{len(regions)} region values of one upload: {whole * 1e3:.1f} ms"
    yield Row("takeback", kind, len(values), 31, 1, len(regions) / whole, note=note)
    yield live_row(engine, task, min(1_000_000, len(values)))


def timed(work: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def live_row(engine: MatchEngine, task: Task, count: int) -> Row:
    """Add entries while another thread keeps asking; every added one must answer afterwards."""
    rng = np.random.default_rng(77)
    fresh = rng.integers(0, 256, (count, 32), np.uint8)
    day = date(2026, 11, 1)
    changes = [
        Change(PDQ, 2 + at, Op.ADD, f"{at * 0x9E3779B97F4A7C15 % 2**64:016x}{2**63 + at:016x}", value.hex(), 80, day)
        for at, value in enumerate(map(bytes, fresh))
    ]
    done = threading.Event()
    taken: list[float] = []

    def ask() -> None:
        while not done.is_set():
            at = len(taken) % len(task.queries)
            taken.append(timed(lambda part: engine.near(PDQ, part, 31), task.queries[at : at + 1]) * 1e3)

    reader = threading.Thread(target=ask)
    reader.start()
    used_s = time.thread_time()
    adding_s = timed(engine.apply, changes)
    used_s = time.thread_time() - used_s
    done.set()
    reader.join()
    _, found = engine.near(PDQ, fresh, 0)
    p50, p99 = float(np.quantile(taken, 0.5)), float(np.quantile(taken, 0.99))
    note = f"{count:,} live additions in {adding_s:.1f} s ({used_s:.1f} s of a processor), one thread asking meanwhile"
    recall = len(set(found[:, 0].tolist())) / count
    rate = len(taken) / adding_s
    return Row("takeback", task.kind, len(task.values), 31, 1, rate, None, rate, p50, p99, recall=recall, note=note)


def peer_rows(tasks: list[Task], *, multihash: bool) -> Iterator[Row]:
    """Faiss on one thread: the flat scan, and multi-index hashing with 16 hashes of 16 bits."""
    faiss.omp_set_num_threads(1)
    values = tasks[0].values
    for name in ("faiss-flat", "faiss-multihash") if multihash else ("faiss-flat",):
        before = resident_mb()
        begin = time.perf_counter()
        index = faiss.IndexBinaryFlat(256) if name == "faiss-flat" else faiss.IndexBinaryMultiHash(256, 16, 16)
        index.add(values)
        build_s = time.perf_counter() - begin
        memory_mb = resident_mb() - before
        for task in tasks:
            search, pairs = faiss_search(index, task.radius)
            # As many queries as it answers in about four seconds: a slow peer shall not take the evening.
            few = first_queries(task, int(max(20, min(len(task.queries), 4 / timed(search, task.queries[:2]) * 2))))
            empty = Row(name, task.kind, len(values), task.radius, 1, 0.0, build_s=build_s, memory_mb=memory_mb)
            yield measured(empty, search, pairs, few, 100, 20)
        del index


def faiss_search(index: faiss.IndexBinary, radius: int) -> tuple[Callable[[Raw], object], Search]:
    if isinstance(index, faiss.IndexBinaryMultiHash):
        # What exactness needs: of 16 chunks, one has at most this many bits changed.
        index.nflip = -(-(radius - 15) // 16)

    def search(part: Raw) -> object:
        return index.range_search(part, radius + 1)

    def pairs(part: Raw) -> set[tuple[int, int]]:
        limits, _, found = index.range_search(part, radius + 1)
        return {(query, int(k)) for query, (a, b) in enumerate(pairwise(limits)) for k in found[a:b]}

    return search, pairs


def first_queries(task: Task, count: int) -> Task:
    return replace(task, queries=task.queries[:count], origins=task.origins[:count])


def rows_of(options: argparse.Namespace) -> Iterator[Row]:
    radii = options.radius or [31, 40]
    for entries in GROW if options.grow else (options.entries,):
        for kind in options.kind:
            values = make_entries(Kind(kind), entries, options.images)
            tasks = []
            for radius in radii:
                queries, origins = make_queries(Kind(kind), values, options.queries, radius, options.images)
                tasks.append(Task(kind, values, queries, origins, radius))
            yield from our_rows(tasks, (1, 2) if not options.grow else (1,))
            if options.peers:
                yield from peer_rows(tasks, multihash=entries <= MULTIHASH_MOST)


def with_ratios(rows: list[Row]) -> list[dict[str, object]]:
    """Each of our rows with how many times the faster peer's queries it answers, where there is a peer's row."""
    described = []
    for row in rows:
        peers = [
            other.core_per_s or 0.0
            for other in rows
            if other.engine != "takeback"
            and (other.kind, other.entries, other.radius) == (row.kind, row.entries, row.radius)
        ]
        compared = peers and row.engine == "takeback" and row.core_per_s and row.threads == 1
        ratio = row.core_per_s / max(peers) if compared and row.core_per_s else None
        described.append({**asdict(row), "ratio": ratio})
    return described


def print_table(rows: list[dict[str, object]]) -> None:
    table = Table(title="Matching: ours and Faiss, same values, same queries, same run")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in ("engine", "kind", "note") else "right")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    Console(width=200).print(table)


def shown(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 if a recall is not 1."""
    parser = argparse.ArgumentParser(prog="takeback bench matching", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--peers", action="store_true", help="measure Faiss too")
    parser.add_argument("--grow", action="store_true", help="from 100 k to 30 M entries")
    parser.add_argument("--radius", type=int, action="append", help="default: 31 and 40")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], action="append")
    parser.add_argument("--images", type=Path, help="pictures the realistic entries are modelled on")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write queries a second as SVG")
    parser.add_argument("--bit-order", action="store_true", help="only show how even each order keeps the buckets")
    parser.add_argument("--videos", type=int, metavar="N", help="only a row for a one-minute upload against N videos")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    options.kind = options.kind or (["random"] if options.grow else [kind.value for kind in Kind])
    if options.bit_order:
        return print_bit_orders(options)
    warm_up(lambda step: print(f"kernels: {step}", file=sys.stderr))
    if options.videos:
        return print_videos(options)
    rows = []
    for row in rows_of(options):
        rows.append(row)
        what = f"{row.engine} {row.kind} {row.entries:,} r={row.radius} x{row.threads}"
        print(f"{what}: {row.queries_per_s:,.0f}/s {row.note}", file=sys.stderr)
    described = with_ratios(rows)
    if options.json:
        for line in described:
            print(json.dumps(line))
    else:
        print_table(described)
    if options.plot:
        points = [(row.engine, row.entries, row.queries_per_s) for row in rows if not row.note and row.threads == 1]
        write_plot(options.plot, points)
    return 0 if all(row.recall in (None, 1.0) for row in rows) else 1


def print_videos(options: argparse.Namespace) -> int:
    """One row; 1 if a copied piece was missed or something was found that is not there."""
    row = video_row(options.videos)
    described = {"engine": "takeback", "kind": "videos", **asdict(row)}
    if options.json:
        print(json.dumps(described))
    else:
        print_table([described])
    return 0 if row.recall == 1.0 and not row.false_matches else 1


def print_bit_orders(options: argparse.Namespace) -> int:
    """How much more than evenly spread values each order makes a search look at."""
    for kind in options.kind:
        for order, load in chunk_loads(make_entries(Kind(kind), options.entries, options.images)).items():
            line = {"kind": kind, "entries": options.entries, "order": order, "load": load}
            print(json.dumps(line) if options.json else f"{kind:10} {order:12} {load:.3f} times the even load")
    return 0


if __name__ == "__main__":
    sys.exit(main())
