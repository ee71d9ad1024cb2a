"""Entries that are sets of 256-bit values: one picture's regions, one video's frames. Looked up in two steps.

First every value of the query is searched within the rule's radius; whoever it hits is a candidate. Then the rule sees
the candidate's whole set and the whole query. A set's values lie side by side under the entry's id, so the second step
reads one place. What to make of the comparison is region_rule.py's and clip_rule.py's business, not this module's.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.chunks import Plan, make_plan
from takeback.matching.clip import Clip
from takeback.matching.clip_rule import ClipRule, ClipVerdict
from takeback.matching.encoding import ids_to_words, raw_to_words, words_to_id
from takeback.matching.live import Batch, Growth, LiveIndex, View
from takeback.matching.region_query import RegionQuery
from takeback.matching.region_rule import RegionRule, RegionVerdict
from takeback.matching.segment import Segment
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.match import Tier

Values = NDArray[np.uint8]
"""(n, 32) uint8, first byte first."""
Strong = NDArray[np.bool_]
"""(n,) bool: whether a value may speak alone."""
Marks = NDArray[np.uint64]
"""(n,) uint64, ascending: what a set remembers about each value. See ``region_marks`` and ``clip_marks``."""

ID_WORDS: Final = 3
"""The entry's two words, and the value's mark."""

_MOST_CANDIDATES: Final = 256
"""Videos that are compared with one that is asked, those with most frames in common first. Thousands may have its title
card; whatever has a piece of it has more."""

_PARTS_OF_A_TICK: Final = 4
_QUALITY_BITS: Final = np.uint64(8)
_GOOD: Final = 100
_NO_IDS: Final = np.empty((0, ID_WORDS), np.uint64)
_NO_VALUES: Final = np.empty((0, 4), np.uint64)


def region_marks(strong: Strong) -> Marks:
    """A region's place in the set, and in the lowest bit whether it is strong."""
    return np.arange(len(strong), dtype=np.uint64) * np.uint64(2) + strong


def clip_marks(clip: Clip) -> Marks:
    """A frame's time in sixteenths of a second, and in the lowest byte its quality."""
    qualities = np.full(len(clip), _GOOD, np.uint8) if clip.qualities is None else clip.qualities
    return np.round(clip.ticks * _PARTS_OF_A_TICK).astype(np.uint64) << _QUALITY_BITS | qualities


@dataclass(frozen=True, slots=True)
class Member:
    """An entry's set, in the index's bit order.

    Args:
        values: (n, 32) uint8.
        marks: (n,) uint64.
    """

    values: Values
    marks: Marks

    @property
    def regions(self) -> RegionQuery:
        """Of a picture."""
        return RegionQuery(self.values, (self.marks & np.uint64(1)).astype(bool))

    @property
    def clip(self) -> Clip:
        """Of frames."""
        ticks = (self.marks >> _QUALITY_BITS).astype(np.float64) / _PARTS_OF_A_TICK
        return Clip(self.values, ticks, _qualities(self.marks))


class SetIndex:
    """A list of sets. Threads may ask while others add and remove.

    Args:
        growth: when to merge.
    """

    def __init__(self, growth: Growth = Growth()) -> None:  # noqa: B008 - a frozen value
        self._plans: dict[int, Plan | None] = {}
        self._live = LiveIndex(4, exact=False, id_width=ID_WORDS, growth=growth)
        self._writing = threading.Lock()
        self._entries = 0

    def change(self, removed: Iterable[EntryId], added: Iterable[tuple[EntryId, Values, Marks]], seq: int) -> None:
        """Remove entries and add others, in place of those with the same ids; the next question sees it.

        Args:
            removed: ids; those that are not there do no harm.
            added: each id once, and none of them removed.
            seq: the list's sequence number after this.

        Raises:
            InvalidInputError: ``entry.format``, or ``list.shape`` for a set that is not one.
        """
        made = [(_words_of(entry_id), *_rows_of(entry_id, values, marks)) for entry_id, values, marks in added]
        gone = ids_to_words(list(removed))
        with self._writing:
            view = self._live.view()
            # What is there already stays where it is: applying a list again must not take it away for a moment.
            new = [one for one in made if not _is_member(view, *one[1:])]
            old = [view.members(entry)[0] for entry in (*gone, *(entry for entry, _, _ in new))]
            added_ids = np.concatenate([_NO_IDS, *(ids for _, ids, _ in new)])
            added_values = np.concatenate([_NO_VALUES, *(values for _, _, values in new)])
            replaced = np.concatenate([_NO_IDS, *old])
            removed_ids = replaced[~_among(replaced, added_ids)]
            self._live.apply(Batch(max(seq, view.seq), removed_ids, added_ids, added_values))
            self._entries += sum(len(ids) > 0 for _, ids, _ in new) - sum(len(ids) > 0 for ids in old)

    def adopt(self, segments: Iterable[Segment], seq: int) -> None:
        """Take finished segments instead of what is there: a snapshot, or a first load. An entry lies in one only."""
        taken = list(segments)
        with self._writing:
            self._live.adopt(taken, seq)
            self._entries = sum(_entries_in(one) for one in taken)

    def bulk(self, ids: NDArray[np.uint64], values: Values, seq: int) -> None:
        """Load a whole list at once.

        Args:
            ids: (n, 3) uint64, each once: the entry's two words, and the mark.
            values: (n, 32) uint8.
            seq: the list's sequence number.
        """
        with self._writing:
            self._live.bulk(ids, _ordered(values), seq)
            self._entries = sum(_entries_in(one) for one in self._live.view().segments)

    def finished_segments(self) -> tuple[tuple[Segment, ...], int]:
        """Everything as segments, for a snapshot; and the sequence number."""
        return self._live.finished_segments()

    def seq(self) -> int:
        """Sequence number of the last change."""
        return self._live.view().seq

    def entries(self) -> int:
        """Entries with at least one value."""
        return self._entries

    def merge_step(self) -> None:
        """Do at most one due merge, on the caller's time."""
        self._live.merge_step()

    def settle(self) -> None:
        """Wait until no merge is due."""
        self._live.settle()

    def values(self) -> int:
        """Live values, over all entries."""
        return self._live.view().live

    def segment_sizes(self) -> list[int]:
        """Rows of each segment, removed ones included."""
        return [len(one) for one in self._live.view().segments]

    def match_regions(self, query: RegionQuery, rule: RegionRule) -> list[tuple[EntryId, RegionVerdict]]:
        """Which pictures a picture's regions are of: those the rule does not clear, most votes first."""
        asked = replace(query, values=_as_bytes(_ordered(query.values)))
        verdicts = [
            (entry_id, rule.decide(member.regions, asked))
            for entry_id, member in self.candidates(query.values, rule.near_bits)
        ]
        found = [(entry_id, verdict) for entry_id, verdict in verdicts if verdict.tier is not Tier.CLEAR]
        return sorted(found, key=lambda item: (-item[1].votes, item[1].distance_bits, item[0]))

    def match_clips(self, forms: Sequence[Clip], rule: ClipRule) -> list[tuple[EntryId, ClipVerdict]]:
        """Which videos a video shares a piece with: those the rule does not clear, the surest first.

        Args:
            forms: the same video as it is, mirrored, trimmed, or a part of it; for each entry the best one counts.
            rule: what decides.
        """
        view = self._live.view()
        asked = [Clip(_as_bytes(_ordered(form.values)), form.ticks, form.qualities) for form in forms if len(form)]
        best: dict[EntryId, ClipVerdict] = {}
        for words in self._clip_candidates(view, [form.values for form in forms if len(form)], rule):
            known = _member(view, words).clip
            verdict = max((rule.decide(known, form) for form in asked), key=lambda one: one.rank)
            if verdict.tier is not Tier.CLEAR:
                best[words_to_id(words)] = verdict
        return sorted(best.items(), key=lambda item: (item[1].tier is not Tier.HOLD, -item[1].frames, item[0]))

    def match_still(self, values: Values, radius_bits: int, min_quality: int) -> list[tuple[EntryId, int]]:
        """Which videos have a frame of that quality that a picture, in any of its forms, is near to; and how near."""
        nearest: dict[EntryId, int] = {}
        for ids, found in self.near(values, radius_bits):
            good = found[_qualities(ids[found[:, 1], 2]) >= min_quality]
            for row, distance_bits in good[:, 1:].tolist():
                entry_id = words_to_id(ids[row, :2])
                nearest[entry_id] = min(distance_bits, nearest.get(entry_id, distance_bits))
        return list(nearest.items())

    def near(self, values: Values, radius_bits: int) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """For each part of the list its ids, (n, 3) uint64, and (k, 3) int64: query, row, distance."""
        return self._near(self._live.view(), values, radius_bits)

    def candidates(self, values: Values, radius_bits: int) -> list[tuple[EntryId, Member]]:
        """Every entry of which a value is within the radius of one of these, with its whole set."""
        view = self._live.view()
        hit = [ids[found[:, 1], :2] for ids, found in self._near(view, values, radius_bits)]
        entries = np.unique(np.concatenate([_NO_IDS[:, :2], *hit]), axis=0)
        return [(words_to_id(words), _member(view, words)) for words in entries]

    def _clip_candidates(self, view: View, forms: Sequence[Values], rule: ClipRule) -> NDArray[np.uint64]:
        """(k, 2) uint64: entries that share a frame, those that share most of their frames first, so many at most."""
        if not forms:
            return _NO_IDS[:, :2]
        parts = self._near(view, np.concatenate(forms), rule.frame_radius_bits)
        parts += self._near(view, _spread(forms[0], rule.wide_frames), rule.wide_radius_bits)
        rows = np.unique(np.concatenate([_NO_IDS, *(ids[found[:, 1]] for ids, found in parts)]), axis=0)
        entries, counts = np.unique(rows[:, :2], axis=0, return_counts=True)
        chosen: NDArray[np.uint64] = entries[np.argsort(-counts, kind="stable")[:_MOST_CANDIDATES]]
        return chosen

    def _near(self, view: View, values: Values, radius_bits: int) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        if radius_bits not in self._plans:
            self._plans[radius_bits] = make_plan(radius_bits)
        return view.near(_ordered(values), radius_bits, self._plans[radius_bits])


def _ordered(values: Values) -> NDArray[np.uint64]:
    return raw_to_words(Algorithm.PDQ, values)


def _as_bytes(words: NDArray[np.uint64]) -> Values:
    return np.ascontiguousarray(words).view(np.uint8)


def _qualities(marks: Marks) -> NDArray[np.uint8]:
    return (marks & np.uint64(0xFF)).astype(np.uint8)


def _words_of(entry_id: EntryId) -> NDArray[np.uint64]:
    words: NDArray[np.uint64] = ids_to_words([entry_id])[0]
    return words


def _rows_of(entry_id: EntryId, values: Values, marks: Marks) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    if values.ndim != 2 or values.shape != (len(marks), 32):
        raise InvalidInputError("list.shape", "A set is rows of 32 bytes, with a mark for each.")
    ids = np.empty((len(marks), ID_WORDS), np.uint64)
    ids[:, :2] = _words_of(entry_id)
    ids[:, 2] = marks
    return ids, _ordered(values)


def _among(ids: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.bool_]:
    known = {row.tobytes() for row in others}
    return np.fromiter((row.tobytes() in known for row in ids), np.bool_, len(ids))


def _is_member(view: View, ids: NDArray[np.uint64], words: NDArray[np.uint64]) -> bool:
    if not len(ids):
        return False
    known_ids, known_words = view.members(ids[0, :2])
    return np.array_equal(known_ids, ids) and np.array_equal(known_words, words)


def _member(view: View, entry: NDArray[np.uint64]) -> Member:
    ids, words = view.members(entry)
    return Member(_as_bytes(words), ids[:, 2])


def _entries_in(segment: Segment) -> int:
    """Entries with a live row; the rows of one entry lie side by side."""
    entries = segment.ids[segment.dead == 0, :2] if segment.dead.any() else segment.ids[:, :2]
    return int(np.count_nonzero((entries[1:] != entries[:-1]).any(axis=1))) + int(len(entries) > 0)


def _spread(values: Values, most: int) -> Values:
    """At most so many rows, evenly spread; ``most`` is at least 1."""
    return values[:: max(-(-len(values) // most), 1)]
