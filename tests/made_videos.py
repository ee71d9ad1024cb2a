"""Small videos made for a test: a picture that a window moves over, scene after scene."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]

ROTATIONS = {
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
"""Degrees clockwise that a player turns the picture, to the four numbers of an MP4 track's matrix."""


@dataclass(frozen=True, slots=True)
class Encoding:
    codec: str = "libx264"
    rate: int = 10
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "18"})
    format: str | None = None
    pix_fmt: str = "yuv420p"
    times: Sequence[int] | None = None
    """Milliseconds of each frame, where they are not even."""


def scene(seed: int, count: int, width: int = 240, height: int = 208, pace: int = 1) -> list[Frame]:
    """A window that moves over a picture of soft spots; different seeds are different pictures."""
    spots = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    wide = Image.fromarray(spots).resize((width * 2, height + 8), Image.Resampling.BICUBIC)
    ground = np.asarray(wide)
    return [ground[4 : 4 + height, at : at + width] for at in (number * pace % width for number in range(count))]


def write(path: Path, frames: Iterable[Frame], encoding: Encoding = Encoding()) -> Path:
    pictures = list(frames)
    with av.open(str(path), "w", format=encoding.format) as container:
        added = container.add_stream(encoding.codec, rate=encoding.rate, options=dict(encoding.options))
        stream = cast("VideoStream", added)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = encoding.pix_fmt
        if encoding.times is not None:
            stream.time_base = Fraction(1, 1000)
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if encoding.times is not None:
                frame.pts, frame.time_base = encoding.times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file of the same container without any pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for number in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            sound.sample_rate, sound.pts = 44100, number * 1024
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return path


def turned(path: Path, degrees: int) -> Path:
    """Write a rotation into an MP4's track header, as a phone does. Source: ISO/IEC 14496-12 §8.3.2."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = ROTATIONS[degrees]
    for place, number in ((0, a), (4, b), (12, c), (16, d)):
        data[at + place : at + place + 4] = (number * 65536).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path
