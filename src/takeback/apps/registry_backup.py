"""A registry's backup: one file with the database and the keys, and the way back.

What waits in intake is left out, because there a person's fingerprints stand together; so a backup waits for a batch
first, and says so if one did not come. The file is as secret as the registry itself: whoever has it can sign lists.
"""

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, inspect

from takeback.apps.registry_state import DATABASE_FILE
from takeback.clock import Clock
from takeback.db import open_database, reading, sqlite_url
from takeback.db.copy import check_sqlite_file, copy_database, restore_postgresql
from takeback.errors import ConflictError, CorruptDataError, UnavailableError
from takeback.exchange import store as exchange_store
from takeback.exchange.audit import verify_audit
from takeback.exchange.signing import open_signer
from takeback.registry import store
from takeback.registry.verification import VerifiedList, verify_lists
from takeback.settings import RegistrySettings

_FORMAT = 1
_MANIFEST = "manifest.json"
_DATABASE = "database"
_KEYS = "keys"
_MAX_KEY_BYTES = 64 * 1024
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found when everything was read.

    Args:
        lists: every list.
        audit_lines: lines of the audit log.
    """

    lists: tuple[VerifiedList, ...]
    audit_lines: int


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds.

    Args:
        size_bytes: of the file.
        left_out: whether submissions were waiting that are not in it.
        verified: what reading it again found; ``None`` for PostgreSQL, where only a restore can.
    """

    size_bytes: int
    left_out: bool
    verified: Verified | None


def verify_registry(settings: RegistrySettings) -> Verified:
    """Read a registry's whole database and its key. A registry may be serving it meanwhile.

    Raises:
        CorruptDataError: what does not fit.
        UnavailableError: it cannot be read.
    """
    open_signer(settings.data_dir / _KEYS)
    engine = open_database(settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE), "registry")
    try:
        return _verify(engine)
    finally:
        engine.dispose()


def back_up(
    settings: RegistrySettings,
    to: Path,
    clock: Clock,
    patience_s: float = 120.0,
    pause: Callable[[float], None] = time.sleep,
) -> BackupReport:
    """Write a backup. A registry may be serving meanwhile; the file appears when it is whole.

    Args:
        settings: which registry.
        to: the file; it must not exist.
        clock: for the day it was made.
        patience_s: how long to wait for a batch to empty intake.
        pause: how to wait.

    Raises:
        ConflictError: ``backup.exists``.
        UnavailableError: ``backup.failed`` and what :func:`takeback.db.open_database` raises.
        CorruptDataError: the copy does not fit together.
    """
    if to.exists():
        raise ConflictError("backup.exists", f"{to} is there already. Name a new file.")
    engine = open_database(settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE), "registry")
    work = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    try:
        left_out = not _wait_for_empty_intake(engine, patience_s, pause)
        work.mkdir(mode=0o700)
        copy_database(engine, work / _DATABASE, _intake_tables(engine))
        kind = engine.dialect.name
        verified = _verify_copy(work / _DATABASE) if kind == "sqlite" else None
        _pack(work, settings.data_dir / _KEYS, kind, clock.now_s() // 86_400)
        (work / "backup").replace(to)
    except OSError as error:
        raise UnavailableError("backup.failed", f"{to} cannot be written ({error.strerror}).") from None
    finally:
        engine.dispose()
        shutil.rmtree(work, ignore_errors=True)
    return BackupReport(to.stat().st_size, left_out, verified)


def restore(source: Path, settings: RegistrySettings) -> Verified:
    """Bring a backup back into an empty data directory, and an empty database if it was PostgreSQL. All or nothing.

    Raises:
        ConflictError: ``restore.not_empty``, or ``restore.kind`` if a SQLite backup is restored to PostgreSQL or back.
        CorruptDataError: ``restore.damaged`` or what verification finds.
        UnavailableError: ``restore.failed``, or ``database.program`` without PostgreSQL's own programs.
    """
    if (settings.data_dir / _KEYS).exists() or (settings.data_dir / DATABASE_FILE).exists():
        raise ConflictError("restore.not_empty", f"{settings.data_dir} holds a registry already. Name an empty folder.")
    work = settings.data_dir / f".restore.{secrets.token_hex(4)}"
    try:
        work.mkdir(mode=0o700, parents=True)
        kind = _unpack(source, work)
        if (kind == "postgresql") != (settings.database_url is not None):
            raise ConflictError("restore.kind", f"This backup is of {kind}; restore it to the same.")
        verified = _restore_database(work / _DATABASE, settings)
        open_signer(work / _KEYS)
        if kind == "sqlite":
            (work / _DATABASE).replace(settings.data_dir / DATABASE_FILE)
        # The keys come last: a folder with keys is a registry.
        (work / _KEYS).replace(settings.data_dir / _KEYS)
    except OSError as error:
        raise UnavailableError("restore.failed", f"The backup cannot be restored ({error.strerror}).") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return verified


def _verify(engine: Engine) -> Verified:
    with reading(engine) as connection:
        lists = tuple(verify_lists(connection))
        return Verified(lists, verify_audit(exchange_store.audit_lines(connection)))


def _verify_copy(file: Path) -> Verified:
    check_sqlite_file(file)
    engine = open_database(sqlite_url(file), "registry")
    try:
        return _verify(engine)
    finally:
        engine.dispose()
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)


def _restore_database(file: Path, settings: RegistrySettings) -> Verified:
    if settings.database_url is None:
        return _verify_copy(file)
    restore_postgresql(settings.database_url, file)
    engine = open_database(settings.database_url, "registry")
    try:
        return _verify(engine)
    finally:
        engine.dispose()


def _wait_for_empty_intake(engine: Engine, patience_s: float, pause: Callable[[float], None]) -> bool:
    deadline_s = time.monotonic() + patience_s
    while True:
        with reading(engine) as connection:
            if not store.is_intake_waiting(connection):
                return True
        if time.monotonic() >= deadline_s:
            return False
        pause(min(1.0, patience_s))


def _intake_tables(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [name for name in inspect(connection).get_table_names() if name.startswith("intake")]


def _pack(work: Path, keys: Path, kind: str, day: int) -> None:
    members = {_DATABASE: work / _DATABASE}
    members |= {f"{_KEYS}/{file.name}": file for file in sorted(keys.iterdir()) if file.is_file()}
    manifest = {
        "format": _FORMAT,
        "kind": kind,
        "day": day,
        "sha256": {name: _digest(file) for name, file in members.items()},
    }
    descriptor = os.open(work / "backup", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=3) as archive:
            content = json.dumps(manifest, sort_keys=True).encode()
            archive.addfile(_member(_MANIFEST, len(content)), io.BytesIO(content))
            for name, file in members.items():
                with file.open("rb") as part:
                    archive.addfile(_member(name, file.stat().st_size), part)
        stream.flush()
        os.fsync(stream.fileno())


def _member(name: str, size: int) -> tarfile.TarInfo:
    # No owner, no time: a backup says the day it is of, and no more.
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def _unpack(source: Path, work: Path) -> str:
    damaged = CorruptDataError("restore.damaged", f"{source.name} is not a whole backup of a registry.")
    (work / _KEYS).mkdir(mode=0o700)
    try:
        with tarfile.open(source, mode="r|gz") as archive:
            found = {member.name: _take_out(archive, member, work) for member in archive}
        manifest = json.loads((work / _MANIFEST).read_bytes())
        expected, kind = dict(manifest["sha256"]), str(manifest["kind"])
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, FileNotFoundError):
        raise damaged from None
    found.pop(_MANIFEST, None)
    if manifest["format"] != _FORMAT or found != expected or _DATABASE not in found:
        raise damaged
    return kind


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo, work: Path) -> str:
    """Write one member and give its digest. A name that is not one of ours never becomes a path."""
    folder, _, name = member.name.rpartition("/")
    is_key = folder == _KEYS and name not in {"", ".", ".."} and member.size <= _MAX_KEY_BYTES
    is_ours = member.isreg() and (is_key or (not folder and name in {_MANIFEST, _DATABASE}))
    content = archive.extractfile(member) if is_ours else None
    if content is None:
        raise tarfile.TarError(member.name)
    target = work / member.name
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        shutil.copyfileobj(content, stream, _CHUNK_BYTES)
    return _digest(target)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
