"""Appending to the logs of the lists: numbers, chains, days. Who calls it has shut out whoever else would append.

**Source:** docs/protocol/feed-v1.md §1 and §2.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Connection

from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import batch_store, store
from takeback.registry.types import Entry, ListState, LogExtension
from takeback.wire.feed_v1 import next_chain

_EPOCH = date(1970, 1, 1)


def append_marks(connection: Connection, marks: Sequence[tuple[Op, Entry]], today: int) -> dict[Algorithm, int]:
    """Log what happens to which entry, each on its list, in the order given.

    Returns:
        For each list that grew, the number of its last change.
    """
    grown: dict[Algorithm, int] = {}
    for name in Algorithm:
        mine = [mark for mark in marks if mark[1].algorithm is name]
        if mine:
            extension = extend_log(store.list_state(connection, name), mine, today)
            batch_store.append_changes(connection, extension)
            grown[name] = extension.state.seq
    return grown


def extend_log(state: ListState, marks: Sequence[tuple[Op, Entry]], today: int) -> LogExtension:
    """Number and chain changes onto a log (feed-v1 §1.2, §2.2), additions by their digest (§2.4).

    Args:
        state: where the log stands.
        marks: what happens to which entry, in the order it is logged.
        today: days since 1970-01-01. A clock that went back does not take the log's days with it.
    """
    day = max(today, state.day)
    changes: list[Change] = []
    for op, entry in marks:
        is_add = op is Op.ADD
        change = Change(
            list=state.list,
            seq=state.seq + 1,
            op=op,
            entry_id=entry.entry_id.hex(),
            value=entry.value.hex() if is_add else None,
            quality=entry.quality if is_add else None,
            day=_EPOCH + timedelta(days=day),
            is_digested=is_add,
        )
        changes.append(change)
        state = ListState(
            state.list, change.seq, next_chain(state.chain, change), state.count + (1 if is_add else -1), day
        )
    return LogExtension(tuple(changes), state)
