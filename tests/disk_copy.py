"""Copies of a registry's disk as a thief would have them: raw bytes of its files, and dumps."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig


def disk_of(rig: RegistryRig) -> list[bytes]:
    if rig.registry.engine.dialect.name == "sqlite":
        file = rig.folder / "registry.db"
        return [part.read_bytes() for part in file.parent.glob("registry.db*") if not part.name.endswith("-shm")]
    # The files of this database's tables and indexes, as a checkpoint leaves them. PostgreSQL's write-ahead log keeps
    # what was written until it is recycled; docs/threat-model.md says so.
    url = rig.registry.engine.url
    with psycopg.connect(
        f"host={url.query['host']} user=takeback dbname={url.database}", autocommit=True
    ) as connection:
        connection.execute("CHECKPOINT")
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        (number,) = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or (
            0,
        )
    return [file.read_bytes() for file in (Path(data) / "base" / str(number)).iterdir() if file.is_file()]


def dump_of(rig: RegistryRig) -> str:
    if rig.registry.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(rig.folder / "registry.db")) as connection:
            return "\n".join(connection.iterdump())
    url = rig.registry.engine.url
    schema = str(url.query["options"]).rpartition("=")[2]
    command = ["pg_dump", "-h", str(url.query["host"]), "-U", "takeback", "-n", schema, str(url.database)]
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    path = os.pathsep.join([*(str(place) for place in reversed(places)), os.environ["PATH"]])
    run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PATH": path})
    return run.stdout
