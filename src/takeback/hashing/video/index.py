"""Where the pictures of a video are: pure, from the times of its packets to what has to be decoded.

A picture is known by its pts. Packets stand in the order of decoding; a key packet begins a stretch that can be decoded
without what comes before it, but for pictures that are shown before it and were left over from the stretch before
(leading pictures, as in open groups).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takeback.errors import UnusableMediaError
from takeback.hashing.video.limits import MAX_DURATION_S
from takeback.model.video import TICKS_A_SECOND

_LATE = Fraction(5, 1000)
"""docs/video.md §1.2: containers that count milliseconds round times."""

_GLIMPSE_TICKS = 5
"""From the first to the last of them is a second: one picture that is listed of this video is among them, or nearly."""

_GLIMPSE_STEP_TICKS = 4 * TICKS_A_SECOND
_LONGEST_BLINK_TICKS = 10 * TICKS_A_SECOND


class Packet(NamedTuple):
    """What the index keeps of a packet, in units of the track's time base. A tuple, because there are thousands.

    Args:
        pts: when its picture is shown.
        dts: when it is to be decoded; ``None`` where the container does not say.
        duration: how long it is shown; 0 where the container does not say.
        is_key: whether decoding can begin here.
        is_shown: whether its picture is shown; an edit list may hide it.
    """

    pts: int
    dts: int | None
    duration: int
    is_key: bool
    is_shown: bool


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """The packets of a track.

    Args:
        packets: in the order of decoding.
        time_base: seconds a unit.
        shown: pts of the pictures that are shown, ascending.
        places: of each of ``shown``, the number of its packet.
        duration: of all of them, in units.
    """

    packets: Sequence[Packet]
    time_base: Fraction
    shown: NDArray[np.int64]
    places: NDArray[np.int64]
    duration: int

    @property
    def duration_s(self) -> float:
        """Seconds, no more than are looked at."""
        return float(min(self.duration * self.time_base, Fraction(MAX_DURATION_S)))

    @property
    def tick_count(self) -> int:
        """Quarters of a second before the end."""
        return self.ticks(TICKS_A_SECOND)

    def ticks(self, ticks_a_second: int) -> int:
        """Ticks before the end."""
        ticks = self.duration * self.time_base * ticks_a_second
        return max(1, min(-int(-ticks // 1), MAX_DURATION_S * ticks_a_second))

    def glimpse_ticks(self) -> list[int]:
        """Ticks of short stretches all over the video, each from a key picture on; docs/video.md §4.4."""
        keys = sorted(
            float((one.pts - int(self.shown[0])) * self.time_base) * TICKS_A_SECOND
            for one in self.packets
            if one.is_key and one.is_shown
        )
        ticks: set[int] = set()
        start = 0.0
        while start < self.tick_count:
            first = math.ceil(start)
            ticks |= set(range(first, min(first + _GLIMPSE_TICKS, self.tick_count)))
            soon = [key for key in keys if start < key <= start + _GLIMPSE_STEP_TICKS]
            late = [key for key in keys if start < key <= start + _LONGEST_BLINK_TICKS]
            start = soon[-1] if soon else late[0] if late else start + _LONGEST_BLINK_TICKS
        return sorted(ticks)

    def pictures_at(self, ticks: Iterable[int], ticks_a_second: int = TICKS_A_SECOND) -> dict[int, list[int]]:
        """Which picture is shown at each tick: pts to the ticks it stands for, both ascending."""
        found: dict[int, list[int]] = {}
        first = int(self.shown[0])
        for tick in ticks:
            latest = first + int((Fraction(tick, ticks_a_second) + _LATE) // self.time_base)
            place = int(np.searchsorted(self.shown, latest, side="right")) - 1
            found.setdefault(int(self.shown[place]), []).append(tick)
        return found

    def runs_for(self, wanted: Iterable[int]) -> list[tuple[int, int]]:
        """What to decode for some pictures: stretches of packets, first and last, that each begin with a key packet.

        Args:
            wanted: pts of pictures that are shown.
        """
        keys = np.array([number for number, one in enumerate(self.packets) if one.is_key], np.int64)
        runs: list[tuple[int, int]] = []
        for place in sorted(int(self.places[np.searchsorted(self.shown, pts)]) for pts in wanted):
            start = self._start_for(place, keys)
            # More than one may go: a leading picture reaches back over the key picture that was a stretch of its own.
            while runs and start <= runs[-1][1] + 1:
                start = min(start, runs.pop()[0])
            runs.append((start, place))
        return runs

    def _start_for(self, place: int, keys: NDArray[np.int64]) -> int:
        before = int(np.searchsorted(keys, place, side="right")) - 1
        # A leading picture needs what the key packet before this one began.
        if before > 0 and self.packets[int(keys[before])].pts > self.packets[place].pts:
            before -= 1
        return int(keys[before])


def index_of(packets: Sequence[Packet], time_base: Fraction) -> VideoIndex:
    """Make the index.

    Args:
        packets: in the order of decoding, from the first key packet on.
        time_base: seconds a unit.

    Raises:
        UnusableMediaError: ``media.damaged`` if no picture is shown.
    """
    # Leading pictures of the first key packet need what was there before it, so they cannot be shown.
    shown = [(one.pts, number) for number, one in enumerate(packets) if one.is_shown and one.pts >= packets[0].pts]
    if not shown:
        raise UnusableMediaError("media.damaged", "This video is damaged: it has no picture that could be shown.")
    # Of two packets with one time the first counts.
    first_at = dict(reversed(shown))
    times = np.array(sorted(first_at), np.int64)
    end = max(int(times[-1]) + 1, *(packets[number].pts + packets[number].duration for _, number in shown))
    if not any(packets[number].duration for _, number in shown) and len(times) > 1:
        end = int(times[-1]) + int(np.median(np.diff(times)))
    return VideoIndex(
        packets, time_base, times, np.array([first_at[int(pts)] for pts in times], np.int64), end - int(times[0])
    )
