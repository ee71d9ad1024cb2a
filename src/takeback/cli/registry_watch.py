"""``takeback registry audit``, ``statistics`` and ``health``: what the console shows, on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from takeback.apps.console import ConsoleServices
from takeback.apps.registry_doors import open_console
from takeback.cli.main import EXIT_DATA, EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.console.auditing import AuditLine
from takeback.console.overview import HealthState
from takeback.registry.audience import FEWEST_SHOWN
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_EPOCH = date(1970, 1, 1)


def attach_watch(registry: typer.Typer) -> None:
    """Add the commands to ``takeback registry``."""
    registry.command("audit", epilog="Example: takeback registry audit --verify --data-dir ./registry")(audit_command)
    registry.command("statistics", epilog="Example: takeback registry statistics --json")(statistics_command)
    registry.command("health", epilog="Example: takeback registry health --data-dir ./registry")(health_command)


def audit_command(
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the whole log's chain instead of showing it.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many lines, the newest first.", min=1, max=100_000)] = 50,
    before: Annotated[int | None, typer.Option(help="Only lines before this number.", min=1)] = None,
    as_json: _AsJson = False,
) -> None:
    """Show what partners and operators did, newest first, or check that no line was changed, added or taken out."""
    with _services(data_dir, database_url) as services:
        if verify:
            _verify(services, as_json=as_json)
            return
        for line in services.auditing.page(before, limit):
            if as_json:
                print_json(_audit_row(line))
            else:
                console().print(_audit_sentence(line), soft_wrap=True)


def statistics_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show what is counted. Counts under ten are not said."""
    with _services(data_dir, database_url) as services:
        lists, figures = services.overview.lists(), services.overview.statistics()
    if as_json:
        for history in lists:
            print_json({"group": "list", "name": history.list.value, "count": history.count, "seq": history.seq})
        for figure in figures:
            print_json({"group": figure.group, "name": figure.name, "count": figure.count})
        return
    table = Table("", "", "count", box=None)
    for history in lists:
        table.add_row("list", history.list.value, str(history.count))
    for figure in figures:
        table.add_row(figure.group, figure.name, f"under {FEWEST_SHOWN}" if figure.count is None else str(figure.count))
    console().print(table)


def health_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show how each part is; exit code 1 if one is bad. Of a serving process, /readyz tells."""
    with _services(data_dir, database_url) as services:
        parts = services.overview.health()
    for part in parts:
        if as_json:
            print_json({"part": part.part, "state": part.state.value})
        else:
            console().print(f"{part.part}: {part.state.value}")
    if any(part.state is HealthState.BAD for part in parts):
        raise typer.Exit(EXIT_NEGATIVE)


@contextmanager
def _services(data_dir: Path | None, database_url: str | None) -> Iterator[ConsoleServices]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_console(settings, SystemClock()) as services:
        yield services


def _verify(services: ConsoleServices, *, as_json: bool) -> None:
    found = services.auditing.check()
    if as_json:
        print_json({"lines": found.lines, "whole": found.broken is None, "broken": found.broken})
    else:
        console().print(f"All {found.lines} lines are whole." if found.broken is None else f"[red]{found.broken}[/]")
    if found.broken is not None:
        raise typer.Exit(EXIT_DATA)


def _audit_row(line: AuditLine) -> dict[str, object]:
    record = line.record
    return {
        "seq": line.seq,
        "day": _day(record.day),
        "actor": record.actor_id,
        "actor_name": line.actor,
        "what": record.what.value,
        "list": None if record.list is None else record.list.value,
        "first_seq": record.first_seq,
        "last_seq": record.last_seq,
        "subject": record.subject,
    }


def _audit_sentence(line: AuditLine) -> str:
    record = line.record
    about = record.list.value if record.list is not None else (line.subject or "")
    numbers = f" {record.first_seq}–{record.last_seq}" if record.list is not None else ""
    return (
        f"[dim]{line.seq:>6}  {_day(record.day)}[/]  {escape(line.actor)}: {record.what.value} {escape(about)}{numbers}"
    )


def _day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
