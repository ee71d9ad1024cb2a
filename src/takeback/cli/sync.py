"""``takeback sync``: pulls a registry's lists into a folder and verifies them."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from takeback.cli.main import EXIT_EXTERNAL
from takeback.cli.output import console, print_json
from takeback.client.feed import FeedClient, SyncResult, SyncRound
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sync", epilog="Example: takeback sync --registry https://registry.example --key tb1_… --store ./list")(
        sync_command
    )


def sync_command(
    registry: Annotated[str, typer.Option(help="Address of the registry.", envvar="TAKEBACK_REGISTRY")],
    key: Annotated[str, typer.Option(help="The partner's key (better: TAKEBACK_KEY).", envvar="TAKEBACK_KEY")],
    store: Annotated[Path, typer.Option(help="Folder for the list and its checkpoint.", file_okay=False)],
    follow: Annotated[bool, typer.Option(help="Go on until stopped.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks with --follow.", min=0.1)] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Pull the lists of a registry, verify every change, and keep them in a folder.

    Stopped at any point, it goes on from there. A list that fails verification is not applied; the last good one stays.
    """
    with ListStore(store) as lists, FeedClient.at(registry, parse_partner_key(key), lists) as client:
        if follow:
            client.follow(interval, threading.Event(), lambda done: _print_round(done, as_json=as_json))
            return
        done = client.sync_round()
    _print_round(done, as_json=as_json)
    if done.refusals:
        raise typer.Exit(EXIT_EXTERNAL)


def _print_round(done: SyncRound, *, as_json: bool) -> None:
    for result in done.results:
        if as_json:
            print_json(_row(result))
        else:
            console().print(
                f"{result.list.value:<7} at {result.seq}: {result.count} entries  "
                f"(+{result.added} −{result.removed}, {result.seconds:.2f} s)"
            )
    for refusal in done.refusals:
        if as_json:
            print_json(
                {"list": refusal.list.value, "error": {"code": refusal.error.code, "message": refusal.error.message}}
            )
        else:
            console().print(f"[red]{refusal.list.value}: {refusal.error.message}[/] [dim]({refusal.error.code})[/]")


def _row(result: SyncResult) -> dict[str, object]:
    return {
        "list": result.list.value,
        "seq": result.seq,
        "count": result.count,
        "withheld": result.withheld,
        "added": result.added,
        "removed": result.removed,
        "seconds": round(result.seconds, 3),
    }
