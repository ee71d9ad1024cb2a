"""``takeback registry backup``, ``restore`` and ``verify``."""

from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry_backup import Verified, back_up, restore, verify_registry
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach_backup(registry: typer.Typer) -> None:
    """Add the commands."""
    registry.command("backup", epilog="Example: takeback registry backup ./monday.backup --data-dir ./registry")(
        backup_command
    )
    registry.command("restore", epilog="Example: takeback registry restore ./monday.backup --data-dir ./new-registry")(
        restore_command
    )
    registry.command("verify", epilog="Example: takeback registry verify --data-dir ./registry")(verify_command)


def backup_command(
    to: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.", dir_okay=False)],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    patience_s: Annotated[float, typer.Option(min=0, help="Seconds to wait for a batch to empty intake.")] = 120.0,
    as_json: _AsJson = False,
) -> None:
    """Write the database and the keys into one file. The registry may be running.

    What waits in intake is never in a backup, because there the fingerprints of a person stand together. The file is
    as secret as the registry: whoever has it can sign lists. Keep it encrypted and few of them.
    """
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    report = back_up(settings, to, SystemClock(), patience_s)
    if as_json:
        figures = {} if report.verified is None else _figures(report.verified)
        print_json({"file": str(to), "bytes": report.size_bytes, "left_out": report.left_out, **figures})
        return
    console().print(f"{to}: {report.size_bytes:,} bytes, readable by you alone.")
    if report.verified is not None:
        _say(report.verified)
    if report.left_out:
        console().print("[yellow]Submissions were waiting for a batch the whole time; they are not in it.[/]")


def restore_command(
    source: Annotated[Path, typer.Argument(help="The backup.", exists=True, dir_okay=False)],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Bring a backup back into an empty folder (and an empty PostgreSQL), once all of it has been verified.

    Platforms that have synced further than the backup refuse its list (feed.rollback) until they start anew.
    """
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    _print(restore(source, settings), as_json=as_json)


def verify_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Read everything: every list's chain, the entries behind it, the audit log and the keys. It may be running."""
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    _print(verify_registry(settings), as_json=as_json)


def _print(verified: Verified, *, as_json: bool) -> None:
    if as_json:
        print_json(_figures(verified))
    else:
        _say(verified)


def _figures(verified: Verified) -> dict[str, object]:
    lists = [{"list": one.list.value, "seq": one.seq, "count": one.count} for one in verified.lists]
    return {"lists": lists, "audit_lines": verified.audit_lines}


def _say(verified: Verified) -> None:
    for one in verified.lists:
        console().print(f"[green]✓[/] {one.list.value}: {one.count:,} entries, {one.seq:,} changes, chain unbroken")
    console().print(f"[green]✓[/] audit log: {verified.audit_lines:,} lines, chain unbroken")
