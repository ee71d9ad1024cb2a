"""The matching engine: a list's changes go in, a picture's fingerprints are asked, matches come out."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching import snapshot
from takeback.matching.chunks import Plan, make_plan
from takeback.matching.encoding import ids_to_words, raw_to_words, values_to_words, width_of, words_to_id
from takeback.matching.live import Batch, Growth, LiveIndex, View
from takeback.matching.policy import PDQ_BITS, Policy
from takeback.matching.region_query import RegionQuery, parse_region_value
from takeback.matching.region_stop_list import starter_stop_list
from takeback.matching.sets import SetIndex
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Match, Tier
from takeback.model.video import parse_video

_BATCH = 65_536
_SETS = (Algorithm.PDQ_REGION, Algorithm.VPDQ)
"""Algorithms whose entries are sets of values."""


class MatchEngine:
    """Answers which entries of the lists a picture is near to. Threads may ask while another applies changes.

    Args:
        policy: the thresholds.
        growth: when the lists merge what was added.
    """

    def __init__(self, policy: Policy = Policy(), growth: Growth = Growth()) -> None:  # noqa: B008 - frozen values
        self.policy = policy
        self._plans: dict[int, Plan | None] = {}
        self._lists: dict[Algorithm, LiveIndex] = {
            name: LiveIndex(width_of(name), exact=name is not Algorithm.PDQ, growth=growth)
            for name in Algorithm
            if name not in _SETS
        }
        self._regions = SetIndex(policy.regions.near_bits, growth)
        self._videos = SetIndex(policy.clips.frame_radius_bits, growth)
        self._furniture = starter_stop_list()

    @classmethod
    def open(cls, path: Path, policy: Policy = Policy(), growth: Growth = Growth()) -> "MatchEngine":  # noqa: B008
        """An engine over a snapshot, which stays mapped and is shared with other processes that open it.

        Region sets are not in it: apply their list anew.

        Raises:
            NotFoundError: ``snapshot.missing``.
            CorruptDataError: ``snapshot.corrupt``: damaged, cut short, or not a snapshot. Build the engine anew.
        """
        engine = cls(policy, growth)
        for name, (segments, seq) in snapshot.read(path).items():
            engine._lists[name].adopt(segments, seq)
        return engine

    def save(self, path: Path) -> None:
        """Write a snapshot. Whatever happens meanwhile, ``path`` is the old file or the whole new one.

        Raises:
            UnavailableError: ``snapshot.busy`` if another process writes it, ``snapshot.unwritable`` if it cannot be.
        """
        snapshot.write(path, {name: one.finished_segments() for name, one in self._lists.items()})

    def apply(self, changes: Iterable[Change]) -> None:
        """Add and remove entries; the next question sees them. Applying a change again does nothing.

        Raises:
            InvalidInputError: ``fingerprint.format`` or ``entry.format`` for a change that cannot be; batches of
                changes before it may have been applied.
        """
        for batch in _batches(changes):
            for name in Algorithm:
                mine = [change for change in batch if change.list is name]
                if mine and name in _SETS:
                    self._apply_sets(name, mine)
                elif mine:
                    self._lists[name].apply(_batch_of(name, mine, self.seq(name)))

    def bulk_load(self, name: Algorithm, entry_ids: NDArray[np.uint64], values: NDArray[np.uint8], seq: int) -> None:
        """Exchange a list for another one: much faster than ``apply`` for millions.

        Args:
            name: the list.
            entry_ids: (n, 2) uint64, each once: the id's first and last 16 hexadecimal digits as numbers.
            values: (n, bytes) uint8, first byte first.
            seq: the list's sequence number.

        Raises:
            InvalidInputError: ``list.shape`` if the shapes do not fit.
        """
        if entry_ids.shape != (len(values), 2) or values.shape[1:] != (8 * width_of(name),):
            raise InvalidInputError("list.shape", "The ids and values of a list do not fit together.")
        self._lists[name].bulk(entry_ids, raw_to_words(name, values), seq)

    def advance(self, name: Algorithm, seq: int) -> None:
        """Note that a list is complete up to ``seq``, when what was applied were its live entries and not its log."""
        if name in _SETS:
            self._set_index(name).remove([], max(seq, self.seq(name)))
        else:
            self._lists[name].apply(_batch_of(name, [], max(seq, self.seq(name))))

    def settle(self) -> None:
        """Wait until every list has merged what was added."""
        for one in self._lists.values():
            one.settle()
        for name in _SETS:
            self._set_index(name).settle()

    def merge_step(self) -> None:
        """Do at most one due merge a list, on the caller's time. For engines whose growth is not in the background."""
        for one in self._lists.values():
            one.merge_step()
        for name in _SETS:
            self._set_index(name).merge_step()

    def segment_sizes(self, name: Algorithm) -> list[int]:
        """Rows of each of a list's segments, removed ones included: for monitoring."""
        return [len(one) for one in self._lists[name].view().segments]

    def match(self, query: Sequence[Fingerprint], regions: RegionQuery | None = None) -> list[Match]:
        """Find the entries near to a picture.

        Args:
            query: the picture's fingerprints; of several PDQ forms the smallest distance counts. PDQ of a quality
                below the policy's is left out.
            regions: the regions by which the picture is asked, if any.

        Returns:
            One match an entry and algorithm: those that hold before those that ask for a look, then nearest first.

        Raises:
            InvalidInputError: ``fingerprint.format``.
        """
        found = self.match_many([query])[0]
        if regions is None:
            return found
        return sorted([*found, *self._match_regions(regions)], key=_nearest_first)

    def match_many(self, queries: Sequence[Sequence[Fingerprint]]) -> list[list[Match]]:
        """``match`` for many pictures at once, without regions: the way to go through what is already there."""
        matches: list[list[Match]] = [[] for _ in queries]
        for name in self._lists:
            asked = [
                (number, fingerprint.value)
                for number, query in enumerate(queries)
                for fingerprint in query
                if fingerprint.algorithm is name and not self._says_nothing(fingerprint)
            ]
            if asked:
                self._match_list(name, asked, matches)
        for query, found in zip(queries, matches, strict=True):
            found.extend(self._match_videos(query))
            found.sort(key=_nearest_first)
        return matches

    def near(
        self, name: Algorithm, values: NDArray[np.uint8], radius_bits: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The array form of ``match``, for bulk work and other radii than the policy's.

        Args:
            name: the list.
            values: (q, bytes) uint8, first byte first.
            radius_bits: 0 to 256; the exact algorithms answer for 0 whatever it is.

        Returns:
            Entry ids (k, 2) uint64 as in ``bulk_load``, and (k, 2) int64: which query, and the distance. No order.

        Raises:
            InvalidInputError: ``list.shape`` for a wrong shape, ``policy.invalid`` for a radius that cannot be.
        """
        if values.ndim != 2 or values.shape[1] != 8 * width_of(name):
            raise InvalidInputError("list.shape", "These are not values of that list.")
        parts = self._search(name, self._lists[name].view(), raw_to_words(name, values), radius_bits)
        ids = [part_ids[found[:, 1]] for part_ids, found in parts]
        queries = [found[:, [0, 2]] for _, found in parts]
        no_ids, no_queries = np.empty((0, 2), np.uint64), np.empty((0, 2), np.int64)
        return np.concatenate([no_ids, *ids]), np.concatenate([no_queries, *queries])

    def seq(self, name: Algorithm) -> int:
        """Sequence number of the last change applied to a list; 0 before the first."""
        return self._set_index(name).seq() if name in _SETS else self._lists[name].view().seq

    def count(self, name: Algorithm) -> int:
        """Live entries of a list; of region sets those that are not all furniture."""
        return self._set_index(name).entries() if name in _SETS else self._lists[name].view().live

    def _says_nothing(self, fingerprint: Fingerprint) -> bool:
        return fingerprint.quality is not None and fingerprint.quality < self.policy.min_quality

    def _set_index(self, name: Algorithm) -> SetIndex:
        return self._videos if name is Algorithm.VPDQ else self._regions

    def _apply_sets(self, name: Algorithm, changes: list[Change]) -> None:
        last = {change.entry_id: change for change in changes}
        index, read = self._set_index(name), self._frames if name is Algorithm.VPDQ else self._listed_regions
        seq = max([self.seq(name), *(change.seq for change in changes)])
        index.remove([change.entry_id for change in last.values() if change.op is Op.REMOVE], seq)
        added = [change for change in last.values() if change.op is Op.ADD]
        index.add(((change.entry_id, *read(change.value or "")) for change in added), seq)

    def _listed_regions(self, value: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        return self._without_furniture(parse_region_value(value))

    def _frames(self, value: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        frames = [one.pdq for one in parse_video(value).frames if one.quality >= self.policy.min_quality]
        return np.frombuffer(b"".join(frames), np.uint8).reshape(-1, 32), np.zeros(len(frames), np.bool_)

    def _without_furniture(self, regions: RegionQuery) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        admitted = self._furniture.admits(regions.values)
        return regions.values[admitted], regions.strong[admitted]

    def _match_regions(self, regions: RegionQuery) -> list[Match]:
        if not len(regions.values) or not self._regions.entries():
            return []
        values, strong = self._without_furniture(regions)
        seq = self._regions.seq()
        return [
            Match(entry_id, Algorithm.PDQ_REGION, verdict.distance_bits, verdict.tier, seq, verdict.votes)
            for entry_id, verdict in self._regions.match_regions(values, strong, self.policy.regions)
        ]

    def _match_videos(self, query: Sequence[Fingerprint]) -> list[Match]:
        seq = self._videos.seq()
        return [
            Match(entry_id, Algorithm.VPDQ, verdict.distance_bits, verdict.tier, seq, verdict.known_frames)
            for fingerprint in query
            if fingerprint.algorithm is Algorithm.VPDQ
            for entry_id, verdict in self._videos.match_clip(self._frames(fingerprint.value)[0], self.policy.clips)
        ]

    def _match_list(self, name: Algorithm, asked: list[tuple[int, str]], matches: list[list[Match]]) -> None:
        words = values_to_words(name, [value for _, value in asked])
        view = self._lists[name].view()
        parts = self._search(name, view, words, self.policy.look_radius_bits)
        near = _nearest(parts, [number for number, _ in asked])
        for (number, entry_id), distance_bits in near.items():
            tier = self.policy.tier_of(distance_bits) if name is Algorithm.PDQ else Tier.HOLD
            matches[number].append(Match(entry_id, name, distance_bits, tier, view.seq))

    def _search(
        self, name: Algorithm, view: View, words: NDArray[np.uint64], radius_bits: int
    ) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        if name is not Algorithm.PDQ:
            return view.near(words, 0, None)
        if not 0 <= radius_bits <= PDQ_BITS:
            raise InvalidInputError("policy.invalid", "A radius is a number of bits from 0 to 256.")
        if radius_bits not in self._plans:
            self._plans[radius_bits] = make_plan(radius_bits)
        return view.near(words, radius_bits, self._plans[radius_bits])


def _nearest_first(match: Match) -> tuple[bool, bool, int, Algorithm, str]:
    # A region's or a frame's distance is that of one part, so it does not compare with a whole picture's.
    return match.tier is not Tier.HOLD, match.algorithm in _SETS, match.distance_bits, match.algorithm, match.entry_id


def _nearest(
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]], numbers: list[int]
) -> dict[tuple[int, str], int]:
    near: dict[tuple[int, str], int] = {}
    for ids, found in parts:
        for (query, row, _), distance_bits in zip(found.tolist(), found[:, 2].tolist(), strict=True):
            key = (numbers[query], words_to_id(ids[row]))
            near[key] = min(distance_bits, near.get(key, distance_bits))
    return near


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    remaining = iter(changes)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _batch_of(name: Algorithm, changes: list[Change], seq: int) -> Batch:
    last = {change.entry_id: change for change in changes}
    removed = [change.entry_id for change in last.values() if change.op is Op.REMOVE]
    added = [change for change in last.values() if change.op is Op.ADD]
    return Batch(
        max([seq, *(change.seq for change in changes)]),
        ids_to_words(removed),
        ids_to_words([change.entry_id for change in added]),
        values_to_words(name, [change.value or "" for change in added]),
    )
