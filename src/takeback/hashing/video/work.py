"""From a video file to its fingerprints, in this process. Others ask ``VideoHasher``, which does it in another one.

**Source:** docs/video.md.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from takeback.hashing.regions.sets import regions_to_ask, regions_to_register
from takeback.hashing.regions.text import text_of
from takeback.hashing.video.choose import Sampling, every_picture, to_ask, to_register
from takeback.hashing.video.frames import asked_frames, known_frames, known_trimmed_frames
from takeback.hashing.video.hashed import HashedVideo
from takeback.hashing.video.limits import GLIMPSE_FROM_S, VideoLimits
from takeback.hashing.video.looks import Looks, Notes, region_pixels
from takeback.hashing.video.track import VideoTrack, open_video
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import TICKS_A_SECOND, Video, VideoFrame, duration_class_of, video_value

_REGISTERED_KEYS = 4
_ASKED_KEYS = 12
_KEYS_A_SECOND = 2
"""Pictures that may be asked by their regions; of a short video, registered by them too."""

_CHUNK_BYTES = 2**20


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
        notes = Notes(track, sampling, _REGISTERED_KEYS if edited_copies else 0, key_step)
        looks = Looks(track, sampling.ticks_a_second)
        plain = known_frames(looks, notes)
        box = notes.box()
        trimmed = () if box is None else known_trimmed_frames(looks, sampling, box)
        values = [_value(track, frames) for frames in (plain, trimmed) if frames]
        sets = [(key, regions_to_register(region_pixels(key.luma, box))) for key in notes.key_pictures(box)]
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
    with open_video(path, limits) as track:
        return _asked(path, track, to_ask(track.index), regions=regions)


def hash_every_picture(path: Path, limits: VideoLimits) -> HashedVideo:
    """As ``hash_to_ask``, but by every picture there is: what benchmarks compare with."""
    with open_video(path, limits) as track:
        return _asked(path, track, every_picture(track.index))


def hash_glimpse(path: Path, limits: VideoLimits) -> HashedVideo:
    """What a platform asks first: a second now and then, chosen so that little has to be decoded.

    A video under ten seconds is looked at as a whole at once: little of it could be left out.

    Args:
        path: the file.
        limits: what it may cost.

    Raises:
        UnusableMediaError: see ``takeback.hashing.video.track.open_video``.
        InvalidInputError: ``file.unreadable``.
    """
    with open_video(path, limits, rough=True) as track:
        is_long = track.index.duration_s >= GLIMPSE_FROM_S
        if is_long:
            sampling = Sampling(TICKS_A_SECOND, track.index.tick_count, 1)
            return _asked(path, track, sampling, track.index.glimpse_ticks())
    return hash_to_ask(path, limits)


def digests_of(path: Path) -> tuple[Fingerprint, Fingerprint]:
    """MD5 and SHA-256 of a file, read in pieces."""
    # MD5 is what the industry's lists of exact files hold; nothing here relies on its strength.
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            md5.update(chunk)
            sha256.update(chunk)
    return Fingerprint(Algorithm.MD5, md5.hexdigest()), Fingerprint(Algorithm.SHA256, sha256.hexdigest())


def _asked(
    path: Path, track: VideoTrack, sampling: Sampling, ticks: list[int] | None = None, *, regions: bool = False
) -> HashedVideo:
    with ThreadPoolExecutor(1) as pool:
        digests = pool.submit(digests_of, path)
        notes = Notes(track, sampling, _ASKED_KEYS if regions else 0, sampling.ticks_a_second // _KEYS_A_SECOND)
        looks = Looks(track, sampling.ticks_a_second)
        asked = asked_frames(looks, notes, range(sampling.tick_count) if ticks is None else ticks)
        box = notes.box()
        sets = tuple(regions_to_ask(region_pixels(key.luma, box), drawn=True) for key in notes.key_pictures(box))
        return HashedVideo(*notes.size(), track.index.duration_s, digests.result(), (), tuple(asked), sets)


def _value(track: VideoTrack, frames: tuple[VideoFrame, ...]) -> Fingerprint:
    video = Video(duration_class_of(track.index.duration_s), frames)
    return Fingerprint(Algorithm.VPDQ, video_value(video))
