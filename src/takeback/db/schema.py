"""Bringing a schema up to date with Alembic, from an installed wheel as well as from a checkout.

There is no ``alembic.ini``: everything it would say is said here.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from takeback.errors import ConflictError

_MIGRATIONS = Path(__file__).parent / "migrations"
_POSTGRESQL_LOCK = 0x7A6B_0001
"""Advisory lock: two processes that start together migrate one after the other."""


def migrate(connection: Connection, branch: str) -> None:
    """Run what is missing, inside the connection's transaction.

    Raises:
        ConflictError: ``database.newer`` if the schema is one this version does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK})
    config = _config(connection, branch)
    scripts = ScriptDirectory.from_config(config)
    heads = scripts.get_heads()
    known = {script.revision for script in scripts.walk_revisions()}
    here = MigrationContext.configure(
        connection, opts={"version_table": config.attributes["version_table"]}
    ).get_current_heads()
    if set(here) - known:
        raise ConflictError(
            "database.newer", "A newer version of this program wrote this database. Install that version to open it."
        )
    if heads and set(here) != set(heads):
        command.upgrade(config, "heads")


def _config(connection: Connection, branch: str) -> Config:
    config = Config()
    # ConfigParser interpolates: a percent sign in a path has to be doubled. New lines separate, so spaces may stay.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_MIGRATIONS / branch).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"takeback_{branch}_schema"
    return config
