"""Transactions, and what a database's failures mean.

``reading`` is one snapshot; ``writing`` is one commit that is on disk when the block has ended. Both turn the
driver's errors into ours, so that a full disk is a 503 wherever it happens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from takeback.errors import CorruptDataError, TakebackError, UnavailableError

WRITE = "takeback_write"
BRANCH = "takeback_branch"
"""Execution options: whether a transaction writes, and whose database it is."""


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


def translate(error: Exception, branch: str) -> TakebackError | Exception:
    """Our error for a driver's, or the same error if it is none of those that can happen outside our control.

    Args:
        error: what SQLAlchemy raised.
        branch: ``registry`` or ``platform``; the code becomes ``BRANCH.unavailable``.
    """
    if isinstance(error, PoolTimeoutError):
        return _unavailable(branch, "no free database connection")
    if not isinstance(error, DBAPIError):
        return error
    words = str(error.orig).lower()
    if "malformed" in words or "not a database" in words:
        return CorruptDataError(
            "database.corrupt", "The database is damaged. Restore it from a backup.", detail=type(error.orig).__name__
        )
    if "disk is full" in words:
        return _unavailable(branch, "the disk is full")
    if "locked" in words or "busy" in words:
        return _unavailable(branch, "the database is locked by another process")
    if isinstance(error, OperationalError | InternalError) or error.connection_invalidated:
        return _unavailable(
            branch, f"{type(error.orig).__name__} {getattr(error.orig, 'sqlstate', None) or ''}".strip()
        )
    return error


def _unavailable(branch: str, detail: str) -> UnavailableError:
    return UnavailableError(
        f"{branch}.unavailable", "This cannot be stored or read at the moment. Please try again shortly.", detail=detail
    )
