"""Two kinds of output: one JSON object a line on standard output for programs, words on the terminal for people."""

import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def print_json(row: Mapping[str, object]) -> None:
    """One JSON object on one line, at once."""
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def console() -> Console:
    """The terminal for people's output on standard output."""
    return Console(highlight=False)


def progress_bar(*, shown: bool) -> Progress:
    """A progress bar on standard error that appears only where somebody can see it."""
    terminal = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not (shown and terminal.is_terminal),
    )
