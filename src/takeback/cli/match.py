"""``takeback match``: files against a list, on this device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ValidationError

from takeback.cli.files import HashedFile, Hashing, find_files, hash_files
from takeback.cli.main import EXIT_DATA, EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.client.list_store import FILE_NAME, ListStore
from takeback.errors import InvalidInputError, TakebackError
from takeback.hashing import HashedPicture, HashedVideo, VideoHasher, query_fingerprints_of
from takeback.hashing.regions import RegionSet
from takeback.matching import Clip, MatchEngine, RegionQuery
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint, parse_fingerprint
from takeback.model.match import Match, Tier

_NO_DAY = date(1970, 1, 1)


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("match", epilog="Example: takeback match --against list.jsonl photo.jpg")(match_command)


class _FingerprintLine(BaseModel):
    algorithm: str
    value: str
    quality: int | None = None


class _Line(BaseModel):
    """What is needed of a line of ``takeback hash --json``; a file that could not be used has no fingerprints."""

    file: str
    fingerprints: tuple[_FingerprintLine, ...] = ()


@dataclass(frozen=True, slots=True)
class _List:
    """A list to match against: the engine, and the name each entry is shown by."""

    engine: MatchEngine
    names: dict[str, str]


def match_command(
    paths: Annotated[list[Path], typer.Argument(help="Pictures and videos, or folders with --recursive.")],
    against: Annotated[Path, typer.Option(help="A synced store, or lines of 'takeback hash --json'.", exists=True)],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take the files in folders.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Match pictures and videos against a list on this device.

    Exit code 1 if anything matched, 4 if a file could not be used, else 0.
    """
    known = _load(against)
    matched = failed = 0
    asking = _asking(known.engine)
    for hashed in hash_files(find_files(paths, recursive=recursive), asking, show_progress=not as_json):
        if isinstance(hashed.result, TakebackError):
            failed += 1
            matches: Sequence[Match] = ()
        else:
            matches = matches_of(hashed.result, known.engine)
        matched += bool(matches)
        if as_json:
            print_json(_row(hashed, matches, known.names))
        else:
            _print_words(hashed, matches, known.names)
    if matched:
        raise typer.Exit(EXIT_NEGATIVE)
    if failed:
        raise typer.Exit(EXIT_DATA)


def matches_of(hashed: HashedPicture | HashedVideo, engine: MatchEngine) -> list[Match]:
    """What a picture or a video is near to; of an entry that several of a video's pictures are near to, the nearest."""
    if isinstance(hashed, HashedPicture):
        regions = hashed.regions
        return engine.match(hashed.fingerprints, None if regions is None else _region_query(regions))
    clips = [Clip(form.values, form.ticks, form.qualities) for form in hashed.asked]
    found = engine.match(hashed.fingerprints, clips=clips)
    by_region = [match for regions in hashed.regions for match in engine.match((), _region_query(regions))]
    # Worst first, so that the best of each entry is what stays.
    best = {match.entry_id: match for match in sorted(by_region, key=_says_more)}
    return sorted([*found, *best.values()], key=lambda match: list(Tier).index(match.tier))


def _says_more(match: Match) -> tuple[bool, int, int]:
    return match.tier is Tier.HOLD, match.votes or 0, -match.distance_bits


def _region_query(regions: RegionSet) -> RegionQuery:
    return RegionQuery(regions.values, regions.strong, regions.places)


def _asking(engine: MatchEngine) -> Hashing:
    """Regions cost more than all the rest, so they are asked only where some are listed."""
    regions = engine.count(Algorithm.PDQ_REGION) > 0

    def video(hasher: VideoHasher, path: Path) -> HashedVideo:
        return hasher.query_of(path, regions=regions, is_near=engine.is_near_a_video)

    return Hashing(partial(query_fingerprints_of, regions=regions), video)


def _load(against: Path) -> _List:
    engine = MatchEngine()
    if against.is_dir():
        if not (against / FILE_NAME).exists():
            raise InvalidInputError(
                "match.list", f"{against} holds no synced list. Make one: takeback sync --store {against} …"
            )
        with ListStore(against) as store:
            for name in Algorithm:
                engine.apply(store.entries(name))
        return _List(engine, {})
    names: dict[str, str] = {}
    engine.apply(_changes_of_lines(against, names))
    return _List(engine, names)


def _changes_of_lines(path: Path, names: dict[str, str]) -> Iterator[Change]:
    with path.open(encoding="utf-8") as lines:
        seq = 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            for file, fingerprint in _read_line(line, path, number):
                seq += 1
                entry_id = f"{seq:032x}"
                names[entry_id] = file
                yield Change(
                    fingerprint.algorithm, seq, Op.ADD, entry_id, fingerprint.value, fingerprint.quality, _NO_DAY
                )


def _read_line(untrusted_line: str, path: Path, number: int) -> list[tuple[str, Fingerprint]]:
    try:
        line = _Line.model_validate_json(untrusted_line)
        return [
            (line.file, parse_fingerprint(Algorithm(item.algorithm), item.value, item.quality))
            for item in line.fingerprints
        ]
    except (ValueError, ValidationError, InvalidInputError):
        raise InvalidInputError(
            "match.list", f"{path}, line {number}: this is not a line that 'takeback hash --json' writes."
        ) from None


def _row(hashed: HashedFile, matches: Sequence[Match], names: dict[str, str]) -> dict[str, object]:
    if isinstance(hashed.result, TakebackError):
        return {"file": str(hashed.path), "error": {"code": hashed.result.code, "message": hashed.result.message}}
    return {
        "file": str(hashed.path),
        "tier": _tier(matches).value,
        "matches": [_match_row(match, names) for match in matches],
    }


def _match_row(match: Match, names: dict[str, str]) -> dict[str, object]:
    row: dict[str, object] = {
        "entry": names.get(match.entry_id, match.entry_id),
        "algorithm": match.algorithm.value,
        "distance": match.distance_bits,
    }
    return row if match.votes is None else {**row, "votes": match.votes}


def _tier(matches: Sequence[Match]) -> Tier:
    return min((match.tier for match in matches), key=list(Tier).index, default=Tier.CLEAR)


def _print_words(hashed: HashedFile, matches: Sequence[Match], names: dict[str, str]) -> None:
    out = console()
    if isinstance(hashed.result, TakebackError):
        out.print(f"[bold]{hashed.path}[/]  [red]{hashed.result.message}[/] [dim]({hashed.result.code})[/]")
        return
    out.print(f"[bold]{hashed.path}[/]  {_tier(matches).value}")
    for match in matches:
        votes = "" if match.votes is None else f", {match.votes} parts agree"
        entry = names.get(match.entry_id, match.entry_id)
        out.print(f"  {entry}  {match.algorithm.value}, {match.distance_bits} bits apart{votes}")
