"""The luma of an ordinary JPEG without what Pillow does around its decoder: half of a query's time.

Baseline files are read by ourselves (baseline/). Others, such as progressive ones, go to the library straight away if
nothing in them is unusual: luma and two colours, upright, not to be shrunk, without a single complaint of the decoder.
Whatever else comes is left to the other way, so that all accept and refuse the same files. docs/adr/0021 has the
measurements.
"""

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from takeback.hashing import jpeg
from takeback.hashing.baseline import baseline_luma
from takeback.hashing.orientation import UPRIGHT, orientation_of


def quick_luma(data: bytes, plan: jpeg.JpegPlan, factor: int = 1) -> NDArray[np.uint8] | None:
    """The pixels, (height, width) uint8; ``None`` for a file that is to be decoded in the other way.

    Args:
        data: the file.
        plan: of this file; its size has been held against the limits.
        factor: 2, 4 or 8 for a picture shrunk by so much while it is read, its sides rounded up.
    """
    exif = jpeg.exif_of(data, plan)
    if exif is None or orientation_of(exif) != UPRIGHT:
        return None
    try:
        ours = baseline_luma(data, plan, factor)
        if ours is not None or factor > 1 or not jpeg.luma_comes_first(data, plan):
            return ours
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except (ValueError, MemoryError):
        return None
    return pixels[:, :, 0] if pixels.shape == (plan.height, plan.width, 1) else None


def warm_up() -> None:
    """Compile the kernels, or load them from the cache on disk, before the first file comes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    quick_luma(file.getvalue(), jpeg.plan_of(file.getvalue()))
