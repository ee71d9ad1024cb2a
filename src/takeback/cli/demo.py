"""``takeback demo``: the whole path on this machine, to try by hand or to watch."""

import contextlib
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from takeback.apps.demo import DemoPorts, running_demo
from takeback.apps.demo_picture import landscape
from takeback.apps.demo_story import DemoAddresses, play
from takeback.cli.main import EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock, day_of
from takeback.errors import InvalidInputError

_PORTS = DemoPorts(registry=8100, kit=8101, sample=8102)
_STORY_SEED = 5


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Example: takeback demo --headless")(demo_command)


def demo_command(
    headless: Annotated[bool, typer.Option("--headless", help="Play the whole story without a browser.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="A picture for the story, instead of a made-up one.", dir_okay=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data, in the folder --data-dir names.")] = False,
    data_dir: Annotated[Path, typer.Option(help="Where --keep keeps it.", file_okay=False)] = Path("demo-data"),
    as_json: Annotated[bool, typer.Option("--json", help="With --headless: one JSON object a step.")] = False,
) -> None:
    """Start a registry, its page and a small photo site that takes part, all on this machine.

    Ctrl-C ends them, and nothing is left behind unless --keep says so.
    """
    with _data_folder(data_dir if keep else None) as folder, (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        ports = DemoPorts() if headless else _free_or_any(_PORTS)
        with running_demo(folder, SystemClock(), ports, log) as addresses:
            if headless:
                ok = _play(addresses, _picture(picture), folder, as_json=as_json)
            else:
                ok = _wait_for_the_end(addresses, folder, kept=keep)
    if not ok:
        raise typer.Exit(EXIT_NEGATIVE)


@contextlib.contextmanager
def _data_folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="takeback-demo-") as made:
            yield Path(made)
        return
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError("demo.folder", f"{keep} cannot be used: {error.strerror}.") from None
    yield keep


def _free_or_any(ports: DemoPorts) -> DemoPorts:
    """The usual ports, so that addresses can be remembered; another one where something else listens already."""
    return DemoPorts(**{name: port if _is_free(port) else 0 for name, port in asdict(ports).items()})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _picture(path: Path | None) -> bytes:
    if path is None:
        return landscape(_STORY_SEED)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"{path} cannot be read: {error.strerror}.") from None


def _play(addresses: DemoAddresses, picture: bytes, folder: Path, *, as_json: bool) -> bool:
    steps = play(addresses, picture, folder, day_of(SystemClock().now_s()))
    done = []
    for step in steps:
        done.append(step)
        if as_json:
            print_json({"step": step.step, "ok": step.ok, "seen": step.seen})
        else:
            mark = "[green]✓[/]" if step.ok else "[bold red]✗[/]"
            console().print(f"{mark} {step.step:<12} {step.seen}", soft_wrap=True)
    return all(step.ok for step in done)


def _wait_for_the_end(addresses: DemoAddresses, folder: Path, *, kept: bool) -> bool:
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    data = f"kept in {folder}" if kept else "deleted at the end"
    for line in (
        "[bold]Takeback[/] is running on this machine.\n",
        f"  The person’s page   [bold]{addresses.registry}/[/]",
        f"  A photo site        [bold]{addresses.sample}/[/]",
        f"  Its review page     [bold]{addresses.kit}/review/#code={addresses.review_code}[/]\n",
        "Try it: choose a picture on the page and keep the number. Post a smaller copy of it on the photo site:",
        "it is held. Review it. Then come back to the page with your number.\n",
        f"[dim]Data: {data}. Ctrl-C ends everything.[/]",
    ):
        # Not wrapped: a line break inside an address would make it useless.
        console().print(line, soft_wrap=True)
    ended.wait()
    console().print("Stopping …")
    return True
