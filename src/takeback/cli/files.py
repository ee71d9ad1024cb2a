"""From paths on the command line to hashed pictures: many at a time, none fatal for the others."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from takeback.cli.output import progress_bar
from takeback.errors import InvalidInputError, TakebackError, TooLargeError
from takeback.hashing import HashedPicture

MAX_FILE_BYTES = 512 * 1024 * 1024
"""A larger file is refused before it is read: no picture is that large."""

_AHEAD = 4
"""Files in work per worker: enough to keep them busy, few enough to bound memory."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """What became of one path: a picture, or the reason why not."""

    path: Path
    result: HashedPicture | TakebackError


def find_files(paths: Sequence[Path], *, recursive: bool) -> list[Path]:
    """The files that paths stand for, in the order given; a folder's files sorted by name.

    Raises:
        InvalidInputError: ``cli.folder`` for a folder without ``--recursive``.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
        elif recursive:
            found += sorted(file for file in path.rglob("*") if file.is_file())
        else:
            raise InvalidInputError("cli.folder", f"{path} is a folder. Add --recursive to take the files in it.")
    return found


def hash_files(
    paths: Sequence[Path], hash_picture: Callable[[bytes], HashedPicture], *, show_progress: bool
) -> Iterator[HashedFile]:
    """Hash files on all cores; results come in the order of ``paths``, each once it and those before it are done."""
    workers = os.cpu_count() or 1
    with progress_bar(shown=show_progress and len(paths) > 1) as progress, ThreadPoolExecutor(workers) as pool:
        task = progress.add_task("Making fingerprints", total=len(paths))
        waiting: list[Future[HashedFile]] = []
        rest = iter(paths)
        for path in rest:
            waiting.append(pool.submit(_hash_file, path, hash_picture))
            if len(waiting) >= workers * _AHEAD:
                break
        while waiting:
            done = waiting.pop(0).result()
            following = next(rest, None)
            if following is not None:
                waiting.append(pool.submit(_hash_file, following, hash_picture))
            progress.advance(task)
            yield done


def _hash_file(path: Path, hash_picture: Callable[[bytes], HashedPicture]) -> HashedFile:
    try:
        return HashedFile(path, hash_picture(_read(path)))
    except TakebackError as error:
        return HashedFile(path, error)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise TooLargeError("media.too_large", f"This file is larger than {MAX_FILE_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None
