"""A real PostgreSQL for every suite that asks for one: started on first use, gone with the session."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL

pytest_plugins = ["registry_rig"]

_OWNER = "postgres"


def missing(what: str) -> None:
    """A part that a test needs is not here: under CI that is a failure, elsewhere the test is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not here, and CI=true does not let a test pass unseen", pytrace=False)
    pytest.skip(f"{what} is not here; `make dev` installs it or says how")


def _program(name: str) -> Path | None:
    if found := shutil.which(name):
        return Path(found)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return places[-1] if places else None


def _owner() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(_OWNER)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The socket folder of a running server that trusts whoever reaches it."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        missing("PostgreSQL (initdb, pg_ctl)")
        raise AssertionError
    try:
        owner = _owner()
    except KeyError:
        missing(f"A user '{_OWNER}' to run PostgreSQL as")
        raise
    # A short path of its own: a socket's path has at most 107 bytes, and every parent must be open to the owner.
    folder = Path(tempfile.mkdtemp(prefix="takeback-pg-"))
    try:
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        data = folder / "data"

        def run(*command: Path | str) -> None:
            subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **owner)

        run(initdb, "-D", data, "-U", "takeback", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-k {folder} -h '' -c fsync=off -c full_page_writes=off -c max_connections=50"
        run(pg_ctl, "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield folder
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgresql(postgresql_server: Path) -> Callable[[], str]:
    """Makes an empty schema and gives a URL that sees no other. (A database each would be 8 MB each.)"""

    def make() -> str:
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(f"host={postgresql_server} user=takeback dbname=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        query = {"host": str(postgresql_server), "options": f"-csearch_path={name}"}
        return str(URL.create("postgresql+psycopg", "takeback", database="postgres", query=query))

    return make
