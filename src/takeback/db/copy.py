"""A consistent copy of a database in one file, and the way back. The database may be in use meanwhile.

SQLite is copied by ``VACUUM INTO``, which writes live rows only: nothing that was erased comes along. PostgreSQL is
dumped and restored by its own programs, because a copy has to be readable without ours.

**Source:** https://www.sqlite.org/lang_vacuum.html; https://www.postgresql.org/docs/current/app-pgdump.html.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from takeback.db.engine import bare_postgresql
from takeback.db.transaction import reading
from takeback.errors import ConflictError, CorruptDataError, UnavailableError

_PROGRAM_TIMEOUT_S = 6 * 3600


def copy_database(engine: Engine, to: Path, without_rows_of: Iterable[str] = ()) -> None:
    """Write a copy of one moment.

    Args:
        engine: an open database.
        to: a file that does not exist yet; only its owner will be able to read it.
        without_rows_of: tables that are copied empty.

    Raises:
        UnavailableError: ``backup.failed`` if it cannot be written, ``database.program`` without ``pg_dump``.
    """
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if engine.dialect.name == "postgresql":
        _dump(engine, to, without_rows_of)
    else:
        _vacuum_into(engine, to, without_rows_of)


def restore_postgresql(url: str, source: Path) -> None:
    """Bring a dump back into a database that has no tables yet, all of it or nothing.

    Raises:
        InvalidInputError: ``database.url``.
        ConflictError: ``restore.not_empty``.
        CorruptDataError: ``restore.damaged`` if it is not a dump.
        UnavailableError: ``database.program`` without ``pg_restore``.
    """
    engine = bare_postgresql(url)
    try:
        with reading(engine) as connection:
            if inspect(connection).get_table_names():
                raise ConflictError("restore.not_empty", "That database has tables already. Name an empty one.")
        flags = ("--single-transaction", "--no-owner", "--no-privileges")
        done = _run(["pg_restore", *flags, "-d", _libpq(engine), str(source)], engine)
    finally:
        engine.dispose()
    if done.returncode != 0:
        raise CorruptDataError(
            "restore.damaged", "PostgreSQL could not read this backup into the database.", detail=done.stderr[-500:]
        )


def check_sqlite_file(file: Path) -> None:
    """Read a SQLite file from end to end.

    Raises:
        CorruptDataError: ``database.corrupt``.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            result = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        result = type(error).__name__
    if result != "ok":
        raise CorruptDataError("database.corrupt", f"The database {file.name} is damaged.", detail=str(result))


def _vacuum_into(engine: Engine, to: Path, without_rows_of: Iterable[str]) -> None:
    to.unlink()
    previous = os.umask(0o077)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw = connection.connection.driver_connection
            if not isinstance(raw, sqlite3.Connection):
                raise TypeError(type(raw).__name__)
            raw.execute("VACUUM INTO ?", (str(to),))
        with closing(sqlite3.connect(to, isolation_level=None)) as copy:
            copy.execute("PRAGMA secure_delete = ON")
            emptied = [copy.execute(f'DELETE FROM "{table}"').rowcount for table in without_rows_of]  # noqa: S608 - ours
            if any(emptied):
                copy.execute("VACUUM")
    except (sqlite3.Error, SQLAlchemyError) as error:
        to.unlink(missing_ok=True)
        raise UnavailableError(
            "backup.failed", "The copy could not be written. Is there room for it?", detail=type(error).__name__
        ) from None
    finally:
        os.umask(previous)


def _dump(engine: Engine, to: Path, without_rows_of: Iterable[str]) -> None:
    with reading(engine) as connection:
        schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    empty = [f"--exclude-table-data={schema}.{table}" for table in without_rows_of]
    command = ["pg_dump", "--format=custom", f"--table={schema}.*", *empty, "-f", str(to), "-d", _libpq(engine)]
    done = _run(command, engine)
    if done.returncode != 0:
        to.unlink(missing_ok=True)
        raise UnavailableError("backup.failed", "PostgreSQL could not write the copy.", detail=done.stderr[-500:])


def _libpq(engine: Engine) -> str:
    """How PostgreSQL's own programs name the database; the password goes by the environment, where `ps` shows none."""
    return engine.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(command: list[str], engine: Engine) -> subprocess.CompletedProcess[str]:
    program = _program(command[0])
    environment = dict(os.environ)
    if engine.url.password is not None:
        environment["PGPASSWORD"] = engine.url.password
    try:
        return subprocess.run(  # noqa: S603 - PostgreSQL's own program, no shell
            [program, *command[1:]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROGRAM_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError("backup.failed", f"{command[0]} did not finish.", detail=type(error).__name__) from None


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise UnavailableError("database.program", f"{name} is needed and is not here. Install postgresql-client.")
    return found
