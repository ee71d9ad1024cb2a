"""From a decoded picture to the numbers that are hashed: its luma as it was coded, upright.

The Y plane is taken as the decoder gives it, at full size: decoders of a standard agree in every bit, conversions to
RGB do not. docs/video.md §3 and §5.
"""

from dataclasses import dataclass
from typing import TypeVar, cast

import av
import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from takeback.hashing.direct import Axis, samples_of_luma
from takeback.hashing.downsample import Matrix, kernel, luma_tables, shrink
from takeback.hashing.pdq import PdqHash, forms_of_samples
from takeback.hashing.variants import Box, content_boxes

Grey = NDArray[np.uint8]
"""(height, width) uint8."""

_Number = TypeVar("_Number", np.uint8, np.uint16)

_FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG."""

_BLACK, _SCALE = np.float32(16), np.float32(255 / 219)
_DIRECT_FROM_PX = 200
_LEAST_SIDE_PX = 5
_SMALL_SIDE_PX = 512
_MIRRORED = 5
"""Which of the eight forms is the picture mirrored left to right."""


@dataclass(frozen=True, slots=True)
class Luma:
    """The luma of a picture, upright.

    Args:
        pixels: as coded.
        full_range: whether 0 is black and 255 white, not 16 and 235.
    """

    pixels: Grey
    full_range: bool


def warm_up() -> None:
    """Compile the kernels, or load them from the cache on disk, before the first video comes."""
    for side in (_DIRECT_FROM_PX, _SMALL_SIDE_PX * 2):
        outermost_box(small(Luma(np.zeros((side, side), np.uint8), full_range=False)))
        hash_of(Luma(np.zeros((side, side), np.uint8), full_range=False))
    hash_of(Luma(np.zeros((8, 8), np.uint8), full_range=True))


def luma_of(frame: av.VideoFrame) -> Luma:
    """The luma of a decoded picture. A view of the decoder's memory if nothing had to be done to it."""
    grey = _coded_luma(frame)
    full_range = grey is None or frame.format.name.startswith("yuvj") or int(frame.color_range) == _FULL_RANGE
    pixels = _luma_of_colours(frame) if grey is None else grey
    quarters = round(frame.rotation / 90) % 4
    return Luma(np.rot90(pixels, quarters) if quarters else pixels, full_range)


def hash_of(luma: Luma) -> tuple[PdqHash, PdqHash]:
    """PDQ of a picture, and of the picture mirrored left to right."""
    height, width = luma.pixels.shape
    if min(height, width) < _LEAST_SIDE_PX:
        blank = PdqHash(bytes(32), 0)
        return blank, blank
    samples = _samples_of(np.ascontiguousarray(luma.pixels))
    forms = forms_of_samples(samples if luma.full_range else (samples - _BLACK) * _SCALE)
    return forms[0], forms[_MIRRORED]


def small(luma: Luma) -> Luma:
    """The picture shrunk by the largest whole factor that leaves 512 pixels of the longer side."""
    factor = max(1, min(max(luma.pixels.shape) // _SMALL_SIDE_PX, *luma.pixels.shape))
    return luma if factor == 1 else Luma(_shrunk(np.ascontiguousarray(luma.pixels), factor), luma.full_range)


def cut(luma: Luma, box: Box) -> Luma:
    """A part of a picture."""
    return Luma(box.of(luma.pixels), luma.full_range)


def outermost_box(luma: Luma) -> Box | None:
    """What is left of a small picture without bars and interface; ``None`` where there are none."""
    boxes = content_boxes(luma.pixels[:, :, np.newaxis])
    return boxes[0] if boxes else None


def expanded(luma: Luma) -> Grey:
    """The pixels with 0 for black and 255 for white, in memory of their own."""
    if luma.full_range:
        return luma.pixels.copy()
    levels = np.floor((np.arange(256) - 16) * 255 / 219 + 0.5)
    return np.clip(levels, 0, 255).astype(np.uint8)[luma.pixels]


def _coded_luma(frame: av.VideoFrame) -> Grey | None:
    """The Y plane in 8 bit; ``None`` where there is no such plane."""
    parts = frame.format.components
    alone = all(part.plane != parts[0].plane or part is parts[0] for part in parts[1:])
    if not parts[0].is_luma or not alone or frame.format.has_palette or frame.format.is_big_endian:
        return None
    plane, bits = frame.planes[0], parts[0].bits
    if bits == 8:
        return _plane(plane, np.uint8, 1)[:, : frame.width]
    if not 8 < bits <= 16:
        return None
    wide = _plane(plane, np.uint16, 2)[:, : frame.width]
    # P010 and its family keep their bits at the top of the word.
    at_top = frame.format.name.startswith(("p0", "p2", "p4"))
    narrow: Grey = (wide >> (8 if at_top else bits - 8)).astype(np.uint8)
    return narrow


def _plane(plane: VideoPlane, dtype: type[_Number], size: int) -> NDArray[_Number]:
    memory = cast("memoryview", plane)
    return np.frombuffer(memory, dtype).reshape(plane.height, plane.line_size // size)


def _luma_of_colours(frame: av.VideoFrame) -> Grey:
    colours = frame.to_ndarray(format="rgb24").astype(np.float64)
    grey: Grey = np.floor(colours @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8)
    return grey


def _samples_of(pixels: Grey) -> Matrix:
    height, width = pixels.shape
    if min(height, width) >= _DIRECT_FROM_PX:
        return samples_of_luma(pixels, Axis(height, 1, cut_first=False), Axis(width, 1, cut_first=False))
    samples = np.empty((64, 64), np.float32)
    shrink(pixels[:, :, np.newaxis], luma_tables(), samples)
    return samples


@kernel
def _shrunk(pixels: Grey, factor: int) -> Grey:
    """Averages of squares, rounded; a rest at the right and the bottom is left out."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    out = np.empty((height, width), np.uint8)
    sums = np.empty(width * factor, np.uint32)
    count = np.uint32(factor * factor)
    for y in range(height):
        # Down first, along memory; then across, a factor-th of the additions.
        sums[:] = 0
        for row in pixels[y * factor : (y + 1) * factor]:
            for x in range(width * factor):
                sums[x] += row[x]
        for x in range(width):
            total = count // np.uint32(2)
            for each in range(x * factor, (x + 1) * factor):
                total += sums[each]
            out[y, x] = total // count
    return out
