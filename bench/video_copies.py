"""Copies of a video as people make them: coded anew, cut, cropped, framed, mirrored, slowed, filmed from a screen.

Made with PyAV and kept in a folder, because making them takes longer than everything that is measured on them.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Timed = tuple[float, Pixels]
H264 = {"preset": "veryfast", "crf": "26"}


@dataclass(frozen=True, slots=True)
class Source:
    """A video's first seconds, decoded once and made small, upright."""

    name: str
    frames: list[Timed]

    @property
    def duration_s(self) -> float:
        return self.frames[-1][0] + 1 / 30


@dataclass(frozen=True, slots=True)
class Copy:
    """One way to copy. ``edit`` gets the source and those it may be mixed with; ``None`` where it does not apply."""

    name: str
    edit: Callable[[Source, Sequence[Source]], Iterable[Timed] | None]
    codec: str = "libx264"
    suffix: str = ".mp4"
    options: dict[str, str] = field(default_factory=lambda: dict(H264))


def read_source(path: Path, seconds: float, height: int) -> Source:
    """The first seconds, at most so high, at most thirty pictures a second."""
    frames: list[Timed] = []
    with av.open(str(path)) as container:
        start: float | None = None
        for frame in container.decode(video=0):
            start = frame.time if start is None else start
            time_s = (frame.time or 0.0) - (start or 0.0)
            if time_s > seconds:
                break
            if frames and time_s - frames[-1][0] < 1 / 31:
                continue
            scale = min(1.0, height / min(frame.width, frame.height))
            size = [max(16, int(side * scale) // 2 * 2) for side in (frame.width, frame.height)]
            small = frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
            frames.append((time_s, np.ascontiguousarray(np.rot90(small, round(frame.rotation / 90) % 4))))
    return Source(path.name, frames)


def write(path: Path, frames: Iterable[Timed], copy: Copy) -> None:
    part = path.with_name("part-" + path.name)
    with av.open(str(part), "w") as container:
        stream = cast("VideoStream", container.add_stream(copy.codec, rate=30, options=dict(copy.options)))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        last = -1
        for number, (time_s, pixels) in enumerate(frames):
            if number == 0:
                stream.height, stream.width = (side // 2 * 2 for side in pixels.shape[:2])
            even = np.ascontiguousarray(pixels[: stream.height, : stream.width])
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            last = max(last + 1, round(time_s * 1000))
            frame.pts, frame.time_base = last, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(path)


def copies() -> list[Copy]:
    quick = {"deadline": "realtime", "cpu-used": "8", "b": "250k"}
    hevc = {"preset": "ultrafast", "crf": "32", "x265-params": "log-level=0"}
    return [
        Copy("recode-h264-low", _same, options={"preset": "veryfast", "crf": "36"}),
        Copy("recode-hevc", _same, "libx265", ".mkv", hevc),
        Copy("recode-vp8", _same, "libvpx", ".webm", quick),
        Copy("recode-vp9", _same, "libvpx-vp9", ".webm", quick),
        Copy("recode-av1", _same, "libsvtav1", ".mp4", {"preset": "11", "crf": "50"}),
        Copy("recode-mpeg4-avi", _same, "mpeg4", ".avi", {"b": "700k"}),
        Copy("scale-180", lambda source, _: ((at, _scaled(pixels, 180)) for at, pixels in source.frames)),
        Copy("frame-rate-15", _half_rate),
        Copy("letterbox", lambda source, _: ((at, _letterboxed(pixels)) for at, pixels in source.frames)),
        Copy("mirror", lambda source, _: ((at, np.ascontiguousarray(pixels[:, ::-1])) for at, pixels in source.frames)),
        Copy("trim-middle-third", lambda source, _: _piece(source, source.duration_s / 3, source.duration_s / 3)),
        Copy("clip-5s", _clip),
        Copy("compilation", _compilation),
        Copy("crop-10", _cropped),
        Copy("logo-caption", lambda source, _: ((at, _captioned(pixels)) for at, pixels in source.frames)),
        Copy("speed-125", lambda source, _: ((at / 1.25, pixels) for at, pixels in source.frames)),
        Copy("phone-recording", _filmed),
    ]


def with_furniture(source: Source, kind: str) -> Iterator[Timed]:
    """What unrelated videos share: two black seconds, a title card of two seconds, or a logo all the time."""
    height, width, _ = source.frames[0][1].shape
    if kind == "logo":
        yield from ((at, _with_logo(pixels)) for at, pixels in source.frames)
        return
    card = np.zeros((height, width, 3), np.uint8) if kind == "black" else _card(width, height)
    yield from ((number / 10, card) for number in range(20))
    yield from ((2 + at, pixels) for at, pixels in source.frames)


def _same(source: Source, _: Sequence[Source]) -> Iterable[Timed]:
    return source.frames


def _scaled(pixels: Pixels, height: int) -> Pixels:
    size = (max(16, round(pixels.shape[1] * height / pixels.shape[0]) // 2 * 2), height)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _half_rate(source: Source, _: Sequence[Source]) -> Iterable[Timed]:
    last = -1.0
    for at, pixels in source.frames:
        if at - last >= 1 / 15 - 0.001:
            last = at
            yield at, pixels


def _letterboxed(pixels: Pixels) -> Pixels:
    height, width, _ = pixels.shape
    bars = max(height, width) // 5 // 2 * 2
    out = np.zeros((height + 2 * bars, width, 3), np.uint8)
    out[bars : bars + height] = pixels
    return out


def _piece(source: Source, start_s: float, length_s: float, shift_s: float = 0.0) -> Iterator[Timed]:
    for at, pixels in source.frames:
        if start_s <= at < start_s + length_s:
            yield at - start_s + shift_s, pixels


def _clip(source: Source, _: Sequence[Source]) -> Iterable[Timed] | None:
    return _piece(source, (source.duration_s - 5) * 0.6, 5) if source.duration_s >= 7.5 else None


def _compilation(source: Source, others: Sequence[Source]) -> Iterable[Timed] | None:
    """Ten seconds of another, the clip, ten seconds of a third, all in one size."""
    chosen = random.Random(source.name).sample([one for one in others if one.duration_s >= 4], 2)
    start_s = 0.0
    parts = []
    for one in (chosen[0], source, chosen[1]):
        parts.append((one, start_s))
        start_s += min(one.duration_s, 10.0)
    return ((at, _fitted(pixels)) for one, begins_s in parts for at, pixels in _piece(one, 0.0, 10.0, begins_s))


def _fitted(pixels: Pixels) -> Pixels:
    """Scaled into 480 × 270; the picture is squeezed, as careless editors do."""
    return np.asarray(Image.fromarray(pixels).resize((480, 270), Image.Resampling.BILINEAR))


def _cropped(source: Source, _: Sequence[Source]) -> Iterable[Timed]:
    """A tenth of each side gone, not evenly."""
    place = random.Random(source.name)
    height, width, _ = source.frames[0][1].shape
    top, left = int(height * 0.1 * place.random()), int(width * 0.1 * place.random())
    bottom, right = top + int(height * 0.9), left + int(width * 0.9)
    return ((at, np.ascontiguousarray(pixels[top:bottom, left:right])) for at, pixels in source.frames)


def _with_logo(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    draw, size = ImageDraw.Draw(image), max(12, min(image.size) // 8)
    at = (image.width - size - size // 3, size // 3)
    draw.ellipse((*at, at[0] + size, at[1] + size), fill=(230, 40, 60))
    draw.text((at[0] + size * 0.3, at[1] + size * 0.15), "tv", font=ImageFont.load_default(size * 0.55), fill="white")
    return np.asarray(image)


def _captioned(pixels: Pixels) -> Pixels:
    image = Image.fromarray(_with_logo(pixels))
    size = max(10, image.height // 14)
    draw = ImageDraw.Draw(image)
    words = "wait for it... you will not believe this"
    place = (image.width // 2, int(image.height * 0.86))
    draw.text(place, words, font=ImageFont.load_default(size), fill="white", anchor="mm", stroke_width=2, stroke_fill=0)
    return np.asarray(image)


def _card(width: int, height: int) -> Pixels:
    image = Image.new("RGB", (width, height), (24, 32, 96))
    draw = ImageDraw.Draw(image)
    for number in range(6):
        left = width * number // 6
        draw.rectangle((left, height * 3 // 4, left + width // 12, height * 7 // 8), fill=(250, 200 - 20 * number, 40))
    font = ImageFont.load_default(max(12, height // 6))
    draw.text((width // 2, height // 3), "CHANNEL ONE", font=font, fill="white", anchor="mm")
    return np.asarray(image)


def _filmed(source: Source, _: Sequence[Source]) -> Iterator[Timed]:
    """A screen filmed by hand: tilted by up to two degrees, shaking, a little nearer, darker, with noise."""
    noise = np.random.default_rng(5)
    for at, pixels in source.frames:
        image = Image.fromarray(pixels)
        degrees, shift = 2 * np.sin(at), (2 * np.sin(at * 7), 2 * np.cos(at * 5))
        near = image.rotate(degrees, Image.Resampling.BILINEAR, translate=shift)
        edge_x, edge_y = image.width // 25, image.height // 25
        part = near.crop((edge_x, edge_y, image.width - edge_x, image.height - edge_y)).resize(image.size)
        dim = 255 * (np.asarray(part) / 255) ** 1.2 * 0.9 + noise.normal(0, 5, pixels.shape)
        yield at, np.clip(dim, 0, 255).astype(np.uint8)
