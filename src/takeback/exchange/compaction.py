"""Compaction: the values of entries that were removed long ago leave the log.

What goes are the adds of removed entries; their tombstones stay, so that a client of any shape that still has the entry
learns that it is gone. Who stood before the last of these adds can no longer follow the log and is sent to a snapshot.

**Source:** docs/protocol/feed-v1.md §8.
"""

from functools import partial
from typing import Final

from sqlalchemy import Engine

from takeback.db import GroupWriter, reading
from takeback.exchange import log_store, store
from takeback.model.fingerprint import Algorithm
from takeback.registry import store as registry_store
from takeback.wire.feed_snapshot_v1 import Point
from takeback.wire.feed_v1 import next_chain

_SEQS_A_LOOK: Final = 5_000


class LogCompaction:
    """Takes out of the logs what nobody needs to know any more.

    Args:
        engine: the registry's database.
        writer: commits what is erased, a few thousand changes at a time.
        keep_days: for how many days after its removal an entry's value stays in the log.
    """

    def __init__(self, engine: Engine, writer: GroupWriter, keep_days: int) -> None:
        self._engine = engine
        self._writer = writer
        self._keep_days = keep_days

    def run(self, today: int) -> int:
        """Compact every log.

        Args:
            today: days since 1970-01-01.

        Returns:
            How many adds were taken out.
        """
        return sum(self._compact(name, today - self._keep_days) for name in Algorithm)

    def _compact(self, name: Algorithm, until_day: int) -> int:
        with reading(self._engine) as connection:
            end = registry_store.list_state(connection, name).seq
        erased = 0
        for start in range(1, end + 1, _SEQS_A_LOOK):
            with reading(self._engine) as connection:
                seqs = log_store.dead_adds(
                    connection, name, until_day, range(start, min(start + _SEQS_A_LOOK, end + 1))
                )
            if seqs:
                reached = self._chain_to(name, seqs[-1])
                self._writer.run(partial(log_store.erase_adds, name=name, seqs=seqs, reached=reached), alone=True)
                erased += len(seqs)
        return erased

    def _chain_to(self, name: Algorithm, seq: int) -> Point:
        """The chain value at a place, worked out while the changes before it are still there."""
        with reading(self._engine) as connection:
            at = log_store.floor(connection, name)
        while at.seq < seq:
            with reading(self._engine) as connection:
                changes = store.changes_after(connection, name, at.seq, min(seq - at.seq, _SEQS_A_LOOK))
            for change in changes:
                at = Point(name, change.seq, next_chain(at.chain, change))
        return at
