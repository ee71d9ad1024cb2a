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
_QUANTIZATION = 0xDB
_ADOBE = 0xEE
_APP1 = 0xE1
_EXIF = b"Exif\x00\x00"
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
        frame: the segment that says so.
        segments: all of them down to the end marker, or to that one scan.
    """

    width: int
    height: int
    progressive: bool
    scans: int
    frame: Segment
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
    return JpegPlan(width, height, frame.marker == _PROGRESSIVE, scans, frame, tuple(segments))


def without_detail(data: bytes, plan: JpegPlan, factor: int, *, luma_only: bool) -> bytes:
    """The same file without what a picture shrunk while reading does not show; other than progressive, as it is.

    Scans of coefficients of a higher frequency than the shrunk blocks can show are left out, and scans that only add
    precision to the others: nine tenths of the bytes. Where luma alone is wanted, scans of colour go as well.

    Args:
        data: the file.
        plan: of this file.
        factor: 2, 4 or 8.
        luma_only: whether colours are not wanted.
    """
    if not plan.progressive:
        return data
    without_colour = luma_only and luma_comes_first(data, plan)
    parts = [data[:2]]
    for segment, following in pairwise(plan.segments):
        part = data[segment.start : following.start]
        if segment.marker == _QUANTIZATION and without_colour:
            part = _without_smoothing(part, data, plan)
        if segment.marker != _START_OF_SCAN or _shows(data, segment, plan, factor, without_colour):
            parts.append(part)
    parts.append(b"\xff\xd9")
    return b"".join(parts)


def exif_of(data: bytes, plan: JpegPlan) -> bytes | None:
    """The Exif block, empty where there is none; ``None`` where there are several and a decoder has to say which."""
    starts = [s.header + 2 for s in plan.segments if s.marker == _APP1]
    blocks = [start for start in starts if data[start : start + len(_EXIF)] == _EXIF]
    if len(blocks) > 1:
        return None
    return data[blocks[0] : blocks[0] + _short(data, blocks[0] - 2) - 2] if blocks else b""


def luma_comes_first(data: bytes, plan: JpegPlan) -> bool:
    """Whether the first of three components is luma. Source: T.871 §7; Adobe TN 5116 §18 for the exception."""
    adobe = (s.header for s in plan.segments if s.marker == _ADOBE and data[s.header + 2 : s.header + 7] == b"Adobe")
    plain_rgb = any(_byte(data, header + 13) == 0 for header in adobe)
    components = _components(data, plan)
    return len(components) == 3 and not plain_rgb and bytes(identifier for identifier, _ in components) != b"RGB"


def _components(data: bytes, plan: JpegPlan) -> list[tuple[int, int]]:
    """Identifier and number of the quantization table, one pair a component."""
    first = plan.frame.header + 8
    starts = range(first, first + 3 * _byte(data, first - 1), 3)
    return [(_byte(data, at), _byte(data, at + 2)) for at in starts]


def _shows(data: bytes, scan: Segment, plan: JpegPlan, factor: int, without_colour: bool) -> bool:
    components = _byte(data, scan.header + 2)
    parameters = scan.header + 3 + 2 * components
    first_coefficient, refines = _byte(data, parameters), _byte(data, parameters + 2) >> 4 > 0
    if first_coefficient == 0:
        return not (refines and without_colour)
    of_luma = _byte(data, scan.header + 3) == _byte(data, plan.frame.header + 8)
    return not refines and first_coefficient <= _LAST_COEFFICIENT[factor] and (of_luma or not without_colour)


def _without_smoothing(tables: bytes, data: bytes, plan: JpegPlan) -> bytes:
    """A quantization segment whose tables for colour have a zero.

    libjpeg guesses the detail that is missing, for luma too, and takes as long as for decoding; it does not if a
    divisor of any component is zero. Colour is not decoded, so its tables may be spoilt, unless luma shares them.
    """
    luma, *colours = (table for _, table in _components(data, plan))
    spoilt = bytearray(tables)
    at = 4
    while at < len(spoilt):
        wide, table = spoilt[at] >> 4, spoilt[at] & 15
        if table in colours and table != luma:
            spoilt[at + 2 + wide : at + 3 + 2 * wide] = bytes(1 + wide)
        at += 1 + 64 * (1 + wide)
    return bytes(spoilt)


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
