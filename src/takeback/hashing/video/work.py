"""From a video file to its fingerprints, in this process. Others ask ``VideoHasher``, which does it in another one.

**Source:** docs/video.md.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from takeback.errors import UnusableMediaError
from takeback.hashing.regions.sets import regions_to_ask, regions_to_register
from takeback.hashing.regions.text import text_of
from takeback.hashing.variants import Box
from takeback.hashing.video.bars import box_of, looks_for_bars
from takeback.hashing.video.choose import (
    Sampling,
    Seen,
    frames_to_register,
    is_scene_between,
    stable_picture,
    thinned,
    ticks_between,
    to_ask,
    to_register,
)
from takeback.hashing.video.dark_bars import DarkBars, both_ways
from takeback.hashing.video.hashed import AskedFrames, HashedVideo
from takeback.hashing.video.key_pictures import KeyPicture, KeyPictures
from takeback.hashing.video.limits import VideoLimits
from takeback.hashing.video.luma import Luma, cut, expanded, luma_of, outermost_box, small
from takeback.hashing.video.track import VideoTrack, open_video
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import (
    TICKS_A_SECOND,
    WEAK_FRAME_QUALITY,
    Video,
    VideoFrame,
    duration_class_of,
    video_value,
)

_REGISTERED_KEYS = 4
_ASKED_KEYS = 12
_KEYS_A_SECOND = 2
"""Pictures that may be asked by their regions; of a short video, registered by them too."""

_LEAST_REGION_SIDE_PX = 48
_CHUNK_BYTES = 2**20

View = Callable[[Luma], Luma]


def hash_to_register(path: Path, limits: VideoLimits, *, edited_copies: bool = False) -> HashedVideo:
    """Fingerprints of a video for a list: its frames, trimmed ones if it has bars, MD5 and SHA-256 of the file.

    Args:
        path: the file.
        limits: what it may cost; time and memory are the worker's business.
        edited_copies: also the regions of up to four pictures.

    Raises:
        UnusableMediaError: see ``takeback.hashing.video.track.open_video``.
        InvalidInputError: ``file.unreadable``.
    """
    with open_video(path, limits) as track, ThreadPoolExecutor(1) as pool:
        digests = pool.submit(digests_of, path)
        sampling = to_register(track.index)
        key_step = max(sampling.step, sampling.ticks_a_second // _KEYS_A_SECOND)
        notes = _Notes(track, sampling, _REGISTERED_KEYS if edited_copies else 0, key_step)
        plain = _frames_to_register(track, sampling, _as_it_is, notes)
        box = notes.box()
        trimmed = () if box is None else _frames_to_register(track, sampling, _trimmed(box), None)
        values = [_value(track, frames) for frames in (plain, trimmed) if frames]
        sets = [(key, regions_to_register(_region_pixels(key.luma, box))) for key in notes.key_pictures(box)]
        sets = [(key, found) for key, found in sets if len(found)]
        regions = [Fingerprint(Algorithm.PDQ_REGION, text_of(found)) for _, found in sets]
        times_s = tuple(key.tick / sampling.ticks_a_second for key, _ in sets)
        whole = (*dict.fromkeys(values), *digests.result())
        return HashedVideo(*notes.size(), track.index.duration_s, (*whole, *regions), times_s)


def hash_to_ask(path: Path, limits: VideoLimits, *, regions: bool = False) -> HashedVideo:
    """What a platform asks by: frames four times a second, as they are and mirrored, and trimmed if there are bars.

    Args:
        path: the file.
        limits: what it may cost; time and memory are the worker's business.
        regions: also the regions of up to twelve pictures. They cost more than all the rest.

    Raises:
        UnusableMediaError: see ``takeback.hashing.video.track.open_video``.
        InvalidInputError: ``file.unreadable``.
    """
    with open_video(path, limits) as track, ThreadPoolExecutor(1) as pool:
        digests = pool.submit(digests_of, path)
        sampling = to_ask(track.index)
        notes = _Notes(track, sampling, _ASKED_KEYS if regions else 0, sampling.ticks_a_second // _KEYS_A_SECOND)
        asked = _frames_to_ask(track, notes, range(sampling.tick_count))
        box = notes.box()
        sets = tuple(regions_to_ask(_region_pixels(key.luma, box)) for key in notes.key_pictures(box))
        duration_s = track.index.duration_s
        return HashedVideo(*notes.size(), duration_s, digests.result(), (), tuple(asked), sets)


def hash_glimpse(path: Path, limits: VideoLimits) -> HashedVideo:
    """What a platform asks first: a second now and then, chosen so that little has to be decoded.

    Args:
        path: the file.
        limits: what it may cost.

    Raises:
        UnusableMediaError: see ``takeback.hashing.video.track.open_video``.
        InvalidInputError: ``file.unreadable``.
    """
    with open_video(path, limits, rough=True) as track, ThreadPoolExecutor(1) as pool:
        digests = pool.submit(digests_of, path)
        notes = _Notes(track, Sampling(TICKS_A_SECOND, track.index.tick_count, 1))
        asked = _frames_to_ask(track, notes, track.index.glimpse_ticks())
        return HashedVideo(*notes.size(), track.index.duration_s, digests.result(), (), tuple(asked))


def digests_of(path: Path) -> tuple[Fingerprint, Fingerprint]:
    """MD5 and SHA-256 of a file, read in pieces."""
    # MD5 is what the industry's lists of exact files hold; nothing here relies on its strength.
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            md5.update(chunk)
            sha256.update(chunk)
    return Fingerprint(Algorithm.MD5, md5.hexdigest()), Fingerprint(Algorithm.SHA256, sha256.hexdigest())


@dataclass(slots=True)
class _Look:
    """A decoded picture that is hashed only if that is asked for, and once."""

    frame: av.VideoFrame
    view: View
    _luma: Luma | None = field(default=None, init=False)
    _seen: tuple[Seen, Seen] | None = field(default=None, init=False)

    def luma(self) -> Luma:
        if self._luma is None:
            self._luma = luma_of(self.frame)
        return self._luma

    def seen(self, tick: int) -> Seen:
        return self.both(tick)[0]

    def both(self, tick: int) -> tuple[Seen, Seen]:
        """As it is and mirrored."""
        if self._seen is None or self._seen[0].tick != tick:
            self._seen = both_ways(tick, self.view(self.luma()))
        return self._seen


class _Notes:
    """What is noted of a video's main pictures while they go by: bars, size, and which of them to take regions of."""

    def __init__(self, track: VideoTrack, sampling: Sampling, keys: int = 0, key_step: int = 1) -> None:
        self.sampling = sampling
        self._key_step = key_step
        self._keys = KeyPictures(keys, track.index.duration_s * sampling.ticks_a_second) if keys else None
        self._boxes: list[Box | None] = []
        self._size: tuple[int, int] | None = None
        self._small_size = (0, 0)

    def add(self, look: _Look, seen: Seen) -> None:
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
        return box_of(self._boxes, *self._small_size)

    def size(self) -> tuple[int, int]:
        if self._size is None:
            raise UnusableMediaError("media.damaged", "This video is damaged: none of its pictures can be read.")
        return self._size

    def key_pictures(self, box: Box | None) -> list[KeyPicture]:
        """Those large enough to have regions."""
        chosen = [] if self._keys is None else self._keys.chosen()
        return [key for key in chosen if min(_region_pixels(key.luma, box).shape[:2]) >= _LEAST_REGION_SIDE_PX]


def _as_it_is(luma: Luma) -> Luma:
    return luma


def _trimmed(box: Box) -> View:
    return lambda luma: cut(small(luma), box)


def _region_pixels(luma: Luma, box: Box | None) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.ascontiguousarray(expanded(luma if box is None else cut(luma, box))[:, :, np.newaxis])


def _value(track: VideoTrack, frames: tuple[VideoFrame, ...]) -> Fingerprint:
    video = Video(duration_class_of(track.index.duration_s), frames)
    return Fingerprint(Algorithm.VPDQ, video_value(video))


def _looks(track: VideoTrack, ticks: Sequence[int], rate: int, view: View) -> Iterator[tuple[int, _Look]]:
    for shown_at, frame in track.pictures(ticks, rate):
        look = _Look(frame, view)
        for tick in shown_at:
            yield tick, look


def _frames_to_register(
    track: VideoTrack, sampling: Sampling, view: View, notes: _Notes | None
) -> tuple[VideoFrame, ...]:
    """docs/video.md §2: main pictures, then what lies between two of them where they differ.

    One pass over all ticks while steps are short, because everything between is decoded anyway; two when they are long.
    """
    rate, step = sampling.ticks_a_second, sampling.step
    one_pass = step == TICKS_A_SECOND
    main: list[Seen] = []
    passed: dict[int, _Look] = {}
    between: dict[int, Seen] = {}
    for tick, look in _looks(track, range(0, sampling.tick_count, 1 if one_pass else step), rate, view):
        if tick % step:
            passed[tick] = look
            continue
        main.append(look.seen(tick))
        if notes is not None:
            notes.add(look, main[-1])
        if len(main) > 1 and is_scene_between(main[-2], main[-1]):
            between |= {at: kept.seen(at) for at, kept in passed.items()}
        passed.clear()
    pairs = [pair for pair in pairwise(main) if sampling.has_scenes and is_scene_between(*pair)]
    if not one_pass and pairs:
        ticks = [tick for before, _ in pairs for tick in ticks_between(before.tick, step)]
        between = {tick: look.seen(tick) for tick, look in _looks(track, ticks, rate, view)}
    scenes = [_scene(before, after, between, step) for before, after in pairs]
    return frames_to_register(main, [one for one in scenes if one is not None], sampling.few_frames)


def _scene(before: Seen, after: Seen, between: dict[int, Seen], step: int) -> Seen | None:
    ticks = ticks_between(before.tick, step)
    return stable_picture(before, [between[tick] for tick in ticks if tick in between], after)


def _frames_to_ask(track: VideoTrack, notes: _Notes, ticks: Sequence[int]) -> list[AskedFrames]:
    """docs/video.md §4. What is trimmed to a box that turns out later to be too small is decoded once more."""
    rate = notes.sampling.ticks_a_second
    plain: dict[int, tuple[Seen, Seen]] = {}
    trimmed: dict[int, tuple[Box, tuple[Seen, Seen]]] = {}
    dark = DarkBars()
    for tick, look in _looks(track, ticks, rate, _as_it_is):
        plain[tick] = look.both(tick)
        notes.add(look, plain[tick][0])
        if (box := notes.box()) is not None:
            trimmed[tick] = box, _Look(look.frame, _trimmed(box)).both(tick)
        if not dark.is_over:
            dark.add(tick, look.luma())
    found = [_asked(seen, rate) for seen in zip(*plain.values(), strict=True)]
    box = notes.box()
    if box is None:
        return found + [_asked(seen, rate) for crop in dark.crops() for seen in zip(*crop, strict=True)]
    right = {tick: both for tick, (used, both) in trimmed.items() if used == box}
    rest = [tick for tick in ticks if tick not in right]
    right |= {tick: look.both(tick) for tick, look in _looks(track, rest, rate, _trimmed(box))}
    return found + [_asked(seen, rate) for seen in zip(*(right[tick] for tick in sorted(right)), strict=True)]


def _asked(seen: tuple[Seen, ...], ticks_a_second: int) -> AskedFrames:
    frames = thinned(seen)
    values = np.frombuffer(b"".join(one.pdq for one in frames), np.uint8).reshape(-1, 32)
    quarters = np.array([one.tick for one in frames], np.float64) * (TICKS_A_SECOND / ticks_a_second)
    return AskedFrames(values, quarters, np.array([one.quality < WEAK_FRAME_QUALITY for one in frames], np.bool_))
