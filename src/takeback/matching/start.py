"""The first start: compile the kernels once, and say so. Later starts load them from numba's cache on disk."""

from collections.abc import Callable

import numpy as np

from takeback.matching import kernels, region_kernels, segment
from takeback.matching.chunks import make_plan
from takeback.matching.clip import Clip
from takeback.matching.clip_rule import ClipRule
from takeback.matching.encoding import raw_to_words
from takeback.model.fingerprint import Algorithm


def warm_up(report: Callable[[str], None] | None = None) -> None:
    """Make every kernel ready to run: about ten seconds the first time on a machine, under a second after that.

    Args:
        report: told each step's name before it begins, so that a first start does not look stuck.
    """
    say = report or (lambda _: None)
    say("loading values")
    values = raw_to_words(Algorithm.PDQ, np.zeros((2, 32), np.uint8))
    ids = np.array([[0, 1], [0, 2]], np.uint64)
    say("building tables")
    near = segment.build_segment(ids, values, exact=False)
    exact = segment.build_segment(ids, values, exact=True)
    say("searching")
    plan = make_plan(1)
    if plan is not None and isinstance(near.index, segment.Tables):
        out = np.empty((4, 3), np.int64)
        kernels.near(near.values, near.dead, near.index.arrays(), plan.arrays(), 1, near.values, out)
        kernels.tables_hold(near.index.offsets, near.index.positions, len(near))
    segment.scan(near.values, near.dead, len(near), near.values, 1)
    exact.near(near.values, 0, None)
    say("merging")
    segment.merged([near], [near.dead], exact=True).rows_of(ids)
    kernels.checksum(segment.frozen(ids).reshape(-1))
    say("comparing parts")
    parts = np.zeros((3, 32), np.uint8)
    clip = Clip(parts, np.arange(3, dtype=np.int64))
    ClipRule().decide(clip, clip)
    words, strong = region_kernels.words_of(parts), np.ones(3, np.bool_)
    region_kernels.nearest(words, strong, words, strong)
    region_kernels.near_any(words, words, 0)
