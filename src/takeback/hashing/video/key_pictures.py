"""The few pictures of a video whose regions are worth having: the calmest of each part of it that is not a still.

Where little moves, a copy that was cut at another moment shows nearly the same picture. Where nothing moves there is
often a title card, which is in many videos. **Source:** docs/video.md §6.
"""

from dataclasses import dataclass

from takeback.hashing.video.choose import Seen, bits_between
from takeback.hashing.video.luma import Luma
from takeback.model.video import WEAK_FRAME_QUALITY

_UNKNOWN_BITS = 128
"""How calm a picture that is alone counts as: two unrelated ones are about that far apart."""

_STILL_BITS = 4
"""Closer to the picture before or after it, it is a still: what moves at all moves more bits in a second. Before, too,
because the last picture of a title card is followed by something else."""


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """One of them.

    Args:
        tick: when it is seen.
        luma: the picture, small.
    """

    tick: int
    luma: Luma


class KeyPictures:
    """Chooses while a video goes by, keeping one picture a part.

    Args:
        parts: how many to choose at most.
        duration_ticks: of the video, in ticks; may be a fraction.
    """

    def __init__(self, parts: int, duration_ticks: float) -> None:
        self._parts, self._duration_ticks = parts, duration_ticks
        self._best: dict[int, tuple[int, KeyPicture]] = {}
        self._still: dict[int, tuple[int, KeyPicture]] = {}
        self._weak: dict[int, tuple[int, KeyPicture]] = {}
        self._last: tuple[Seen, Luma] | None = None
        self._last_bits = self._before_bits = _UNKNOWN_BITS

    def add(self, seen: Seen, small: Luma) -> None:
        """The next picture, in order of time."""
        if self._last is not None:
            self._last_bits = bits_between(self._last[0], seen)
            self._offer(*self._last, self._last_bits)
            self._before_bits = self._last_bits
        self._last = (seen, small)

    def chosen(self) -> list[KeyPicture]:
        """Those that were chosen, in order of time; stills, or weak ones, only of a video that is nothing else."""
        if self._last is not None:
            self._offer(*self._last, self._last_bits)
            self._last = None
        best = self._best or self._still or self._weak
        return [best[part][1] for part in sorted(best)]

    def _offer(self, seen: Seen, small: Luma, calm_bits: int) -> None:
        part = min(int(self._parts * seen.tick / self._duration_ticks), self._parts - 1)
        kept = self._best if min(calm_bits, self._before_bits) > _STILL_BITS else self._still
        best = kept if seen.says_something else self._weak
        if seen.quality >= WEAK_FRAME_QUALITY and (part not in best or calm_bits < best[part][0]):
            best[part] = (calm_bits, KeyPicture(seen.tick, small))
