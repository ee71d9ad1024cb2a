"""``takeback registry canary`` and ``takeback registry audience``: whose leaked file this is, and coarse counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from takeback.apps.registry_canary import CanaryDesk, GivenTo, Leak, open_canary
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
    canary = typer.Typer(
        help="Canaries and decoys on the lists: whose a leaked file is, and counts.", no_args_is_help=True
    )
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
    """Tell whether a file is, or holds a part of, one of our lists, and to which partner that list was given.

    Canaries, which one partner alone is told, name it. Decoys, which all are told, say when the list was pulled, and
    who had pulled that far. Exit code 1 if it is ours.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None
    with _desk(data_dir, database_url) as desk:
        found = desk.check(text)
    for partner in found.given_to:
        _print_given(partner, as_json=as_json)
    if len(found.given_to) > 1 and not as_json:
        console().print(
            "  More than one partner's list is in this file: put together, or taken from the registry itself."
        )
    for leak in found.leaks:
        _print_leak(leak, as_json=as_json)
    if found.given_to or found.leaks:
        raise typer.Exit(EXIT_NEGATIVE)
    if not as_json:
        console().print("None of our canaries and decoys is in this file.")


def count_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """How many entries and decoys each list has, and how many canaries each partner. Looks at every entry."""
    with _desk(data_dir, database_url) as desk:
        counts, canaries = desk.count(), desk.canaries()
    for name, (entries, decoys) in counts.items():
        if as_json:
            print_json({"list": name.value, "entries": entries, "decoys": decoys})
        else:
            console().print(f"{name.value:<11} {entries:>9} entries, {decoys} of them decoys")
    for one in canaries:
        if as_json:
            row = {"partner": one.partner_id, "name": one.name, "list": one.list.value, "canaries": one.canaries}
            print_json(row)
        else:
            console().print(f"{one.list.value:<11} {one.canaries:>9} canaries of {one.partner_id}  {escape(one.name)}")


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


def _print_given(partner: GivenTo, *, as_json: bool) -> None:
    if as_json:
        print_json({"given_to": partner.partner_id, "name": partner.name, "canaries": partner.canaries})
        return
    count = "1 of its canaries is" if partner.canaries == 1 else f"{partner.canaries} of its canaries are"
    console().print(f"[bold]This list was given to {escape(partner.name)}[/] ({partner.partner_id}): {count} in it.")


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
        out.print(f"    {partner_id}  {escape(name)}")


@contextmanager
def _desk(data_dir: Path | None, database_url: str | None) -> Iterator[CanaryDesk]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_canary(settings, SystemClock()) as desk:
        yield desk
