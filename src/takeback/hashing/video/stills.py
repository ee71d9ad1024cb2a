"""Single pictures of a video for a reviewer's eyes: small, grey and blurred like those of a picture."""

import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from takeback.hashing.preview import preview_of
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.track import open_video
from takeback.model.video import TICKS_A_SECOND


def stills_of(
    path: Path, limits: VideoLimits, times_s: Sequence[float], *, long_side_px: int, blur: bool
) -> list[bytes]:
    """The pictures shown at some times, as JPEG.

    Args:
        path: the file.
        limits: what it may cost.
        times_s: seconds from the first picture; rounded down to quarters, those after the end are the last picture.
        long_side_px: the longer side of the results.
        blur: whether to blur them.

    Raises:
        UnusableMediaError: see ``takeback.hashing.video.track.open_video``.
        InvalidInputError: ``file.unreadable``.
    """
    with open_video(path, limits) as track:
        last = track.index.tick_count - 1
        ticks = [min(max(int(time_s * TICKS_A_SECOND), 0), last) for time_s in times_s]
        shown: dict[int, bytes] = {}
        for stands_for, frame in track.pictures(sorted(set(ticks))):
            still = preview_of(_file_of(frame), long_side_px=long_side_px, blur=blur)
            shown |= dict.fromkeys(stands_for, still)
    return [shown[tick] for tick in ticks if tick in shown]


def _file_of(frame: av.VideoFrame) -> bytes:
    colours = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    upright = Image.fromarray(np.ascontiguousarray(colours))
    out = io.BytesIO()
    upright.save(out, "BMP")
    return out.getvalue()
