# Compiled code takes numpy's integers for int, and numba gives intrinsics their first argument: mypy knows neither.
# mypy: disable-error-code="arg-type, return-value, assignment, call-arg, var-annotated, unreachable"
"""Compiled comparisons of two videos' frames, all with all. Pure functions of arrays.

Frames come as (n, 4) uint64 in any one order of bits; they are at most a few hundred, so nothing here needs an index.
A frame stands for the time from when it is seen until the next one is, because a video's fingerprint leaves out what
looks like the frame before. Two frames that are alike are on the line ``query = pace * known + offset`` if these times
meet when the known one is moved along it.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from takeback.matching.intrinsics import popcount

Words = NDArray[np.uint64]
Bits = NDArray[np.int16]
Ticks = NDArray[np.float64]
Weights = NDArray[np.float64]
Timed = tuple[Ticks, Ticks, Weights]
"""From when and until when each frame is seen, ascending, and how much it counts; 0 for one that is used up."""
Line = tuple[float, float, float]
"""Pace, and the lowest and highest offset of the line's band, in ticks."""

OFFSET_STEP_TICKS = 2.0
"""How finely offsets are told apart; a frame is seen for four ticks or longer."""


@njit(cache=True, nogil=True)
def distances(known: Words, query: Words, out: Bits) -> None:
    """Differing bits of every known frame, (n, 4), to every one that is asked, (m, 4). ``out``: (n, m)."""
    for i in range(known.shape[0]):
        for j in range(query.shape[0]):
            bits = np.uint64(0)
            for word in range(4):
                bits += popcount(known[i, word] ^ query[j, word])
            out[i, j] = np.int16(bits)


@njit(cache=True, nogil=True)
def shares_of_same(words: Words, same_bits: int, out: Weights) -> None:
    """What each of (n, 4) frames counts when those within ``same_bits`` of each other count as one. ``out``: (n,)."""
    for i in range(words.shape[0]):
        same = 0
        for j in range(words.shape[0]):
            bits = np.uint64(0)
            for word in range(4):
                bits += popcount(words[i, word] ^ words[j, word])
            same += np.int64(bits) <= same_bits
        out[i] = 1.0 / same


@njit(cache=True, nogil=True)
def _meet(pace: float, known: Timed, i: int, query: Timed, j: int) -> tuple[float, float]:
    """Between which offsets the known frame's time, moved, meets the other's."""
    return query[0][j] - pace * known[1][i], query[1][j] - pace * known[0][i]


@njit(cache=True, nogil=True)
def best_line(bits: Bits, radius: int, known: Timed, query: Timed, paces: Weights) -> tuple[float, Line]:
    """The line on which most lies: a vote over paces and offsets.

    Args:
        bits: (n, m), of ``distances``; n and m at least 1.
        radius: frames within it are alike.
        known: (n,) each.
        query: (m,) each.
        paces: (p,), of two that are equally good the first is taken.

    Returns:
        What lies on the line, the weight of the known frames or of those asked, whichever is less: so neither counts
        twice. And the line; nothing lies on it if that is 0.
    """
    best = 0.0
    line = (1.0, 0.0, 0.0)
    for number in range(paces.shape[0]):
        pace = paces[number]
        lowest = query[0][0] - pace * known[1][-1]
        highest = query[1][-1] - pace * known[0][0]
        steps = np.int64((highest - lowest) / OFFSET_STEP_TICKS) + 1
        by_known = np.zeros(steps + 1)
        by_query = np.zeros(steps + 1)
        _vote_by_known(bits, radius, known, query, pace, lowest, by_known)
        _vote_by_query(bits, radius, known, query, pace, lowest, by_query)
        known_sum = 0.0
        query_sum = 0.0
        for step in range(steps):
            known_sum += by_known[step]
            query_sum += by_query[step]
            # Sums of shares are rounded: what is as good as the best by less than that is not better.
            if min(known_sum, query_sum) > best + 1e-9:
                best = min(known_sum, query_sum)
                begin = lowest + step * OFFSET_STEP_TICKS
                line = (pace, begin, begin + OFFSET_STEP_TICKS)
    return best, line


@njit(cache=True, nogil=True)
def _vote_by_known(
    bits: Bits, radius: int, known: Timed, query: Timed, pace: float, lowest: float, out: Weights
) -> None:
    """Add each known frame's weight where any frame that is alike votes; ``out`` holds differences, to be summed up."""
    for i in range(bits.shape[0]):
        if known[2][i] == 0.0:
            continue
        begin = end = -1
        for j in range(bits.shape[1]):
            if bits[i, j] > radius or query[2][j] == 0.0:
                continue
            low, high = _meet(pace, known, i, query, j)
            first, last = np.int64((low - lowest) / OFFSET_STEP_TICKS), np.int64((high - lowest) / OFFSET_STEP_TICKS)
            # Both ends ascend with j, so what overlaps is next to each other.
            if end >= first:
                end = max(end, last + 1)
                continue
            if end >= 0:
                out[begin] += known[2][i]
                out[end] -= known[2][i]
            begin, end = first, last + 1
        if end >= 0:
            out[begin] += known[2][i]
            out[end] -= known[2][i]


@njit(cache=True, nogil=True)
def _vote_by_query(
    bits: Bits, radius: int, known: Timed, query: Timed, pace: float, lowest: float, out: Weights
) -> None:
    """The same the other way round."""
    for j in range(bits.shape[1]):
        if query[2][j] == 0.0:
            continue
        begin = end = -1
        for reverse in range(bits.shape[0]):
            i = bits.shape[0] - 1 - reverse  # both ends descend with i
            if bits[i, j] > radius or known[2][i] == 0.0:
                continue
            low, high = _meet(pace, known, i, query, j)
            first, last = np.int64((low - lowest) / OFFSET_STEP_TICKS), np.int64((high - lowest) / OFFSET_STEP_TICKS)
            if end >= first:
                end = max(end, last + 1)
                continue
            if end >= 0:
                out[begin] += query[2][j]
                out[end] -= query[2][j]
            begin, end = first, last + 1
        if end >= 0:
            out[begin] += query[2][j]
            out[end] -= query[2][j]


@njit(cache=True, nogil=True)
def mark_line(
    bits: Bits,
    radius: int,
    known: Timed,
    query: Timed,
    line: Line,
    known_on: NDArray[np.bool_],
    query_on: NDArray[np.bool_],
) -> None:
    """Mark the frames that lie on a line.

    Args:
        bits: as in ``best_line``, and so are the next three.
        radius: frames within it are alike.
        known: (n,) each.
        query: (m,) each.
        line: of ``best_line``.
        known_on: (n,), set where a frame lies on it.
        query_on: (m,), likewise.
    """
    pace, begin, end = line
    for i in range(bits.shape[0]):
        for j in range(bits.shape[1]):
            if bits[i, j] > radius or known[2][i] == 0.0 or query[2][j] == 0.0:
                continue
            low, high = _meet(pace, known, i, query, j)
            if low < end and high >= begin:
                known_on[i] = True
                query_on[j] = True
