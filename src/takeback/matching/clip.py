"""A video as arrays: the frames it is known or asked by, and when each is seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.model.video import parse_video

_VALUE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of one video. Values are sensitive, so never part of a ``repr``.

    Args:
        values: (n, 32) uint8, bit 0 is the most significant bit of byte 0.
        ticks: (n,) int64, strictly ascending, quarters of a second.
    """

    values: NDArray[np.uint8]
    ticks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ticks)

    def __repr__(self) -> str:
        return f"Clip({len(self)} frames)"


def parse_clip(untrusted_value: str, min_quality: int) -> Clip:
    """The arrays of a ``vpdq`` value, without frames of a lower quality: black and flat ones are in every video.

    Raises:
        InvalidInputError: ``fingerprint.format``.
    """
    frames = [one for one in parse_video(untrusted_value).frames if one.quality >= min_quality]
    values = np.frombuffer(b"".join(one.pdq for one in frames), np.uint8).reshape(-1, _VALUE_BYTES)
    return Clip(values, np.array([one.tick for one in frames], np.int64))
