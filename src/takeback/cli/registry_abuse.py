"""``takeback registry guard`` and ``takeback registry quarantine``: what is kept off the lists, and who decides.

A registry may be serving the same database meanwhile. No command shows a fingerprint's value.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from takeback.apps.registry_doors import open_abuse_control
from takeback.cli.output import console, print_json
from takeback.cli.registry_recheck import attach_recheck
from takeback.clock import SystemClock
from takeback.errors import InvalidInputError
from takeback.model.fingerprint import Algorithm, Fingerprint, parse_fingerprint
from takeback.registry.guard import GuardLine, GuardService
from takeback.registry.quarantine import QuarantineService
from takeback.registry.set_aside import AsideEntry, Cause
from takeback.settings import RegistrySettings, load_settings

_EPOCH = date(1970, 1, 1)
_USABLE_QUALITY = 100

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_EntryId = Annotated[str, typer.Argument(help="The entry's id, as the list shows it.")]
_GuardId = Annotated[str, typer.Argument(help="The line's id, as 'guard list' shows it.")]


class _HashShape(BaseModel):
    """What is read of a line of ``takeback hash --json``; a file that could not be used has no fingerprints."""

    model_config = ConfigDict(strict=True, extra="ignore")

    class Item(BaseModel):
        """One fingerprint."""

        model_config = ConfigDict(strict=True, extra="ignore")

        algorithm: str
        value: str
        quality: int | None = None

    fingerprints: list[Item] = []


def attach_abuse(registry: typer.Typer) -> None:
    """Add the commands."""
    guard = typer.Typer(help="Fingerprints of what everybody has, and what was held back for them.")
    guard.command("add", epilog="Example: takeback hash --json memes/ -r | takeback registry guard add -")(add_command)
    guard.command("list")(list_command)
    guard.command("remove")(remove_command)
    guard.command("waiting")(waiting_command)
    guard.command("admit")(admit_command)
    guard.command("reject")(reject_command)
    attach_recheck(guard)
    registry.add_typer(guard, name="guard")
    quarantine = typer.Typer(help="Entries that are off the feed until somebody has looked.")
    quarantine.command("list")(quarantined_command)
    quarantine.command("add")(quarantine_command)
    quarantine.command("restore")(restore_command)
    quarantine.command("remove")(decline_command)
    registry.add_typer(quarantine, name="quarantine")


def add_command(
    source: Annotated[
        typer.FileText | None, typer.Argument(help="Lines of 'takeback hash --json'; - for standard input.")
    ] = None,
    value: Annotated[str | None, typer.Option("--hex", help="One fingerprint in hexadecimal instead.")] = None,
    algorithm: Annotated[str, typer.Option(help="What kind the --hex is.")] = "pdq",
    note: Annotated[str, typer.Option(help="Your own word for it.")] = "",
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Put fingerprints onto the guard list: what is submitted near to them waits for you.

    A serving registry compares what it lists already by itself ('guard progress'); 'guard recheck' does it now.
    """
    if (source is None) == (value is None):
        raise InvalidInputError("guard.input", "Name a file of 'takeback hash --json' lines, or one --hex.")
    fingerprints = _from_lines(source) if source is not None else [_from_hex(algorithm, value or "")]
    with _services(data_dir, database_url) as (guard, _):
        lines = guard.add(fingerprints, note)
    _print_lines(lines, as_json=as_json)
    if not as_json:
        console().print(f"{len(lines)} new of {len(fingerprints)}.")


def list_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show the guard list."""
    with _services(data_dir, database_url) as (guard, _):
        _print_lines(guard.list(), as_json=as_json)


def remove_command(guard_id: _GuardId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """Take a line off the guard list. What it held back still waits."""
    with _services(data_dir, database_url) as (guard, _):
        guard.remove(guard_id)
    console().print("Removed.")


def waiting_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show what the guard list held back."""
    with _services(data_dir, database_url) as (guard, _):
        _print_entries(guard.waiting(), as_json=as_json)


def admit_command(entry_id: _EntryId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """List what was held back. Prints the id under which it is on the feed."""
    with _services(data_dir, database_url) as (guard, _):
        console().print(guard.admit(entry_id))


def reject_command(entry_id: _EntryId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """Do not list what was held back."""
    with _services(data_dir, database_url) as (guard, _):
        guard.reject(entry_id)
    console().print("Rejected.")


def quarantined_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show what is in quarantine."""
    with _services(data_dir, database_url) as (_, quarantine):
        _print_entries(quarantine.list(), as_json=as_json)


def quarantine_command(entry_id: _EntryId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """Take an entry off the feed."""
    with _services(data_dir, database_url) as (_, quarantine):
        quarantine.take_off(entry_id)
    console().print("Off the feed.")


def restore_command(entry_id: _EntryId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """Put an entry back onto the feed. Prints its new id."""
    with _services(data_dir, database_url) as (_, quarantine):
        console().print(quarantine.restore(entry_id))


def decline_command(entry_id: _EntryId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None) -> None:
    """Keep an entry off the feed for good."""
    with _services(data_dir, database_url) as (_, quarantine):
        quarantine.remove(entry_id)
    console().print("Removed for good.")


@contextmanager
def _services(data_dir: Path | None, database_url: str | None) -> Iterator[tuple[GuardService, QuarantineService]]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_abuse_control(settings, SystemClock()) as services:
        yield services


def _from_lines(source: typer.FileText) -> list[Fingerprint]:
    found: list[Fingerprint] = []
    for number, line in enumerate(source, start=1):
        try:
            items = _HashShape.model_validate_json(line).fingerprints
            found += [parse_fingerprint(Algorithm(item.algorithm), item.value, item.quality) for item in items]
        except (ValidationError, ValueError, InvalidInputError):
            raise InvalidInputError("guard.input", f"Line {number} is not a line of 'takeback hash --json'.") from None
    return found


def _from_hex(untrusted_algorithm: str, untrusted_value: str) -> Fingerprint:
    try:
        name = Algorithm(untrusted_algorithm)
    except ValueError:
        raise InvalidInputError("guard.input", f"Algorithms are: {', '.join(Algorithm)}.") from None
    quality = _USABLE_QUALITY if name is Algorithm.PDQ else None
    return parse_fingerprint(name, untrusted_value.lower(), quality)


def _print_lines(lines: tuple[GuardLine, ...], *, as_json: bool) -> None:
    for line in lines:
        day = _day(line.day)
        if as_json:
            print_json({"guard": line.guard_id, "algorithm": line.algorithm.value, "note": line.note, "day": day})
        else:
            console().print(f"{line.guard_id}  {line.algorithm.value:<10} {day}  {line.note}", markup=False)


def _print_entries(entries: tuple[AsideEntry, ...], *, as_json: bool) -> None:
    for entry in entries:
        words = {value.value: count for value, count in sorted(entry.words.items())}
        if as_json:
            row = {"entry": entry.entry_id, "algorithm": entry.algorithm.value, "cause": entry.cause.value}
            print_json({**row, "day": _day(entry.day), "words": words, "most_in_a_day": entry.matches_on_worst_day})
        else:
            said = ", ".join(f"{count} {value}" for value, count in words.items())
            console().print(f"{entry.entry_id}  {entry.algorithm.value:<10} {_cause(entry.cause)}  [dim]{said}[/]")


def _cause(cause: Cause) -> str:
    match cause:
        case Cause.GUARD:
            return "near to the guard list"
        case Cause.NOT_BLOCKED:
            return "platforms found something else"
        case Cause.FLOOD:
            return "far too many matches"
        case Cause.OPERATOR:
            return "taken off by an operator"


def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()
