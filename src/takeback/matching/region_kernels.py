# Compiled code takes numpy's integers for int, and numba gives intrinsics their first argument: mypy knows neither.
# mypy: disable-error-code="arg-type, return-value, assignment, call-arg, var-annotated, unreachable"
"""Compiled comparisons of small sets of regions, all with all. Pure functions of arrays.

Regions come as (n, 4) uint64, read-only, from ``words_of``; they are hundreds, so nothing here needs an index.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from takeback.matching.intrinsics import popcount

Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

FAR_BITS = 256


def words_of(values: NDArray[np.uint8]) -> Words:
    """(n, 4) uint64: the same bits as (n, 32) uint8, read-only, so that each kernel is compiled once."""
    words: Words = np.ascontiguousarray(values).view(np.uint64)
    words = words.view()
    words.flags.writeable = False
    return words


@njit(cache=True, nogil=True)
def _distance(one: Words, other: Words, enough: int) -> int:
    """Differing bits; once one half has ``enough`` of them, the rest is not counted."""
    bits = np.int64(popcount(one[0] ^ other[0])) + np.int64(popcount(one[1] ^ other[1]))
    if bits >= enough:
        return bits
    return bits + np.int64(popcount(one[2] ^ other[2])) + np.int64(popcount(one[3] ^ other[3]))


@njit(cache=True, nogil=True)
def nearest(
    registered: Words, registered_strong: Flags, query: Words, query_strong: Flags
) -> tuple[Numbers, Numbers, int]:
    """For each registered region the nearest that is asked; and the distance of the nearest strong pair.

    Args:
        registered: (n, 4) uint64.
        registered_strong: (n,) bool.
        query: (m, 4) uint64.
        query_strong: (m,) bool.

    Returns:
        Two (n,) int64: the distance, and the row of the query, the first of equally near ones; and one number. 256 and
        row 0 where there is nothing to compare.
    """
    distances = np.empty(registered.shape[0], np.int64)
    rows = np.zeros(registered.shape[0], np.int64)
    strong_best = FAR_BITS
    for i in range(registered.shape[0]):
        best = FAR_BITS
        for j in range(query.shape[0]):
            both_strong = registered_strong[i] and query_strong[j]
            bits = _distance(registered[i], query[j], max(best, strong_best) if both_strong else best)
            if bits < best:
                best = bits
                rows[i] = j
            if both_strong:
                strong_best = min(strong_best, bits)
        distances[i] = best
    return distances, rows, strong_best


@njit(cache=True, nogil=True)
def near_any(words: Words, others: Words, radius_bits: int) -> Flags:
    """(n,) bool: which regions are within the radius of any of the others."""
    out = np.zeros(words.shape[0], np.bool_)
    for i in range(words.shape[0]):
        for j in range(others.shape[0]):
            if _distance(words[i], others[j], radius_bits + 1) <= radius_bits:
                out[i] = True
                break
    return out


@njit(cache=True, nogil=True)
def other_owners(words: Words, owners: Numbers, radius_bits: int) -> Numbers:
    """For each region, in how many other pictures one is within the radius.

    Args:
        words: (n, 4) uint64, the regions of one picture next to each other.
        owners: (n,) int64, the number of the picture.
        radius_bits: 0 to 256.

    Returns:
        (n,) int64.
    """
    out = np.zeros(words.shape[0], np.int64)
    for i in range(words.shape[0]):
        last = owners[i]
        for j in range(words.shape[0]):
            if owners[j] == owners[i] or owners[j] == last:
                continue
            if _distance(words[i], words[j], radius_bits + 1) <= radius_bits:
                last = owners[j]
                out[i] += 1
    return out
