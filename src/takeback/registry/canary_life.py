"""Canaries come and go with batches: entries that one partner alone is told, so that a leaked list names the partner.

They come as the fingerprints of a made-up file like one of the batch's own: where every file has one MD5 and one
SHA-256, a digest too many would say that a batch has canaries. Whether a partner gets some is drawn for each by itself,
so what is withheld from it says nothing of what it is told. They are no company for anybody's fingerprints: a copy of
the database says which entries they are.

**Source:** docs/protocol/case-v1.md §7.5; docs/adr/0033-canaries.md.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from sqlalchemy import Connection

from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry import addressed, store
from takeback.registry.addressed import Told
from takeback.registry.decoys import Decoys
from takeback.registry.types import Entry, WaitingCase

_ID_BYTES = 16

FEW = 6
"""So many on a list a partner gets soon, however short the list."""

_ENTRIES_A_CANARY = 50
"""Beyond a few, a list has at most one canary of a partner for so many entries."""

_CHANCE_OF_FEW, _CHANCE_OF_MORE = 1 / 2, 1 / 8
_TIMES = (0, 1, 1, 1, 1, 2)
"""How many made-up files at once."""

_SHARE_OF_DUE = 0.25
"""One that is due goes with one batch in four, as decoys do."""

_NONE = Told(0, -1)

Readers = Callable[[Connection], Mapping[str, frozenset[Algorithm]]]
"""Partners that pull lists, by id, and which lists."""

_File = Mapping[Algorithm, Sequence[Fingerprint]]


@dataclass(frozen=True, slots=True)
class Canaries:
    """Canaries of one registry.

    Args:
        decoys: makes them.
        readers: for whom.
        most: made-up files that a partner has on one list; 0 for none.
    """

    decoys: Decoys
    readers: Readers
    most: int
    _random: SystemRandom = field(default_factory=SystemRandom, repr=False)

    def arriving(
        self, connection: Connection, added: Sequence[Entry], cases: Sequence[WaitingCase], today: int
    ) -> dict[str, list[Entry]]:
        """Canaries for a batch, by partner.

        Args:
            connection: in a transaction.
            added: what the batch puts onto the lists.
            cases: the new cases in it, of which files are imitated.
            today: days since 1970-01-01.
        """
        if not self.most or not added:
            return {}
        told = addressed.told(connection)
        names = [entry.algorithm for entry in added]
        sizes = {name: store.list_state(connection, name).count for name in names}
        coming: dict[str, list[Entry]] = {}
        for partner_id, lists in self.readers(connection).items():
            model = self._random.choice(cases)
            wanted = lists.intersection(names)
            file = self._file_of(model, wanted)
            known = {name: told.get((partner_id, name), _NONE) for name in file}
            if self._random.random() < self._chance(file, known, sizes, today):
                files = [self._file_of(model, wanted) for _ in range(self._random.choice(_TIMES))]
                maker = self.decoys.of_partner(partner_id)
                coming[partner_id] = [
                    _entry_like(maker, one)
                    for name in wanted
                    # Never more than what else is added there.
                    for one in [one for file in files for one in file.get(name, ())][: names.count(name)]
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

    def _file_of(self, case: WaitingCase, wanted: Collection[Algorithm]) -> _File:
        """As many fingerprints of each of these lists as one file of a case has; which are one file's nobody knows."""
        held = [item.fingerprint for item in case.held]
        files = max(_count(held, Algorithm.MD5), _count(held, Algorithm.SHA256), 1)
        file: dict[Algorithm, list[Fingerprint]] = {}
        for name in wanted:
            mine = [one for one in held if one.algorithm is name]
            whole, rest = divmod(len(mine), files)
            count = whole + (self._random.random() * files < rest)
            if count:
                file[name] = self._random.sample(mine, count)
        return file

    def _chance(
        self, file: _File, known: Mapping[Algorithm, Told], sizes: Mapping[Algorithm, int], today: int
    ) -> float:
        """How likely a partner gets the likes of this file now."""
        if any(one.live < FEW for one in known.values()):
            return _CHANCE_OF_FEW
        has_room = all(
            known[name].live + len(mine) <= min(self.most * len(mine), sizes[name] // _ENTRIES_A_CANARY)
            for name, mine in file.items()
        )
        # One batch a day, so that they are of many days.
        has_turn = all(one.last_day < today for one in known.values())
        return _CHANCE_OF_MORE if file and has_room and has_turn else 0.0


def _count(held: Sequence[Fingerprint], name: Algorithm) -> int:
    return sum(one.algorithm is name for one in held)


def _entry_like(maker: Decoys, model: Fingerprint) -> Entry:
    made = maker.like(model)
    return Entry(secrets.token_bytes(_ID_BYTES), made.algorithm, bytes.fromhex(made.value), made.quality)
