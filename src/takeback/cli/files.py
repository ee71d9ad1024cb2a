"""From paths on the command line to hashed pictures and videos: many at a time, none fatal for the others."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from takeback.cli.output import progress_bar
from takeback.errors import InvalidInputError, TakebackError, TooLargeError
from takeback.hashing import HashedPicture, HashedVideo, VideoHasher, container_of

MAX_FILE_BYTES = 512 * 1024 * 1024
"""A larger file that is not a video is refused before it is read: no picture is that large."""

_HEAD_BYTES = 1024

_AHEAD = 4
"""Files in work per worker: enough to keep them busy, few enough to bound memory."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """What became of one path: a picture, a video, or the reason why not."""

    path: Path
    result: HashedPicture | HashedVideo | TakebackError


@dataclass(frozen=True, slots=True)
class Hashing:
    """What is made of a file, by what it is.

    Args:
        picture: of the bytes of a picture.
        video: of a video's path, by a hasher that lives as long as the files are worked on.
    """

    picture: Callable[[bytes], HashedPicture]
    video: Callable[[VideoHasher, Path], HashedVideo]


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


def hash_files(paths: Sequence[Path], hashing: Hashing, *, show_progress: bool) -> Iterator[HashedFile]:
    """Hash files on all cores; results come in the order of ``paths``, each once it and those before it are done."""
    workers = os.cpu_count() or 1
    with (
        progress_bar(shown=show_progress and len(paths) > 1) as progress,
        VideoHasher(workers=workers) as hasher,
        ThreadPoolExecutor(workers) as pool,
    ):
        task = progress.add_task("Making fingerprints", total=len(paths))
        waiting: list[Future[HashedFile]] = []
        rest = iter(paths)
        for path in rest:
            waiting.append(pool.submit(_hash_file, path, hashing, hasher))
            if len(waiting) >= workers * _AHEAD:
                break
        while waiting:
            done = waiting.pop(0).result()
            following = next(rest, None)
            if following is not None:
                waiting.append(pool.submit(_hash_file, following, hashing, hasher))
            progress.advance(task)
            yield done


def _hash_file(path: Path, hashing: Hashing, hasher: VideoHasher) -> HashedFile:
    try:
        if container_of(_head(path)) is not None:
            return HashedFile(path, hashing.video(hasher, path))
        return HashedFile(path, hashing.picture(_read(path)))
    except TakebackError as error:
        return HashedFile(path, error)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise TooLargeError("media.too_large", f"This file is larger than {MAX_FILE_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None
