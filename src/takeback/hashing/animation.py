"""Frames of an animation beyond its first: GIF, animated PNG and WebP, AVIF sequences.

The first frame alone stands for an animation badly: it is often a title or black. So up to three more are hashed, a
quarter, a half and three quarters of the way through. They are reached by decoding all frames before them, so both
frames and pixels have a limit, and "the way" ends there. The page takes the same frames (web/src/worker/frames.ts). A
frame that cannot be read ends the list without an error: the picture that everybody sees, the first, was readable.

**Source:** GIF89a §17 to §26 (blocks).
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile

from takeback.errors import UnusableMediaError
from takeback.hashing.decode import decoder_errors, eight_bit, opened
from takeback.hashing.downsample import Pixels
from takeback.hashing.format import Format, format_of
from takeback.hashing.limits import Limits
from takeback.hashing.orientation import orientation_of, upright

_ANIMATED = frozenset({Format.GIF, Format.PNG, Format.WEBP, Format.AVIF})
_PARTS = 4

_EXTENSION, _IMAGE = 0x21, 0x2C


def further_frames(data: bytes, limits: Limits) -> tuple[Pixels, ...]:
    """Frames of an animation that are hashed beside its first; none for a still picture.

    Args:
        data: a file that ``decode`` has read.
        limits: what it may cost.
    """
    format_ = format_of(data)
    if format_ not in _ANIMATED:
        return ()
    frames: list[Pixels] = []
    try:
        with decoder_errors():
            image = opened(data, format_)
            pixels = max(1, image.width * image.height)
            most = min(limits.max_frames, limits.max_animation_pixels // pixels)
            orientation = orientation_of(image.info.get("exif") or b"")
            numbers = frame_numbers(_frames_in(image, data, format_, most))
            # What was read before one fails stays in the list.
            frames.extend(_frame(image, number, orientation) for number in numbers)
    except UnusableMediaError:
        return tuple(frames)
    return tuple(frames)


def frame_numbers(frames: int) -> tuple[int, ...]:
    """Which frames beside frame 0, of so many that may be reached."""
    return tuple(sorted({frames * part // _PARTS for part in range(1, _PARTS)} - {0}))


def _frames_in(image: ImageFile.ImageFile, data: bytes, format_: Format, most: int) -> int:
    if format_ is Format.GIF:
        # Pillow would go through all of them, and a small file may have millions.
        return sum(1 for _ in zip(range(most), _gif_frames(data), strict=False))
    return min(most, int(getattr(image, "n_frames", 1)))


def _frame(image: ImageFile.ImageFile, number: int, orientation: int) -> Pixels:
    # One after the other: some decoders step, and skip nothing anyway.
    image.seek(number)
    image.load()
    seen: Image.Image = upright(eight_bit(image), orientation)
    pixels = np.array(seen)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _gif_frames(data: bytes) -> Iterator[int]:
    """Where each frame of a GIF starts; stops where the file stops to make sense."""
    at = 13 + _table_bytes(data, 10)
    while at < len(data):
        if data[at] == _IMAGE and at + 10 < len(data):
            yield at
            at += 11 + _table_bytes(data, at + 9)
        elif data[at] == _EXTENSION:
            at += 2
        else:
            return
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1


def _table_bytes(data: bytes, at: int) -> int:
    """Length of the colour table that a packed field announces."""
    packed = data[at] if at < len(data) else 0
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0
