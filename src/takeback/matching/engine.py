"""The matching engine: a list's changes go in, a picture's fingerprints are asked, matches come out."""

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from takeback.matching.policy import Policy
from takeback.model.entry import Change, EntryId, Op
from takeback.model.fingerprint import Algorithm, Fingerprint, parse_fingerprint
from takeback.model.match import Match, Tier


class MatchEngine:
    """Answers which entries of the lists a picture is near to. Threads may ask while another applies changes.

    Args:
        policy: the thresholds.
    """

    def __init__(self, policy: Policy = Policy()) -> None:  # noqa: B008 - a frozen value
        self.policy = policy
        self._lock = threading.Lock()
        self._values: dict[Algorithm, dict[EntryId, str]] = {name: {} for name in Algorithm}
        self._by_value: dict[Algorithm, dict[str, set[EntryId]]] = {name: {} for name in Algorithm}
        self._seq: dict[Algorithm, int] = dict.fromkeys(Algorithm, 0)
        self._scan: tuple[list[EntryId], NDArray[np.uint64]] | None = None

    def apply(self, changes: Iterable[Change]) -> None:
        """Add and remove entries; the next question sees them. Applying a change again does nothing.

        Raises:
            InvalidInputError: ``fingerprint.format`` or ``fingerprint.quality`` for a change that cannot be; the
                changes before it may have been applied.
        """
        with self._lock:
            for change in changes:
                self._remove(change.list, change.entry_id)
                if change.op is Op.ADD:
                    fingerprint = parse_fingerprint(change.list, change.value or "", change.quality)
                    self._values[change.list][change.entry_id] = fingerprint.value
                    self._by_value[change.list].setdefault(fingerprint.value, set()).add(change.entry_id)
                if change.list is Algorithm.PDQ:
                    self._scan = None
                self._seq[change.list] = max(self._seq[change.list], change.seq)

    def advance(self, name: Algorithm, seq: int) -> None:
        """Note that a list is complete up to ``seq``, when what was applied were its live entries and not its log."""
        with self._lock:
            self._seq[name] = max(self._seq[name], seq)

    def match(self, query: Sequence[Fingerprint]) -> list[Match]:
        """Find the entries near to a picture.

        Args:
            query: the picture's fingerprints; of several PDQ forms the smallest distance counts. PDQ of a quality
                below the policy's is left out.

        Returns:
            One match an entry and algorithm, nearest first.
        """
        with self._lock:
            found: dict[tuple[Algorithm, EntryId], int] = {}
            for fingerprint in query:
                for entry_id, distance_bits in self._near(fingerprint):
                    key = (fingerprint.algorithm, entry_id)
                    found[key] = min(distance_bits, found.get(key, distance_bits))
            return [
                Match(entry_id, name, distance_bits, self._tier(name, distance_bits), self._seq[name])
                for (name, entry_id), distance_bits in sorted(found.items(), key=lambda item: (item[1], item[0]))
            ]

    def seq(self, name: Algorithm) -> int:
        """Sequence number of the last change applied to a list; 0 before the first."""
        return self._seq[name]

    def count(self, name: Algorithm) -> int:
        """Live entries of a list."""
        return len(self._values[name])

    def _tier(self, name: Algorithm, distance_bits: int) -> Tier:
        return self.policy.tier_of(distance_bits) if name is Algorithm.PDQ else Tier.HOLD

    def _remove(self, name: Algorithm, entry_id: EntryId) -> None:
        value = self._values[name].pop(entry_id, None)
        if value is not None:
            self._by_value[name][value].discard(entry_id)

    def _near(self, fingerprint: Fingerprint) -> list[tuple[EntryId, int]]:
        name = fingerprint.algorithm
        checked = parse_fingerprint(name, fingerprint.value, fingerprint.quality)
        if name is not Algorithm.PDQ:
            return [(entry_id, 0) for entry_id in self._by_value[name].get(checked.value, ())]
        if checked.quality is not None and checked.quality < self.policy.min_quality:
            return []
        if self._scan is None:
            values = self._values[name]
            rows = np.frombuffer(bytes.fromhex("".join(values.values())), np.uint64).reshape(-1, 4)
            self._scan = (list(values), rows)
        ids, rows = self._scan
        words = np.frombuffer(bytes.fromhex(checked.value), np.uint64)
        distances = np.bitwise_count(rows ^ words).sum(axis=1, dtype=np.int64)
        near = np.flatnonzero(distances <= self.policy.look_radius_bits)
        return [(ids[row], int(distances[row])) for row in near]
