"""What a JPEG file will cost to decode, told from its markers before a decoder sees it.

A progressive file is decoded in passes over coefficients of the whole picture: a few kilobytes can declare thousands of
passes over gigabytes. **Source:** ITU-T T.81 §B.1 (markers), §G (progressive).
"""

import re
from dataclasses import dataclass

from takeback.errors import UnusableMediaError

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_MAX_SEGMENTS = 10_000

_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7\x01]")
"""A marker that ends entropy-coded data or starts a segment: not a stuffed byte, not a restart."""


@dataclass(frozen=True, slots=True)
class JpegPlan:
    """What the markers of a JPEG file announce."""

    width: int
    height: int
    scans: int


def plan_of(data: bytes) -> JpegPlan:
    """Read frame size and number of scans.

    Raises:
        UnusableMediaError: ``media.truncated`` if the file ends before its first scan, ``media.damaged`` if there is no
            frame before it, ``media.too_complex`` for a file of very many segments.
    """
    width = height = scans = 0
    at = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None or data[found.end() - 1] == _END_OF_IMAGE:
            return _checked(JpegPlan(width, height, scans), ended=found is not None)
        marker, at = data[found.end() - 1], found.end()
        if marker in _FRAME_MARKERS and not scans:
            height, width = int.from_bytes(data[at + 3 : at + 5], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        scans += marker == _START_OF_SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    raise UnusableMediaError("media.too_complex", "This picture is built in an unusual way that we do not decode.")


def _checked(plan: JpegPlan, *, ended: bool) -> JpegPlan:
    if not plan.scans and not ended:
        raise UnusableMediaError("media.truncated", "This file ends too early. It may not have been copied in full.")
    if not plan.scans or not plan.width or not plan.height:
        raise UnusableMediaError("media.damaged", "This file is damaged and cannot be read.")
    return plan
