"""When two videos' frames say that one holds a piece of the other. Pure: two sets of timed frames in, a verdict out.

What is alike at one time and goes on being alike, in order and at one pace, is a *run*: the same footage. Runs are
found one after the other, each frame of either video in one of them at most. A frame that is alike but in no run counts
less: it may be a logo, a title card, a test picture. What a run is worth is counted in frames that differ from each
other, so that a still picture, however long it stands, is one frame, in both videos.

Either video may be the longer one: a known clip inside a longer upload, or a piece of a known video posted alone. So
both shares count, and the larger one decides. docs/matching.md §5 has the reasons behind the numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching import clip_kernels as kernels
from takeback.matching.clip import Clip
from takeback.model.match import ClipTimes, Tier
from takeback.model.video import TICKS_A_SECOND

_BITS: Final = 256
_MOST_RUNS: Final = 8
_LAST_FRAME_TICKS: Final = TICKS_A_SECOND

PACES: Final = (1.0, 24 / 25, 25 / 24, 0.9, 1.1, 0.8, 1.25, 0.85, 1.15, 1.2, 0.75, 1.3, 0.7, 1.4, 1.5)
"""Seconds of the upload for one of the known video, likeliest first. Between two of them a run holds for half a minute
or more, because a frame's place is only known to about a second."""


@dataclass(frozen=True, slots=True)
class ClipVerdict:
    """What the frames of two videos say.

    Args:
        tier: hold, look or clear.
        distance_bits: of the two frames that are nearest to each other; 256 where there are none.
        frames: different frames of the known video that lie in runs, rounded.
        known_share: how much of the known video is in the other one, 0 to 1; frames in no run count for less.
        query_share: how much of the other video is in the known one, likewise.
        times: of the longest run; ``None`` where nothing is alike.
    """

    tier: Tier
    distance_bits: int
    frames: int
    known_share: float
    query_share: float
    times: ClipTimes | None

    @property
    def rank(self) -> tuple[bool, bool, float, int]:
        """The larger, the more it says."""
        share = max(self.known_share, self.query_share)
        return self.tier is Tier.HOLD, self.tier is Tier.LOOK, share, self.frames


@dataclass(frozen=True, slots=True)
class ClipRule:
    """The decision about one known video and one that is asked.

    Args:
        frame_radius_bits: an index is searched within it, and few frames have to be. 31 is PDQ's own threshold, and
            vPDQ's.
        wide_radius_bits: ``wide_frames`` frames are searched within this, and a run has to have one such pair.
        wide_frames: spread over the video; a search within 40 bits costs five times one within 31.
        run_radius_bits: frames within it may lie in a run. Unrelated frames are hardly ever within 60.
        same_bits: frames of one video within it count as one.
        hold_share: of either video, for a hold.
        run_share: of either video in one run, for a hold; ``run_share_frames`` frames have to be in it besides.
        run_share_frames: so that this is not for an intro of a few seconds.
        look_share: the same as ``hold_share``, for a look; ``look_share_frames`` frames have to be in runs besides.
        look_share_frames: so that the intro of two short videos does not make one of them a copy of the other.
        hold_frames: so many frames in one run are a hold, however long the videos are.
        look_frames: the same, for a look.
        min_frames: fewer are few: they are nothing, unless they are most of either video.
        few_share: how much is most. Where one of the videos is a single picture, it is a hold only if each of them is
            mostly the other one: that picture may be a title card.
        loose_weight: what a frame that is alike but in no run counts.
        still_s: a frame stands for this many seconds at most, if nothing follows.

    Raises:
        InvalidInputError: ``policy.invalid`` for numbers that cannot be.
    """

    frame_radius_bits: int = 31
    wide_radius_bits: int = 40
    wide_frames: int = 64
    run_radius_bits: int = 48
    same_bits: int = 15
    hold_share: float = 0.5
    run_share: float = 0.4
    run_share_frames: int = 8
    look_share: float = 0.3
    look_share_frames: int = 6
    hold_frames: int = 30
    look_frames: int = 10
    min_frames: int = 3
    few_share: float = 0.6
    loose_weight: float = 0.4
    still_s: int = 10
    _paces: NDArray[np.float64] = field(default_factory=lambda: np.array(PACES), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shares_fit = 0 < self.look_share <= self.run_share <= self.hold_share <= 1 and 0 <= self.loose_weight <= 1
        radii = (0, self.same_bits, self.frame_radius_bits, self.wide_radius_bits, self.run_radius_bits, _BITS)
        counts = self.min_frames, self.still_s, self.wide_frames, self.run_share_frames, self.look_frames
        counts_fit = min(counts) >= 1 and self.look_frames <= self.hold_frames
        if not (shares_fit and counts_fit and sorted(radii) == list(radii) and 0 < self.few_share <= 1):
            raise InvalidInputError("policy.invalid", "A clip rule has shares from 0 to 1 and at least one frame.")

    def decide(self, known: Clip, query: Clip) -> ClipVerdict:
        """Compare all frames of a known video with all of one that is asked; both in the same order of bits."""
        if not len(known) or not len(query):
            return ClipVerdict(Tier.CLEAR, _BITS, 0, 0.0, 0.0, None)
        pair = self._compared(known, query)
        nearest = int(pair.bits.min())
        if nearest > self.wide_radius_bits:
            return ClipVerdict(Tier.CLEAR, nearest, 0, 0.0, 0.0, None)
        all_known, all_query = pair.left()
        runs = list(self._runs(pair))
        known_left, query_left = self._loose(pair)
        loose = self.loose_weight * min(known_left, query_left)
        in_runs = min(sum(one.known for one in runs), sum(one.query for one in runs))
        frames = in_runs + loose
        known_share = (sum(one.known for one in runs) + loose) / all_known
        query_share = (sum(one.query for one in runs) + loose) / all_query
        share = max(known_share, query_share)
        longest = max(runs, key=lambda one: one.frames)
        run_share = max(longest.known / all_known, longest.query / all_query)
        many = frames >= self.min_frames - _ROUNDING
        most = nearest <= self.frame_radius_bits and share >= self.few_share - _ROUNDING
        tier = self._tier(share, in_runs, longest.frames, run_share) if many or most else Tier.CLEAR
        if tier is Tier.HOLD and min(all_known, all_query) < _SINGLE and min(known_share, query_share) < self.few_share:
            tier = Tier.LOOK
        return ClipVerdict(tier, nearest, round(in_runs), known_share, query_share, longest.times)

    def _tier(self, share: float, in_runs: float, longest: float, run_share: float) -> Tier:
        in_one_run = run_share >= self.run_share - _ROUNDING and longest >= self.run_share_frames - _ROUNDING
        if in_one_run or share >= self.hold_share - _ROUNDING or longest >= self.hold_frames - _ROUNDING:
            return Tier.HOLD
        much = share >= self.look_share - _ROUNDING and in_runs >= self.look_share_frames - _ROUNDING
        return Tier.LOOK if much or longest >= self.look_frames - _ROUNDING else Tier.CLEAR

    def _compared(self, known: Clip, query: Clip) -> "_Pair":
        words = _words(known), _words(query)
        bits = np.empty((len(known), len(query)), np.int16)
        kernels.distances(*words, bits)
        weak = known.weak[:, None] | query.weak
        bits[weak & (bits > self.frame_radius_bits)] = _BITS
        return _Pair(bits, self._timed(words[0], known), self._timed(words[1], query))

    def _timed(self, words: NDArray[np.uint64], clip: Clip) -> kernels.Timed:
        ticks = clip.ticks.astype(np.float64)
        weights = np.empty(len(ticks))
        kernels.shares_of_same(words, self.same_bits, weights)
        following = np.append(ticks[1:], ticks[-1] + _LAST_FRAME_TICKS)
        return ticks, np.minimum(following, ticks + self.still_s * TICKS_A_SECOND), weights

    def _runs(self, pair: "_Pair") -> Iterator["_Run"]:
        """The longest run, then the longest of what is left, and so on; the first one whatever its length."""
        for number in range(_MOST_RUNS):
            frames, line = kernels.best_line(pair.bits, self.run_radius_bits, pair.known, pair.query, self._paces)
            if frames < (self.min_frames - _ROUNDING if number else _ROUNDING):
                return
            yield self._taken(pair, line)

    def _taken(self, pair: "_Pair", line: kernels.Line) -> "_Run":
        """The densest stretch of a line, and all that is in it used up."""
        known_on, _ = self._on_line(pair, line, slice(None))
        stretch = _densest(np.where(known_on, pair.known[2], -_GAP_COST * pair.known[2]))
        known_on, query_on = self._on_line(pair, line, stretch)
        known_in, query_in = _inside(known_on), _inside(query_on)
        density = max(_share_of(pair.known[2], known_on, known_in), _share_of(pair.query[2], query_on, query_in))
        run = _Run(
            density * float(pair.known[2][known_in].sum()),
            density * float(pair.query[2][query_in].sum()),
            ClipTimes(*_span_s(pair.query, query_on), *_span_s(pair.known, known_on)),
        )
        pair.known[2][known_in] = 0.0
        pair.query[2][query_in] = 0.0
        return run

    def _on_line(
        self, pair: "_Pair", line: kernels.Line, stretch: slice
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        known_on, query_on = np.zeros(len(pair.bits), np.bool_), np.zeros(pair.bits.shape[1], np.bool_)
        from_, until, weights = pair.known
        part = from_[stretch], until[stretch], weights[stretch]
        kernels.mark_line(pair.bits[stretch], self.run_radius_bits, part, pair.query, line, known_on[stretch], query_on)
        return known_on, query_on

    def _loose(self, pair: "_Pair") -> tuple[float, float]:
        """Weights of the frames in no run that are alike, in each of the videos."""
        alike = (pair.bits <= self.frame_radius_bits) & (pair.known[2] > 0)[:, None] & (pair.query[2] > 0)
        return float(pair.known[2][alike.any(axis=1)].sum()), float(pair.query[2][alike.any(axis=0)].sum())


_GAP_COST: Final = 0.3
"""What a frame that is missing from a run takes from it: a stretch with fewer than a quarter of its frames is none."""

_ROUNDING: Final = 1e-6
_SINGLE: Final = 1.5
"""Different frames of a video that is one picture, whatever its length; two make a run that can be told from chance."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two videos' frames, compared; the weights go to 0 as frames are used up."""

    bits: NDArray[np.int16]
    known: kernels.Timed
    query: kernels.Timed

    def left(self) -> tuple[float, float]:
        return float(self.known[2].sum()), float(self.query[2].sum())


@dataclass(frozen=True, slots=True)
class _Run:
    known: float
    query: float
    times: ClipTimes

    @property
    def frames(self) -> float:
        return min(self.known, self.query)


def _words(clip: Clip) -> NDArray[np.uint64]:
    """Read-only, so that each kernel is compiled once."""
    words = np.ascontiguousarray(clip.values).view(np.uint64).view()
    words.flags.writeable = False
    return words


def _densest(gains: NDArray[np.float64]) -> slice:
    """The stretch with the greatest sum. Kadane's algorithm."""
    best, best_at, total, begin = 0.0, slice(0, 0), 0.0, 0
    for at, gain in enumerate(gains.tolist()):
        if total <= 0:
            total, begin = 0.0, at
        total += gain
        if total > best:
            best, best_at = total, slice(begin, at + 1)
    return best_at


def _inside(chosen: NDArray[np.bool_]) -> slice:
    """From the first chosen frame to the last."""
    places = np.flatnonzero(chosen)
    return slice(int(places[0]), int(places[-1]) + 1)


def _share_of(weights: NDArray[np.float64], chosen: NDArray[np.bool_], inside: slice) -> float:
    return float(weights[chosen].sum() / weights[inside].sum())


def _span_s(timed: kernels.Timed, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    return float(timed[0][chosen].min()) / TICKS_A_SECOND, float(timed[1][chosen].max()) / TICKS_A_SECOND
