"""A segment: values that no longer change, sorted by id, with what makes them quick to find. Only its tombstones move.

A segment of PDQ has sixteen tables (about 80 bytes a value on top of 32 for the value and 16 for the id); one of exact
values has its rows' order by value (4 bytes). The arrays may lie in memory or in a mapped snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.matching import kernels
from takeback.matching.chunks import Plan
from takeback.matching.intrinsics import LANES

MAX_ROWS = (1 << 24) - 1
"""Rows a segment can hold: their numbers take three bytes. A longer list has several segments."""

Words = NDArray[np.uint64]
Found = NDArray[np.int64]
"""(k, 3) int64: query, row, distance in bits."""

_FIRST_CAPACITY = 256
_CAPACITY_A_QUERY = 4
"""Room for what a query usually finds; more means doing the search a second time."""
_LAST_WORD = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True)
class Tables:
    """The sixteen tables; see ``kernels.build_tables``."""

    offsets: NDArray[np.uint32]
    sketches: NDArray[np.uint16]
    positions: NDArray[np.uint8]

    def arrays(self) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.uint8]]:
        """What the kernel takes."""
        return self.offsets, self.sketches, self.positions


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of exact values, ascending by value."""

    rows: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Segment:
    """Values with their ids.

    Args:
        ids: (n, w) uint64, ascending by all words, w = 2 or 3; read-only.
        values: (n, w) uint64, PDQ in chunk order; read-only.
        dead: (n,) uint8, 1 where the row was removed: the one thing that changes, always from 0 to 1.
        index: what makes them quick to find.
    """

    ids: Words
    values: Words
    dead: NDArray[np.uint8]
    index: Tables | Order

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def live(self) -> int:
        """Rows that are not removed."""
        return len(self) - int(np.count_nonzero(self.dead))

    def rows_of(self, wanted: Words) -> Found:
        """The row of each id, or -1. Shape (k,); removed rows count too."""
        if not len(self):
            return np.full(len(wanted), -1, np.int64)
        order = np.argsort(wanted[:, 0])  # in order, a search finds the last one's path still in the cache
        wanted = wanted[order]
        found = self._first_not_below(wanted)
        inside = np.minimum(found, len(self) - 1)
        rows = np.empty(len(wanted), np.int64)
        rows[order] = np.where((self.ids[inside] == wanted).all(axis=1), inside, -1)
        return rows

    def rows_of_entry(self, entry: Words) -> range:
        """The rows whose ids of three words begin with the two of ``entry``; removed rows too."""
        first, last = np.append(entry, np.uint64(0)), np.append(entry, _LAST_WORD)
        begin, end = self._first_not_below(np.stack([first, last])).tolist()
        return range(begin, end + int(end < len(self) and bool((self.ids[end] == last).all())))

    def _first_not_below(self, wanted: Words) -> Found:
        found = np.empty(len(wanted), np.int64)
        kernels.lower_bounds(self.ids, frozen(wanted), found)
        return found

    def near(self, queries: Words, radius_bits: int, plan: Plan | None) -> Found:
        """Live rows within a radius of each query; ``plan`` is the radius's, if there is one."""
        match self.index:
            case Tables() as tables if plan is not None and plan.search_is_faster(len(self)):
                return collect(
                    len(queries),
                    lambda out: kernels.near(
                        self.values, self.dead, tables.arrays(), plan.arrays(), radius_bits, queries, out
                    ),
                )
            case Tables():
                return scan(self.values, self.dead, len(self), queries, radius_bits)
            case Order(rows):
                return collect(len(queries), lambda out: kernels.equal(self.values, self.dead, rows, queries, out))


def scan(values: Words, dead: NDArray[np.uint8], count: int, queries: Words, radius_bits: int) -> Found:
    """Live rows among the first ``count`` within a radius of each query, by looking at each."""
    return collect(len(queries), lambda out: kernels.scan(values, dead, count, radius_bits, queries, out))


def collect(queries: int, search: Callable[[Found], int]) -> Found:
    """Run a search that fills a table, with as much room as it turns out to need."""
    out = np.empty((_FIRST_CAPACITY + _CAPACITY_A_QUERY * queries, 3), np.int64)
    found = int(search(out))
    while found > len(out):  # a row may be removed between the two runs, never added
        out = np.empty((found, 3), np.int64)
        found = int(search(out))
    return out[:found]


def build_segment(ids: Words, values: Words, *, exact: bool) -> Segment:
    """Make a segment.

    Args:
        ids: (n, w) uint64, ascending, each once; n at most ``MAX_ROWS``. Kept, and made read-only.
        values: (n, w) uint64, in the same order. Kept, and made read-only.
        exact: whether the values are only ever asked for equality.
    """
    ids, values = frozen(ids), frozen(values)
    index = _order_of(values) if exact else _tables_of(values)
    return Segment(ids, values, np.zeros(len(ids), np.uint8), index)


def sorted_by_id(ids: Words, values: Words) -> tuple[Words, Words]:
    """The same rows, ascending by id."""
    order = np.lexsort(tuple(ids[:, word] for word in reversed(range(ids.shape[1]))))
    return ids[order], values[order]


def merged(segments: list[Segment], dead: list[NDArray[np.uint8]], *, exact: bool) -> Segment:
    """One segment of the live rows of several.

    Args:
        segments: any number; no id is live in two.
        dead: each one's tombstones as they are to be taken.
        exact: as in ``build_segment``.
    """
    by_size = sorted(range(len(segments)), key=lambda i: len(segments[i]))
    width = int(segments[0].values.shape[1])
    id_width = int(segments[0].ids.shape[1])
    ids, values = frozen(np.empty((0, id_width), np.uint64)), frozen(np.empty((0, width), np.uint64))
    for i in by_size:
        one = segments[i]
        rows = len(one) + len(ids)
        out_ids = np.empty((rows, id_width), np.uint64)
        out_values = np.empty((rows, width), np.uint64)
        written = kernels.merge(one.ids, one.values, dead[i], ids, values, out_ids, out_values)
        ids, values = frozen(out_ids[:written]), frozen(out_values[:written])
    return build_segment(ids, values, exact=exact)


def frozen(array: Words) -> Words:
    """A read-only view in row-major order: kernels are compiled for these."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _tables_of(values: Words) -> Tables:
    rows = len(values)
    # numpy's own memory may use large pages, which a search through hundreds of megabytes gains a fifth from.
    tables = Tables(
        np.zeros((kernels.CHUNKS, kernels.BUCKETS + 1), np.uint32),
        np.zeros((kernels.CHUNKS, rows + LANES), np.uint16),
        np.zeros(3 * kernels.CHUNKS * rows, np.uint8),
    )
    kernels.build_tables(values, *tables.arrays())
    for array in tables.arrays():
        array.flags.writeable = False
    return tables


def _order_of(values: Words) -> Order:
    columns = tuple(values[:, word] for word in reversed(range(values.shape[1])))
    rows = np.lexsort(columns).astype(np.uint32)
    rows.flags.writeable = False
    return Order(rows)
