"""``takeback registry canary`` and ``takeback registry audience``: decoys in a leaked file, and coarse counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry_canary import CanaryDesk, Leak, open_canary
from takeback.cli.main import EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.errors import InvalidInputError
from takeback.registry.audience import FEWEST_SHOWN
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach_canary(registry: typer.Typer) -> None:
    """Add the commands."""
    canary = typer.Typer(help="Decoys on the lists: recognise them in a leaked file, count them.", no_args_is_help=True)
    canary.command("check", epilog="Example: takeback registry canary check leaked.txt --data-dir ./registry")(
        check_command
    )
    canary.command("count", epilog="Example: takeback registry canary count --data-dir ./registry")(count_command)
    registry.add_typer(canary, name="canary")
    registry.command("audience", epilog="Example: takeback registry audience --days 90 --data-dir ./registry")(
        audience_command
    )


def check_command(
    file: Annotated[Path, typer.Argument(help="Any text with fingerprints in hexadecimal.", dir_okay=False)],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Tell whether a file is, or holds a part of, one of our lists, and who could have leaked it.

    All partners get one log, so this names everybody whose pulls reach far enough. Exit code 1 if it is ours.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None
    with _desk(data_dir, database_url) as desk:
        leaks = desk.check(text)
    for leak in leaks:
        _print_leak(leak, as_json=as_json)
    if leaks:
        raise typer.Exit(EXIT_NEGATIVE)
    if not as_json:
        console().print("None of our decoys is in this file.")


def count_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """How many entries each list has, and how many of them are decoys. Looks at every entry, so it takes a while."""
    with _desk(data_dir, database_url) as desk:
        counts = desk.count()
    for name, (entries, decoys) in counts.items():
        if as_json:
            print_json({"list": name.value, "entries": entries, "decoys": decoys})
        else:
            console().print(f"{name.value:<11} {entries:>9} entries, {decoys} of them decoys")


def audience_command(
    days: Annotated[int, typer.Option(min=1, help="How many days back, today included.")] = 30,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Whom the cases of the last days are about, as their senders said. Small numbers are not shown."""
    with _desk(data_dir, database_url) as desk:
        counts = desk.audience(days)
    for item in counts:
        if as_json:
            print_json({"about": item.about.value, "cases": item.cases})
        else:
            shown = f"fewer than {FEWEST_SHOWN}" if item.cases is None else str(item.cases)
            console().print(f"{item.about.value:<14} {shown}")


def _print_leak(leak: Leak, *, as_json: bool) -> None:
    seen = leak.sighting
    if as_json:
        partners = [{"partner": partner_id, "name": name} for partner_id, name in leak.partners]
        print_json(
            {
                "list": seen.list.value,
                "decoys": seen.decoys,
                "since": seen.since.isoformat(),
                "from_seq": seen.from_seq,
                "before_seq": seen.before_seq,
                "partners": partners,
            }
        )
        return
    out = console()
    until = "" if seen.before_seq is None else f" and before change {seen.before_seq}"
    out.print(f"[bold]{seen.list.value}[/]: {seen.decoys} of our decoys. Pulled on {seen.since} or later, at change")
    out.print(f"  {seen.from_seq} or later{until}. Partners who have pulled that far:")
    for partner_id, name in leak.partners:
        out.print(f"    {partner_id}  {name}")


@contextmanager
def _desk(data_dir: Path | None, database_url: str | None) -> Iterator[CanaryDesk]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_canary(settings, SystemClock()) as desk:
        yield desk
