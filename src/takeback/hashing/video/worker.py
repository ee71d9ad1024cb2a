"""The process that decodes: ``python -m takeback.hashing.video.worker LIMITS``, started by ``VideoHasher`` only.

It gives up what it does not need before it reads the first file: core dumps, large files, many files, more memory than
its limit. What it is asked stands on standard input, what it answers goes to standard output, one line each. FFmpeg
writes to neither: both are moved away from the numbers that C code knows.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from takeback.errors import TakebackError, UnusableMediaError
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.luma import warm_up
from takeback.hashing.video.messages import Job, crashed, error_line, stills_line, video_line
from takeback.hashing.video.stills import stills_of
from takeback.hashing.video.work import hash_glimpse, hash_to_ask, hash_to_register

_MOST_FILES = 64
_LARGEST_WRITTEN_BYTES = 64 * 2**20
"""Only numba writes, its compiled kernels, and only the first time on a machine."""

_LATE_S = 5
"""A worker whose parent is gone ends by itself, this much after its deadline."""


def main(limits: VideoLimits) -> None:
    """Answer until the input ends."""
    asked, answers = _private_pipes()
    warm_up()
    _give_up_rights(limits)
    answers.write(b"{}\n")
    answers.flush()
    for line in asked:
        signal.alarm(int(limits.deadline_s) + _LATE_S)
        answers.write(_answer(line, limits))
        answers.flush()
        signal.alarm(0)


def _answer(line: bytes, limits: VideoLimits) -> bytes:
    job = Job(**json.loads(line))
    try:
        return _done(job, limits)
    except TakebackError as error:
        return error_line(error)
    except MemoryError:
        return error_line(UnusableMediaError("media.too_large", "This video needs more memory than we allow."))
    except Exception:  # noqa: BLE001 - hostile bytes reach this far, and the answer has to be one the other side knows
        return error_line(crashed())


def _done(job: Job, limits: VideoLimits) -> bytes:
    path = Path(job.path)
    match job.kind:
        case "register":
            return video_line(hash_to_register(path, limits, edited_copies=job.extras))
        case "ask":
            return video_line(hash_to_ask(path, limits, regions=job.extras))
        case "glimpse":
            return video_line(hash_glimpse(path, limits))
        case _:
            times_s = tuple(job.times_s)
            return stills_line(stills_of(path, limits, times_s, long_side_px=job.long_side_px, blur=job.blur))


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return asked, answers


def _give_up_rights(limits: VideoLimits) -> None:
    virtual_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    in_use = virtual_pages * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, in_use + limits.memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MOST_FILES),
        (resource.RLIMIT_FSIZE, _LARGEST_WRITTEN_BYTES),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


if __name__ == "__main__":
    main(VideoLimits(**json.loads(sys.argv[1])))
