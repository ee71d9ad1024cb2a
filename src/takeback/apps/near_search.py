"""The fast search for the guard list, on the matching engine's kernels. Only where the extra ``match`` is installed.

It stands here because the registry may not import compiled kernels: whoever composes a registry passes it in.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from takeback.matching.engine import MatchEngine
from takeback.matching.live import Growth
from takeback.model.fingerprint import Algorithm
from takeback.registry.guard_rule import FindNear

_BYTES = 32


def kernel_search(table: Sequence[bytes], radius_bits: int) -> FindNear:
    """The same answers as ``plain_search``, by the index that platforms search with."""
    engine = MatchEngine(growth=Growth(background=False))
    ids = np.zeros((len(table), 2), np.uint64)
    ids[:, 1] = np.arange(len(table), dtype=np.uint64)
    engine.bulk_load(Algorithm.PDQ, ids, _rows(table), 1)

    def find(queries: Sequence[bytes]) -> list[list[int]]:
        near: list[list[int]] = [[] for _ in queries]
        found_ids, found = engine.near(Algorithm.PDQ, _rows(queries), radius_bits)
        for position, query in zip(found_ids[:, 1].tolist(), found[:, 0].tolist(), strict=True):
            near[query].append(position)
        return [sorted(positions) for positions in near]

    return find


def _rows(values: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, _BYTES)
