"""Canaries come and go with batches: entries that one partner alone is told, so that a leaked list names the partner.

They come in among what a batch adds to a list anyway, look like it, and are never more than it. Whether a partner gets
some is drawn for each by itself, so what is withheld from it says nothing of what it is told. They are no company for
anybody's fingerprints: a copy of the database says which entries they are.

**Source:** docs/protocol/case-v1.md §7.5; docs/adr/0033-canaries.md.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from sqlalchemy import Connection

from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry import addressed, store
from takeback.registry.addressed import Told
from takeback.registry.decoys import Decoys
from takeback.registry.types import Entry

_ID_BYTES = 16

FEW = 6
"""So many a partner gets soon, and may have on the shortest list."""

_ENTRIES_A_CANARY = 50
"""A list has at most one canary of a partner for so many entries, once that is more than a few."""

_CHANCE_OF_FEW, _CHANCE_OF_MORE = 1 / 2, 1 / 8
_TIMES = (0, 1, 1, 1, 1, 2)
"""How many at once, by list."""

_SHARE_OF_DUE = 0.25
"""One that is due goes with one batch in four, as decoys do."""

_NONE = Told(0, -1)

Readers = Callable[[Connection], Mapping[str, frozenset[Algorithm]]]
"""Partners that pull lists, by id, and which lists."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Canaries of one registry.

    Args:
        decoys: makes them.
        readers: for whom.
        most: that a partner has on one list; 0 for none.
    """

    decoys: Decoys
    readers: Readers
    most: int
    _random: SystemRandom = field(default_factory=SystemRandom, repr=False)

    def arriving(
        self, connection: Connection, added: Sequence[Entry], models: Sequence[Entry], today: int
    ) -> dict[str, list[Entry]]:
        """Canaries for a batch, by partner.

        Args:
            connection: in a transaction.
            added: what the batch puts onto the lists.
            models: what they are to look like, where a list has any; else they look like what is added.
            today: days since 1970-01-01.
        """
        if not self.most or not added:
            return {}
        told = addressed.told(connection)
        beside, likely = _by_list(added), _by_list(models)
        limits = {name: self._limit(store.list_state(connection, name).count) for name in beside}
        coming: dict[str, list[Entry]] = {}
        for partner_id, lists in self.readers(connection).items():
            mine = {name: told.get((partner_id, name), _NONE) for name in beside if name in lists}
            room = {name: limits[name] - known.live for name, known in mine.items() if _has_turn(known, today)}
            if any(count > 0 for count in room.values()) and self._random.random() < _chance(mine.values()):
                maker = self.decoys.of_partner(partner_id)
                coming[partner_id] = [
                    _entry_like(maker, self._random.choice(likely.get(name) or beside[name]))
                    for name, count in room.items()
                    for _ in range(min(self._random.choice(_TIMES), count, len(beside[name])))
                ]
        return coming

    def last_day(self, entry: Entry, today: int) -> int:
        """From which day on a canary that comes today may go."""
        return self.decoys.last_day_of_canary(entry.digest(), today)

    def hold(self, entry: Entry) -> bytes:
        """The token hash of a canary's hold."""
        return self.decoys.hold_of_canary(entry.digest())

    def leaving(self, connection: Connection, today: int) -> frozenset[bytes]:
        """Token hashes of canaries that go with a batch. One that somebody else holds too stays on its list."""
        return frozenset(
            self.decoys.hold_of_canary(digest)
            for digest, day in addressed.live(connection)
            if self.decoys.last_day_of_canary(digest, day) <= today and self._random.random() < _SHARE_OF_DUE
        )

    def _limit(self, entries: int) -> int:
        return min(self.most, max(FEW, entries // _ENTRIES_A_CANARY))


def _by_list(entries: Iterable[Entry]) -> dict[Algorithm, list[Entry]]:
    lists: dict[Algorithm, list[Entry]] = {}
    for entry in entries:
        lists.setdefault(entry.algorithm, []).append(entry)
    return lists


def _has_turn(known: Told, today: int) -> bool:
    # Beyond the first few one batch a day brings more, so that they are of many days.
    return known.live < FEW or known.last_day < today


def _chance(known: Iterable[Told]) -> float:
    return _CHANCE_OF_FEW if any(one.live < FEW for one in known) else _CHANCE_OF_MORE


def _entry_like(maker: Decoys, model: Entry) -> Entry:
    made = maker.like(Fingerprint(model.algorithm, model.value.hex(), model.quality))
    return Entry(secrets.token_bytes(_ID_BYTES), made.algorithm, bytes.fromhex(made.value), made.quality)
