"""Whether what is in the database fits together: every log's chain, its list, and the entries behind it.

Slow, because all of it is read; for after a restore, and for whoever wants to know.

**Source:** docs/protocol/feed-v1.md §1.3 and §2.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from takeback.errors import CorruptDataError
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.registry import store
from takeback.registry.batch_store import DIGESTED
from takeback.registry.tables import CHANGES, ENTRIES, FLOORS
from takeback.wire.feed_v1 import first_chain, next_chain

_EPOCH = date(1970, 1, 1)
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class VerifiedList:
    """A list that fits together."""

    list: Algorithm
    seq: int
    count: int


def verify_lists(connection: Connection) -> list[VerifiedList]:
    """Check every list from its first change.

    Raises:
        CorruptDataError: ``registry.log``: a log's chain, number or count, or the entries, do not fit.
    """
    return [_verified(connection, name) for name in Algorithm]


def _verified(connection: Connection, name: Algorithm) -> VerifiedList:
    state = store.list_state(connection, name)
    compacted = connection.execute(select(FLOORS).where(FLOORS.c.list == name.value)).one_or_none()
    floor = 0 if compacted is None else compacted.seq
    chain = first_chain(name) if compacted is None else bytes(compacted.chain)
    seq, live = floor, set[str]()
    with closing(_log(connection, name)) as log:
        for change in log:
            if change.seq <= floor:
                # feed-v1 §8: adds of entries that were removed long ago are gone from here, and the chain with them.
                (live.add if change.op is Op.ADD else live.discard)(change.entry_id)
                continue
            seq += 1
            if change.seq != seq:
                raise _broken(name, f"change {seq} is missing")
            chain = next_chain(chain, change)
            (live.add if change.op is Op.ADD else live.discard)(change.entry_id)
    if (seq, chain, len(live)) != (state.seq, state.chain, state.count):
        raise _broken(name, "its log does not lead to where the list stands")
    entries = select(func.count()).select_from(ENTRIES).where(ENTRIES.c.algorithm == name.value)
    if connection.execute(entries).scalar_one() < len(live):
        raise _broken(name, "entries are missing")
    return VerifiedList(name, seq, len(live))


def _log(connection: Connection, name: Algorithm) -> Generator[Change, None, None]:
    query = select(CHANGES).where(CHANGES.c.list == name.value).order_by(CHANGES.c.seq)
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            value = None if row.value is None else bytes(row.value).hex()
            day = _EPOCH + timedelta(days=row.day)
            op = Op.ADD if row.op == 1 else Op.REMOVE
            digested = row.form == DIGESTED
            yield Change(name, row.seq, op, bytes(row.entry_id).hex(), value, row.quality, day, is_digested=digested)


def _broken(name: Algorithm, what: str) -> CorruptDataError:
    return CorruptDataError("registry.log", f"The list '{name.value}' is damaged: {what}. Restore a backup.")
