"""Which edited copies are found, which unrelated pictures match, and which match only because they share furniture.

``python bench/recall.py --images DIR [--limit N] [--part 1/2] [--json] [--html FILE] [--plot FILE]``. Every picture of
the folder is registered; every picture is asked, as it is and after every edit of bench/edits.py, against all of them.
Methods: ``pdq`` is plain PDQ within 31 bits, ``pdq_variants`` PDQ of content box and app crops in eight forms,
``regions`` the region rule alone, ``hold`` and ``look`` the whole rule. Pictures of one scene count as unrelated here:
look at what is reported as false before believing it.
"""

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.table import Table

from edits import edits
from furniture_kinds import FURNITURE
from recall_compare import Asked, Registered, Registry, answer, ask, register, without_furniture
from recall_report import Missed, write_html, write_plot
from takeback.hashing.regions import regions_to_ask, regions_to_register
from takeback.matching.region_stop_list import RegionStopList, shared_regions, starter_stop_list
from takeback.model.match import Tier

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
LEAST_SIDE_PX = 64
HOLD_BITS = 31
NO_STOP_LIST = RegionStopList(np.empty((0, 32), np.uint8))


@dataclass(frozen=True, slots=True)
class EditRow:
    """Shares of pictures found after one edit."""

    edit: str
    group: str
    pictures: int
    pdq: float
    pdq_variants: float
    regions: float
    hold: float
    look: float


@dataclass(frozen=True, slots=True)
class UnrelatedRow:
    """What matched among all ordered pairs of different pictures."""

    unrelated: str
    pairs: int
    hold: int
    look: int


@dataclass(frozen=True, slots=True)
class FurnitureRow:
    """Two unrelated pictures in the same furniture: how many pairs match."""

    furniture: str
    pairs: int
    hold_without_stop_list: float
    hold_with_starter_list: float
    look_with_starter_list: float
    hold: float
    look: float
    regions_kept: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One picture after one edit: how near its own entry, and which others it was taken for."""

    edit: str
    plain_bits: int
    variant_bits: int
    regions: Tier
    tier: Tier
    others: tuple[tuple[int, Tier], ...]


def main(argv: list[str]) -> int:
    options = _options(argv)
    files = _pictures(options.images, options.limit, options.part)
    console = Console(stderr=options.json)
    console.print(f"{len(files)} pictures, {len(edits())} edits")
    with get_context("fork").Pool(options.processes, initializer=_be_kind) as pool:
        registered = list(pool.imap(_register, files))
    _Shared.registry = Registry(_without_starter(registered))
    _Shared.files = files
    with get_context("fork").Pool(options.processes, initializer=_be_kind) as pool:
        outcomes = list(pool.imap(_outcomes, range(len(files))))
        furniture = list(pool.imap(partial(_furniture, files[max(0, len(files) - options.furniture) :]), FURNITURE))
    rows = _edit_rows(outcomes)
    unrelated = _unrelated_rows(outcomes, len(files))
    speed = _speed(files[:12])
    everything = [*map(asdict, rows), _mean(rows), *map(asdict, unrelated), *map(asdict, furniture), speed]
    if options.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in everything)
    else:
        _print(console, rows, unrelated, furniture, speed)
    if options.plot:
        write_plot(options.plot, [asdict(row) for row in rows])
    if options.html:
        write_html(options.html, everything, [asdict(row) for row in rows], _missed(files, outcomes))
    false_holds = sum(row.hold for row in unrelated)
    return 1 if false_holds else 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="takeback bench recall", description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="folder with photographs")
    parser.add_argument("--limit", type=int, default=0, help="at most so many, chosen by a hash of the name")
    parser.add_argument("--part", choices=("1/2", "2/2"), help="one half of the pictures, by a hash of the name")
    parser.add_argument(
        "--furniture",
        type=int,
        default=60,
        help="pictures for the test of shared furniture: the last, of the half that nothing is tuned on",
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--html", type=Path, help="write a page with curves and missed pictures; it embeds pictures")
    parser.add_argument("--plot", type=Path, help="write the curves as SVG")
    return parser.parse_args(argv)


def _pictures(folder: Path, limit: int, part: str | None) -> list[Path]:
    def mixed(path: Path) -> int:
        return zlib.crc32(path.name.encode())

    found = sorted((path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES), key=mixed)
    if part:
        found = found[: len(found) // 2] if part == "1/2" else found[len(found) // 2 :]
    usable = [path for path in found if _is_usable(path)]
    if not usable:
        raise SystemExit(f"no photographs of at least {LEAST_SIDE_PX} px in {folder}")
    return usable[:limit] if limit else usable


def _is_usable(path: Path) -> bool:
    try:
        with Image.open(path) as opened:
            return min(opened.size) >= LEAST_SIDE_PX
    except (UnidentifiedImageError, OSError):
        return False


class _Shared:
    """What forked workers inherit instead of receiving it with every task."""

    registry: Registry
    files: list[Path]


def _be_kind() -> None:
    os.nice(5)  # minutes of work beside that of others


def _load(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    return picture


def _register(path: Path) -> Registered:
    return register(_load(path))


def _without_starter(registered: Iterable[Registered]) -> list[Registered]:
    starter = starter_stop_list()
    return [Registered(each.plain, each.variants, without_furniture(each.regions, starter)) for each in registered]


def _outcomes(own: int) -> list[Outcome]:
    path = _Shared.files[own]
    picture = _load(path)
    forms: Iterator[tuple[str, Image.Image]] = chain(
        [("", picture)], ((edit.name, edit.of(picture, path.name)) for edit in edits())
    )
    return [_outcome(own, name, form) for name, form in forms]


def _outcome(own: int, edit: str, picture: Image.Image) -> Outcome:
    asked = ask(picture)
    asked = Asked(asked.plain, asked.forms, without_furniture(asked.regions, starter_stop_list()))
    itself = answer(_Shared.registry.entries[own], asked)
    others = tuple((row, each.tier) for row, each in _Shared.registry.answers(asked).items() if row != own)
    return Outcome(edit, itself.plain_bits, itself.variant_bits, itself.regions.tier, itself.tier, others)


def _edit_rows(outcomes: list[list[Outcome]]) -> list[EditRow]:
    rows = []
    for number, edit in enumerate(edits(), start=1):
        seen = [each[number] for each in outcomes]

        def share(condition: Callable[[Outcome], bool], of: list[Outcome] = seen) -> float:
            return round(sum(map(condition, of)) / len(of), 4)

        rows.append(
            EditRow(
                edit.name,
                edit.group,
                len(seen),
                share(lambda each: each.plain_bits <= HOLD_BITS),
                share(lambda each: each.variant_bits <= HOLD_BITS),
                share(lambda each: each.regions is Tier.HOLD),
                share(lambda each: each.tier is Tier.HOLD),
                share(lambda each: each.tier is not Tier.CLEAR),
            )
        )
    return rows


def _mean(rows: list[EditRow]) -> dict[str, object]:
    methods = ("pdq", "pdq_variants", "regions", "hold", "look")
    means = {method: round(sum(getattr(row, method) for row in rows) / len(rows), 4) for method in methods}
    return {"edit": "mean", "group": "", "pictures": rows[0].pictures, **means}


def _unrelated_rows(outcomes: list[list[Outcome]], count: int) -> list[UnrelatedRow]:
    names = ["as they are", "after every edit"]
    rows = []
    for name, forms in zip(names, ([each[:1] for each in outcomes], [each[1:] for each in outcomes]), strict=True):
        tiers = [tier for each in forms for form in each for _, tier in form.others]
        pairs = count * (count - 1) * len(forms[0])
        rows.append(UnrelatedRow(name, pairs, tiers.count(Tier.HOLD), tiers.count(Tier.LOOK)))
    return rows


def _furniture(files: list[Path], name: str) -> FurnitureRow:
    framed = [FURNITURE[name](_load(path)) for path in files]
    registered, asked = [register(each) for each in framed], [ask(each) for each in framed]
    starter = starter_stop_list()
    # What a registry's maintenance job and a kit's count over ordinary uploads would have found by then: regions that
    # pictures other than the one they are taken from have as well.
    seen = [
        np.concatenate((one.regions.values, each.regions.values)) for one, each in zip(registered, asked, strict=True)
    ]
    learned = starter.joined_with(shared_regions(seen))
    shares = {
        label: _pair_shares(registered, asked, stop_list)
        for label, stop_list in (("none", NO_STOP_LIST), ("starter", starter), ("learned", learned))
    }
    kept = [float(learned.admits(each.regions.values).mean()) for each in registered if len(each.regions)]
    pairs = len(files) * (len(files) - 1)
    return FurnitureRow(
        name,
        pairs,
        shares["none"][0],
        *shares["starter"],
        shares["learned"][0],
        shares["learned"][1],
        round(float(np.mean(kept)), 3),
    )


def _pair_shares(registered: list[Registered], asked: list[Asked], stop_list: RegionStopList) -> tuple[float, float]:
    """Shares of ordered pairs of different pictures at hold, and at look or hold."""
    entries = [Registered(e.plain, e.variants, without_furniture(e.regions, stop_list)) for e in registered]
    registry = Registry(entries)
    tiers = []
    for own, each in enumerate(asked):
        question = Asked(each.plain, each.forms, without_furniture(each.regions, stop_list))
        tiers += [found.tier for row, found in registry.answers(question).items() if row != own]
    pairs = len(asked) * (len(asked) - 1)
    return round(tiers.count(Tier.HOLD) / pairs, 5), round(len(tiers) / pairs, 5)


def _speed(files: list[Path]) -> dict[str, object]:
    """Median milliseconds of one core for a picture's regions; decoding is not included."""
    pictures = [np.asarray(_load(path)) for path in files]
    row: dict[str, object] = {"measure": "regions_ms", "pictures": len(pictures)}
    for name, find in (("register", regions_to_register), ("ask", regions_to_ask)):
        times = []
        for pixels in pictures:
            started = time.process_time()
            find(pixels)
            times.append((time.process_time() - started) * 1000)
        row[name] = round(float(np.median(times)), 1)
    return row


def _missed(files: list[Path], outcomes: list[list[Outcome]]) -> Iterator[Missed]:
    for path, each in zip(files, outcomes, strict=True):
        missed = [outcome.edit for outcome in each[1:] if outcome.tier is not Tier.HOLD]
        if not missed:
            continue
        picture = _load(path)
        for edit in edits():
            if edit.name in missed:
                yield Missed(edit.name, path.stem, picture, edit.of(picture, path.name))


def _print(
    console: Console,
    rows: list[EditRow],
    unrelated: list[UnrelatedRow],
    furniture: list[FurnitureRow],
    speed: dict[str, object],
) -> None:
    table = Table("edit", "pdq", "with variants", "regions", "hold", "look", title="share of copies found")
    for row in rows:
        table.add_row(row.edit, *(f"{x:.3f}" for x in (row.pdq, row.pdq_variants, row.regions, row.hold, row.look)))
    mean = _mean(rows)
    table.add_row("mean", *(f"{mean[key]:.4f}" for key in ("pdq", "pdq_variants", "regions", "hold", "look")))
    console.print(table)
    for each in unrelated:
        console.print(f"unrelated, {each.unrelated}: {each.pairs:,} pairs, {each.hold} at hold, {each.look} at look")
    table = Table(
        *("furniture", "pairs", "no list", "starter list", "look", "all learned", "look", "regions kept"),
        title="same furniture",
    )
    for one in furniture:
        shares = (one.hold_without_stop_list, one.hold_with_starter_list, one.look_with_starter_list)
        learned = (one.hold, one.look, one.regions_kept)
        table.add_row(one.furniture, str(one.pairs), *(f"{x:.4f}" for x in (*shares, *learned)))
    console.print(table)
    console.print(f"regions of a picture: {speed['register']} ms to register, {speed['ask']} ms to ask")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
