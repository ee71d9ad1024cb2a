"""``takeback submit``: seals a case on this device and sends it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from takeback.cli.files import HashedFile, find_files, hash_files
from takeback.cli.hash import hashing_for_a_list
from takeback.cli.output import console, print_json, progress_bar
from takeback.client.case import CaseClient, read_submission, write_submission
from takeback.client.sealing import SealedSubmission, seal
from takeback.clock import SystemClock, day_of
from takeback.errors import InvalidInputError, NotAllowedError, TakebackError, UnavailableError
from takeback.model.case import About
from takeback.model.fingerprint import Fingerprint
from takeback.wire.case_v1 import submission_body


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit", epilog="Example: takeback submit --registry https://registry.example photo.jpg")(
        submit_command
    )


def submit_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="The files. They stay on this device.")] = None,
    registry: Annotated[str | None, typer.Option(help="Address of the registry.", envvar="TAKEBACK_REGISTRY")] = None,
    edited_copies: Annotated[
        bool, typer.Option(help="Also find cropped and edited copies. This sends more about the picture.")
    ] = True,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Take the files in folders.")] = False,
    offline: Annotated[
        Path | None, typer.Option(help="Send nothing: write what would be sent into this new file.", dir_okay=False)
    ] = None,
    send: Annotated[
        Path | None, typer.Option(help="Send a file that --offline wrote, perhaps on another device.", dir_okay=False)
    ] = None,
    about: Annotated[
        About | None,
        typer.Option(
            metavar="WHO", help=f"Whom they are about ({', '.join(About)}): counted by day, stored with nothing."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make fingerprints of pictures on this device and send only those. Prints the number to keep.

    A picture that cannot be used is reported, and the others are sent.
    """
    if send is not None:
        _send_file(send, _required(registry), as_json=as_json)
        return
    if about is About.ADULT and registry is not None:
        _check_adults_are_helped(registry)
    hashing = hashing_for_a_list(edited_copies=edited_copies)
    files = find_files(paths or [], recursive=recursive)
    hashed = list(hash_files(files, hashing, show_progress=not as_json))
    sealed = seal([submittable(item) for item in hashed if usable(item)], day_of(SystemClock().now_s()), about)
    if offline is not None:
        write_submission(offline, sealed)
    else:
        _send([submission_body(item) for item in sealed.submissions], _required(registry))
    if as_json:
        print_json(_row(sealed, hashed, sent=offline is None))
    else:
        _print_words(sealed, hashed, offline)


def usable(item: HashedFile) -> bool:
    """Whether a file gave at least one fingerprint worth sending."""
    return bool(submittable(item))


def _check_adults_are_helped(registry: str) -> None:
    with CaseClient.at(registry) as client:
        if not client.terms().adult_cases:
            raise NotAllowedError(
                "case.adult",
                "This registry is for pictures of people under 18. For pictures of adults: https://stopncii.org",
            )


def submittable(item: HashedFile) -> tuple[Fingerprint, ...]:
    """The fingerprints of a usable file."""
    return () if isinstance(item.result, TakebackError) else item.result.submittable


def _required(registry: str | None) -> str:
    if registry is None:
        raise InvalidInputError("cli.registry", "Say where to send it: --registry https://… (or --offline FILE).")
    return registry


def _send_file(path: Path, registry: str, *, as_json: bool) -> None:
    _send(read_submission(path), registry)
    if as_json:
        print_json({"sent": True})
    else:
        console().print("[bold green]Sent.[/] The number that was shown when this file was made works from now on.")


def _send(bodies: Sequence[bytes], registry: str) -> None:
    """Send the same bytes until they are acknowledged or the person gives up; a repetition adds nothing twice."""
    with CaseClient.at(registry) as client, progress_bar(shown=True) as bar:
        puzzle = bar.add_task("A short puzzle for this device", visible=False)
        client.on_guess = lambda done, most: bar.update(puzzle, completed=done, total=most, visible=True)
        waiting = list(bodies)
        while waiting:
            try:
                client.submit_body(waiting[0])
            except UnavailableError as error:
                bar.stop()
                if not sys.stdin.isatty() or not typer.confirm(f"{error.message} Try again?", default=True):
                    raise
            else:
                del waiting[0]


def _row(sealed: SealedSubmission, hashed: list[HashedFile], *, sent: bool) -> dict[str, object]:
    return {
        "receipt": sealed.receipt.grouped(),
        "sent": sent,
        "files": [
            {"file": str(item.path), "error": {"code": item.result.code, "message": item.result.message}}
            if isinstance(item.result, TakebackError)
            else {"file": str(item.path), "fingerprints": len(item.result.submittable)}
            for item in hashed
        ],
    }


def _print_words(sealed: SealedSubmission, hashed: list[HashedFile], offline: Path | None) -> None:
    out = console()
    for item in hashed:
        if isinstance(item.result, TakebackError):
            out.print(f"[yellow]Not used:[/] {item.path}: {item.result.message}")
    count = sum(usable(item) for item in hashed)
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    out.print(
        f"Fingerprints of {pictures} {'were sent' if offline is None else f'are in {offline}'}. The pictures were not."
    )
    out.print("\nThis is your number. Keep it somewhere safe; it cannot be made again:\n")
    out.print(f"    [bold]{sealed.receipt.grouped()}[/]\n")
    out.print("With it you can see what happened, and take everything back. If you lose it, the protection goes on.")
    if offline is not None:
        out.print(f"The number works once the file has been sent: takeback submit --registry … --send {offline}")
