"""How 256 bits are cut into sixteen chunks, and which buckets a radius makes us look into.

**Source:** multi-index hashing with the general pigeonhole principle: with sum(t_i) = r - 16 + 1, any value within r
of the query is within t_i of it in some chunk i. The ring form adds that for some such i also
d_i + d_(i+1) <= t_i + t_(i+1) + 1.
Proof and measurements: docs/matching.md §2; why sixteen for every size: docs/adr/0010-matching-tables.md.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from takeback.matching.intrinsics import LANES
from takeback.matching.kernels import BUCKETS, CHUNK_BITS, CHUNKS, PlanArrays

# Measured on two cores of an EPYC at 10 M values, in nanoseconds; only their ratio matters, to choose search or scan.
_PROBE_NS = 10.0
_VECTOR_NS = 6.0
_CANDIDATE_NS = 25.0
_SCANNED_ROW_NS = 1.1


@dataclass(frozen=True, slots=True)
class Plan:
    """The look-ups for one radius.

    Args:
        chunk: (p,) int64, chunk of each probe.
        flip: (p,) int64, what is exclusive-ored to the query's chunk to get the bucket.
        limit: (p,) int64, how far the next chunk may then be away.
        radii: (16,) int64, t_i; -1 for a chunk that need not be searched.
        passing: of evenly spread values, how many of 65,536 the search brings as candidates.
    """

    chunk: NDArray[np.int64]
    flip: NDArray[np.int64]
    limit: NDArray[np.int64]
    radii: NDArray[np.int64]
    passing: float

    def arrays(self) -> PlanArrays:
        """What the kernel takes."""
        return self.chunk, self.flip, self.limit, self.radii

    def search_is_faster(self, rows: int) -> bool:
        """Whether the tables answer sooner than a look at each of ``rows`` evenly spread values."""
        bucket = rows / BUCKETS
        cost_ns = len(self.chunk) * (_PROBE_NS + bucket / LANES * _VECTOR_NS) + self.passing * bucket * _CANDIDATE_NS
        return cost_ns < rows * _SCANNED_ROW_NS


@cache
def bit_order() -> NDArray[np.int64]:
    """For each bit in chunk order, the bit of the value it comes from. Shape (256,).

    Bit 16 i + j of a PDQ is one coefficient of a 16 by 16 cosine transform; neighbours in a row or column go together
    in real pictures. Chunk (3 i + j) mod 16 takes one coefficient of each row and of each column, which on 14,295 PDQs
    of 240 photographs leaves buckets as even as random bits do: 1.00 times the ideal work, where rows as they come take
    1.16 times, columns 1.23, and either twice the candidates.
    """
    places = np.arange(256)
    row, column = np.divmod(places, 16)
    order = np.argsort((3 * row + column) % CHUNKS * 16 + row, kind="stable").astype(np.int64)
    order.flags.writeable = False
    return order


def chunk_radii(radius_bits: int) -> list[int]:
    """The sixteen t_i for a radius of 0 to 256: as even as can be, the larger ones spread out."""
    total = radius_bits - CHUNKS + 1
    return [(total * (i + 1)) // CHUNKS - (total * i) // CHUNKS for i in range(CHUNKS)]


def make_plan(radius_bits: int) -> Plan | None:
    """The look-ups for a radius; ``None`` where they would outnumber any list worth scanning."""
    radii = chunk_radii(radius_bits)
    if max(radii) > _WIDEST:
        return None
    probes = [
        (chunk, flip, radius + radii[(chunk + 1) % CHUNKS] + 1 - distance)
        for chunk, radius in enumerate(radii)
        for distance in range(radius + 1)
        for flip in _flips(distance)
    ]
    chunk, flip, limit = (_frozen(column) for column in zip(*probes, strict=True))
    passing = sum(_ball(one) for one in limit.tolist()) / BUCKETS
    return Plan(chunk, flip, limit, _frozen(radii), passing)


_WIDEST = 4  # t = 4 is 2,517 buckets a chunk, radius 79; at 10 M the scan is as fast from there on


def _flips(distance: int) -> list[int]:
    return [sum(1 << bit for bit in bits) for bits in combinations(range(CHUNK_BITS), distance)]


@cache
def _ball(radius: int) -> int:
    return sum(comb(CHUNK_BITS, k) for k in range(min(radius, CHUNK_BITS) + 1))


def _frozen(numbers: object) -> NDArray[np.int64]:
    array = np.array(numbers, np.int64)
    array.flags.writeable = False
    return array
