"""``takeback case``: what became of a case, and taking it back. Only the receipt opens it, on this device."""

from collections.abc import Sequence
from typing import Annotated

import typer

from takeback.cli.main import EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.client.case import CaseClient, HeldStatus
from takeback.model.case import HoldState, HoldStatus
from takeback.model.receipt import parse_receipt

_Registry = Annotated[str, typer.Option(help="Address of the registry.", envvar="TAKEBACK_REGISTRY")]
_Receipt = Annotated[
    str, typer.Option(help="The number, 20 digits. Leave it out and it is asked for: then no shell remembers it.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    case = typer.Typer(help="Your own case: its status, and taking it back.", no_args_is_help=True)
    case.command("status", epilog="Example: takeback case status --registry https://registry.example")(status_command)
    case.command("withdraw", epilog="Example: takeback case withdraw --registry https://registry.example")(
        withdraw_command
    )
    app.add_typer(case, name="case")


def status_command(registry: _Registry, receipt: _Receipt = "", as_json: _AsJson = False) -> None:
    """Show what has happened to each fingerprint of a case."""
    parsed = parse_receipt(receipt or typer.prompt("Your number"))
    with CaseClient.at(registry) as client:
        statuses = client.status(client.open(parsed).holds)
    _print(statuses, as_json=as_json)


def withdraw_command(
    registry: _Registry,
    receipt: _Receipt = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Take back every fingerprint of a case. Platforms are then free to show copies again."""
    parsed = parse_receipt(receipt or typer.prompt("Your number"))
    with CaseClient.at(registry) as client:
        holds = client.open(parsed).holds
        question = f"Take back all {len(holds)} fingerprints? Platforms will no longer stop copies."
        if not yes and not typer.confirm(question):
            raise typer.Exit(EXIT_NEGATIVE)
        client.withdraw(holds)
        statuses = client.status(holds)
    _print(statuses, as_json=as_json)


def _print(statuses: Sequence[HeldStatus], *, as_json: bool) -> None:
    for item in statuses:
        if as_json:
            print_json(
                {
                    "algorithm": item.hold.algorithm.value,
                    "state": item.status.state.value,
                    "platforms": item.status.platforms,
                    "file": item.hold.file_number,
                }
            )
        else:
            words = words_of(item.status)
            console().print(f"picture {item.hold.file_number}  {item.hold.algorithm.value:<7} {words}")


_WORDS = {
    HoldState.BEING_ADDED: "arrived; it goes onto the list within minutes",
    HoldState.LISTED: "on the list; no platform has met a copy",
    HoldState.FOUND: "a copy was met by {by}",
    HoldState.IN_REVIEW: "a copy is being looked at by {by}",
    HoldState.REMOVED: "a copy was removed by {by}",
    HoldState.QUARANTINED: "set aside until the registry's people have looked at it",
    HoldState.DECLINED: "not on the list: the registry's people found that it is something many people share",
    HoldState.WITHDRAWING: "will be taken back",
    HoldState.WITHDRAWN: "taken back",
    HoldState.EXPIRED: "ended by itself, because nobody renewed it",
}


def words_of(status: HoldStatus) -> str:
    """A status in words a person would use."""
    words = _WORDS[status.state].format(by="1 platform" if status.platforms == 1 else f"{status.platforms} platforms")
    if status.leaves is not None:
        return f"{words} on {status.leaves}; until then 'takeback case keep' undoes that"
    return (
        words if status.expires is None else f"{words} (until {status.expires}, or longer with 'takeback case renew')"
    )
