"""``takeback registry guard recheck`` and ``progress``: what is listed already, against new lines of the guard list."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry_doors import open_abuse_control
from takeback.cli.output import console, print_json, progress_bar
from takeback.clock import SystemClock
from takeback.registry.guard_recheck import GuardRecheck, Recheck
from takeback.registry.guard_rule import NearSearch, plain_search
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach_recheck(guard: typer.Typer) -> None:
    """Add the commands to ``takeback registry guard``."""
    guard.command("recheck", epilog="Example: takeback registry guard recheck --data-dir ./registry")(recheck_command)
    guard.command("progress", epilog="Example: takeback registry guard progress --json")(progress_command)


def recheck_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Compare what is listed with new lines of the guard list now, to the end. A serving registry does it by itself."""
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_abuse_control(settings, SystemClock(), fastest_search()) as (guard, _):
        _run(guard.recheck, shown=not as_json)
        _print(guard.recheck.progress(), as_json=as_json)


def progress_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show how far that is, or how it ended."""
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_abuse_control(settings, SystemClock()) as (guard, _):
        _print(guard.recheck.progress(), as_json=as_json)


def fastest_search() -> NearSearch:
    """The compiled search where it is installed: the answers are the same."""
    try:
        return importlib.import_module("takeback.apps.near_search").kernel_search  # type: ignore[no-any-return]
    except ModuleNotFoundError:
        return plain_search


def _run(recheck: GuardRecheck, *, shown: bool) -> None:
    with progress_bar(shown=shown) as bar:
        task = bar.add_task("Comparing", total=None)
        while recheck.step():
            now = recheck.progress()
            if now is not None:
                bar.update(task, completed=now.checked, total=now.total)


def _print(found: Recheck | None, *, as_json: bool) -> None:
    if as_json:
        row = {"running": False, "checked": 0, "total": 0, "held_back": 0}
        if found is not None:
            row = {
                "running": found.is_running,
                "checked": found.checked,
                "total": found.total,
                "held_back": found.held_back,
            }
        print_json(row)
    elif found is None:
        console().print("There has been nothing to compare.")
    else:
        state = "Going on" if found.is_running else "Done"
        console().print(f"{state}: {found.checked} of {found.total} compared, {found.held_back} taken off the feed.")
