"""``takeback bench``: the benchmarks of the source tree, beside named peers in the same run.

They live in ``bench/`` next to ``src/``, not in the installed package: they need peers and pictures that no production
machine has. This module only finds them.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import typer

from takeback.errors import NotFoundError

_SUBJECTS = {
    "hashing": "Pictures a second and the time of each stage, beside threatexchange.",
    "matching": "The engine beside Faiss: queries a second, latency, memory, recall.",
    "registry": "Submissions a second beside a bare endpoint, questions of a full registry, and kill -9 under load.",
    "lookback": "Remembered contents a second that are compared with new entries, beside asking one by one.",
    "sync": "First and incremental sync of a large list, beside threatexchange's own client.",
    "browser": "The page in Chromium beside Python: the same fingerprints, the same copies found, how fast.",
    "recall": "Which edited copies are found, and which unrelated pictures match.",
    "video": "Which copies of videos are found, beside vPDQ and MD5, and what hashing them costs.",
}
_PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True}


def attach(app: typer.Typer) -> None:
    """Add the commands whose benchmark is there."""
    bench = typer.Typer(help="Benchmarks beside named peers (from a source checkout).", no_args_is_help=True)
    bench.callback()(lambda: None)
    for subject, about in _SUBJECTS.items():
        bench.command(subject, help=about, add_help_option=False, context_settings=_PASS_THROUGH)(_run)
    app.add_typer(bench, name="bench")


def _run(context: typer.Context) -> None:
    module = _load(str(context.info_name))
    raise typer.Exit(module.main(list(context.args)))


def _load(subject: str) -> ModuleType:
    folder = Path(__file__).resolve().parents[3] / "bench"
    file = folder / f"{subject}.py"
    if not file.is_file():
        raise NotFoundError("bench.missing", "Benchmarks come with the source: clone the repository and run make dev.")
    # A benchmark imports its neighbours by name, as a script started in that folder would.
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(f"bench_{subject}", file)
    if spec is None or spec.loader is None:
        raise NotFoundError("bench.missing", f"{file} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
