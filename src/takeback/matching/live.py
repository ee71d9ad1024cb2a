"""A list that changes while it is asked: a small delta beside segments that do not change, merged in the background.

Readers take one look at ``_view`` and work on what they saw; nothing they use is ever rewritten, only tombstones appear
in it. Writers hold ``_writing``. Additions go to the delta, which is scanned; once it is full it becomes a segment, and
segments of like size are merged into one on a thread of their own, so that a list has few of them. Removing sets a
tombstone; the next merge leaves the row out. Nothing ever rebuilds the whole on a reader's or writer's time.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from takeback.matching import segment as segments_of
from takeback.matching.chunks import Plan
from takeback.matching.segment import MAX_ROWS, Found, Segment, Words, build_segment, frozen, scan, sorted_by_id


@dataclass(frozen=True, slots=True)
class Growth:
    """When a list tidies up after itself.

    Args:
        delta_rows: additions that are scanned before they become a segment. 2,048 cost a query about 2 microseconds.
        ratio: a segment is merged with all smaller ones once they hold more than a ``ratio``-th of it together.
        dead_share: a segment is rewritten once this share of it is removed.
        background: whether a thread does it; without, call ``LiveIndex.merge_step``.
    """

    delta_rows: int = 2048
    ratio: int = 4
    dead_share: float = 0.25
    background: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes to one list, with at most one per id.

    Args:
        seq: the list's sequence number after them.
        removed_ids: (k, 2) uint64; ids that are not there do no harm.
        added_ids: (n, 2) uint64, each once and none of them removed in the same batch; one that is there is replaced.
        added_values: (n, w) uint64, PDQ in chunk order.
    """

    seq: int
    removed_ids: Words
    added_ids: Words
    added_values: Words


@dataclass(frozen=True, slots=True)
class _Delta:
    ids: Words
    values: Words
    dead: NDArray[np.uint8]
    rows: dict[bytes, int]  # writers only


@dataclass(frozen=True, slots=True)
class View:
    """What a reader sees: the list at one sequence number."""

    segments: tuple[Segment, ...]
    delta: _Delta
    delta_count: int
    live: int
    seq: int

    def near(self, queries: Words, radius_bits: int, plan: Plan | None) -> list[tuple[Words, Found]]:
        """For each part of the list its ids and what was found in it. ``queries``: (q, w), in chunk order."""
        queries = frozen(queries)
        parts = [(one.ids, one.near(queries, radius_bits, plan)) for one in self.segments]
        if self.delta_count:
            delta = self.delta
            found = scan(frozen(delta.values), delta.dead, self.delta_count, queries, radius_bits)
            parts.append((delta.ids, found))
        return parts

    def members(self, entry: Words) -> tuple[Words, Words]:
        """Ids and values of the live rows whose ids begin with the two words of ``entry``, ascending by id."""
        ids, values = [], []
        for one in self.segments:
            rows = one.rows_of_entry(entry)
            live = np.flatnonzero(one.dead[rows.start : rows.stop] == 0) + rows.start
            ids.append(one.ids[live])
            values.append(one.values[live])
        delta, count = self.delta, self.delta_count
        chosen = np.flatnonzero((delta.ids[:count, :2] == entry).all(axis=1) & (delta.dead[:count] == 0))
        return np.concatenate([*ids, delta.ids[chosen]]), np.concatenate([*values, delta.values[chosen]])


class LiveIndex:
    """One list's values.

    Args:
        width: 64-bit words of a value.
        id_width: 64-bit words of an id.
        exact: whether values are only ever asked for equality.
        growth: when to merge.
    """

    def __init__(self, width: int, *, exact: bool, id_width: int = 2, growth: Growth = Growth()) -> None:
        self._width = width
        self._id_width = id_width
        self._exact = exact
        self._growth = growth
        self._writing = threading.Lock()
        self._merging = threading.Lock()
        self._merger: threading.Thread | None = None
        self._view = View((), self._new_delta(), 0, 0, 0)

    def view(self) -> View:
        """The list as it is now. A view that is held does not grow; whether it still loses rows is not promised."""
        return self._view

    def apply(self, batch: Batch) -> None:
        """Change the list; the next view has it."""
        with self._writing:
            batch = self._without_known(batch)
            gone = self._kill(np.concatenate((batch.removed_ids, batch.added_ids)))
            view = replace(self._view, live=self._view.live - gone + len(batch.added_ids), seq=batch.seq)
            self._view = self._with_rows(view, batch.added_ids, batch.added_values)
        self._tidy()

    def adopt(self, segments: Iterable[Segment], seq: int) -> None:
        """Take finished segments instead of what is there: a snapshot, or a first load."""
        taken = tuple(one for one in segments if len(one))
        with self._writing:
            self._view = View(taken, self._new_delta(), 0, sum(one.live() for one in taken), seq)
        self._tidy()

    def bulk(self, ids: Words, values: Words, seq: int) -> None:
        """Load a whole list at once.

        Args:
            ids: (n, 2) uint64, each once.
            values: (n, w) uint64, PDQ in chunk order.
            seq: the list's sequence number.
        """
        ids, values = sorted_by_id(ids, values)
        self.adopt(
            (
                build_segment(ids[at : at + MAX_ROWS], values[at : at + MAX_ROWS], exact=self._exact)
                for at in range(0, len(ids), MAX_ROWS)
            ),
            seq,
        )

    def finished_segments(self) -> tuple[tuple[Segment, ...], int]:
        """Everything that is live as segments, for a snapshot; and the sequence number."""
        with self._writing:
            view = self._view
            tombstones = [one.dead.copy() for one in view.segments]
            fresh = self._segment_of(view.delta, view.delta_count)
        kept = [self._without_dead(one, dead) for one, dead in zip(view.segments, tombstones, strict=True)]
        return tuple(one for one in [*kept, fresh] if one is not None and len(one)), view.seq

    def _without_dead(self, one: Segment, dead: NDArray[np.uint8]) -> Segment:
        # A value that was withdrawn must not live on in a file.
        return segments_of.merged([one], [dead], exact=self._exact) if dead.any() else replace(one, dead=dead)

    def merge_step(self) -> bool:
        """Do one merge if one is due; says whether it did. Readers and writers go on meanwhile."""
        with self._merging:
            with self._writing:
                chosen = self._due(self._view.segments)
                before = [one.dead.copy() for one in chosen]
            if not chosen:
                return False
            made = segments_of.merged(chosen, before, exact=self._exact)
            with self._writing:
                present = {id(one) for one in self._view.segments}
                if any(id(one) not in present for one in chosen):
                    return True  # the list was exchanged for another one meanwhile
                for one, dead in zip(chosen, before, strict=True):
                    # Removed since the merge began.
                    _bury(made, one.ids[(one.dead != 0) & (dead == 0)])
                replaced = {id(one) for one in chosen}
                others = tuple(one for one in self._view.segments if id(one) not in replaced)
                self._view = replace(self._view, segments=(*others, made) if len(made) else others)
            return True

    def settle(self) -> None:
        """Wait until no merge is due."""
        while self.merge_step():
            pass

    def _tidy(self) -> None:
        if not self._growth.background:
            return
        with self._writing:
            if (self._merger is None or not self._merger.is_alive()) and self._due(self._view.segments):
                self._merger = threading.Thread(target=self.settle, name="takeback-merge", daemon=True)
                self._merger.start()

    def _due(self, segments: tuple[Segment, ...]) -> list[Segment]:
        by_size = sorted(segments, key=len, reverse=True)
        for at, one in enumerate(by_size[:-1]):
            rest = sum(len(other) for other in by_size[at + 1 :])
            if rest * self._growth.ratio > len(one) and rest + len(one) <= MAX_ROWS:
                return by_size[at:]
        return [one for one in by_size if len(one) - one.live() > self._growth.dead_share * len(one)][:1]

    def _new_delta(self) -> _Delta:
        rows = self._growth.delta_rows
        return _Delta(
            np.empty((rows, self._id_width), np.uint64),
            np.empty((rows, self._width), np.uint64),
            np.zeros(rows, np.uint8),
            {},
        )

    def _without_known(self, batch: Batch) -> Batch:
        """Leave out additions that are there already: applying a batch again costs nothing but the look."""
        if not len(batch.added_ids):
            return batch
        known = np.zeros(len(batch.added_ids), bool)
        for one in self._view.segments:
            rows = one.rows_of(batch.added_ids)
            there = np.flatnonzero(rows >= 0)
            rows = rows[there]
            known[there] |= (one.dead[rows] == 0) & (one.values[rows] == batch.added_values[there]).all(axis=1)
        delta = self._view.delta
        for item, row in self._delta_rows(batch.added_ids):
            known[item] |= delta.dead[row] == 0 and bool((delta.values[row] == batch.added_values[item]).all())
        return replace(batch, added_ids=batch.added_ids[~known], added_values=batch.added_values[~known])

    def _kill(self, ids: Words) -> int:
        if not len(ids):
            return 0
        gone = sum(_bury(one, ids) for one in self._view.segments)
        delta = self._view.delta
        for _, row in self._delta_rows(ids):
            gone += int(delta.dead[row] == 0)
            delta.dead[row] = 1
        return gone

    def _delta_rows(self, ids: Words) -> list[tuple[int, int]]:
        rows = self._view.delta.rows
        if not rows:
            return []
        keys = _keys(ids)
        return [(item, rows[key]) for item, key in enumerate(keys) if key in rows]

    def _with_rows(self, view: View, ids: Words, values: Words) -> View:
        delta, count = view.delta, view.delta_count
        if count + len(ids) <= len(delta.ids):
            delta.ids[count : count + len(ids)] = ids
            delta.values[count : count + len(ids)] = values
            delta.rows.update(zip(_keys(ids), range(count, count + len(ids)), strict=True))
            return replace(view, delta_count=count + len(ids))
        live = delta.dead[:count] == 0
        ids = np.concatenate((delta.ids[:count][live], ids))
        values = np.concatenate((delta.values[:count][live], values))
        fresh = build_segment(*sorted_by_id(ids, values), exact=self._exact)
        return replace(view, segments=(*view.segments, fresh), delta=self._new_delta(), delta_count=0)

    def _segment_of(self, delta: _Delta, count: int) -> Segment | None:
        live = delta.dead[:count] == 0
        if not live.any():
            return None
        return build_segment(*sorted_by_id(delta.ids[:count][live], delta.values[:count][live]), exact=self._exact)


def _bury(one: Segment, ids: Words) -> int:
    """Set the tombstones of the ids that are there; says how many were live."""
    if not len(ids):
        return 0
    rows = one.rows_of(ids)
    rows = rows[rows >= 0]
    gone = int(np.count_nonzero(one.dead[rows] == 0))
    one.dead[rows] = 1
    return gone


def _keys(ids: Words) -> list[bytes]:
    return [row.tobytes() for row in ids]
