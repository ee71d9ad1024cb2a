"""Bars and interface around a whole video: found in some pictures, true only if nearly all of them have them.

**Source:** docs/video.md §5.
"""

from collections.abc import Callable, Sequence

from takeback.hashing.variants import Box

_MOST_PICTURES = 16
_SAME_SHARE_PERCENT = 98
_MIN_SIDE_PX = 48
_MAY_DIFFER = 8
"""One picture in so many may have no bars: a title card, a flash."""

_NEAR_PX = 2
_AGREE = 3
"""One picture in so many has to end where the bars begin, on each side."""


def looks_for_bars(tick: int, step: int, tick_count: int) -> bool:
    """Whether the main picture at a tick is one of those that are looked at for bars."""
    mains = -(-tick_count // step)
    return (tick // step) % -(-mains // _MOST_PICTURES) == 0


def box_of(found: Sequence[Box | None], width: int, height: int) -> Box | None:
    """What all pictures have inside their bars.

    Args:
        found: of each picture its outermost content box; ``None`` where there is none.
        width: pixels of the small picture.
        height: likewise.

    Returns:
        ``None`` if there are no bars.
    """
    boxes = [box for box in found if box is not None]
    if not boxes or (len(found) - len(boxes)) * _MAY_DIFFER > len(found):
        return None
    sides = [
        _common_side([one.left for one in boxes], min),
        _common_side([one.top for one in boxes], min),
        _common_side([one.right for one in boxes], max),
        _common_side([one.bottom for one in boxes], max),
    ]
    left, top, right, bottom = (-1 if side is None else side for side in sides)
    same = (right - left) * (bottom - top) * 100 > width * height * _SAME_SHARE_PERCENT
    if None in sides or same or min(right - left, bottom - top) < _MIN_SIDE_PX:
        return None
    return Box(left, top, right, bottom)


def _common_side(places: list[int], outermost: Callable[[list[int]], int]) -> int | None:
    """The outermost place, if enough pictures have theirs there: dark things in a picture end anywhere."""
    side = outermost(places)
    near = sum(abs(place - side) <= _NEAR_PX for place in places)
    return side if near * _AGREE >= len(places) else None
