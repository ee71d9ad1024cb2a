"""The guard list: fingerprints of pictures that everybody has, and what was submitted near to them.

A hit is not listed. It waits for the operator, who admits or rejects it; until then its hold says that it is on pause.
What was listed before a line came is compared with it afterwards: :mod:`takeback.registry.guard_recheck`.

**Source:** docs/protocol/case-v1.md §10.1.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select

from takeback.clock import Clock
from takeback.db import reading, writing
from takeback.db.insert import insert_if_new, insert_or_add
from takeback.errors import InvalidInputError, NotFoundError
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint
from takeback.registry import batch_store, set_aside, store
from takeback.registry.abuse_tables import GUARD, GUARD_VERSION
from takeback.registry.acts import BY_COMMAND, Act, ActKind, Trail, no_trail
from takeback.registry.decision_desk import DecisionDesk
from takeback.registry.guard_recheck import GuardRecheck
from takeback.registry.guard_rule import Guarded, GuardIndex, GuardRule, NearSearch, plain_search
from takeback.registry.set_aside import AsideEntry, Cause
from takeback.registry.types import Entry

_SECONDS_A_DAY = 86_400
_MAX_NOTE = 200
_VERSION_ID = 1


@dataclass(frozen=True, slots=True)
class GuardLine:
    """One line of the guard list, as the operator sees it: without the value.

    Args:
        guard_id: 32 hexadecimal digits.
        algorithm: of what kind.
        note: the operator's own word for it.
        day: when it was added, days since 1970-01-01.
    """

    guard_id: str
    algorithm: Algorithm
    note: str
    day: int


class GuardService:
    """Keeps the guard list, asks it for a batch, and decides about what it held back.

    Args:
        engine: the registry's database.
        clock: for days.
        search: finds near values.
        rule: how near.
        trail: the audit log.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        search: NearSearch = plain_search,
        rule: GuardRule = GuardRule(),  # noqa: B008 - a frozen value
        trail: Trail = no_trail,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._search = search
        self._rule = rule
        self._trail = trail
        self._desk = DecisionDesk(engine, clock, trail)
        self.recheck = GuardRecheck(engine, clock, search, rule, trail)
        self._gate = threading.Lock()
        self._version = 0
        self._index: GuardIndex | None = None

    def hits(self, connection: Connection, entries: Sequence[Entry]) -> frozenset[bytes]:
        """The ids of entries that are near to something on the guard list, as it is in this transaction."""
        index = self._current(connection) if entries else None
        if index is None:
            return frozenset()
        answers = index.hits([Guarded(entry.algorithm, entry.value) for entry in entries])
        return frozenset(entry.entry_id for entry, hit in zip(entries, answers, strict=True) if hit)

    def list(self) -> tuple[GuardLine, ...]:
        """The guard list, by day and note."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(GUARD).order_by(GUARD.c.day, GUARD.c.note, GUARD.c.guard_id))
            return tuple(
                GuardLine(bytes(row.guard_id).hex(), Algorithm(row.algorithm), row.note, row.day) for row in rows
            )

    def add(self, fingerprints: Iterable[Fingerprint], note: str = "", by: str = BY_COMMAND) -> tuple[GuardLine, ...]:
        """Put fingerprints onto the guard list. What is listed already is compared with them later: ``recheck``.

        Args:
            fingerprints: of pictures that everybody has. A PDQ of a quality below 50 is left out.
            note: the operator's own word for them.
            by: who does it, for the audit log.

        Returns:
            The lines that are new.

        Raises:
            InvalidInputError: ``guard.note``.
        """
        clean = note.strip()
        if len(clean) > _MAX_NOTE or (clean and not clean.isprintable()):
            raise InvalidInputError("guard.note", f"A note has up to {_MAX_NOTE} printable characters.")
        usable = [one for one in fingerprints if one.quality is None or one.quality >= MIN_QUALITY]
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            version = set_aside.guard_version(connection) + 1
            lines = [line for one in usable if (line := self._add_one(connection, one, clean, version)) is not None]
            self._changed(connection, lines, ActKind.GUARD_ADD, by)
        return tuple(lines)

    def remove(self, guard_id: str, by: str = BY_COMMAND) -> None:
        """Take a line off the guard list. What it held back still waits for a decision.

        Raises:
            NotFoundError: ``guard.unknown``.
        """
        line = next((line for line in self.list() if line.guard_id == guard_id), None)
        if line is None:
            raise NotFoundError("guard.unknown", "No line of this id is on the guard list.")
        with writing(self._engine) as connection:
            batch_store.lock_intake(connection)
            connection.execute(delete(GUARD).where(GUARD.c.guard_id == bytes.fromhex(guard_id)))
            self._changed(connection, [line], ActKind.GUARD_REMOVE, by)

    def waiting(self) -> tuple[AsideEntry, ...]:
        """What the guard list held back and nobody has decided about, the oldest first."""
        with reading(self._engine) as connection:
            return tuple(entry for entry in set_aside.waiting(connection) if entry.cause is Cause.GUARD)

    def admit(self, entry_id: str, by: str = BY_COMMAND) -> str:
        """List what was held back.

        Returns:
            The entry id under which it is on the feed.

        Raises:
            NotFoundError: ``entry.unknown`` if it does not wait.
        """
        return self._desk.list(entry_id, by, ActKind.GUARD_ADMIT)

    def reject(self, entry_id: str, by: str = BY_COMMAND) -> None:
        """Do not list what was held back. Its holds say so.

        Raises:
            NotFoundError: ``entry.unknown`` if it does not wait.
        """
        self._desk.decline(entry_id, by, ActKind.GUARD_REJECT)

    def _current(self, connection: Connection) -> GuardIndex | None:
        version = set_aside.guard_version(connection)
        with self._gate:
            if version != self._version:
                rows = connection.execute(select(GUARD.c.algorithm, GUARD.c.value)).all()
                guarded = [Guarded(Algorithm(row.algorithm), bytes(row.value)) for row in rows]
                self._index = GuardIndex(guarded, self._search, self._rule) if guarded else None
                self._version = version
            return self._index

    def _add_one(self, connection: Connection, one: Fingerprint, note: str, version: int) -> GuardLine | None:
        value, guard_id = bytes.fromhex(one.value), secrets.token_bytes(16)
        row = {
            "guard_id": guard_id,
            "algorithm": one.algorithm.value,
            "value": value,
            "digest": hashlib.sha256(value).digest(),
            "note": note,
            "day": self._today(),
            "version": version,
        }
        is_new = insert_if_new(connection, GUARD, row)
        return GuardLine(guard_id.hex(), one.algorithm, note, self._today()) if is_new else None

    def _changed(self, connection: Connection, lines: Sequence[GuardLine], what: ActKind, by: str) -> None:
        if lines:
            insert_or_add(connection, GUARD_VERSION, [{"id": _VERSION_ID, "version": 1}], "version")
        for line in lines:
            seq = store.list_state(connection, line.algorithm).seq
            self._trail(connection, Act(self._today(), by, what, line.algorithm, seq, line.guard_id))

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY
