"""Which copies of videos are found, which different videos are taken for each other, and what hashing costs.

``python bench/video.py --videos DIR [--copies DIR] [--seconds S] [--json] [--plot FILE]``. Every video of the folder is
registered as it is; every copy that bench/video_copies.py makes of it is asked. ``hold`` and ``look`` are our whole
rule with regions; ``frames`` is hold without regions; ``glimpse`` is the same after a first look (docs/video.md §4.4),
and ``every`` with every picture decoded and asked;
``vpdq_upload`` and ``vpdq_known`` are plain vPDQ with 80 % of the upload (python-threatexchange's default) or of the
known video (vPDQ's README); ``md5`` is the same file. Videos whose names differ in digits and suffix only are of one
scene.
"""

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av
from rich.console import Console
from rich.table import Table

from takeback.errors import UnusableMediaError
from takeback.hashing.video.luma import warm_up
from takeback.hashing.video.work import hash_glimpse, hash_to_ask, hash_to_register
from video_copies import Copy, Source, copies, read_source, with_furniture, write
from video_rules import ONE_THREAD, Answer, Known

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m4v"}
LONG_S = 10.0
FURNITURE = ("black", "card", "logo")


@dataclass(frozen=True, slots=True)
class CopyRow:
    """Share of videos found after one kind of copying."""

    copy: str
    videos: int
    hold: float
    look: float
    frames: float
    glimpse: float
    every: float
    vpdq_upload: float
    vpdq_known: float
    md5: float
    missed: str
    false_hold: int
    false_look: int


@dataclass(frozen=True, slots=True)
class PairRow:
    """What different videos were taken for."""

    different: str
    pairs: int
    false_hold: int
    false_look: int
    seen: str


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Processor time for a minute of video on one thread; ratios are to decoding every frame and doing nothing more."""

    video: str
    duration_s: float
    every_frame_s: float
    glimpse_s: float
    whole_s: float
    list_s: float
    glimpse_ratio: float
    whole_ratio: float
    list_ratio: float


def main(argv: list[str]) -> int:
    options = _options(argv)
    os.nice(5)
    console = Console(stderr=options.json)
    files = sorted(path for path in options.videos.iterdir() if path.suffix.lower() in SUFFIXES)
    warm_up()
    known = Known(files)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.copies or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sources = [read_source(file, options.seconds, options.height) for file in files]
        rows = [_copy_row(copy, sources, known, folder, console) for copy in copies() if _chosen(copy, options.only)]
        pairs: list[PairRow] = []
        if not options.only:
            pairs = [_originals(files, known), *(_furniture(kind, sources, folder) for kind in FURNITURE)]
    speed = [] if options.only else _speed_rows(files)
    everything = [*map(asdict, rows), *map(asdict, pairs), *map(asdict, speed)]
    if options.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in everything)
    else:
        for part in (rows, pairs, speed):
            if part:
                _print(console, [asdict(row) for row in part])
    if rows and speed:
        console.print(_first_look(rows, speed[-1]))
    if known.unfindable:
        console.print(f"Without any frame that says anything: {', '.join(known.unfindable)}")
    if options.plot:
        options.plot.write_text(_chart(rows), encoding="utf-8")
    false_holds = sum(row.false_hold for row in rows) + sum(row.false_hold for row in pairs)
    return 1 if false_holds else 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="takeback bench video", description=__doc__.split("\n\n")[0])
    parser.add_argument("--videos", type=Path, required=True, help="folder with videos")
    parser.add_argument("--copies", type=Path, help="folder to keep the copies in; without it they are made each time")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each video that copies are made of")
    parser.add_argument("--height", type=int, default=270, help="most pixels of a copy's shorter side")
    parser.add_argument("--only", help="copies whose name fits this expression, and nothing but copies")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--plot", type=Path, help="write recall as SVG")
    return parser.parse_args(argv)


def _chosen(copy: Copy, only: str | None) -> bool:
    return only is None or re.search(only, copy.name) is not None


def _copy_row(copy: Copy, sources: Sequence[Source], known: Known, folder: Path, console: Console) -> CopyRow:
    answers: list[tuple[str, Answer, set[str]]] = []
    for source in sources:
        path = folder / f"{copy.name}-{Path(source.name).stem}-{Path(source.name).suffix[1:]}{copy.suffix}"
        others = [one for one in sources if not _related(one.name, source.name)]
        frames = copy.edit(source, others)
        if frames is None:
            continue
        if not path.exists():
            write(path, frames, copy)
        # What a compilation holds besides is no mistake; which that is, is drawn by name.
        true = {one.name for one in sources} if copy.name == "compilation" else {source.name}
        answers.append((source.name, known.answer(path), true))
    console.print(f"{copy.name}: {len(answers)}")

    def share(found: Callable[[Answer], frozenset[str]]) -> float:
        return round(statistics.mean(_is_found(name, found(answer)) for name, answer, _ in answers), 4)

    return CopyRow(
        copy.name,
        len(answers),
        share(lambda answer: answer.hold),
        share(lambda answer: answer.look),
        share(lambda answer: answer.frames_hold),
        share(lambda answer: answer.glimpse_hold),
        share(lambda answer: answer.every_hold),
        share(lambda answer: answer.vpdq_upload),
        share(lambda answer: answer.vpdq_known),
        share(lambda answer: answer.md5),
        " ".join(name for name, answer, _ in answers if not _is_found(name, answer.hold)),
        sum(len(_false(answer.hold, true)) for _, answer, true in answers),
        sum(len(_false(answer.look, true)) for _, answer, true in answers),
    )


def _is_found(name: str, found: frozenset[str]) -> bool:
    return any(_related(name, one) for one in found)


def _false(found: frozenset[str], true: set[str]) -> list[str]:
    return [one for one in found if not any(_related(one, name) for name in true)]


def _related(one: str, other: str) -> bool:
    return re.sub(r"\d|\.\w+$", "", one) == re.sub(r"\d|\.\w+$", "", other)


def _originals(files: Sequence[Path], known: Known) -> PairRow:
    return _pair_row("as they are", files, known, [file.name for file in files])


def _furniture(kind: str, sources: Sequence[Source], folder: Path) -> PairRow:
    """Videos that share something, registered with it and asked with it."""
    made = []
    for source in sources:
        path = folder / f"with-{kind}-{Path(source.name).stem}-{Path(source.name).suffix[1:]}.mp4"
        if not path.exists():
            write(path, with_furniture(source, kind), Copy(kind, lambda _, __: None))
        made.append(path)
    return _pair_row(f"with the same {kind}", made, Known(made), [source.name for source in sources])


def _pair_row(what: str, files: Sequence[Path], known: Known, names: Sequence[str]) -> PairRow:
    original = {file.name: name for file, name in zip(files, names, strict=True)}
    pairs, holds, looks = 0, list[str](), list[str]()
    for file in files:
        name = original[file.name]
        pairs += sum(not _related(name, other) for other in names)
        answer = known.answer(file)
        holds += [f"{name} in {one}" for one in answer.hold if not _related(original[one], name)]
        looks += [f"{name} in {one}" for one in answer.look - answer.hold if not _related(original[one], name)]
    return PairRow(what, pairs, len(holds), len(looks), "; ".join(holds + looks))


def _speed_rows(files: Sequence[Path]) -> list[SpeedRow]:
    rows = []
    for file in files:
        try:
            duration_s = hash_glimpse(file, ONE_THREAD).duration_s
        except UnusableMediaError:
            continue
        if duration_s >= LONG_S:
            rows.append(_speed_row(file, duration_s))
    if not rows:
        return rows
    numbers = [[float(value) for value in list(asdict(row).values())[1:]] for row in rows]
    medians = [round(statistics.median(column), 4) for column in zip(*numbers, strict=True)]
    return [*rows, SpeedRow("median", *medians)]


def _speed_row(file: Path, duration_s: float) -> SpeedRow:
    minutes = duration_s / 60
    every = _processor_s(lambda: _decode_all(file)) / minutes
    glimpse, whole, listed = (
        _processor_s(work) / minutes
        for work in (
            lambda: hash_glimpse(file, ONE_THREAD),
            lambda: hash_to_ask(file, ONE_THREAD),
            lambda: hash_to_register(file, ONE_THREAD),
        )
    )
    seconds = [round(one, 4) for one in (every, glimpse, whole, listed)]
    ratios = [round(every / one, 2) for one in (glimpse, whole, listed)]
    return SpeedRow(file.name, round(duration_s, 2), *seconds, *ratios)


def _first_look(rows: Sequence[CopyRow], median: SpeedRow) -> str:
    lost = [max(getattr(row, than) - row.glimpse for row in rows) for than in ("frames", "every")]
    return (
        f"The first look, and the whole one after it where it finds something: {median.glimpse_ratio} times as fast as "
        f"decoding every frame (median, nothing listed). It loses at most {lost[0]:.4f} of a row's videos against the "
        f"whole look always, {lost[1]:.4f} against every picture."
    )


def _processor_s(work: Callable[[], object]) -> float:
    """The best of three; processor time, because other work on the machine does not change it much."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def _decode_all(file: Path) -> None:
    with av.open(str(file)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for _ in container.decode(video=0):
            pass


def _print(console: Console, rows: list[dict[str, object]]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


def _chart(rows: Sequence[CopyRow]) -> str:
    methods = {"hold": "#0b6e4f", "vpdq_known": "#3d5a98", "vpdq_upload": "#9aa5b1", "md5": "#b5541c"}
    step, left, width = 46, 170, 560
    box = f"0 0 {left + width + 20} {step * len(rows) + 50}"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">']
    for place, (method, colour) in enumerate(methods.items()):
        words = {"hold": "ours", "vpdq_known": "vPDQ, 80 % of the known", "vpdq_upload": "vPDQ, 80 % of the upload"}
        at = left + place * 150
        parts.append(f'<rect x="{at}" y="8" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{at + 14}" y="17">{words.get(method, "MD5")}</text>')
    for number, row in enumerate(rows):
        top = 34 + number * step
        parts.append(f'<text x="{left - 8}" y="{top + 22}" text-anchor="end">{row.copy}</text>')
        for place, (method, colour) in enumerate(methods.items()):
            long = max(1.0, width * float(getattr(row, method)))
            parts.append(f'<rect x="{left}" y="{top + place * 9}" width="{long:.0f}" height="8" fill="{colour}"/>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
