"""Hashing videos in other processes, so that a hostile or a broken file costs one of those and nothing else."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from takeback.errors import UnavailableError, UnusableMediaError
from takeback.hashing.video.hashed import HashedVideo
from takeback.hashing.video.limits import GLIMPSE_FROM_S, VideoLimits
from takeback.hashing.video.messages import Job, crashed, parse_stills_line, parse_video_line

_WORKER = "takeback.hashing.video.worker"
"""By name: with the module would come the decoder, which the asking process is to do without."""

_JOBS_A_WORKER = 200
"""Then it is replaced: decoders leak a little."""

_START_S = 300.0
"""For the first start on a machine, when every kernel is compiled; later ones take one or two seconds."""

_LONGEST_ANSWER_BYTES = 256 * 2**20
_CHUNK_BYTES = 2**16
_STOP_S = 2.0


class VideoHasher:
    """Hashes videos, any number of threads at a time, each in one of a few processes that are used again.

    Close it, or use it in a ``with``. Nothing is started before the first video.

    Args:
        limits: what one video may cost.
        workers: processes at most; who comes when all are busy waits.
    """

    def __init__(self, limits: VideoLimits = VideoLimits(), workers: int = 1) -> None:  # noqa: B008 - a frozen value
        self._limits = limits
        self._idle: LifoQueue[_Worker | None] = LifoQueue()
        self._workers = workers
        for _ in range(workers):
            self._idle.put(None)

    def fingerprints_of(self, path: Path, *, edited_copies: bool = False) -> HashedVideo:
        """Fingerprints of a video for a list.

        Args:
            path: the file.
            edited_copies: also the regions of up to four pictures.

        Raises:
            UnusableMediaError: ``media.empty``, ``media.unknown_format``, ``media.no_video`` (sound only),
                ``media.unknown_codec``, ``media.too_large``, ``media.too_complex``, ``media.truncated``,
                ``media.damaged``, ``media.timeout``, ``media.crashed``.
            InvalidInputError: ``file.unreadable``.
            UnavailableError: ``video.worker`` if no process can be started.
        """
        return parse_video_line(self._run(Job(str(path.absolute()), "register", edited_copies)))

    def query_of(
        self, path: Path, *, regions: bool = False, is_near: Callable[[NDArray[np.uint8]], bool] | None = None
    ) -> HashedVideo:
        """What a platform asks by: see ``takeback.hashing.video.work.hash_to_ask``.

        Args:
            path: the file.
            regions: also the regions of up to twelve pictures; then the whole video is looked at in any case.
            is_near: whether one of some frames, (n, 32) uint8, is near any that is listed, such as
                ``MatchEngine.is_near_a_video``. If given, a video of ten seconds or more is looked at in passing first,
                and as a whole only if that says so. Docs: docs/video.md §4.4.

        Raises:
            UnusableMediaError: as ``fingerprints_of``, and so the others.
        """
        if is_near is not None and not regions:
            glimpse = parse_video_line(self._run(Job(str(path.absolute()), "glimpse")))
            if glimpse.duration_s < GLIMPSE_FROM_S:
                return glimpse
            seen = [form.values for form in glimpse.asked if len(form)]
            # A dark or empty beginning says nothing, so it cannot say that the rest is of no interest.
            if seen and not any(map(is_near, seen)):
                return glimpse
        return parse_video_line(self._run(Job(str(path.absolute()), "ask", regions)))

    def stills_of(self, path: Path, times_s: Sequence[float], *, long_side_px: int, blur: bool = True) -> list[bytes]:
        """Pictures for a reviewer: JPEG, grey, blurred unless asked otherwise.

        Args:
            path: the file.
            times_s: seconds from the first picture.
            long_side_px: the longer side of each.
            blur: whether to blur them.

        Raises:
            UnusableMediaError: as ``fingerprints_of``, and so the others.
        """
        job = Job(str(path.absolute()), "stills", False, tuple(times_s), long_side_px, blur)
        return parse_stills_line(self._run(job))

    def close(self) -> None:
        """End the processes once they are idle."""
        for _ in range(self._workers):
            worker = self._idle.get()
            if worker is not None:
                worker.stop()
        for _ in range(self._workers):
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, job: Job) -> bytes:
        worker = self._idle.get()
        try:
            if worker is None or worker.is_spent():
                if worker is not None:
                    worker.stop()
                worker = None
                worker = _Worker(self._limits)
            return worker.ask(job, self._limits.deadline_s)
        except BaseException:
            if worker is not None:
                worker.kill()
                worker = None
            raise
        finally:
            self._idle.put(worker)


class _Worker:
    """One process. For one thread at a time."""

    def __init__(self, limits: VideoLimits) -> None:
        arguments = [sys.executable, "-m", _WORKER, json.dumps(asdict(limits))]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
            )
        except OSError as error:
            raise UnavailableError("video.worker", "The process that reads videos cannot be started.") from error
        self._jobs = 0
        try:
            self._line(_START_S)
        except UnusableMediaError as error:
            self.kill()
            raise UnavailableError("video.worker", "The process that reads videos did not start.") from error

    def is_spent(self) -> bool:
        """Whether it has done its share, or is gone."""
        return self._jobs >= _JOBS_A_WORKER or self._process.poll() is not None

    def ask(self, job: Job, deadline_s: float) -> bytes:
        """One line for one line.

        Raises:
            UnusableMediaError: ``media.timeout``, ``media.crashed``; the process is of no use any more.
        """
        self._jobs += 1
        try:
            _pipe(self._process.stdin).write(json.dumps(asdict(job)).encode("ascii") + b"\n")
            _pipe(self._process.stdin).flush()
        except OSError as error:
            raise crashed() from error
        return self._line(deadline_s)

    def stop(self) -> None:
        """End it when it has nothing to do."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._ended()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._ended()

    def _ended(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # What was not sent before is what closing would send.
            with suppress(BrokenPipeError):
                _pipe(pipe).close()

    def _line(self, within_s: float) -> bytes:
        until = time.monotonic() + within_s
        number, parts, length = _pipe(self._process.stdout).fileno(), list[bytes](), 0
        while True:
            left_s = until - time.monotonic()
            if left_s <= 0 or not select.select([number], [], [], left_s)[0]:
                raise UnusableMediaError("media.timeout", "This video takes longer to read than we allow.")
            part = os.read(number, _CHUNK_BYTES)
            length += len(part)
            if not part or length > _LONGEST_ANSWER_BYTES:
                raise crashed()
            parts.append(part)
            if part.endswith(b"\n"):
                return b"".join(parts)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise UnavailableError("video.worker", "The process that reads videos has no pipe.")
    return pipe


def _environment() -> dict[str, str]:
    """Without our own settings, among which are secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAKEBACK_")}
