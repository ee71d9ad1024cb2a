"""Entries that are sets of 256-bit values: one picture's regions, one video's frames. Looked up in two steps.

First every value of the query is searched within the rule's radius; whoever it hits is a candidate. Then the rule sees
the candidate's whole set and the whole query. A set's values lie side by side under the entry's id, so the second step
reads one place. What to make of the comparison is region_rule.py's and clip_rule.py's business, not this module's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError
from takeback.matching.chunks import Plan, make_plan
from takeback.matching.clip_rule import ClipRule, ClipVerdict
from takeback.matching.encoding import ids_to_words, raw_to_words, words_to_id
from takeback.matching.live import Batch, Growth, LiveIndex, View
from takeback.matching.region_rule import RegionRule, RegionVerdict
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.match import Tier

Values = NDArray[np.uint8]
"""(n, 32) uint8, first byte first."""
Strong = NDArray[np.bool_]
"""(n,) bool: whether a value may speak alone."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entry's set, in the index's bit order.

    Args:
        values: (n, 32) uint8.
        strong: (n,) bool.
    """

    values: Values
    strong: Strong


class SetIndex:
    """A list of sets. Threads may ask while another adds and removes.

    Args:
        radius_bits: within which a value of the query makes an entry a candidate.
        growth: when to merge.
    """

    def __init__(self, radius_bits: int = 31, growth: Growth = Growth()) -> None:  # noqa: B008 - a frozen value
        self._radius_bits = radius_bits
        self._plan: Plan | None = make_plan(radius_bits)
        self._live = LiveIndex(4, exact=False, id_width=3, growth=growth)
        self._entries = 0

    def add(self, sets: Iterable[tuple[EntryId, Values, Strong]], seq: int) -> None:
        """Add entries, in place of those with the same ids; the next question sees them.

        Raises:
            InvalidInputError: ``entry.format``, or ``list.shape`` for a set that is not one.
        """
        taken = list(sets)
        for _, values, strong in taken:
            if values.ndim != 2 or values.shape != (len(strong), 32):
                raise InvalidInputError("list.shape", "A set is rows of 32 bytes, with a word for each.")
        made = [(entry_id, _member_ids(entry_id, strong), _ordered(values)) for entry_id, values, strong in taken]
        view = self._live.view()
        # What is there already stays where it is: applying a list again must not take it away for a moment.
        new = [item for item in made if not _is_member(view, item[1], item[2])]
        self.remove([entry_id for entry_id, _, _ in new], seq)
        self._entries += sum(len(ids) > 0 for _, ids, _ in new)
        no_ids, no_values = np.empty((0, 3), np.uint64), np.empty((0, 4), np.uint64)
        added_ids = np.concatenate([no_ids, *(ids for _, ids, _ in new)])
        self._live.apply(Batch(seq, no_ids, added_ids, np.concatenate([no_values, *(words for *_, words in new)])))

    def remove(self, entry_ids: Iterable[EntryId], seq: int) -> None:
        """Remove entries; ids that are not there do no harm.

        Raises:
            InvalidInputError: ``entry.format``.
        """
        view = self._live.view()
        gone = [view.members(words)[0] for words in ids_to_words(list(entry_ids))]
        self._entries -= sum(len(ids) > 0 for ids in gone)
        no_ids, no_values = np.empty((0, 3), np.uint64), np.empty((0, 4), np.uint64)
        self._live.apply(Batch(seq, np.concatenate([no_ids, *gone]), no_ids, no_values))

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

    def match_regions(self, values: Values, strong: Strong, rule: RegionRule) -> list[tuple[EntryId, RegionVerdict]]:
        """Which pictures a picture's regions are of: those the rule does not clear, most votes first."""
        verdicts = [
            (entry_id, rule.decide(member.values, member.strong, _as_bytes(_ordered(values)), strong))
            for entry_id, member in self.candidates(values)
        ]
        found = [(entry_id, verdict) for entry_id, verdict in verdicts if verdict.tier is not Tier.CLEAR]
        return sorted(found, key=lambda item: (-item[1].votes, item[1].distance_bits, item[0]))

    def match_clip(self, frames: Values, rule: ClipRule) -> list[tuple[EntryId, ClipVerdict]]:
        """Which videos a video shares a clip with: those the rule does not clear, most frames first."""
        asked = _as_bytes(_ordered(frames))
        verdicts = [(entry_id, rule.decide(member.values, asked)) for entry_id, member in self.candidates(frames)]
        found = [(entry_id, verdict) for entry_id, verdict in verdicts if verdict.tier is not Tier.CLEAR]
        return sorted(found, key=lambda item: (-item[1].known_frames, item[0]))

    def candidates(self, values: Values) -> list[tuple[EntryId, Member]]:
        """Every entry of which a value is within the radius of one of these, with its whole set."""
        view = self._live.view()
        parts = view.near(_ordered(values), self._radius_bits, self._plan)
        hit = [ids[found[:, 1], :2] for ids, found in parts]
        entries = np.unique(np.concatenate([np.empty((0, 2), np.uint64), *hit]), axis=0)
        return [(words_to_id(words), _member(view, words)) for words in entries]


def _ordered(values: Values) -> NDArray[np.uint64]:
    return raw_to_words(Algorithm.PDQ, values)


def _as_bytes(words: NDArray[np.uint64]) -> Values:
    return np.ascontiguousarray(words).view(np.uint8)


def _member_ids(entry_id: EntryId, strong: Strong) -> NDArray[np.uint64]:
    """The third word is the value's place in the set, and whether it is strong in its lowest bit."""
    ids = np.empty((len(strong), 3), np.uint64)
    ids[:, :2] = ids_to_words([entry_id])
    ids[:, 2] = np.arange(len(strong), dtype=np.uint64) * np.uint64(2) + strong
    return ids


def _is_member(view: View, ids: NDArray[np.uint64], words: NDArray[np.uint64]) -> bool:
    if not len(ids):
        return False
    known_ids, known_words = view.members(ids[0, :2])
    return np.array_equal(known_ids, ids) and np.array_equal(known_words, words)


def _member(view: View, entry: NDArray[np.uint64]) -> Member:
    ids, words = view.members(entry)
    return Member(_as_bytes(words), (ids[:, 2] & np.uint64(1)).astype(bool))
