"""Videos that are made up: frames of random bits, and what happens to them when a video is copied."""

import numpy as np
from numpy.typing import NDArray

from takeback.matching.clip import Clip
from takeback.model.video import Video, VideoFrame, video_value

Values = NDArray[np.uint8]


def drawn(rng: np.random.Generator, count: int) -> Values:
    return rng.integers(0, 256, (count, 32), np.uint8)


def changed(rng: np.random.Generator, values: Values, bits: int) -> Values:
    """The same values with exactly so many bits of each turned."""
    ranks = rng.random((len(values), 256)).argsort(axis=1)
    return values ^ np.packbits(ranks < bits, axis=1)


def every_second(values: Values, start: int = 0, pace: float = 1.0) -> Clip:
    """One frame a second, from a tick on."""
    return Clip(values, (start + np.round(4 * pace * np.arange(len(values)))).astype(np.int64))


def joined(*clips: Clip) -> Clip:
    """One after the other, a second apart."""
    ticks, end = [], 0.0
    for one in clips:
        ticks.append(one.ticks - one.ticks[0] + end)
        end = float(ticks[-1][-1]) + 4
    return Clip(np.concatenate([one.values for one in clips]), np.concatenate(ticks))


def value_of(clip: Clip, quality: int = 80) -> str:
    """The fingerprint's text."""
    frames = [VideoFrame(row.tobytes(), int(tick), quality) for row, tick in zip(clip.values, clip.ticks, strict=True)]
    return video_value(Video(5, tuple(frames)))
