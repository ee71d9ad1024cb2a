"""The few pictures of a video whose regions are worth having: the calmest of each part of it.

Where little moves, a copy that was cut at another moment shows nearly the same picture. **Source:** docs/video.md §6.
"""

from dataclasses import dataclass

from takeback.hashing.video.choose import Seen, bits_between
from takeback.hashing.video.luma import Luma

_UNKNOWN_BITS = 128
"""How calm the last picture counts as: two unrelated ones are about that far apart."""


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
        self._last: tuple[Seen, Luma] | None = None

    def add(self, seen: Seen, small: Luma) -> None:
        """The next picture, in order of time."""
        if self._last is not None:
            self._offer(*self._last, bits_between(self._last[0], seen))
        self._last = (seen, small)

    def chosen(self) -> list[KeyPicture]:
        """Those that were chosen, in order of time."""
        if self._last is not None:
            self._offer(*self._last, _UNKNOWN_BITS)
            self._last = None
        return [self._best[part][1] for part in sorted(self._best)]

    def _offer(self, seen: Seen, small: Luma, calm_bits: int) -> None:
        part = min(int(self._parts * seen.tick / self._duration_ticks), self._parts - 1)
        if seen.says_something and (part not in self._best or calm_bits < self._best[part][0]):
            self._best[part] = (calm_bits, KeyPicture(seen.tick, small))
