"""The operator's two answers about an entry that is kept off the feed: list it, or do not."""

from dataclasses import dataclass

from sqlalchemy import Engine

from takeback.clock import Clock
from takeback.db import writing
from takeback.errors import NotFoundError
from takeback.registry import batch_store, set_aside, store
from takeback.registry.acts import Act, ActKind, Trail
from takeback.registry.publication import publish

_SECONDS_A_DAY = 86_400
_ENTRY_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """Decides, and writes who did it.

    Args:
        engine: the registry's database.
        clock: for days and publication times.
        trail: the audit log.
    """

    engine: Engine
    clock: Clock
    trail: Trail

    def list(self, entry_id: str, by: str, what: ActKind) -> str:
        """Put an entry that is kept off the feed onto it.

        Returns:
            Its new entry id.

        Raises:
            NotFoundError: ``entry.unknown`` if none of this id is kept off the feed.
        """
        now_s = self.clock.now_s()
        with writing(self.engine) as connection:
            batch_store.lock_intake(connection)
            listed = set_aside.put_back(connection, entry_id_of(entry_id), now_s // _SECONDS_A_DAY)
            if listed is None:
                raise no_such_entry()
            entry, seq = listed
            act = Act(now_s // _SECONDS_A_DAY, by, what, entry.algorithm, seq, entry.entry_id.hex())
            self.trail(connection, act)
            publish(connection, now_s)
        return entry.entry_id.hex()

    def decline(self, entry_id: str, by: str, what: ActKind) -> None:
        """Keep an entry off the feed for good.

        Raises:
            NotFoundError: ``entry.unknown`` if none of this id is kept off the feed.
        """
        raw, today = entry_id_of(entry_id), self.clock.now_s() // _SECONDS_A_DAY
        with writing(self.engine) as connection:
            batch_store.lock_intake(connection)
            if not set_aside.decline(connection, raw):
                raise no_such_entry()
            (name,) = set_aside.algorithms_of(connection, [raw])
            self.trail(connection, Act(today, by, what, name, store.list_state(connection, name).seq, entry_id))


def entry_id_of(untrusted_text: str) -> bytes:
    """An entry id's bytes.

    Raises:
        NotFoundError: ``entry.unknown`` for a text that cannot be one.
    """
    try:
        raw = bytes.fromhex(untrusted_text)
    except ValueError:
        raise no_such_entry() from None
    if len(untrusted_text) != _ENTRY_ID_DIGITS or len(raw) * 2 != _ENTRY_ID_DIGITS:
        raise no_such_entry()
    return raw


def no_such_entry() -> NotFoundError:
    """What is said of an entry that does not wait. The id is not repeated: it may be anything."""
    return NotFoundError("entry.unknown", "No entry of this id waits here. See: takeback registry quarantine list")
