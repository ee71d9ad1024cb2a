"""Whether a copy is found: by our engine, by plain vPDQ under the industry's rules, by MD5."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takeback.cli.match import matches_of
from takeback.hashing import HashedVideo, VideoLimits
from takeback.hashing.video.limits import GLIMPSE_FROM_S
from takeback.hashing.video.luma import hash_of, luma_of
from takeback.hashing.video.track import open_video
from takeback.hashing.video.work import hash_every_picture, hash_glimpse, hash_to_ask, hash_to_register
from takeback.matching import MatchEngine
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import MIN_QUALITY, Algorithm
from takeback.model.match import Tier

ONE_THREAD = VideoLimits(threads=1)
_VPDQ_BITS = 31
_VPDQ_SHARE = 0.8
Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """Which files an upload was taken for, by each method."""

    hold: frozenset[str]
    look: frozenset[str]
    frames_hold: frozenset[str]
    """By frames alone, without regions, the whole video looked at."""
    glimpse_hold: frozenset[str]
    """By frames alone, the whole video looked at only if a first look finds something near."""
    every_hold: frozenset[str]
    """By frames alone, every picture of the video decoded and asked."""
    md5: frozenset[str]
    vpdq_upload: frozenset[str]
    vpdq_known: frozenset[str]


class Known:
    """The registered videos.

    Args:
        files: what to register.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.engine, self.frames_only = MatchEngine(), MatchEngine()
        self.names: dict[str, str] = {}
        self.vpdq = {file.name: plain_vpdq(file) for file in files}
        self.unfindable: list[str] = []
        for file in files:
            hashed = hash_to_register(file, ONE_THREAD, edited_copies=True)
            if not any(one.algorithm is Algorithm.VPDQ for one in hashed.fingerprints):
                self.unfindable.append(file.name)
            self.engine.apply(self._changes(file.name, hashed, regions=True))
            self.frames_only.apply(self._changes(file.name, hashed, regions=False))

    def answer(self, upload: Path) -> Answer:
        asked = hash_to_ask(upload, ONE_THREAD, regions=True)
        found = [(one.tier, one.algorithm, self.names[one.entry_id]) for one in matches_of(asked, self.engine)]
        frames = self._held_by_frames(asked)
        plain = plain_vpdq(upload)
        shares = {name: _shares(plain, known) for name, known in self.vpdq.items()}
        return Answer(
            frozenset(name for tier, how, name in found if tier is Tier.HOLD and how is not Algorithm.MD5),
            frozenset(name for _, how, name in found if how is not Algorithm.MD5),
            frames,
            frames if self._is_near(upload) else frozenset(),
            self._held_by_frames(hash_every_picture(upload, ONE_THREAD)),
            frozenset(name for _, how, name in found if how is Algorithm.MD5),
            frozenset(name for name, (upload_share, _) in shares.items() if upload_share >= _VPDQ_SHARE),
            frozenset(name for name, (_, known_share) in shares.items() if known_share >= _VPDQ_SHARE),
        )

    def _is_near(self, upload: Path) -> bool:
        """As ``VideoHasher.query_of`` decides."""
        glimpse = hash_glimpse(upload, ONE_THREAD)
        seen = [form.values for form in glimpse.asked if len(form)]
        is_short = glimpse.duration_s < GLIMPSE_FROM_S
        return is_short or not seen or any(map(self.frames_only.is_near_a_video, seen))

    def _held_by_frames(self, asked: HashedVideo) -> frozenset[str]:
        found = matches_of(asked, self.frames_only)
        return frozenset(self.names[one.entry_id] for one in found if one.tier is Tier.HOLD)

    def _changes(self, name: str, hashed: HashedVideo, *, regions: bool) -> list[Change]:
        changes = []
        for fingerprint in hashed.fingerprints:
            if fingerprint.algorithm is Algorithm.PDQ_REGION and not regions:
                continue
            seq = len(self.names) + 1
            self.names[f"{seq:032x}"] = name
            day = date(1970, 1, 1)
            changes.append(Change(fingerprint.algorithm, seq, Op.ADD, f"{seq:032x}", fingerprint.value, None, day))
        return changes


def plain_vpdq(file: Path) -> Frames:
    """vPDQ as the industry has it: PDQ of a frame a second from the beginning, quality 50 and more."""
    rows = []
    with open_video(file, ONE_THREAD) as track:
        for ticks, frame in track.pictures(range(0, track.index.tick_count, 4)):
            hashed = hash_of(luma_of(frame))[0]
            rows += [hashed.bits] * len(ticks) if hashed.quality >= MIN_QUALITY else []
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)


def _shares(upload: Frames, known: Frames) -> tuple[float, float]:
    """python-threatexchange: matching share of each side's frames, repetitions counted as they come."""
    if not len(upload) or not len(known):
        return 0.0, 0.0
    near = _nearest(upload, known), _nearest(known, upload)
    return float((near[0] <= _VPDQ_BITS).mean()), float((near[1] <= _VPDQ_BITS).mean())


def _nearest(frames: Frames, others: Frames) -> NDArray[np.int64]:
    bits: NDArray[np.int64] = np.bitwise_count(frames[:, None, :] ^ others[None, :, :]).sum(axis=2, dtype=np.int64)
    nearest: NDArray[np.int64] = bits.min(axis=1)
    return nearest
