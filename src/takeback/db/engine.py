"""Opening a database.

SQLite is set up so that an acknowledged write survives a power cut (``synchronous=FULL``) and erased data is
overwritten (``secure_delete``). Temporary tables stay in memory, so that nothing is spilled into a shared folder.

**Source:** https://www.sqlite.org/pragma.html; https://www.sqlite.org/wal.html.
"""

import os
import secrets
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from takeback.db.schema import migrate
from takeback.db.transaction import BRANCH, WRITE, translate, writing
from takeback.errors import CorruptDataError, InvalidInputError, TakebackError, UnavailableError

Branch = Literal["registry", "platform"]

BUSY_TIMEOUT_MS = 10_000
"""How long a write waits for another process's."""

_QUICK_CHECK_BYTES = 64 * 1024 * 1024
"""A file up to this size is checked from end to end when it is opened; a larger one when its pages are used."""

_APPLICATION_IDS: dict[Branch, int] = {"registry": 0x54_42_52_31, "platform": 0x54_42_50_31}
"""Written into a SQLite file's header, so that another program's file is never taken for ours."""

SESSION_NAME = "takeback "
"""How PostgreSQL's sessions of ours are called, with a random word after it that is one process's."""

_CONNECTION_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
)


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def open_database(url: str, branch: Branch) -> Engine:
    """Open a database and bring its schema up to date.

    Args:
        url: ``sqlite:////path/file.db`` or ``postgresql+psycopg://user@host/name``.
        branch: whose tables.

    Raises:
        InvalidInputError: ``database.url``.
        CorruptDataError: ``database.corrupt`` for a damaged file, ``database.foreign`` for another program's.
        ConflictError: ``database.newer`` if a newer version of this program wrote it.
        UnavailableError: ``BRANCH.unavailable`` if it cannot be reached, written, or the disk is full.
    """
    parsed = _parsed(url)
    engine = _sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql_engine(parsed)
    engine = engine.execution_options(**{BRANCH: branch})
    try:
        if engine.dialect.name == "sqlite":
            _claim_file(engine, branch, Path(parsed.database or ""))
        with writing(engine) as connection:
            migrate(connection, branch)
    except TakebackError:
        engine.dispose()
        raise
    except DBAPIError as error:
        engine.dispose()
        raise translate(error, branch) from None
    return engine


def bare_postgresql(url: str) -> Engine:
    """A PostgreSQL as it is, without bringing its schema up to date: for a restore.

    Raises:
        InvalidInputError: ``database.url``.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "postgresql":
        raise InvalidInputError("database.url", "Name a PostgreSQL: postgresql+psycopg://user@host/name.")
    return _postgresql_engine(parsed)


def _parsed(url: str) -> URL:
    wrong = InvalidInputError(
        "database.url", "A database is named as sqlite:////path/file.db or postgresql+psycopg://user@host/name."
    )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise wrong from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    if not is_file and parsed.drivername != "postgresql+psycopg":
        raise wrong
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    _create_private(Path(url.database or ""))
    # isolation_level None: the driver starts no transaction of its own; ours are started below.
    connect: dict[str, Any] = {"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000}
    engine = create_engine(url, hide_parameters=True, connect_args=connect)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own type
        cursor = connection.cursor()
        for pragma in _CONNECTION_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write takes its lock at once: a read transaction that turns into a write can fail half-way.
        writes = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: URL) -> Engine:
    try:
        # A name for each process, so that processes of one registry can count each other.
        name = {"application_name": f"{SESSION_NAME}{secrets.token_hex(6)}"}
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=name)
    except (ImportError, NoSuchModuleError):
        raise UnavailableError(
            "database.driver", "PostgreSQL needs its driver. Run: pip install 'takeback[postgresql]'"
        ) from None


def _create_private(file: Path) -> None:
    # SQLite gives its journal files the mode of the main file, so one mode decides for all.
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnavailableError(
            "database.unreachable", f"The database file cannot be opened: {file} ({error.strerror})."
        ) from None


def _claim_file(engine: Engine, branch: Branch, file: Path) -> None:
    foreign = CorruptDataError("database.foreign", f"{file} is a database of another program. Name another file.")
    with writing(engine) as connection:
        owner = connection.execute(text("PRAGMA application_id")).scalar_one()
        if owner not in {0, _APPLICATION_IDS[branch]}:
            raise foreign
        if owner == 0:
            if connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one():
                raise foreign
            connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_IDS[branch]}")
        if file.stat().st_size <= _QUICK_CHECK_BYTES:
            result = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
            if result != "ok":
                raise CorruptDataError(
                    "database.corrupt", f"The database {file} is damaged. Restore it from a backup.", detail=str(result)
                )
