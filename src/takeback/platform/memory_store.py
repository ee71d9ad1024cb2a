"""SQL of what is remembered and of how far it was looked back. Every function works in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from takeback.model.fingerprint import Algorithm
from takeback.platform.tables import LOOK_BACKS, REMEMBERED

_AT_ONCE: Final = 500
"""Rows erased in one statement, so that nobody waits long for the one writer."""


@dataclass(frozen=True, slots=True)
class SealedContent:
    """A remembered content as it is stored.

    Args:
        number: its place; higher than that of everything remembered before.
        content_id: the platform's own name for it.
        sealed: see ``takeback.platform.remembered``.
    """

    number: int
    content_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one list has been compared with what is remembered.

    Args:
        source: the list store this is said of, 16 bytes.
        seq: every remembered content was compared with every entry up to here.
        target: how far the pass goes that is under way; ``None`` if there is none.
        position: the number up to which that pass has come.
    """

    source: bytes
    seq: int
    target: int | None = None
    position: int = 0


def remember(connection: Connection, content_id: str, sealed: bytes, day: date) -> None:
    """Remember a content; what was remembered of it before goes."""
    forget(connection, content_id)
    row = {"content_id": content_id, "day": day, "size_bytes": len(sealed), "sealed": sealed}
    connection.execute(insert(REMEMBERED), row)


def forget(connection: Connection, content_id: str) -> bool:
    """Forget a content; says whether it was remembered."""
    return connection.execute(delete(REMEMBERED).where(REMEMBERED.c.content_id == content_id)).rowcount > 0


def is_remembered(connection: Connection, content: SealedContent) -> bool:
    """Whether a content is still remembered as it was read."""
    return _exists(connection, REMEMBERED.c.number == content.number)


def is_any_after(connection: Connection, number: int) -> bool:
    """Whether a content has a higher number."""
    return _exists(connection, REMEMBERED.c.number > number)


def contents_after(connection: Connection, number: int, limit: int, most_bytes: int) -> list[SealedContent]:
    """The next contents by number: so many at most, and no more than fit into so many bytes, but one."""
    columns = REMEMBERED.c.number, REMEMBERED.c.content_id, REMEMBERED.c.sealed
    question = select(*columns).where(REMEMBERED.c.number > number).order_by(REMEMBERED.c.number).limit(limit)
    found: list[SealedContent] = []
    size_bytes = 0
    with connection.execute(question, execution_options={"yield_per": 16}) as rows:
        for row in rows:
            size_bytes += len(row.sealed)
            if found and size_bytes > most_bytes:
                break
            found.append(SealedContent(row.number, row.content_id, row.sealed))
    return found


def totals(connection: Connection) -> tuple[int, int]:
    """How many contents are remembered, and their bytes."""
    count, size_bytes = connection.execute(select(func.count(), func.sum(REMEMBERED.c.size_bytes))).one()
    return count, size_bytes or 0


def forget_before(connection: Connection, day: date) -> int:
    """Forget some of what was checked before a day; returns how many. To be called until it is none."""
    return _forget_first(connection, select(REMEMBERED.c.number).where(REMEMBERED.c.day < day))


def forget_oldest(connection: Connection) -> int:
    """Forget some of what was remembered first; returns how many."""
    return _forget_first(connection, select(REMEMBERED.c.number).order_by(REMEMBERED.c.number))


def progress(connection: Connection) -> dict[Algorithm, Progress]:
    """How far each list has been compared."""
    return {Algorithm(row.list): _progress(row) for row in connection.execute(select(LOOK_BACKS))}


def set_progress(connection: Connection, name: Algorithm, now: Progress) -> None:
    """Write down how far a list has been compared."""
    connection.execute(delete(LOOK_BACKS).where(LOOK_BACKS.c.list == name.value))
    row = {"source": now.source, "seq": now.seq, "target": now.target, "position": now.position}
    connection.execute(insert(LOOK_BACKS).values(list=name.value, **row))


def move(connection: Connection, names: Sequence[Algorithm], position: int) -> None:
    """Note how far a pass has come."""
    wanted = [name.value for name in names]
    connection.execute(update(LOOK_BACKS).where(LOOK_BACKS.c.list.in_(wanted)).values(position=position))


def lower(connection: Connection, asked_at: Mapping[Algorithm, int]) -> None:
    """Make sure that a content which was asked of the lists as they were then is compared with all that came after.

    Where a pass has gone beyond that meanwhile it has missed the content, and everything is gone over again from there.
    """
    for name, known in progress(connection).items():
        seq = asked_at.get(name, 0)
        if seq < known.seq:
            set_progress(connection, name, Progress(known.source, seq))


def _exists(connection: Connection, condition: ColumnElement[bool]) -> bool:
    return connection.execute(select(REMEMBERED.c.number).where(condition).limit(1)).first() is not None


def _forget_first(connection: Connection, numbers: Select[tuple[int]]) -> int:
    return connection.execute(delete(REMEMBERED).where(REMEMBERED.c.number.in_(numbers.limit(_AT_ONCE)))).rowcount


def _progress(row: Row[tuple[object, ...]]) -> Progress:
    return Progress(bytes(row.source), row.seq, row.target, row.position)
