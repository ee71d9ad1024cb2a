"""Which pictures stand for a video: pure, from hashes with times to the frames of a value.

**Source:** docs/video.md §2, §4 and §6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from takeback.hashing.video.index import VideoIndex
from takeback.hashing.video.limits import GLIMPSE_FROM_S
from takeback.model.fingerprint import MIN_QUALITY
from takeback.model.video import (
    MAX_VIDEO_FRAMES,
    MIN_FRAME_QUALITY,
    SHORT_TICKS_A_SECOND,
    TICKS_A_SECOND,
    WEAK_FRAME_QUALITY,
    VideoFrame,
)

MAX_MAIN = 384
_MAX_SCENES = MAX_VIDEO_FRAMES - MAX_MAIN
_SCENE_BITS = 60
"""Neighbours further apart are looked between: as far as a platform still looks at two pictures as one."""

_STABLE_BITS = 31
_THIN_BITS = 10
_SHORT_TICKS = 4 * TICKS_A_SECOND
_ASKED_OFTEN = 16
"""Times a second: of a few seconds that move fast, every picture may count."""

_EVERY_TICKS_A_SECOND = 64
_FEW_FRAMES = 4
_FEW_SHORT_FRAMES = 8
"""With fewer frames than this, weak ones are listed too. Of a short video this is a second."""

_ONES = 128
"""PDQ of a picture has so many bits set; other numbers come of ties, that is of flat and of symmetrical ones."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """When pictures are taken. All times are in ticks.

    Args:
        ticks_a_second: what a tick is.
        tick_count: ticks before the video's end.
        step: from one main picture to the next. Those of a question are the pictures that are asked for their bars.
        few_frames: with fewer, a value has weak frames too.
    """

    ticks_a_second: int
    tick_count: int
    step: int
    few_frames: int = _FEW_FRAMES

    @property
    def has_scenes(self) -> bool:
        """Whether there is anything between main pictures to look for."""
        return self.step >= TICKS_A_SECOND


def to_register(index: VideoIndex) -> Sampling:
    """docs/video.md §2.1. By one picture a second of a short video, a piece of it might hold none."""
    if index.tick_count > _SHORT_TICKS:
        return Sampling(TICKS_A_SECOND, index.tick_count, step_for(index.tick_count))
    return Sampling(SHORT_TICKS_A_SECOND, index.ticks(SHORT_TICKS_A_SECOND), 1, _FEW_SHORT_FRAMES)


def to_ask(index: VideoIndex) -> Sampling:
    """docs/video.md §4.1."""
    known = to_register(index)
    if index.duration_s >= GLIMPSE_FROM_S:
        return known
    rate = _ASKED_OFTEN
    return Sampling(rate, index.ticks(rate), known.step * rate // known.ticks_a_second)


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that was hashed.

    Args:
        tick: when it is seen, from the first picture.
        pdq: 32 bytes. Sensitive, so never part of a ``repr``.
        quality: PDQ's quality.
    """

    tick: int
    pdq: bytes = field(repr=False)
    quality: int

    @property
    def says_something(self) -> bool:
        """Whether it can be told from others at all."""
        return self.quality >= MIN_QUALITY

    def counts_from(self, min_quality: int) -> bool:
        """Whether it has that quality; a weak one has to be no flat or symmetrical picture besides."""
        if self.quality >= WEAK_FRAME_QUALITY:
            return self.quality >= min_quality
        return self.quality >= min_quality and int.from_bytes(self.pdq, "big").bit_count() == _ONES


def bits_between(one: Seen, other: Seen) -> int:
    """The distance of two pictures."""
    return (int.from_bytes(one.pdq, "big") ^ int.from_bytes(other.pdq, "big")).bit_count()


def every_picture(index: VideoIndex) -> Sampling:
    """So many ticks a second that no picture is left out."""
    rate = _EVERY_TICKS_A_SECOND
    return Sampling(rate, index.ticks(rate), rate)


def step_for(tick_count: int) -> int:
    """Ticks from one main picture to the next in a video that is not short: a second or more, for at most 384."""
    return max(TICKS_A_SECOND, -(-tick_count // MAX_MAIN))


def ticks_between(tick: int, step: int) -> tuple[int, int, int]:
    """Where to look between a main picture and the next one."""
    return tick + step // 4, tick + 2 * step // 4, tick + 3 * step // 4


def is_scene_between(before: Seen, after: Seen) -> bool:
    """Whether two main pictures are so different that there is something to look for between them."""
    return after.tick - before.tick >= TICKS_A_SECOND and bits_between(before, after) > _SCENE_BITS


def stable_picture(before: Seen, between: Sequence[Seen], after: Seen) -> Seen | None:
    """The first stable picture of a scene that begins between two main pictures, if there is one."""
    for one, following in zip(between, [*between[1:], after], strict=True):
        if (
            one.says_something
            and bits_between(one, following) <= _STABLE_BITS
            and bits_between(one, before) > _STABLE_BITS
        ):
            return one
    return None


def frames_to_register(
    main: Sequence[Seen], scenes: Sequence[Seen], few_frames: int = _FEW_FRAMES
) -> tuple[VideoFrame, ...]:
    """The frames of a value: at most 512, none if no picture says anything; weak ones too if there would be few."""
    kept = scenes
    if len(scenes) > _MAX_SCENES:
        kept = [scenes[number * len(scenes) // _MAX_SCENES] for number in range(_MAX_SCENES)]
    ordered = sorted((*kept, *main), key=lambda one: one.tick)
    for min_quality in (MIN_QUALITY, WEAK_FRAME_QUALITY):
        frames = thinned(ordered, min_quality)
        if len(frames) >= few_frames:
            return frames
    return thinned(ordered, MIN_FRAME_QUALITY)


def thinned(seen: Sequence[Seen], min_quality: int = MIN_FRAME_QUALITY) -> tuple[VideoFrame, ...]:
    """Without those of a lower quality, and those that repeat the last one kept."""
    kept: list[Seen] = []
    for one in seen:
        if one.counts_from(min_quality) and (not kept or bits_between(one, kept[-1]) > _THIN_BITS):
            kept.append(one)
    return tuple(VideoFrame(one.pdq, one.tick, one.quality) for one in kept)
