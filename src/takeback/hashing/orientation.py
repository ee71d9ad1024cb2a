"""The EXIF orientation, read by ourselves: eight values matter, and a broken block must not cost the picture.

**Source:** CIPA DC-008 (Exif 2.32) §4.6.4, tag 0x0112; TIFF 6.0 §2.
"""

import struct
from dataclasses import dataclass

from PIL import Image

_ORIENTATION_TAG = 0x0112
_SHORT = 3
_PREFIX = b"Exif\x00\x00"
UPRIGHT = 1

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(untrusted_exif: bytes) -> int:
    """The orientation, 1 to 8; 1 if the block does not say or cannot be read."""
    block = untrusted_exif.removeprefix(_PREFIX)
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, directory)
        for i in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", block, directory + 2 + 12 * i)
            if tag == _ORIENTATION_TAG:
                return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def turns_sides(orientation: int) -> bool:
    """Whether width and height change places when the picture is set upright."""
    return orientation >= 5


@dataclass(frozen=True, slots=True)
class CutsFirst:
    """Whether the pixels left over at the far end, when a decoder shrank a picture, are at the near end now."""

    down: bool
    across: bool


def cuts_first(orientation: int) -> CutsFirst:
    """Where the far ends of the stored picture went when it was set upright."""
    return CutsFirst(down=orientation in (3, 4, 7, 8), across=orientation in (2, 3, 6, 7))


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is meant to be seen."""
    transpose = _TRANSPOSE.get(orientation)
    return image if transpose is None else image.transpose(transpose)
