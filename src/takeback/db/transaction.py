"""Transactions, and what a database's failures mean.

``reading`` is one snapshot; ``writing`` is one commit that is on disk when the block has ended. Both turn the
driver's errors into ours, so that a full disk is a 503 wherever it happens.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from takeback.errors import CorruptDataError, UnavailableError

WRITE = "takeback_write"
BRANCH = "takeback_branch"
"""Execution options: whether a transaction writes, and whose database it is."""

_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "a table is locked",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_READONLY: "the database may not be written",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_NOMEM: "out of memory",
}
"""SQLite's primary result codes that are the outside's doing. https://www.sqlite.org/rescode.html"""

_POSTGRESQL_LOCKED = "55P03"
_POSTGRESQL_CORRUPT = {"XX001", "XX002"}
"""https://www.postgresql.org/docs/current/errcodes-appendix.html, class XX."""


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot; nothing can be written in it."""
    options = (
        {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    )
    with _translated(engine), engine.connect() as connection:
        connection.execution_options(**options)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that is durable when the block has ended, or has not happened if it raised."""
    with _translated(engine), engine.connect() as connection:
        connection.execution_options(**{WRITE: True})
        with connection.begin():
            yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    branch = str(engine.get_execution_options().get(BRANCH, "database"))
    try:
        yield
    except IntegrityError:
        # A constraint that fails is a mistake of ours, not of the disk.
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        raise translate(error, branch) from None


def translate(error: Exception, branch: str) -> Exception:
    """Our error for a driver's, or the same error if it is none of those that can happen outside our control.

    Args:
        error: what SQLAlchemy raised.
        branch: ``registry`` or ``platform``; the code becomes ``BRANCH.unavailable``.
    """
    if isinstance(error, PoolTimeoutError):
        return _unavailable(branch, "no free database connection")
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error, getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF, branch)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state in _POSTGRESQL_CORRUPT:
        return _corrupt(state)
    if state == _POSTGRESQL_LOCKED:
        return UnavailableError(
            f"{branch}.locked", "The database is being read from end to end. Please try again shortly.", detail=state
        )
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return _unavailable(branch, f"{type(error.orig).__name__} {state}".strip())
    return error


def _of_sqlite(error: DBAPIError, result_code: int, branch: str) -> Exception:
    if result_code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _corrupt(str(result_code))
    if result_code in _SQLITE_UNAVAILABLE:
        return _unavailable(branch, _SQLITE_UNAVAILABLE[result_code])
    return error


def _corrupt(detail: str) -> CorruptDataError:
    return CorruptDataError("database.corrupt", "The database is damaged. Restore it from a backup.", detail=detail)


def _unavailable(branch: str, detail: str) -> UnavailableError:
    return UnavailableError(
        f"{branch}.unavailable", "This cannot be stored or read at the moment. Please try again shortly.", detail=detail
    )
