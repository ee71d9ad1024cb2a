"""A video as it is known: PDQ of some of its frames, when each is seen, and how long the video is, roughly.

Only the text form and its bounds are here. Which frames are taken is hashing's business, what a match is is matching's.

**Source:** docs/protocol/feed-v1.md §1.1; vPDQ (frame, quality and time of each hash) for the idea.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from takeback.errors import InvalidInputError

MAX_VIDEO_FRAMES = 512
"""Most frames of one video in one value: one a second for eight and a half minutes without a still moment."""

MAX_DURATION_CLASS = 14
"""Of videos of up to 2^14 seconds, four and a half hours."""

TICKS_A_SECOND = 4
"""Times are kept in quarters of a second: enough for the order and the pace, too coarse to tell an encoder by."""

SHORT_TICKS_A_SECOND = 8
"""Those of a short video are kept in eighths, because more of its pictures are listed."""

MAX_SHORT_CLASS = 2
"""Videos of up to four seconds are short."""

MIN_FRAME_QUALITY = 8
"""A frame of lower quality is black, flat, or nearly so. Those from here to a picture's own floor of 50 are listed only
where a video has hardly any better ones; docs/video.md §2.3."""

WEAK_FRAME_QUALITY = 20
"""More is asked of frames of a lower quality than this: docs/matching.md §5."""

_PDQ_BYTES = 32
_FRAME_BYTES = _PDQ_BYTES + 3
_HEADER_BYTES = 3
MAX_VIDEO_DIGITS = 2 * (_HEADER_BYTES + MAX_VIDEO_FRAMES * _FRAME_BYTES)

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame.

    Args:
        pdq: 32 bytes, bit 255 first. Sensitive, so never part of a ``repr``.
        tick: when it is seen, counted from the first picture, 0 to 65535; see ``Video.ticks_a_second``.
        quality: PDQ's quality, 0 to 100.
    """

    pdq: bytes = field(repr=False)
    tick: int
    quality: int


@dataclass(frozen=True, slots=True)
class Video:
    """What a value of ``vpdq`` says.

    Args:
        duration_class: n for a video of more than 2^(n-1) and at most 2^n seconds; 0 for up to one second.
        frames: 1 to 512, by strictly ascending time.
    """

    duration_class: int
    frames: tuple[VideoFrame, ...]

    @property
    def ticks_a_second(self) -> int:
        """What its frames' times are counted in: quarters of a second, in short videos eighths."""
        return SHORT_TICKS_A_SECOND if self.duration_class <= MAX_SHORT_CLASS else TICKS_A_SECOND


def duration_class_of(duration_s: float) -> int:
    """The class of a duration in seconds; the longest there is for anything longer."""
    whole_s = -int(-duration_s // 1)
    return min(max(whole_s - 1, 0).bit_length(), MAX_DURATION_CLASS)


def video_value(video: Video) -> str:
    """The one text of a video: lower-case hexadecimal.

    Class (1 byte), number of frames (2 bytes), then for each frame PDQ (32 bytes), tick (2 bytes), quality (1 byte).
    """
    frames = b"".join(one.pdq + one.tick.to_bytes(2, "big") + bytes([one.quality]) for one in video.frames)
    return (bytes([video.duration_class]) + len(video.frames).to_bytes(2, "big") + frames).hex()


def parse_video(untrusted_value: str) -> Video:
    """Read a video's text.

    Raises:
        InvalidInputError: ``fingerprint.format`` for anything but the one text a video can have.
    """
    malformed = InvalidInputError("fingerprint.format", "This is not a video's fingerprint.")
    if len(untrusted_value) > MAX_VIDEO_DIGITS or not _HEX.fullmatch(untrusted_value):
        raise malformed
    data = bytes.fromhex(untrusted_value)
    count = int.from_bytes(data[1:3], "big")
    if not 1 <= count <= MAX_VIDEO_FRAMES or len(data) != _HEADER_BYTES + count * _FRAME_BYTES:
        raise malformed
    frames = tuple(
        _frame(data[start : start + _FRAME_BYTES]) for start in range(_HEADER_BYTES, len(data), _FRAME_BYTES)
    )
    ascending = all(one.tick < other.tick for one, other in pairwise(frames))
    if data[0] > MAX_DURATION_CLASS or not ascending or any(one.quality > 100 for one in frames):
        raise malformed
    return Video(data[0], frames)


def _frame(data: bytes) -> VideoFrame:
    return VideoFrame(data[:_PDQ_BYTES], int.from_bytes(data[_PDQ_BYTES:-1], "big"), data[-1])
