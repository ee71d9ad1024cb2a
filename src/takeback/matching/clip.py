"""A video as arrays: the frames it is known or asked by, and when each is seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.model.video import TICKS_A_SECOND, WEAK_FRAME_QUALITY, parse_video

_VALUE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of one video. Values are sensitive, so never part of a ``repr``.

    Args:
        values: (n, 32) uint8, bit 0 is the most significant bit of byte 0.
        ticks: (n,) int64 or float64, strictly ascending, quarters of a second; an index keeps sixteenths.
        qualities: (n,) uint8, PDQ's quality of each. ``None``: all are good.
    """

    values: NDArray[np.uint8]
    ticks: NDArray[np.int64] | NDArray[np.float64]
    qualities: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.ticks)

    @property
    def weak(self) -> NDArray[np.bool_]:
        """(n,): whether a frame is nearly flat, so that more is asked of it."""
        if self.qualities is None:
            return np.zeros(len(self), np.bool_)
        return self.qualities < WEAK_FRAME_QUALITY

    def __repr__(self) -> str:
        return f"Clip({len(self)} frames)"


def parse_clip(untrusted_value: str, min_quality: int) -> Clip:
    """The arrays of a ``vpdq`` value, without frames of a lower quality: black and flat ones are in every video.

    Raises:
        InvalidInputError: ``fingerprint.format``.
    """
    video = parse_video(untrusted_value)
    frames = [one for one in video.frames if one.quality >= min_quality]
    values = np.frombuffer(b"".join(one.pdq for one in frames), np.uint8).reshape(-1, _VALUE_BYTES)
    quarters = np.array([one.tick for one in frames], np.float64) * (TICKS_A_SECOND / video.ticks_a_second)
    return Clip(values, quarters, np.array([one.quality for one in frames], np.uint8))
