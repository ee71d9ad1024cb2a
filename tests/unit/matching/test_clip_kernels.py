"""The compiled comparisons of two videos against references of a few lines."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takeback.matching import clip_kernels as kernels

PACES = np.array([1.0, 0.75, 1.25, 1.5])
"""Whole quarters, so that reference and kernel round nothing."""

Case = tuple[NDArray[np.int16], kernels.Timed, kernels.Timed]


def timed(rng: np.random.Generator, count: int) -> kernels.Timed:
    ticks = np.cumsum(rng.integers(1, 12, count)).astype(np.float64)
    weights = rng.integers(0, 3, count) / 2
    return ticks, np.minimum(np.append(ticks[1:], ticks[-1] + 4), ticks + 8), weights


def made(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    known, query = (timed(rng, int(count)) for count in rng.integers(1, 25, 2))
    alike = rng.random((len(known[0]), len(query[0]))) < rng.choice([0.02, 0.2, 0.9])
    return np.where(alike, 20, 100).astype(np.int16), known, query


def on_line(case: Case, pace: float, begin: float, end: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    bits, (from_, until, weights), (query_from, query_until, query_weights) = case
    low = query_from[None, :] - pace * until[:, None]
    high = query_until[None, :] - pace * from_[:, None]
    lies = (bits <= 31) & (low < end) & (high >= begin) & (weights > 0)[:, None] & (query_weights > 0)
    return np.asarray(lies.any(axis=1)), np.asarray(lies.any(axis=0))


def score(case: Case, pace: float, begin: float) -> float:
    known_on, query_on = on_line(case, pace, begin, begin + kernels.OFFSET_STEP_TICKS)
    return float(min(case[1][2][known_on].sum(), case[2][2][query_on].sum()))


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_the_best_line_is_the_best_of_all_lines(seed: int) -> None:
    case = made(seed)
    bits, known, query = case
    best, line = kernels.best_line(bits, 31, known, query, PACES)
    expected = 0.0
    for pace in PACES:
        lowest, highest = query[0][0] - pace * known[1][-1], query[1][-1] - pace * known[0][0]
        begins = np.arange(lowest, highest + 1, kernels.OFFSET_STEP_TICKS)
        expected = max(expected, *(score(case, pace, begin) for begin in begins))
    assert best == expected
    if best:
        assert score(case, line[0], line[1]) == best
        marks = np.zeros(len(known[0]), np.bool_), np.zeros(len(query[0]), np.bool_)
        kernels.mark_line(bits, 31, known, query, line, marks[0], marks[1])
        for mark, wanted in zip(marks, on_line(case, *line), strict=True):
            assert mark.tolist() == wanted.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 256))
def test_distances_and_shares_of_same(seed: int, same_bits: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 2)
    values = [rng.integers(0, 2, (size, 1), np.uint64) * rng.integers(0, 2**63, (size, 4), np.uint64) for size in sizes]
    for one in values:
        one.flags.writeable = False
    out = np.empty(sizes, np.int16)
    kernels.distances(values[0], values[1], out)
    assert out.tolist() == np.bitwise_count(values[0][:, None] ^ values[1][None]).sum(axis=2).tolist()
    weights = np.empty(sizes[0])
    kernels.shares_of_same(values[0], same_bits, weights)
    near = np.bitwise_count(values[0][:, None] ^ values[0][None]).sum(axis=2) <= same_bits
    assert weights.tolist() == (1 / near.sum(axis=1)).tolist()
