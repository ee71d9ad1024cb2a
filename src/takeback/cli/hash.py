"""``takeback hash``: fingerprints on this device; nothing is sent."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from takeback.cli.files import HashedFile, find_files, hash_files
from takeback.cli.main import EXIT_DATA
from takeback.cli.output import console, print_json
from takeback.errors import TakebackError
from takeback.hashing import fingerprints_of
from takeback.model.fingerprint import Fingerprint


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hash", epilog="Example: takeback hash --recursive ~/Pictures --json > list.jsonl")(hash_command)


def hash_command(
    paths: Annotated[list[Path], typer.Argument(help="Pictures of any common format, or folders with --recursive.")],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take the files in folders.")] = False,
    edited_copies: Annotated[
        bool, typer.Option("--edited-copies", help="Also what finds cropped and edited copies.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Make fingerprints of pictures on this device. Nothing is sent.

    A file that cannot be used is reported and the others go on; the exit code is then 4.
    """
    failed = 0
    make = partial(fingerprints_of, edited_copies=edited_copies)
    for hashed in hash_files(find_files(paths, recursive=recursive), make, show_progress=not as_json):
        failed += isinstance(hashed.result, TakebackError)
        if as_json:
            print_json(hash_row(hashed))
        else:
            _print_words(hashed)
    if failed:
        raise typer.Exit(EXIT_DATA)


def hash_row(hashed: HashedFile) -> dict[str, object]:
    """One line of ``takeback hash --json``."""
    if isinstance(hashed.result, TakebackError):
        return {"file": str(hashed.path), "error": {"code": hashed.result.code, "message": hashed.result.message}}
    return {
        "file": str(hashed.path),
        "media": "image",
        "width": hashed.result.width,
        "height": hashed.result.height,
        "fingerprints": [_fingerprint_row(fingerprint) for fingerprint in hashed.result.fingerprints],
    }


def _fingerprint_row(fingerprint: Fingerprint) -> dict[str, object]:
    row: dict[str, object] = {"algorithm": fingerprint.algorithm.value, "value": fingerprint.value}
    if fingerprint.quality is not None:
        row["quality"] = fingerprint.quality
    return row


def _print_words(hashed: HashedFile) -> None:
    out = console()
    if isinstance(hashed.result, TakebackError):
        out.print(f"[bold]{hashed.path}[/]  [red]{hashed.result.message}[/] [dim]({hashed.result.code})[/]")
        return
    out.print(f"[bold]{hashed.path}[/]  {hashed.result.width} × {hashed.result.height}")
    for fingerprint in hashed.result.fingerprints:
        quality = "" if fingerprint.quality is None else f"  [dim]quality {fingerprint.quality}[/]"
        out.print(f"  {fingerprint.algorithm.value:<10} {fingerprint.value}{quality}", soft_wrap=True)
