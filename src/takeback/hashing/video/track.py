"""A file's video track, opened: its index, and the pictures that are asked of it, decoded with as little as that takes.

Left out without changing a picture: stretches between key pictures in which nothing is wanted, whatever follows the
last picture that is wanted in one, and pictures that no other one refers to, unless they are wanted themselves.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from takeback.errors import InvalidInputError, UnusableMediaError
from takeback.hashing.video.format import HEAD_BYTES, known_container_of
from takeback.hashing.video.index import Packet, VideoIndex, index_of
from takeback.hashing.video.limits import VideoLimits
from takeback.model.video import TICKS_A_SECOND

_CODECS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "h263", "mjpeg", "prores", "msmpeg4v3"}
)
"""What is decoded. Every further codec is further code that hostile files reach."""

_MOST_THREADS = 4
_SEEK_FROM_BYTES = 4 * 2**20
"""A shorter stretch is read through: a seek costs more than that."""


class VideoTrack:
    """The video track of an open file. Not for several threads at a time.

    Args:
        container: opened.
        stream: the track.
        limits: what it may cost.

    Raises:
        UnusableMediaError: ``media.damaged``, ``media.too_large``, ``media.too_complex``.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, limits: VideoLimits) -> None:
        self._container, self._stream, self._limits = container, stream, limits
        self.index: VideoIndex = _read_index(container, stream, limits)

    def pictures(
        self, ticks: Iterable[int], ticks_a_second: int = TICKS_A_SECOND
    ) -> Iterator[tuple[list[int], av.VideoFrame]]:
        """The pictures shown at some ticks, in order of time, each with the ticks it is shown at.

        A picture that cannot be decoded is left out.

        Raises:
            UnusableMediaError: ``media.damaged`` if the file cannot be read again.
        """
        wanted = self.index.pictures_at(ticks, ticks_a_second)
        decoder = _Decoder(self._stream, self._limits)
        with media_errors():
            for frame in self._decoded(decoder, wanted):
                stands_for = wanted.pop(frame.pts, None) if frame.pts is not None else None
                if stands_for is not None and not frame.is_corrupt:
                    yield stands_for, frame

    def _decoded(self, decoder: "_Decoder", wanted: dict[int, list[int]]) -> Iterator[av.VideoFrame]:
        pts_wanted = frozenset(wanted)
        packets = _Reader(self._container, self._stream, self.index)
        for first, last in self.index.runs_for(wanted):
            for packet in packets.read(first, last):
                yield from decoder.decode(packet, _pts_of(packet) in pts_wanted)
            yield from decoder.finish()


class _Reader:
    """Reads stretches of packets, forwards only."""

    def __init__(self, container: InputContainer, stream: VideoStream, index: VideoIndex) -> None:
        self._container, self._stream, self._index = container, stream, index
        self._bytes_a_packet = (container.size or 0) / max(1, len(index.packets))
        self._packets: Iterator[av.Packet[VideoStream]] = iter(())
        self._place = 0
        self._rewind()

    def read(self, first: int, last: int) -> Iterator["av.Packet[VideoStream]"]:
        if (first - self._place) * self._bytes_a_packet > _SEEK_FROM_BYTES:
            self._seek(first)
        while self._place <= last:
            packet = next(self._packets, None)
            if packet is None:
                return
            self._place += 1
            if self._place > first:
                yield packet

    def _seek(self, place: int) -> None:
        """Go to a packet, if the container leads there by its time; else stay and read through."""
        dts = self._index.packets[place].dts
        if dts is None:
            return
        before = self._place
        self._container.seek(dts, stream=self._stream)
        self._packets = _packets_of(self._container, self._stream)
        for found, packet in enumerate(self._packets, -1):
            if packet.dts == dts and packet.pts == self._index.packets[place].pts:
                self._packets, self._place = chain([packet], self._packets), place
                return
            if packet.dts is None or packet.dts > dts or found > place:
                break
        self._rewind()
        for _ in zip(range(before), self._packets, strict=False):
            self._place += 1

    def _rewind(self) -> None:
        self._container.seek(0)
        self._packets = _from_first_key(_packets_of(self._container, self._stream))
        self._place = 0


class _Decoder:
    """A decoder that can be told what is not wanted."""

    def __init__(self, stream: VideoStream, limits: VideoLimits) -> None:
        self._context = stream.codec_context
        self._errors_left = limits.max_errors
        self._skips = False
        self._used = False

    def decode(self, packet: "av.Packet[VideoStream]", wanted: bool) -> list[av.VideoFrame]:
        if self._skips == wanted:
            self._skips = not wanted
            self._context.skip_frame = "NONREF" if self._skips else "DEFAULT"
        self._used = True
        return self._frames(packet)

    def finish(self) -> list[av.VideoFrame]:
        """What is still inside; the next packet may come from anywhere."""
        frames = self._frames(None) if self._used else []
        self._context.flush_buffers()
        self._used = False
        return frames

    def _frames(self, packet: "av.Packet[VideoStream] | None") -> list[av.VideoFrame]:
        try:
            return self._context.decode(packet)
        except EOFError:
            return []
        except FFmpegError as error:
            self._errors_left -= 1
            if self._errors_left < 0 or error.errno == errno.ENOMEM:
                raise
            return []


@contextmanager
def open_video(path: Path, limits: VideoLimits, *, rough: bool = False) -> Iterator[VideoTrack]:
    """Open a video.

    Args:
        path: the file.
        limits: what it may cost.
        rough: leave out the filter that smooths the edges of blocks, for speed: hashes then move by some bits.

    Raises:
        UnusableMediaError: ``media.empty``, ``media.unknown_format``, ``media.no_video`` (sound only),
            ``media.unknown_codec``, ``media.too_large``, ``media.too_complex``, ``media.truncated``, ``media.damaged``.
        InvalidInputError: ``file.unreadable``.
    """
    demuxer = known_container_of(_head_of(path, limits)).value
    # The prefix keeps a file's name from being read as an address, and the list keeps a file from naming others.
    options = {"protocol_whitelist": "file"}
    with media_errors():
        container = av.open(f"file:{path}", format=demuxer, options=options, metadata_errors="ignore")
    with container, media_errors():
        stream = _video_stream(container)
        _check_stream(stream, limits)
        smoothing = {"skip_loop_filter": "all"} if rough else {}
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels), **smoothing}
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = limits.threads or min(os.cpu_count() or 1, _MOST_THREADS)
        yield VideoTrack(container, stream, limits)


@contextmanager
def media_errors() -> Iterator[None]:
    """Turn what FFmpeg raises into our own errors."""
    try:
        yield
    except UnusableMediaError:
        raise
    except MemoryError as error:
        raise UnusableMediaError("media.too_large", "This video needs more memory than we allow.") from error
    except (FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, FFmpegError) and error.errno == errno.ENOMEM:
            raise UnusableMediaError("media.too_large", "This video needs more memory than we allow.") from error
        if isinstance(error, EOFError):
            raise UnusableMediaError(
                "media.truncated", "This file ends too early. It may not have been copied in full."
            ) from error
        raise UnusableMediaError("media.damaged", "This video is damaged and cannot be read.") from error


def _head_of(path: Path, limits: VideoLimits) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInputError("file.unreadable", "This is not a file.")
        if status.st_size > limits.max_bytes:
            raise UnusableMediaError("media.too_large", f"This file is larger than {limits.max_bytes // 2**20} MB.")
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"This file cannot be read: {error.strerror}.") from None


def _video_stream(container: InputContainer) -> VideoStream:
    """The first track that is a film and not a cover picture of sound."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise UnusableMediaError("media.no_video", "There are no pictures in this file, only sound or text.")


def _check_stream(stream: VideoStream, limits: VideoLimits) -> None:
    # A track whose decoder FFmpeg does not have has no context, whatever its type says.
    context = cast("VideoCodecContext | None", stream.codec_context)
    if context is None or {"libdav1d": "av1"}.get(context.name, context.name) not in _CODECS:
        raise UnusableMediaError("media.unknown_codec", "This video is coded in a way that we do not read.")
    if context.width * context.height > limits.max_pixels:
        raise UnusableMediaError(
            "media.too_large", f"This video's pictures have more than {limits.max_pixels // 1_000_000} megapixels."
        )


def _read_index(container: InputContainer, stream: VideoStream, limits: VideoLimits) -> VideoIndex:
    packets: list[Packet] = []
    try:
        for packet in container.demux(stream):
            if packet.size and (packets or packet.is_keyframe):
                packets.append(_noted(packet))
                if len(packets) > limits.max_packets:
                    raise UnusableMediaError("media.too_complex", "This video has more pictures than we can look at.")
    except FFmpegError:
        # What is there of a file that ends early is used: each of its pictures stands for itself.
        if not packets:
            raise
    return index_of(packets, stream.time_base or Fraction(1, 90_000))


def _pts_of(packet: "av.Packet[VideoStream]") -> int:
    # AVI has no pts; there dts is the number of the picture, in the order in which pictures are shown.
    return (packet.pts if packet.pts is not None else packet.dts) or 0


def _noted(packet: "av.Packet[VideoStream]") -> Packet:
    return Packet(_pts_of(packet), packet.dts, packet.duration or 0, packet.is_keyframe, not packet.is_discard)


def _packets_of(container: InputContainer, stream: VideoStream) -> Iterator["av.Packet[VideoStream]"]:
    return (packet for packet in container.demux(stream) if packet.size)


def _from_first_key(packets: Iterator["av.Packet[VideoStream]"]) -> Iterator["av.Packet[VideoStream]"]:
    for packet in packets:
        if packet.is_keyframe:
            yield packet
            break
    yield from packets


def _again(
    packet: "av.Packet[VideoStream]", packets: Iterator["av.Packet[VideoStream]"]
) -> Iterator["av.Packet[VideoStream]"]:
    yield packet
    yield from packets
