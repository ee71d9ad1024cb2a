"""What a JPEG file will cost to decode, told from its markers before a decoder sees it, and a cheaper file to decode.

A progressive file comes in scans, each a pass over coefficients of the whole picture. A few kilobytes can declare
thousands of them over gigabytes; and an honest file holds many that a picture shrunk by 2, 4 or 8 does not need.

**Source:** ITU-T T.81 §B.1 and §B.2 (markers and headers), §G.1 (progressive mode).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from takeback.errors import UnusableMediaError

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = 0xC2
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_MAX_SEGMENTS = 10_000

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""What starts a segment or ends coded data: not a stuffed byte, not a restart, not a fill byte before a marker.

A pattern that begins with one plain byte is searched for twenty times faster than one with ``\xff+``.
"""

_LAST_COEFFICIENT = {8: 0, 4: 4, 2: 24}
"""Shrinking factor to the last coefficient, in zigzag order, that shows in a block of 1, 2×2 or 4×4 pixels."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment: where its marker starts, and where what follows the marker does."""

    marker: int
    start: int
    header: int


@dataclass(frozen=True, slots=True)
class JpegPlan:
    """What the markers of a JPEG file announce; pixels as stored, not as displayed.

    Args:
        width: pixels.
        height: pixels.
        progressive: whether it comes in passes of growing precision.
        scans: how many passes; 1 if the first holds everything, as what may follow is then never read.
        segments: all of them down to the end marker, or to that one scan.
    """

    width: int
    height: int
    progressive: bool
    scans: int
    segments: tuple[Segment, ...]


def plan_of(data: bytes) -> JpegPlan:
    """Read the frame and how many scans there are.

    Raises:
        UnusableMediaError: ``media.truncated`` if the file ends before its end marker, ``media.damaged`` if it has no
            frame or no scan, ``media.too_complex`` for a file of very many segments.
    """
    frame: Segment | None = None
    scans = 0
    segments: list[Segment] = []
    for segment in _segments(data):
        segments.append(segment)
        if segment.marker in _FRAMES and frame is None:
            frame = segment
        elif segment.marker == _START_OF_SCAN and frame is not None:
            scans += 1
            if frame.marker != _PROGRESSIVE and _byte(data, segment.header + 2) == _byte(data, frame.header + 7):
                break
    if frame is None or not scans:
        raise UnusableMediaError("media.damaged", "This file is damaged and cannot be read.")
    height, width = _short(data, frame.header + 3), _short(data, frame.header + 5)
    return JpegPlan(width, height, frame.marker == _PROGRESSIVE, scans, tuple(segments))


def without_detail(data: bytes, plan: JpegPlan, factor: int) -> bytes:
    """The same file without the scans that a picture shrunk while reading does not show.

    What refines coefficients, and what adds those of higher frequency than the shrunk blocks can show, is left out:
    two thirds of a progressive file. Its luma then differs by rounding only. Other files are returned as they are.

    Args:
        data: the file.
        plan: of this file.
        factor: 2, 4 or 8.
    """
    if not plan.progressive:
        return data
    parts = [data[:2]]
    for segment, following in pairwise(plan.segments):
        if segment.marker != _START_OF_SCAN or _shows(data, segment, factor):
            parts.append(data[segment.start : following.start])
    parts.append(b"\xff\xd9")
    return b"".join(parts)


def _shows(data: bytes, scan: Segment, factor: int) -> bool:
    parameters = scan.header + 3 + 2 * _byte(data, scan.header + 2)
    first, precision = _byte(data, parameters), _byte(data, parameters + 2)
    return first == 0 or (first <= _LAST_COEFFICIENT[factor] and precision >> 4 == 0)


def _segments(data: bytes) -> Iterator[Segment]:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            raise UnusableMediaError(
                "media.truncated", "This file ends too early. It may not have been copied in full."
            )
        segment = Segment(data[found.end() - 1], found.start(), found.end())
        yield segment
        if segment.marker == _END_OF_IMAGE:
            return
        at = segment.header + _short(data, segment.header)
    raise UnusableMediaError("media.too_complex", "This picture is built in an unusual way that we do not decode.")


def _byte(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 1])


def _short(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2])
