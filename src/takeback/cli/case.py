"""``takeback case``: what became of a case, adding to it, taking it back. Only the receipt opens it, here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from takeback.cli.files import find_files, hash_files
from takeback.cli.hash import hashing_for_a_list
from takeback.cli.main import EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.cli.submit import submittable, usable
from takeback.client.case import CaseClient, HeldStatus
from takeback.clock import SystemClock, day_of
from takeback.errors import InvalidInputError, TakebackError
from takeback.model.case import Hold, HoldState, HoldStatus
from takeback.model.receipt import Receipt, parse_receipt

_Registry = Annotated[str, typer.Option(help="Address of the registry.", envvar="TAKEBACK_REGISTRY")]
_Receipt = Annotated[
    str, typer.Option(help="The number, 20 digits. Leave it out and it is asked for: then no shell remembers it.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


_Files = Annotated[
    list[int] | None, typer.Option("--file", help="Only this picture, by its number in 'case status'; repeat for more.")
]


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    case = typer.Typer(help="Your own case: its status, adding to it, and taking it back.", no_args_is_help=True)
    for name, command in (
        ("status", status_command),
        ("add", add_command),
        ("withdraw", withdraw_command),
        ("keep", keep_command),
        ("renew", renew_command),
    ):
        case.command(name, epilog=f"Example: takeback case {name} --registry https://registry.example")(command)
    app.add_typer(case, name="case")


def status_command(registry: _Registry, receipt: _Receipt = "", as_json: _AsJson = False) -> None:
    """Show what has happened to each fingerprint of a case."""
    parsed = _parsed(receipt)
    with CaseClient.at(registry) as client:
        statuses = client.status(client.open(parsed).holds)
    _print(statuses, as_json=as_json)


def add_command(
    paths: Annotated[list[Path], typer.Argument(help="More pictures. They stay on this device.")],
    registry: _Registry,
    receipt: _Receipt = "",
    edited_copies: Annotated[
        bool, typer.Option(help="Also find cropped and edited copies. This sends more about the picture.")
    ] = True,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take the files in folders.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Add pictures to a case, under the same number. A picture that cannot be used is reported."""
    parsed = _parsed(receipt)
    hashing = hashing_for_a_list(edited_copies=edited_copies)
    hashed = list(hash_files(find_files(paths, recursive=recursive), hashing, show_progress=not as_json))
    used = [item for item in hashed if usable(item)]
    for item in hashed:
        if isinstance(item.result, TakebackError):
            Console(stderr=True).print(f"[yellow]Not used:[/] {item.path}: {item.result.message}")
    with CaseClient.at(registry) as client:
        first = client.add(parsed, [submittable(item) for item in used], day_of(SystemClock().now_s()))
        holds = [hold for hold in client.open(parsed).holds if hold.file_number >= first]
        statuses = client.status(holds)
    _print(statuses, as_json=as_json)


def withdraw_command(
    registry: _Registry,
    receipt: _Receipt = "",
    file: _Files = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Take back every fingerprint of a case, or of some pictures. Platforms are then free to show copies again."""
    parsed = _parsed(receipt)
    with CaseClient.at(registry) as client:
        holds = _chosen(client.open(parsed).holds, file)
        delay_days = client.terms().withdrawal_delay_days
        when = f" in {delay_days} days, and you can undo it until then" if delay_days else ""
        question = f"Take back {len(holds)} fingerprints{when}? Platforms will no longer stop copies."
        if not yes and not typer.confirm(question):
            raise typer.Exit(EXIT_NEGATIVE)
        client.withdraw(holds)
        statuses = client.status(holds)
    _print(statuses, as_json=as_json)


def keep_command(registry: _Registry, receipt: _Receipt = "", file: _Files = None, as_json: _AsJson = False) -> None:
    """Undo a withdrawal that still waits."""
    parsed = _parsed(receipt)
    with CaseClient.at(registry) as client:
        holds = _chosen(client.open(parsed).holds, file)
        client.keep(holds)
        statuses = client.status(holds)
    _print(statuses, as_json=as_json)


def renew_command(registry: _Registry, receipt: _Receipt = "", file: _Files = None, as_json: _AsJson = False) -> None:
    """Let the fingerprints of a case last longer, where the registry lets them end."""
    parsed = _parsed(receipt)
    with CaseClient.at(registry) as client:
        holds = _chosen(client.open(parsed).holds, file)
        client.renew(holds)
        statuses = client.status(holds)
    _print(statuses, as_json=as_json)


def _parsed(receipt: str) -> Receipt:
    return parse_receipt(receipt or typer.prompt("Your number"))


def _chosen(holds: Sequence[Hold], files: Sequence[int] | None) -> list[Hold]:
    chosen = [hold for hold in holds if not files or hold.file_number in files]
    if not chosen:
        raise InvalidInputError("case.file", "There is no picture of this number in the case.")
    return chosen


def _print(statuses: Sequence[HeldStatus], *, as_json: bool) -> None:
    for item in statuses:
        if as_json:
            print_json(
                {
                    "algorithm": item.hold.algorithm.value,
                    "state": item.status.state.value,
                    "platforms": item.status.platforms,
                    "file": item.hold.file_number,
                    **_days(item.status),
                }
            )
        else:
            words = words_of(item.status)
            console().print(f"picture {item.hold.file_number}  {item.hold.algorithm.value:<7} {words}")


def _days(status: HoldStatus) -> dict[str, str]:
    days = {"leaves": status.leaves, "expires": status.expires}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


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
