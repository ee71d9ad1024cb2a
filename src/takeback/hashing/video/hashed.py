"""What hashing a video gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.sets import RegionSet
from takeback.model.fingerprint import Algorithm, Fingerprint


@dataclass(frozen=True, slots=True)
class AskedFrames:
    """One form of a video, as it is, mirrored or trimmed, by which it is asked. Values never are part of a ``repr``.

    Args:
        values: (n, 32) uint8, PDQ of one frame a row, bit 0 is the most significant bit of byte 0.
        ticks: (n,) float64, strictly ascending, quarters of a second from the first picture; in short videos
            multiples of a quarter of that.
        qualities: (n,) uint8, PDQ's quality of each.
    """

    values: NDArray[np.uint8]
    ticks: NDArray[np.float64]
    qualities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ticks)

    def __repr__(self) -> str:
        return f"AskedFrames({len(self)} frames)"


@dataclass(frozen=True, slots=True)
class HashedVideo:
    """A video turned into fingerprints; nothing of the video itself is kept.

    Args:
        width: pixels as displayed, that is upright.
        height: likewise.
        duration_s: seconds of it that were looked at.
        fingerprints: what a list may hold of it; of a posted one the digests only.
        key_times_s: of each ``pdq-region`` fingerprint in turn, when its picture is seen.
        asked: the forms it is asked by; none of one that was hashed for a list.
        regions: of each picture that is asked by its regions, those.
        media: what kind of file it was.
    """

    width: int
    height: int
    duration_s: float
    fingerprints: tuple[Fingerprint, ...]
    key_times_s: tuple[float, ...] = ()
    asked: tuple[AskedFrames, ...] = ()
    regions: tuple[RegionSet, ...] = ()
    media: str = "video"

    @property
    def submittable(self) -> tuple[Fingerprint, ...]:
        """The fingerprints a list may hold: all of them, frames that say nothing were left out before."""
        return self.fingerprints

    def time_of(self, fingerprint: Fingerprint) -> float | None:
        """When the picture of a ``pdq-region`` fingerprint is seen; ``None`` for one of the whole video."""
        sets = [one for one in self.fingerprints if one.algorithm is Algorithm.PDQ_REGION]
        return dict(zip(sets, self.key_times_s, strict=True)).get(fingerprint)
