"""Inserts that meet an existing row. Both databases know ``ON CONFLICT``, each through its own SQLAlchemy construct."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; one whose key is there already is left as it is."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def insert_if_new(connection: Connection, table: Table, row: Row) -> bool:
    """Insert one row, unless its key is there already.

    Returns:
        Whether it was inserted.
    """
    statement = _insert(connection, table).on_conflict_do_nothing()
    # SQLAlchemy promises the count of an INSERT only when asked to keep it.
    return connection.execute(statement, dict(row), execution_options={"preserve_rowcount": True}).rowcount > 0


def insert_or_replace(connection: Connection, table: Table, rows: Sequence[Row], replaced: Iterable[str]) -> None:
    """Insert rows; of one whose key is there already, the columns ``replaced`` take the new values."""
    if rows:
        statement = _insert(connection, table)
        changed = {name: statement.excluded[name] for name in replaced}
        keys = list(table.primary_key.columns)
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def insert_or_add(connection: Connection, table: Table, rows: Sequence[Row], counter: str) -> None:
    """Insert rows; of one whose key is there already, ``counter`` grows by the new row's."""
    if rows:
        statement = _insert(connection, table)
        total = table.c[counter] + statement.excluded[counter]
        keys = list(table.primary_key.columns)
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={counter: total}), list(rows))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
