"""Pictures of a video as they are asked for: decoded once, hashed only where that is wanted, noted as they go by."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from operator import itemgetter

import numpy as np

from takeback.errors import UnusableMediaError
from takeback.hashing.pdq import PdqHash
from takeback.hashing.variants import Box
from takeback.hashing.video.bars import box_of, looks_for_bars
from takeback.hashing.video.choose import Sampling, Seen
from takeback.hashing.video.key_pictures import KeyPicture, KeyPictures
from takeback.hashing.video.luma import Grey, Luma, cut, expanded, hash_of, luma_of, outermost_box, small
from takeback.hashing.video.track import VideoTrack

View = Callable[[Luma], Luma]
"""What is hashed of a picture."""

_LEAST_REGION_SIDE_PX = 48
_MOST_KEPT = 512
"""Small pictures kept so that they need not be decoded once more; each has up to 1 MB, most have 0.15."""


@dataclass(slots=True)
class Look:
    """A picture that is read and hashed only if that is asked for, and once.

    Args:
        read: gets its luma, while the decoder has it.
        view: what is hashed of it.
    """

    read: Callable[[], Luma]
    view: View
    _luma: Luma | None = field(default=None, init=False)
    _hashes: tuple[PdqHash, PdqHash] | None = field(default=None, init=False)

    def luma(self) -> Luma:
        """The picture."""
        if self._luma is None:
            self._luma = self.read()
        return self._luma

    def seen(self, tick: int) -> Seen:
        """Its hash, for one of the times at which it is seen."""
        return self.both(tick)[0]

    def both(self, tick: int) -> tuple[Seen, Seen]:
        """As it is and mirrored."""
        if self._hashes is None:
            self._hashes = hash_of(self.view(self.luma()))
        plain, mirrored = self._hashes
        return Seen(tick, plain.bits, plain.quality), Seen(tick, mirrored.bits, mirrored.quality)


def as_it_is(luma: Luma) -> Luma:
    """The whole picture."""
    return luma


def trimmed_to(box: Box) -> View:
    """What is inside of the bars."""
    return lambda luma: cut(small(luma), box)


class Looks:
    """The pictures of a track, as many times as they are asked for.

    Args:
        track: opened.
        ticks_a_second: of all ticks here.
    """

    def __init__(self, track: VideoTrack, ticks_a_second: int) -> None:
        self._track, self._rate = track, ticks_a_second
        self._kept: dict[int, Luma] = {}

    def at(self, ticks: Iterable[int], view: View) -> Iterator[tuple[int, Look]]:
        """In order of time; what was kept is not decoded once more, and of that there is the small picture."""
        wanted = list(ticks)
        kept = ((tick, Look(partial(self._kept.__getitem__, tick), view)) for tick in wanted if tick in self._kept)
        rest = [tick for tick in wanted if tick not in self._kept]
        return merge(kept, self._decoded(rest, view), key=itemgetter(0))

    def keep(self, tick: int, look: Look) -> None:
        """Keep a picture, small, while there is room. To be done after all that needs it in full."""
        if len(self._kept) < _MOST_KEPT:
            reduced = small(look.luma())
            self._kept[tick] = Luma(reduced.pixels.copy(), reduced.full_range)

    def _decoded(self, ticks: list[int], view: View) -> Iterator[tuple[int, Look]]:
        if not ticks:
            return
        for shown_at, frame in self._track.pictures(ticks, self._rate):
            look = Look(partial(luma_of, frame), view)
            for tick in shown_at:
                yield tick, look


class Notes:
    """What is noted of a video's main pictures while they go by: bars, size, and which of them to take regions of.

    Args:
        track: the video.
        sampling: when pictures are taken.
        keys: how many to take regions of.
        key_step: ticks from one that may be taken to the next.
    """

    def __init__(self, track: VideoTrack, sampling: Sampling, keys: int = 0, key_step: int = 1) -> None:
        self.sampling = sampling
        self._key_step = key_step
        self._keys = KeyPictures(keys, track.index.duration_s * sampling.ticks_a_second) if keys else None
        self._boxes: list[Box | None] = []
        self._size: tuple[int, int] | None = None
        self._small_size = (0, 0)

    def add(self, look: Look, seen: Seen) -> None:
        """The next picture, in order of time."""
        height, width = look.luma().pixels.shape
        self._size = self._size or (width, height)
        step = self.sampling.step
        for_bars = seen.tick % step == 0 and looks_for_bars(seen.tick, step, self.sampling.tick_count)
        for_keys = self._keys is not None and seen.tick % self._key_step == 0
        if not (for_bars and seen.says_something) and not for_keys:
            return
        reduced = small(look.luma())
        if for_bars and seen.says_something:
            self._small_size = (reduced.pixels.shape[1], reduced.pixels.shape[0])
            self._boxes.append(outermost_box(reduced))
        if self._keys is not None and for_keys:
            # Decoders use their memory again, so what is kept is a copy.
            self._keys.add(seen, Luma(reduced.pixels.copy(), reduced.full_range))

    def box(self) -> Box | None:
        """What is inside of the bars, if there are any, as far as can be told by now."""
        return box_of(self._boxes, *self._small_size)

    def size(self) -> tuple[int, int]:
        """Pixels across and down.

        Raises:
            UnusableMediaError: ``media.damaged`` if no picture was read.
        """
        if self._size is None:
            raise UnusableMediaError("media.damaged", "This video is damaged: none of its pictures can be read.")
        return self._size

    def key_pictures(self, box: Box | None) -> list[KeyPicture]:
        """Those large enough to have regions."""
        chosen = [] if self._keys is None else self._keys.chosen()
        return [key for key in chosen if min(region_pixels(key.luma, box).shape[:2]) >= _LEAST_REGION_SIDE_PX]


def region_pixels(luma: Luma, box: Box | None) -> Grey:
    """(height, width, 1) uint8: what regions are taken of."""
    return np.ascontiguousarray(expanded(luma if box is None else cut(luma, box))[:, :, np.newaxis])
