"""Inserts that meet an existing row. Both databases know ``ON CONFLICT``, each through its own SQLAlchemy construct."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Executable, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

Key = TypeVar("Key")
Row = Mapping[str, Any]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; one whose key is there already is left as it is."""
    if rows:
        connection.execute(_insert_new(connection.dialect.name, table), list(rows))


def insert_if_new(connection: Connection, table: Table, row: Row) -> bool:
    """Insert one row, unless its key is there already.

    Returns:
        Whether it was inserted.
    """
    statement = _insert_new(connection.dialect.name, table)
    # SQLAlchemy promises the count of an INSERT only when asked to keep it.
    return connection.execute(statement, dict(row), execution_options={"preserve_rowcount": True}).rowcount > 0


def insert_those_new(connection: Connection, table: Table, rows: Sequence[Row], key: Column[Key]) -> set[Key]:
    """Insert rows, but none whose key is there already.

    Args:
        connection: in a transaction.
        table: where.
        rows: each with a key of its own. They are sorted by it, so that two transactions cannot wait for each other.
        key: the table's key.

    Returns:
        The keys of those that were inserted.
    """
    if not rows:
        return set()
    ordered = sorted(rows, key=lambda row: row[key.name])
    return set(connection.execute(_insert_those_new(connection.dialect.name, table, key), ordered).scalars())


def insert_or_replace(connection: Connection, table: Table, rows: Sequence[Row], replaced: Iterable[str]) -> None:
    """Insert rows; of one whose key is there already, the columns ``replaced`` take the new values."""
    if rows:
        connection.execute(_insert_or_replace(connection.dialect.name, table, tuple(replaced)), list(rows))


def insert_or_add(connection: Connection, table: Table, rows: Sequence[Row], counter: str) -> None:
    """Insert rows; of one whose key is there already, ``counter`` grows by the new row's."""
    if rows:
        connection.execute(_insert_or_add(connection.dialect.name, table, counter), list(rows))


# Putting a statement together takes longer than executing it, and these are executed for every submission.
@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _insert_those_new(dialect: str, table: Table, key: Column[Key]) -> Executable:
    return _insert(dialect, table).on_conflict_do_nothing().returning(key)


@cache
def _insert_or_replace(dialect: str, table: Table, replaced: tuple[str, ...]) -> Insert:
    statement = _insert(dialect, table)
    changed = {name: statement.excluded[name] for name in replaced}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


@cache
def _insert_or_add(dialect: str, table: Table, counter: str) -> Insert:
    statement = _insert(dialect, table)
    total = table.c[counter] + statement.excluded[counter]
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_={counter: total})


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
