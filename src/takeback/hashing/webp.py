"""The canvas size of a WebP file, read before its decoder, which takes memory for the canvas in the act of opening.

**Source:** RFC 9649 §2.5 to §2.7.
"""

from takeback.errors import UnusableMediaError

_SMALLEST_HEADER = 30


def canvas_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        UnusableMediaError: ``media.truncated`` if the header is not there in full, ``media.damaged`` if it is not one.
    """
    if len(data) < _SMALLEST_HEADER:
        raise UnusableMediaError("media.truncated", "This file ends too early. It may not have been copied in full.")
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise UnusableMediaError("media.damaged", "This file is damaged and cannot be read.")
