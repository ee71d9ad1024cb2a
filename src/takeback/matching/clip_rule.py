"""When two videos' frames say that one holds a clip of the other. Pure: two sets of frames in, a verdict out.

Either video may be the longer one: a known clip inside a longer upload, or a piece of a known video posted alone. So
the shares count in both directions, and the larger one decides. The industry's two rules each miss one of these: "80 %
of the known video" misses the piece, "80 % of the upload" misses the clip in a longer upload. A few frames are never
enough to hold: black frames, title cards and a channel's intro are in many videos.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.kernels import Words, nearest_distances
from takeback.model.match import Tier

Frames = NDArray[np.uint8]
"""(n, 32) uint8, the PDQ of one frame a row; quality under 50 and repetitions left out."""

_BITS = 256


@dataclass(frozen=True, slots=True)
class ClipVerdict:
    """What the frames of two videos say.

    Args:
        tier: hold, look or clear.
        distance_bits: of the two frames that are nearest to each other; 256 where there are none.
        known_frames: distinct frames of the known video that are in the other one.
        known_share: the same, of all its frames.
        query_share: frames of the other video that are in the known one, of all its frames.
    """

    tier: Tier
    distance_bits: int
    known_frames: int
    known_share: float
    query_share: float


@dataclass(frozen=True, slots=True)
class ClipRule:
    """The decision about one known video and one that is asked.

    Args:
        frame_radius_bits: two frames within it are the same. 31 is PDQ's own threshold, and vPDQ's.
        hold_share: of either video's frames; 0.8 as vPDQ's README has it.
        look_share: the same, for a look.
        look_frames: this many known frames are a look whatever the shares: at one frame a second, ten seconds.
        min_frames: fewer matching frames are nothing, unless they are all that the shorter video has.

    Raises:
        InvalidInputError: ``policy.invalid`` for numbers that cannot be.
    """

    frame_radius_bits: int = 31
    hold_share: float = 0.8
    look_share: float = 0.3
    look_frames: int = 10
    min_frames: int = 3

    def __post_init__(self) -> None:
        shares_fit = 0 < self.look_share <= self.hold_share <= 1
        if not shares_fit or not 0 <= self.frame_radius_bits <= _BITS or min(self.min_frames, self.look_frames) < 1:
            raise InvalidInputError("policy.invalid", "A clip rule has shares from 0 to 1 and at least one frame.")

    def decide(self, known: Frames, query: Frames) -> ClipVerdict:
        """Compare all frames of a known video with all of one that is asked."""
        if not len(known) or not len(query):
            return ClipVerdict(Tier.CLEAR, _BITS, 0, 0.0, 0.0)
        known_words, query_words = _words(known), _words(query)
        radius = self.frame_radius_bits
        nearest = _nearest(known_words, query_words)
        known_frames = int(np.count_nonzero(nearest <= radius))
        query_frames = int(np.count_nonzero(_nearest(query_words, known_words) <= radius))
        known_share, query_share = known_frames / len(known), query_frames / len(query)
        # As many as both have: one frame held for ten seconds does not count ten times.
        enough = min(known_frames, query_frames) >= min(self.min_frames, len(known), len(query))
        tier = self._tier(max(known_share, query_share), known_frames) if enough else Tier.CLEAR
        return ClipVerdict(tier, int(nearest.min()), known_frames, known_share, query_share)

    def _tier(self, share: float, known_frames: int) -> Tier:
        if share >= self.hold_share:
            return Tier.HOLD
        return Tier.LOOK if share >= self.look_share or known_frames >= self.look_frames else Tier.CLEAR


def _words(frames: Frames) -> Words:
    words: Words = np.ascontiguousarray(frames).view(np.uint64).view()
    words.flags.writeable = False
    return words


def _nearest(frames: Words, others: Words) -> NDArray[np.int64]:
    out = np.empty(len(frames), np.int64)
    nearest_distances(frames, others, out)
    return out
