"""What one video may cost. A limit on what a file declares is checked first; time and memory end the worker."""

from dataclasses import dataclass

MAX_DURATION_S = 16_384
"""What comes later is not looked at. Times are two bytes of quarter seconds; docs/video.md §1."""

GLIMPSE_FROM_S = 10.0
"""Shorter videos are looked at as a whole at once; docs/video.md §4.4."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """The largest video that is worked on; a platform lowers these to what it accepts anyway.

    Args:
        max_bytes: of the file.
        max_pixels: of one picture; 8K is 33 million.
        max_packets: of the video track; the index keeps about a hundred bytes of each.
        max_errors: pictures that could not be decoded before the rest is left alone.
        deadline_s: seconds from the request to the answer, after which the worker is killed.
        memory_bytes: what a worker may take on top of what it has when idle.
        threads: of one decoder; 0 for as many as there are cores, at most four.
    """

    max_bytes: int = 8 * 2**30
    max_pixels: int = 36_000_000
    max_packets: int = 2_000_000
    max_errors: int = 200
    deadline_s: float = 600.0
    memory_bytes: int = 3 * 2**30
    threads: int = 0
