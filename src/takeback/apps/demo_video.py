"""A made-up video: a camera that moves over two landscapes. Nobody's film is needed, and nobody is in it."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from takeback.apps.demo_picture import landscape

Frame = NDArray[np.uint8]

_RATE = 8
_WIDTH, _HEIGHT = 480, 360
_SCENE_FRAMES = 40
_STEP_PX = 8


def film(path: Path, *seeds: int) -> None:
    """Write a video of five seconds for each seed.

    Args:
        path: where to; its ending says the container.
        seeds: of the landscapes, see ``landscape``.
    """
    _write(path, (frame for seed in seeds for frame in _scene(seed)), crf=20)


def trimmed_copy(path: Path, copy: Path) -> None:
    """What a re-share looks like: the middle half of a video, smaller, encoded anew and badly."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]
    quarter = len(frames) // 4
    _write(copy, (_smaller(frame) for frame in frames[quarter:-quarter]), crf=33)


def _scene(seed: int) -> Iterator[Frame]:
    wide = np.asarray(Image.open(io.BytesIO(landscape(seed))).resize((_WIDTH * 2, _HEIGHT * 2)))
    for number in range(_SCENE_FRAMES):
        left, top = number * _STEP_PX, number * _STEP_PX // 2
        yield wide[top : top + _HEIGHT, left : left + _WIDTH]


def _smaller(frame: Frame) -> Frame:
    return np.asarray(Image.fromarray(frame).resize((_WIDTH * 2 // 3, _HEIGHT * 2 // 3)))


def _write(path: Path, frames: Iterator[Frame], crf: int) -> None:
    with av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for pixels in frames:
            if stream is None:
                options = {"preset": "ultrafast", "crf": str(crf)}
                stream = container.add_stream("libx264", rate=_RATE, options=options)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
