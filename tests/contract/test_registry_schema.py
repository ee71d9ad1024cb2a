"""The tables that the migrations make, and databases of another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from takeback.console import tables as console_tables
from takeback.db import open_database, reading, writing
from takeback.errors import ConflictError
from takeback.exchange import tables as exchange_tables
from takeback.registry import tables as registry_tables

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def test_the_migrations_make_the_tables_that_are_queried(rig: RegistryRig) -> None:
    both = MetaData()
    for metadata in (registry_tables.METADATA, exchange_tables.METADATA, console_tables.METADATA):
        for table in metadata.tables.values():
            table.to_metadata(both)
    with reading(rig.registry.engine) as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"version_table": "takeback_registry_schema"}), both
        )
    assert differences == []


def test_a_database_of_a_newer_version_is_left_alone(rig: RegistryRig) -> None:
    with writing(rig.registry.engine) as connection:
        connection.execute(text("UPDATE takeback_registry_schema SET version_num = 'registry_9999'"))
    with pytest.raises(ConflictError) as caught:
        open_database(rig.url, "registry")
    assert caught.value.code == "database.newer"
