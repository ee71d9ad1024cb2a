"""``takeback hash``: fingerprints on this device; nothing is sent."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from takeback.cli.files import HashedFile, Hashing, find_files, hash_files
from takeback.cli.main import EXIT_DATA
from takeback.cli.output import console, print_json
from takeback.errors import TakebackError
from takeback.hashing import HashedPicture, HashedVideo, VideoHasher, fingerprints_of
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import parse_video


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hash", epilog="Example: takeback hash --recursive ~/Pictures --json > list.jsonl")(hash_command)


def hash_command(
    paths: Annotated[list[Path], typer.Argument(help="Pictures and videos, or folders with --recursive.")],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take the files in folders.")] = False,
    edited_copies: Annotated[
        bool, typer.Option("--edited-copies", help="Also what finds cropped and edited copies.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Make fingerprints of pictures and videos on this device. Nothing is sent.

    A file that cannot be used is reported and the others go on; the exit code is then 4.
    """
    failed = 0
    hashing = hashing_for_a_list(edited_copies=edited_copies)
    for hashed in hash_files(find_files(paths, recursive=recursive), hashing, show_progress=not as_json):
        failed += isinstance(hashed.result, TakebackError)
        if as_json:
            print_json(hash_row(hashed))
        else:
            _print_words(hashed)
    if failed:
        raise typer.Exit(EXIT_DATA)


def hashing_for_a_list(*, edited_copies: bool) -> Hashing:
    """What is made of files that are to be submitted."""

    def video(hasher: VideoHasher, path: Path) -> HashedVideo:
        return hasher.fingerprints_of(path, edited_copies=edited_copies)

    return Hashing(partial(fingerprints_of, edited_copies=edited_copies), video)


def hash_row(hashed: HashedFile) -> dict[str, object]:
    """One line of ``takeback hash --json``."""
    if isinstance(hashed.result, TakebackError):
        return {"file": str(hashed.path), "error": {"code": hashed.result.code, "message": hashed.result.message}}
    result = hashed.result
    return {
        "file": str(hashed.path),
        "media": result.media,
        "width": result.width,
        "height": result.height,
        **({"duration_s": result.duration_s} if isinstance(result, HashedVideo) else {}),
        "fingerprints": [_fingerprint_row(fingerprint, result) for fingerprint in result.fingerprints],
    }


def _fingerprint_row(fingerprint: Fingerprint, result: HashedPicture | HashedVideo) -> dict[str, object]:
    row: dict[str, object] = {"algorithm": fingerprint.algorithm.value, "value": fingerprint.value}
    if fingerprint.quality is not None:
        row["quality"] = fingerprint.quality
    time_s = result.time_of(fingerprint) if isinstance(result, HashedVideo) else None
    return row if time_s is None else {**row, "t": time_s}


def _print_words(hashed: HashedFile) -> None:
    out = console()
    if isinstance(hashed.result, TakebackError):
        out.print(f"[bold]{hashed.path}[/]  [red]{hashed.result.message}[/] [dim]({hashed.result.code})[/]")
        return
    length = f", {hashed.result.duration_s:.0f} s" if isinstance(hashed.result, HashedVideo) else ""
    out.print(f"[bold]{hashed.path}[/]  {hashed.result.width} × {hashed.result.height}{length}")
    for fingerprint in hashed.result.fingerprints:
        quality = "" if fingerprint.quality is None else f"  [dim]quality {fingerprint.quality}[/]"
        out.print(f"  {fingerprint.algorithm.value:<10} {_shown(fingerprint)}{quality}", soft_wrap=True)


def _shown(fingerprint: Fingerprint) -> str:
    """A value for people; that of a video would fill the screen."""
    if fingerprint.algorithm is not Algorithm.VPDQ:
        return fingerprint.value
    count = len(parse_video(fingerprint.value).frames)
    return f"{count} pictures of the video (--json shows them)"
