"""A real PostgreSQL for every suite that asks for one: started on first use, gone with the session."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL
from tools.postgresql import UNSAFE_BUT_QUICK, PostgresqlMissingError, running_postgresql

pytest_plugins = ["registry_rig"]

# Batches of one case, at once, without decoys and canaries, unless a test says otherwise: most are about something
# else.
os.environ.setdefault("TAKEBACK_BATCH_MIN_CASES", "1")
os.environ.setdefault("TAKEBACK_CANARIES", "0")


def missing(what: str) -> None:
    """A part that a test needs is not here: under CI that is a failure, elsewhere the test is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not here, and CI=true does not let a test pass unseen", pytrace=False)
    pytest.skip(f"{what} is not here; `make dev` installs it or says how")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The socket folder of a running server that trusts whoever reaches it."""
    with ExitStack() as running:
        try:
            folder = running.enter_context(running_postgresql(UNSAFE_BUT_QUICK))
        except PostgresqlMissingError as absent:
            missing(str(absent))
            raise
        yield folder


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
