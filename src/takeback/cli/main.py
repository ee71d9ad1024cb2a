"""The ``takeback`` command: which words there are, and how an error becomes a sentence and an exit code.

Each command lives in a module of its own that is imported only when that command is asked for, so that
``takeback hash`` never waits for the registry's libraries, and an installation without an extra has all other commands.
"""

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.markup import escape

from takeback.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    ProtocolViolationError,
    TakebackError,
    TooLargeError,
    UnavailableError,
)

EXIT_NEGATIVE = 1
EXIT_EXTERNAL = 3
EXIT_DATA = 4


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command lives, and the extra that brings what it needs."""

    module: str
    extra: str


_COMMANDS = {
    "hash": _Command("takeback.cli.hash", "hash"),
    "match": _Command("takeback.cli.match", "hash,client"),
    "submit": _Command("takeback.cli.submit", "person"),
    "case": _Command("takeback.cli.case", "person"),
    "registry": _Command("takeback.cli.registry", "registry"),
    "operator": _Command("takeback.cli.operator", "registry"),
    "partner": _Command("takeback.cli.partner", "registry"),
    "verify-page": _Command("takeback.cli.verify_page", "client"),
    "sync": _Command("takeback.cli.sync", "client"),
    "platform": _Command("takeback.cli.platform", "platform"),
    "sample": _Command("takeback.cli.sample", "platform"),
    "demo": _Command("takeback.cli.demo", "all"),
    "bench": _Command("takeback.cli.bench", "all,peers"),
}

_ABOUT = """Stop an intimate picture from spreading without showing it to anyone.

A file is turned into fingerprints on this device; only those are sent. Example: takeback hash photo.jpg
"""


def exit_code_of(error: TakebackError) -> int:
    """The exit code of an error's family, as the command line promises: 3 outside, 4 data."""
    match error:
        case UnavailableError() | NotAllowedError() | ProtocolViolationError():
            return EXIT_EXTERNAL
        case InvalidInputError() | NotFoundError() | ConflictError() | TooLargeError() | CorruptDataError():
            return EXIT_DATA
        case _:
            return EXIT_DATA


def _absent(name: str, extra: str, missing: str) -> Callable[[], None]:
    def command() -> None:
        raise UnavailableError(
            "cli.extra_missing",
            f"'takeback {name}' needs {missing}, which is not installed. Run: pip install 'takeback[{extra}]'",
        )

    command.__doc__ = f"(not installed: pip install 'takeback[{extra}]')"
    return command


def _attach(app: typer.Typer, name: str) -> None:
    place = _COMMANDS[name]
    try:
        module = importlib.import_module(place.module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("takeback"):
            raise
        absent = _absent(name, place.extra, error.name)
        app.command(name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(absent)
        return
    module.attach(app)


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """The Typer application for these arguments: one command if one is named, else all, for the help page."""
    app = typer.Typer(
        help=_ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        add_completion=False,
    )
    app.callback()(lambda: None)
    named = arguments[0] if arguments else ""
    for name in [named] if named in _COMMANDS else _COMMANDS:
        _attach(app, name)
    return app


def main(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        The exit code.
    """
    # Pillow remarks on odd metadata, which is not what somebody asked who wants a fingerprint.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        build_app(arguments)(list(arguments), prog_name="takeback")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except TakebackError as error:
        Console(stderr=True).print(f"[bold red]✗[/] {escape(error.message)}  [dim]({error.code})[/]", soft_wrap=True)
        return exit_code_of(error)
    except BrokenPipeError:
        # Whoever read our output has seen enough: `takeback hash *.jpg | head -1` is not a failure.
        sys.stderr.close()
        return 0
    return 0


def run() -> None:
    """Entry point of the installed command."""
    sys.exit(main(sys.argv[1:]))
