"""PDQ of picture files: how fast, beside threatexchange's path in the same run, and how near to the full picture.

Run ``takeback bench hashing --images FOLDER [--json] [--repeats N]`` or this file. One thread each. For every picture
the sides take turns ``repeats`` times, forwards and backwards, and the mean of each counts: in service every picture is
a new one, so what is paid for fresh memory and cold caches belongs to the figure. It is processor time, so that others'
work on the same machine does not show.
Distances are to ``pdqhash`` on the picture decoded in full and set upright.

Two ways of ours are measured: ``query``, what a platform does with everything that is posted (all eight positions,
from luma), and ``list``, what a person's device does (the reference's bits below four megapixels). A last row runs both
sides on all cores over all pictures, by the clock on the wall: ours leaves the interpreter's lock while it works.
"""

import argparse
import io
import json
import os
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pdqhash
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

from takeback.errors import TakebackError
from takeback.hashing import pdq, quick_luma
from takeback.hashing.decode import Shortcuts, decode
from takeback.hashing.fingerprints import FOR_A_LIST, FOR_A_QUERY, pdq_forms_of_picture
from takeback.hashing.limits import Limits
from takeback.hashing.pdq import PdqHash
from takeback.model.fingerprint import MIN_QUALITY

WAYS = {"query": FOR_A_QUERY, "list": FOR_A_LIST}
GROUPS = (("under 1 MP", 0), ("1 to 8 MP", 1_000_000), ("8 MP and more", 8_000_000))
NEAR_BITS = 4
PEER = "threatexchange pdq_from_bytes"


@dataclass(frozen=True, slots=True)
class Timing:
    """One picture, one way; ``peer_ms`` from the same rounds."""

    group: str
    way: str
    peer_ms: float
    decode_ms: float
    hash_ms: float
    distance_bits: int | None

    @property
    def ours_ms(self) -> float:
        return self.decode_ms + self.hash_ms


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed: a way in a group of sizes."""

    bench: str
    group: str
    way: str
    threads: int
    pictures: int
    pictures_per_s: float
    peer: str
    peer_pictures_per_s: float
    ratio: float
    ratio_median: float | None = None
    ratio_min: float | None = None
    decode_ms: float | None = None
    hash_ms: float | None = None
    peer_ms: float | None = None
    distance_bits: dict[str, int] | None = None
    within_4_bits: float | None = None


def measured(data: bytes, repeats: int) -> list[Timing]:
    """All ways on one picture."""
    decode(data, Limits())
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.width * image.height
    group = [name for name, least in GROUPS if pixels >= least][-1]
    reference = full_reference(data)
    peer_s = 0.0
    parts = dict.fromkeys(WAYS, (0.0, 0.0))
    turns = [PEER, *WAYS]
    for _ in range(repeats):
        for side in turns:
            if side == PEER:
                peer_s += seconds(lambda: pdq_from_bytes(data))
                continue
            decode_s, hash_s = stages(data, WAYS[side])
            parts[side] = (parts[side][0] + decode_s, parts[side][1] + hash_s)
        # Who comes after the peer finds the caches full of its large arrays, so nobody always does.
        turns.reverse()
    to_ms = 1e3 / repeats
    return [
        Timing(group, way, peer_s * to_ms, decode_s * to_ms, hash_s * to_ms, distance(data, WAYS[way], reference))
        for way, (decode_s, hash_s) in parts.items()
    ]


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def stages(data: bytes, shortcuts: Shortcuts) -> tuple[float, float]:
    """Seconds to decode and to hash."""
    started = time.process_time()
    picture = decode(data, Limits(), shortcuts)
    decoded = time.process_time()
    pdq_forms_of_picture(picture, exact=shortcuts is FOR_A_LIST)
    return decoded - started, time.process_time() - decoded


def full_reference(data: bytes) -> int | None:
    """``pdqhash`` of the whole picture, upright; nothing if it has too little structure to be compared."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        vector, quality = pdqhash.compute(np.asarray(upright.convert("RGB")))
    return int("".join(map(str, vector)), 2) if quality >= MIN_QUALITY else None


def distance(data: bytes, shortcuts: Shortcuts, reference: int | None) -> int | None:
    if reference is None:
        return None
    form = pdq_forms_of_picture(decode(data, Limits(), shortcuts), exact=shortcuts is FOR_A_LIST)[0]
    return (int(form.text, 16) ^ reference).bit_count()


def row_of(group: str, way: str, timings: Sequence[Timing]) -> Row:
    ours, peer = sum(t.ours_ms for t in timings), sum(t.peer_ms for t in timings)
    ratios = [t.peer_ms / t.ours_ms for t in timings]
    distances = Counter(t.distance_bits for t in timings if t.distance_bits is not None)
    near = sum(count for bits, count in distances.items() if bits <= NEAR_BITS)
    return Row(
        bench="hashing",
        group=group,
        way=way,
        threads=1,
        pictures=len(timings),
        pictures_per_s=round(1e3 * len(timings) / ours, 1),
        peer=PEER,
        peer_pictures_per_s=round(1e3 * len(timings) / peer, 1),
        decode_ms=round(statistics.fmean(t.decode_ms for t in timings), 2),
        hash_ms=round(statistics.fmean(t.hash_ms for t in timings), 2),
        peer_ms=round(peer / len(timings), 2),
        ratio=round(peer / ours, 2),
        ratio_median=round(statistics.median(ratios), 2),
        ratio_min=round(min(ratios), 2),
        distance_bits={str(bits): distances[bits] for bits in sorted(distances)},
        within_4_bits=round(near / distances.total(), 4) if distances else None,
    )


def rows_of(timings: Sequence[Timing]) -> list[Row]:
    rows = []
    for group, _ in reversed(GROUPS):
        for way in WAYS:
            some = [timing for timing in timings if (timing.group, timing.way) == (group, way)]
            if some:
                rows.append(row_of(group, way, some))
    return rows


def all_cores_row(pictures: Sequence[bytes]) -> Row:
    """Both sides over everything, a thread a core."""
    threads = os.cpu_count() or 1
    peer_s, ours_s = (wall_seconds(work, pictures, threads) for work in (pdq_from_bytes, query_forms))
    return Row(
        bench="hashing",
        group="all",
        way="query",
        threads=threads,
        pictures=len(pictures),
        pictures_per_s=round(len(pictures) / ours_s, 1),
        peer=PEER,
        peer_pictures_per_s=round(len(pictures) / peer_s, 1),
        ratio=round(peer_s / ours_s, 2),
    )


def query_forms(data: bytes) -> tuple[PdqHash, ...]:
    return pdq_forms_of_picture(decode(data, Limits(), FOR_A_QUERY), exact=False)


def wall_seconds(work: Callable[[bytes], object], pictures: Sequence[bytes], threads: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, pictures):
            pass
    return time.perf_counter() - started


def print_table(rows: Sequence[Row]) -> None:
    table = Table(title=f"PDQ of picture files beside {PEER}; milliseconds")
    for name in (
        "pictures",
        "way",
        "threads",
        "number",
        "a second",
        "peer",
        "ratio",
        "decode ms",
        "hash ms",
        "bits off",
    ):
        table.add_column(name, justify="left" if name in {"pictures", "way", "bits off"} else "right")
    for row in rows:
        bits = ", ".join(f"{bits}: {count}" for bits, count in (row.distance_bits or {}).items())
        speeds = (row.pictures_per_s, row.peer_pictures_per_s, row.ratio, row.decode_ms, row.hash_ms)
        cells = ["" if cell is None else str(cell) for cell in (row.threads, row.pictures, *speeds)]
        table.add_row(row.group, row.way, *cells, bits)
    Console().print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every picture in a folder; a file that is none is named and left out."""
    parser = argparse.ArgumentParser(prog="takeback bench hashing", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a folder of pictures")
    parser.add_argument("--repeats", type=int, default=4, help="rounds a picture")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    pdq.warm_up()
    quick_luma.warm_up()
    timings: list[Timing] = []
    pictures: list[bytes] = []
    for file in sorted(path for path in options.images.rglob("*") if path.is_file()):
        try:
            timings += measured(file.read_bytes(), options.repeats)
            pictures.append(file.read_bytes())
        except (TakebackError, OSError, IndexError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            # The peer, too, refuses files, each in its own way.
            print(f"left out: {file.name}: {error}", file=sys.stderr)
    if not timings:
        print("No picture was measured.", file=sys.stderr)
        return 3
    rows = [*rows_of(timings), all_cores_row(pictures)]
    if options.json:
        for row in rows:
            print(json.dumps(asdict(row)))
    else:
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
