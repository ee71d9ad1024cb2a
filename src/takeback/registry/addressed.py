"""SQL of canaries: which entries are told to one partner only, and to whom.

Every function takes a connection in a transaction; none begins or ends one.

**Source:** docs/protocol/feed-v1.md §4.5; docs/protocol/case-v1.md §7.5.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select

from takeback.model.fingerprint import Algorithm
from takeback.registry.store import chunks
from takeback.registry.tables import ADDRESSED, CHANGES, ENTRIES
from takeback.registry.types import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """How many entries of a list are one partner's alone.

    Args:
        live: that there are.
        last_day: when the youngest of them came, days since 1970-01-01.
    """

    live: int
    last_day: int


def withheld_from(partner_id: str | None) -> ColumnElement[bool]:
    """Whether a row of ``changes`` is of an entry that this partner is not told; ``None``: that any is not told."""
    theirs = exists().where(ADDRESSED.c.entry_id == CHANGES.c.entry_id)
    return theirs if partner_id is None else theirs.where(ADDRESSED.c.partner_id != partner_id)


def note(connection: Connection, entries: Mapping[str, Sequence[Entry]]) -> None:
    """Write down to which partner entries are told."""
    rows = [
        {"entry_id": entry.entry_id, "list": entry.algorithm.value, "partner_id": partner_id}
        for partner_id, mine in entries.items()
        for entry in mine
    ]
    if rows:
        connection.execute(insert(ADDRESSED), rows)


def addressees(connection: Connection, entry_ids: Iterable[bytes]) -> dict[bytes, str]:
    """To whom those of these entries are told that are not told to everybody."""
    return {
        bytes(row.entry_id): row.partner_id
        for chunk in chunks(entry_ids)
        for row in connection.execute(select(ADDRESSED).where(ADDRESSED.c.entry_id.in_(chunk)))
    }


def is_any_told(connection: Connection, name: Algorithm, partner_id: str) -> bool:
    """Whether the log holds an entry of a list that only this partner is told."""
    mine = exists().where(ADDRESSED.c.list == name.value, ADDRESSED.c.partner_id == partner_id)
    return bool(connection.execute(select(mine)).scalar_one())


def told(connection: Connection) -> dict[tuple[str, Algorithm], Told]:
    """How many live entries each partner alone is told, by list."""
    query = (
        select(
            ADDRESSED.c.partner_id,
            ADDRESSED.c.list,
            func.count().label("live"),
            func.max(ENTRIES.c.day).label("last_day"),
        )
        .join(ENTRIES, ENTRIES.c.entry_id == ADDRESSED.c.entry_id)
        .group_by(ADDRESSED.c.partner_id, ADDRESSED.c.list)
    )
    return {
        (row.partner_id, Algorithm(row.list)): Told(int(row.live), int(row.last_day))
        for row in connection.execute(query)
    }


def live(connection: Connection) -> list[tuple[bytes, int]]:
    """Of every canary that has an entry the digest of its value, and the day it came."""
    query = select(ENTRIES.c.digest, ENTRIES.c.day).join(ADDRESSED, ADDRESSED.c.entry_id == ENTRIES.c.entry_id)
    return [(bytes(row.digest), int(row.day)) for row in connection.execute(query)]


def readdress(connection: Connection, old_id: bytes, new: Entry) -> None:
    """Tell an entry that comes back under a new id to whom it was told before."""
    for partner_id in addressees(connection, [old_id]).values():
        note(connection, {partner_id: [new]})


def forget(connection: Connection, entry_ids: Iterable[bytes]) -> None:
    """Forget to whom entries were told whose additions have left the log."""
    for chunk in chunks(entry_ids):
        connection.execute(delete(ADDRESSED).where(ADDRESSED.c.entry_id.in_(chunk)))
