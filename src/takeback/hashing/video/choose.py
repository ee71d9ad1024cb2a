"""Which pictures stand for a video: pure, from hashes with times to the frames of a value.

**Source:** docs/video.md §2, §4 and §6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from takeback.model.fingerprint import MIN_QUALITY
from takeback.model.video import MAX_VIDEO_FRAMES, MIN_FRAME_QUALITY, TICKS_A_SECOND, VideoFrame

MAX_MAIN = 384
_MAX_SCENES = MAX_VIDEO_FRAMES - MAX_MAIN
_SCENE_BITS = 60
"""Neighbours further apart are looked between: as far as a platform still looks at two pictures as one."""

_STABLE_BITS = 31
_THIN_BITS = 10
_SHORT_TICKS = 4 * TICKS_A_SECOND
"""A video of up to this is registered by every tick: by one picture a second, a piece of it might hold none."""

_FEW_FRAMES = 4
"""With fewer frames than this, weak ones are listed too."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that was hashed.

    Args:
        tick: when it is seen, quarters of a second from the first picture.
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


def bits_between(one: Seen, other: Seen) -> int:
    """The distance of two pictures."""
    return (int.from_bytes(one.pdq, "big") ^ int.from_bytes(other.pdq, "big")).bit_count()


def step_for(tick_count: int) -> int:
    """Ticks from one main picture to the next: one of a short video, else a second or more, for at most 384 of them."""
    if tick_count <= _SHORT_TICKS:
        return 1
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


def frames_to_register(main: Sequence[Seen], scenes: Sequence[Seen]) -> tuple[VideoFrame, ...]:
    """The frames of a value: at most 512, none if no picture says anything."""
    kept = scenes
    if len(scenes) > _MAX_SCENES:
        kept = [scenes[number * len(scenes) // _MAX_SCENES] for number in range(_MAX_SCENES)]
    ordered = sorted((*kept, *main), key=lambda one: one.tick)
    frames = thinned(ordered, MIN_QUALITY)
    return frames if len(frames) >= _FEW_FRAMES else thinned(ordered, MIN_FRAME_QUALITY)


def thinned(seen: Sequence[Seen], min_quality: int = MIN_FRAME_QUALITY) -> tuple[VideoFrame, ...]:
    """Without those of a lower quality, and those that repeat the last one kept."""
    kept: list[Seen] = []
    for one in seen:
        if one.quality >= min_quality and (not kept or bits_between(one, kept[-1]) > _THIN_BITS):
            kept.append(one)
    return tuple(VideoFrame(one.pdq, one.tick, one.quality) for one in kept)
