"""What a batch adds so that nobody's fingerprints stand alone in it: decoys that come, and decoys that go.

Which entries are decoys is worked out from the key and the day, once a day, and kept in memory only. What is remembered
may be wrong after a batch that failed or was another process's; a decoy that is not there is then not taken away.

**Source:** docs/protocol/case-v1.md §7.3.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from sqlalchemy import Connection

from takeback.model.case import HeldFingerprint
from takeback.registry import store
from takeback.registry.decoys import MAX_LIFE_DAYS, Decoys
from takeback.registry.types import Additions, Entry, WaitingCase

_ID_BYTES = 16
_PROBED = 256
"""Numbers of a day that are looked up together."""

_EXTRA_CASES = 3
"""Up to so many less one more than needed, so that the size of a small batch does not say how small."""

_TIMES = (0, 1, 1, 1, 1, 2)
"""How often each fingerprint of the case that is imitated has a decoy."""

_GOING_AT_ONCE = 12
_SHARE_OF_DUE = 0.25
"""A decoy that is due goes with one batch in four, so that its going says nothing of the day."""


@dataclass(slots=True)
class ToppingUp:
    """Decoys for batches of one registry.

    Args:
        decoys: makes and recognises them.
        min_cases: a batch of fewer is topped up; 1 switches it off.
    """

    decoys: Decoys
    min_cases: int
    _random: SystemRandom = field(default_factory=SystemRandom, repr=False)
    _live: dict[bytes, int] = field(default_factory=dict, repr=False)
    _looked_on: int | None = None

    def arriving(self, connection: Connection, cases: Sequence[WaitingCase], today: int) -> Additions:
        """Decoy cases for a batch of these new cases: entries, holds and sealed cases like theirs."""
        if not cases or len(cases) >= self.min_cases:
            return Additions()
        missing = self.min_cases - len(cases) + self._random.randrange(_EXTRA_CASES)
        models = [self._random.choice(cases) for _ in range(missing)]
        held = [item for model in models for item in self._imitated(model.held)]
        numbers = self._free_numbers(connection, today, len(held))
        entries = tuple(self._entry_like(item) for item in held)
        hashes = [self.decoys.token_hash(today, number) for number in numbers]
        return Additions(
            cases=tuple((secrets.token_bytes(_ID_BYTES), secrets.token_bytes(len(m.sealed)), today) for m in models),
            entries=entries,
            holds=tuple((mark, entry.entry_id) for mark, entry in zip(hashes, entries, strict=True)),
        )

    def look(self, connection: Connection, today: int) -> None:
        """Find the decoys there are, once a day. It takes seconds, so it is done before a batch, not in it."""
        if self._looked_on != today:
            self._live, self._looked_on = self._find_live(connection, today), today

    def leaving(self, connection: Connection, leaving: int, today: int) -> frozenset[bytes]:
        """Token hashes of decoys that go with a batch in which somebody's holds go, or just because their time is up.

        Args:
            connection: in a transaction.
            leaving: how many real holds go.
            today: days since 1970-01-01.
        """
        self.look(connection, today)
        going = [mark for mark, day in self._live.items() if day <= today and self._random.random() < _SHARE_OF_DUE]
        wanted = min(_GOING_AT_ONCE, leaving * (self.min_cases - 1)) - len(going)
        if wanted > 0:
            # Rather one that is not due yet than somebody's withdrawal alone.
            others = [mark for mark in self._live if mark not in going]
            going += self._random.sample(others, min(wanted, len(others)))
        for mark in going:
            del self._live[mark]
        return frozenset(going)

    def beside(self, connection: Connection, holds: int, today: int) -> frozenset[bytes]:
        """Token hashes of decoys for whom the same is noted as for that many holds of people; as many as there are.

        Args:
            connection: in a transaction.
            holds: for how many.
            today: days since 1970-01-01.
        """
        self.look(connection, today)
        wanted = min(_GOING_AT_ONCE, holds * (self.min_cases - 1), len(self._live))
        return frozenset(self._random.sample(list(self._live), max(wanted, 0)))

    def _imitated(self, held: Sequence[HeldFingerprint]) -> list[HeldFingerprint]:
        chosen = [item for item in held for _ in range(self._random.choice(_TIMES))]
        return chosen or [self._random.choice(held)] if held else []

    def _entry_like(self, item: HeldFingerprint) -> Entry:
        made = self.decoys.like(item.fingerprint)
        return Entry(secrets.token_bytes(_ID_BYTES), made.algorithm, bytes.fromhex(made.value), made.quality)

    def _free_numbers(self, connection: Connection, day: int, wanted: int) -> list[int]:
        free: list[int] = []
        start = 0
        while len(free) < wanted:
            taken = self._taken(connection, day, start)
            free += [number for number in range(start, start + _PROBED) if number not in taken]
            start += _PROBED
        return free[:wanted]

    def _find_live(self, connection: Connection, today: int) -> dict[bytes, int]:
        live: dict[bytes, int] = {}
        # One made today goes another day: its going would point at its coming.
        for day in range(max(today - 2 * MAX_LIFE_DAYS, store.first_day(connection, today)), today):
            start = 0
            while taken := self._taken(connection, day, start):
                live |= {mark: self.decoys.last_day(day, number) for number, mark in taken.items()}
                start += _PROBED
        return live

    def _taken(self, connection: Connection, day: int, start: int) -> dict[int, bytes]:
        marks = {self.decoys.token_hash(day, number): number for number in range(start, start + _PROBED)}
        return {marks[mark]: mark for mark in store.entries_of_holds(connection, marks)}
