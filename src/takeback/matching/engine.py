"""The matching engine: a list's changes go in, a picture's or a video's fingerprints are asked, matches come out."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching import snapshot
from takeback.matching.chunks import Plan, make_plan
from takeback.matching.clip import Clip, parse_clip
from takeback.matching.encoding import (
    EXACT,
    SETS,
    id_width_of,
    ids_to_words,
    raw_to_words,
    values_to_words,
    width_of,
    words_to_id,
)
from takeback.matching.live import Batch, Growth, LiveIndex, View
from takeback.matching.policy import PDQ_BITS, Policy
from takeback.matching.region_query import RegionQuery, parse_region_value
from takeback.matching.region_stop_list import starter_stop_list
from takeback.matching.sets import Marks, SetIndex, Values, clip_marks, region_marks
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Match, Tier

_BATCH = 65_536


class MatchEngine:
    """Answers which entries of the lists a picture or a video is near to. Threads may ask while others apply changes.

    Args:
        policy: the thresholds.
        growth: when the lists merge what was added.
    """

    def __init__(self, policy: Policy = Policy(), growth: Growth = Growth()) -> None:  # noqa: B008 - frozen values
        self.policy = policy
        self._plans: dict[int, Plan | None] = {}
        self._lists: dict[Algorithm, LiveIndex] = {
            name: LiveIndex(width_of(name), exact=name in EXACT, growth=growth)
            for name in Algorithm
            if name not in SETS
        }
        self._sets = {name: SetIndex(growth) for name in SETS}
        self._furniture = starter_stop_list()

    @classmethod
    def open(cls, path: Path, policy: Policy = Policy(), growth: Growth = Growth()) -> "MatchEngine":  # noqa: B008
        """An engine over a snapshot, which stays mapped and is shared with other processes that open it.

        Raises:
            NotFoundError: ``snapshot.missing``.
            CorruptDataError: ``snapshot.corrupt``: damaged, cut short, not a snapshot of this version, or made with
                another smallest quality or list of furniture. Build the engine anew.
        """
        engine = cls(policy, growth)
        engine.restore(path)
        return engine

    def restore(self, path: Path, source: str = "", at_most: Mapping[Algorithm, int] = MappingProxyType({})) -> None:
        """Take what a snapshot holds instead of what is there; if it is refused, nothing changes.

        Args:
            path: the file.
            source: the name that ``save`` was given.
            at_most: the furthest sequence number each list may have; any, for those that are not named.

        Raises:
            NotFoundError: ``snapshot.missing``.
            CorruptDataError: ``snapshot.corrupt``, as ``open``; also of another source, or further than it may be.
        """
        lists = snapshot.read(path, self._made_of(source))
        if any(seq > at_most.get(name, seq) for name, (_, seq) in lists.items()):
            raise snapshot.corrupt("ahead of the list")
        for name, (segments, seq) in lists.items():
            self._index(name).adopt(segments, seq)

    def save(self, path: Path, source: str = "") -> None:
        """Write a snapshot. Whatever happens meanwhile, ``path`` is the old file or the whole new one.

        What was removed is not in it.

        Args:
            path: the file.
            source: names what the lists were made from; who restores them has to say the same.

        Raises:
            UnavailableError: ``snapshot.busy`` if another process writes it, ``snapshot.unwritable`` if it cannot be.
        """
        parts = {name: self._index(name).finished_segments() for name in Algorithm}
        snapshot.write(path, parts, self._made_of(source))

    def apply(self, changes: Iterable[Change]) -> None:
        """Add and remove entries; the next question sees them. Applying a change again does nothing.

        Raises:
            InvalidInputError: ``fingerprint.format`` or ``entry.format`` for a change that cannot be; batches of
                changes before it may have been applied.
        """
        for batch in _batches(changes):
            for name in Algorithm:
                mine = [change for change in batch if change.list is name]
                if mine and name in SETS:
                    self._apply_sets(name, mine)
                elif mine:
                    self._lists[name].apply(_batch_of(name, mine, self.seq(name)))

    def bulk_load(self, name: Algorithm, entry_ids: NDArray[np.uint64], values: NDArray[np.uint8], seq: int) -> None:
        """Exchange a list for another one: much faster than ``apply`` for millions.

        Args:
            name: the list.
            entry_ids: (n, 2) uint64, each once: the id's first and last 16 hexadecimal digits as numbers. Of sets
                (n, 3), with the value's mark: see ``takeback.matching.sets``.
            values: (n, bytes) uint8, first byte first.
            seq: the list's sequence number.

        Raises:
            InvalidInputError: ``list.shape`` if the shapes do not fit.
        """
        if entry_ids.shape != (len(values), id_width_of(name)) or values.shape[1:] != (8 * width_of(name),):
            raise InvalidInputError("list.shape", "The ids and values of a list do not fit together.")
        if name in SETS:
            self._sets[name].bulk(entry_ids, values, seq)
        else:
            self._lists[name].bulk(entry_ids, raw_to_words(name, values), seq)

    def advance(self, name: Algorithm, seq: int) -> None:
        """Note that a list is complete up to ``seq``, when what was applied were its live entries and not its log."""
        if name in SETS:
            self._sets[name].change([], [], seq)
        else:
            self._lists[name].apply(_batch_of(name, [], max(seq, self.seq(name))))

    def settle(self) -> None:
        """Wait until every list has merged what was added."""
        for name in Algorithm:
            self._index(name).settle()

    def merge_step(self) -> None:
        """Do at most one due merge a list, on the caller's time. For engines whose growth is not in the background."""
        for name in Algorithm:
            self._index(name).merge_step()

    def segment_sizes(self, name: Algorithm) -> list[int]:
        """Rows of each of a list's segments, removed ones included: for monitoring."""
        if name in SETS:
            return self._sets[name].segment_sizes()
        return [len(one) for one in self._lists[name].view().segments]

    def match(
        self, query: Sequence[Fingerprint], regions: RegionQuery | None = None, clips: Sequence[Clip] = ()
    ) -> list[Match]:
        """Find the entries near to a picture or a video.

        Args:
            query: its fingerprints; of several PDQ forms the smallest distance counts, of several videos (as it is,
                mirrored, trimmed) the one that says most. PDQ of a quality below the policy's is left out.
            regions: the regions by which a picture is asked, if any.
            clips: forms of a video as arrays, beside those in ``query``: a question may have more frames than a
                fingerprint, and should have about four a second. Without frames of a quality below the policy's.

        Returns:
            One match an entry and algorithm: those that hold before those that ask for a look, then nearest first.

        Raises:
            InvalidInputError: ``fingerprint.format``.
        """
        found = self._match_whole([query])[0]
        found += self._match_videos([*self._clips_in(query), *clips])
        if regions is not None:
            found += self._match_regions(regions)
        return sorted(found, key=_nearest_first)

    def match_many(self, queries: Sequence[Sequence[Fingerprint]]) -> list[list[Match]]:
        """``match`` for many pictures or videos at once, without regions: to go through what is already there."""
        matches = self._match_whole(queries)
        return [
            sorted([*found, *self._match_videos(list(self._clips_in(query)))], key=_nearest_first)
            for query, found in zip(queries, matches, strict=True)
        ]

    def _match_whole(self, queries: Sequence[Sequence[Fingerprint]]) -> list[list[Match]]:
        matches: list[list[Match]] = [[] for _ in queries]
        for number, query in enumerate(queries):
            matches[number] += self._match_still(query)
        for name in self._lists:
            asked = [
                (number, fingerprint.value)
                for number, query in enumerate(queries)
                for fingerprint in query
                if fingerprint.algorithm is name and not self._says_nothing(fingerprint)
            ]
            if asked:
                self._match_list(name, asked, matches)
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
            Entry ids (k, 2) uint64 as in ``bulk_load``, and (k, 2) int64: which query, and the distance. No order. An
            entry that is a set comes once for each of its values that is near.

        Raises:
            InvalidInputError: ``list.shape`` for a wrong shape, ``policy.invalid`` for a radius that cannot be.
        """
        if values.ndim != 2 or values.shape[1] != 8 * width_of(name):
            raise InvalidInputError("list.shape", "These are not values of that list.")
        parts = self._parts(name, values, radius_bits)
        ids = [part_ids[found[:, 1], :2] for part_ids, found in parts]
        queries = [found[:, [0, 2]] for _, found in parts]
        no_ids, no_queries = np.empty((0, 2), np.uint64), np.empty((0, 2), np.int64)
        return np.concatenate([no_ids, *ids]), np.concatenate([no_queries, *queries])

    def is_near_a_video(self, frames: NDArray[np.uint8]) -> bool:
        """Whether any of some frames, (n, 32) uint8, might lie in a run with a listed video's: a first look."""
        return len(self.near(Algorithm.VPDQ, frames, self.policy.clips.run_radius_bits)[0]) > 0

    def seq(self, name: Algorithm) -> int:
        """Sequence number of the last change applied to a list; 0 before the first."""
        return self._sets[name].seq() if name in SETS else self._lists[name].view().seq

    def count(self, name: Algorithm) -> int:
        """Live entries of a list; of sets those of which not everything was left out."""
        return self._sets[name].entries() if name in SETS else self._lists[name].view().live

    def _says_nothing(self, fingerprint: Fingerprint) -> bool:
        return fingerprint.quality is not None and fingerprint.quality < self.policy.min_quality

    def _index(self, name: Algorithm) -> LiveIndex | SetIndex:
        return self._sets[name] if name in SETS else self._lists[name]

    def _made_of(self, source: str) -> str:
        return f"{self._left_out()},source={source}" if source else self._left_out()

    def _left_out(self) -> str:
        """Names what sets are stored without."""
        furniture = hashlib.sha256(self._furniture.values.tobytes()).hexdigest()
        return f"quality<{self.policy.min_frame_quality},furniture<={self._furniture.radius_bits}:{furniture[:32]}"

    def _apply_sets(self, name: Algorithm, changes: list[Change]) -> None:
        last = {change.entry_id: change for change in changes}
        removed = [change.entry_id for change in last.values() if change.op is Op.REMOVE]
        added = [
            (change.entry_id, *self._listed(name, change.value or ""))
            for change in last.values()
            if change.op is Op.ADD
        ]
        self._sets[name].change(removed, added, max(change.seq for change in changes))

    def _listed(self, name: Algorithm, value: str) -> tuple[Values, Marks]:
        if name is Algorithm.VPDQ:
            clip = parse_clip(value, self.policy.min_frame_quality)
            return clip.values, clip_marks(clip)
        regions = self._without_furniture(parse_region_value(value))
        return regions.values, region_marks(regions.strong)

    def _clips_in(self, query: Sequence[Fingerprint]) -> Iterator[Clip]:
        for fingerprint in query:
            if fingerprint.algorithm is Algorithm.VPDQ:
                yield parse_clip(fingerprint.value, self.policy.min_frame_quality)

    def _without_furniture(self, regions: RegionQuery) -> RegionQuery:
        return regions.only(self._furniture.admits(regions.values))

    def _match_regions(self, regions: RegionQuery) -> list[Match]:
        index = self._sets[Algorithm.PDQ_REGION]
        if not len(regions.values) or not index.entries():
            return []
        asked = self._without_furniture(regions)
        seq = index.seq()
        return [
            Match(entry_id, Algorithm.PDQ_REGION, verdict.distance_bits, verdict.tier, seq, verdict.votes)
            for entry_id, verdict in index.match_regions(asked, self.policy.regions)
        ]

    def _match_videos(self, forms: Sequence[Clip]) -> list[Match]:
        index = self._sets[Algorithm.VPDQ]
        if not forms or not index.entries():
            return []
        seq = index.seq()
        return [
            Match(entry_id, Algorithm.VPDQ, one.distance_bits, one.tier, seq, one.frames, one.times)
            for entry_id, one in index.match_clips(forms, self.policy.clips)
        ]

    def _match_still(self, query: Sequence[Fingerprint]) -> list[Match]:
        """A picture that is a frame of a listed video; what is a video itself is asked as one."""
        index, radius_bits = self._sets[Algorithm.VPDQ], self.policy.still_radius_bits
        asked = [one.value for one in query if one.algorithm is Algorithm.PDQ and not self._says_nothing(one)]
        is_video = any(one.algorithm is Algorithm.VPDQ for one in query)
        if radius_bits is None or is_video or not asked or not index.entries():
            return []
        values = np.frombuffer(bytes.fromhex("".join(asked)), np.uint8).reshape(-1, PDQ_BITS // 8)
        seq = index.seq()
        return [
            Match(entry_id, Algorithm.VPDQ, distance_bits, Tier.LOOK, seq, 1)
            for entry_id, distance_bits in index.match_still(values, radius_bits, self.policy.min_quality)
        ]

    def _match_list(self, name: Algorithm, asked: list[tuple[int, str]], matches: list[list[Match]]) -> None:
        words = values_to_words(name, [value for _, value in asked])
        view = self._lists[name].view()
        parts = self._search(name, view, words, self.policy.look_radius_bits)
        near = _nearest(parts, [number for number, _ in asked])
        for (number, entry_id), distance_bits in near.items():
            tier = self.policy.tier_of(distance_bits) if name is Algorithm.PDQ else Tier.HOLD
            matches[number].append(Match(entry_id, name, distance_bits, tier, view.seq))

    def _parts(
        self, name: Algorithm, values: NDArray[np.uint8], radius_bits: int
    ) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        if name in SETS:
            return self._sets[name].near(values, _checked_radius(radius_bits))
        return self._search(name, self._lists[name].view(), raw_to_words(name, values), radius_bits)

    def _search(
        self, name: Algorithm, view: View, words: NDArray[np.uint64], radius_bits: int
    ) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        if name is not Algorithm.PDQ:
            return view.near(words, 0, None)
        if _checked_radius(radius_bits) not in self._plans:
            self._plans[radius_bits] = make_plan(radius_bits)
        return view.near(words, radius_bits, self._plans[radius_bits])


def _checked_radius(radius_bits: int) -> int:
    if not 0 <= radius_bits <= PDQ_BITS:
        raise InvalidInputError("policy.invalid", "A radius is a number of bits from 0 to 256.")
    return radius_bits


def _nearest_first(match: Match) -> tuple[bool, bool, int, Algorithm, str]:
    # A region's or a frame's distance is that of one part, so it does not compare with a whole picture's.
    return match.tier is not Tier.HOLD, match.algorithm in SETS, match.distance_bits, match.algorithm, match.entry_id


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
