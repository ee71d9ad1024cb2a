"""A backup is whole, holds nothing that waits in intake, and comes back as it was."""

from __future__ import annotations

import gzip
import io
import secrets
import shutil
import stat
import tarfile
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from takeback.apps.registry import Registry, build_registry
from takeback.apps.registry_backup import back_up, restore, verify_registry
from takeback.errors import ConflictError, CorruptDataError, TakebackError, UnavailableError
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.registry_rig import RegistryRig


def _settings(rig: RegistryRig) -> RegistrySettings:
    return RegistrySettings(data_dir=rig.folder, database_url=rig.url)


@pytest.fixture
def empty_settings(rig: RegistryRig, tmp_path: Path) -> Callable[[], RegistrySettings]:
    """Where a backup of this rig can be restored to: the same kind of database, empty."""

    def make() -> RegistrySettings:
        folder = tmp_path / secrets.token_hex(4)
        if rig.registry.engine.dialect.name == "sqlite":
            return RegistrySettings(data_dir=folder)
        url = make_url(rig.url)
        name, schema = f"d{secrets.token_hex(4)}", str(url.query["options"]).rpartition("=")[2]
        server = f"host={url.query['host']} user=takeback"
        with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        with psycopg.connect(f"{server} dbname={name}", autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
        return RegistrySettings(data_dir=folder, database_url=url.set(database=name).render_as_string(False))

    return make


def test_a_backup_comes_back_as_it_was(
    rig: RegistryRig, empty_settings: Callable[[], RegistrySettings], tmp_path: Path
) -> None:
    people = [rig.submits(rig.pdq(), rig.md5()) for _ in range(4)]
    rig.batch()
    rig.withdraws(people[0].tokens[0])
    rig.batch()
    late = rig.submits(rig.md5())
    file = tmp_path / "monday.backup"
    report = back_up(_settings(rig), file, rig.clock, patience_s=0)
    assert report.left_out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert report.size_bytes == file.stat().st_size
    copy = gzip.decompress(file.read_bytes())
    assert bytes.fromhex(late.submission.fingerprints[0].fingerprint.value) not in copy
    assert late.submission.case_id not in copy

    target = empty_settings()
    verified = restore(file, target)
    assert {one.list: (one.seq, one.count) for one in verified.lists if one.seq} == {
        Algorithm.PDQ: (5, 3),
        Algorithm.MD5: (4, 4),
    }
    restored = build_registry(target, rig.clock)
    try:
        states = [restored.services.registry.statuses(person.tokens) for person in people]
        assert states == [rig.status(*person.tokens) for person in people]
        assert restored.services.registry.open_case(people[1].submission.case_id) == people[1].submission.sealed
        # The same signing key and the same partner: a platform goes on as if nothing had been.
        key = rig.partner.key.text()
        assert restored.services.partners.recognise(key).partner_id == rig.partner.partner.partner_id
        assert restored.services.feed.keys() == rig.registry.services.feed.keys()
    finally:
        restored.close()
    with pytest.raises(ConflictError) as again:
        restore(file, target)
    assert again.value.code == "restore.not_empty"
    with pytest.raises(ConflictError) as exists:
        back_up(_settings(rig), file, rig.clock)
    assert exists.value.code == "backup.exists"


def test_what_each_partner_is_told_comes_back_too(
    rig: RegistryRig, empty_settings: Callable[[], RegistrySettings], tmp_path: Path
) -> None:
    other = rig.registry.services.partners.add("Second platform", tuple(Algorithm)).partner
    partners = (rig.partner.partner, other)
    rig.restart(canaries=44)

    def told(registry: Registry) -> list[tuple[Change, ...]]:
        return [registry.services.feed.changes(partner, "md5", 0).changes for partner in partners]

    for _ in range(100):  # each brings each of them a canary with chance 5/12
        rig.submits(rig.md5(), rig.md5())
        rig.batch()
        if all(Op.WITHHELD in {change.op for change in changes} for changes in told(rig.registry)):
            break
    back_up(_settings(rig), tmp_path / "b", rig.clock)
    target = empty_settings()
    restore(tmp_path / "b", target)
    restored = build_registry(target, rig.clock)
    try:
        assert told(restored) == told(rig.registry)
        assert told(restored)[0] != told(restored)[1]
    finally:
        restored.close()


def test_a_backup_waits_for_the_batch(rig: RegistryRig, tmp_path: Path) -> None:
    person = rig.submits(rig.md5())

    def a_batch_comes(_pause_s: float) -> None:
        rig.batch()

    report = back_up(_settings(rig), tmp_path / "b", rig.clock, patience_s=60, pause=a_batch_comes)
    assert not report.left_out
    assert rig.status(*person.tokens)[0].state == "listed"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_backup_that_was_touched_is_refused_and_leaves_nothing(rig: RegistryRig, tmp_path: Path) -> None:
    rig.submits(rig.md5())
    rig.batch()
    whole = tmp_path / "whole"
    back_up(_settings(rig), whole, rig.clock)
    content = whole.read_bytes()
    broken = {
        "cut": content[: len(content) // 2],
        "flipped": content[:200] + bytes([content[200] ^ 1]) + content[201:],
        "empty": b"",
        "foreign": b"not a backup" * 100,
        "swapped": _with_member(content, "database", b"SQLite format 3\0" + bytes(5000)),
        "escaping": _with_member(content, "../escaped", b"x"),
        "absolute": _with_member(content, "keys/../../escaped", b"x"),
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        target = RegistrySettings(data_dir=tmp_path / f"to-{name}")
        with pytest.raises(CorruptDataError) as refused:
            restore(tmp_path / name, target)
        assert refused.value.code == "restore.damaged", name
        assert list(target.data_dir.iterdir()) == []
    assert not (tmp_path / "escaped").exists()


def _with_member(content: bytes, name: str, data: bytes) -> bytes:
    """The archive with another member of this name in place of the one it had."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old:
            part = old.extractfile(member)
            if part is not None and member.name != name:
                new.addfile(member, part)
        info = tarfile.TarInfo(name)
        info.size = len(data)
        new.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_backup_goes_back_to_its_own_kind_only(rig: RegistryRig, tmp_path: Path) -> None:
    back_up(_settings(rig), tmp_path / "b", rig.clock)
    other = RegistrySettings(data_dir=tmp_path / "to", database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ConflictError) as refused:
        restore(tmp_path / "b", other)
    assert refused.value.code == "restore.kind"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_backup_that_cannot_be_written_says_so(rig: RegistryRig, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as refused:
        back_up(_settings(rig), tmp_path / "missing" / "b", rig.clock)
    assert refused.value.code == "backup.failed"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("DELETE FROM changes WHERE list = 'md5' AND seq = 2", "registry.log"),
        ("UPDATE changes SET quality = 51 WHERE list = 'pdq' AND seq = 1", "registry.log"),
        ("UPDATE lists SET live_count = live_count + 1 WHERE list = 'pdq'", "registry.log"),
        ("UPDATE audit SET day = day + 1 WHERE seq = 1", "audit.chain"),
    ],
)
def test_verification_finds_what_was_altered(rig: RegistryRig, damage: str, code: str) -> None:
    for _ in range(3):
        rig.submits(rig.pdq(), rig.md5())
    rig.batch()
    rig.changes(Algorithm.PDQ)
    found = verify_registry(_settings(rig))
    assert [(one.list, one.count) for one in found.lists if one.count] == [(Algorithm.PDQ, 3), (Algorithm.MD5, 3)]
    assert found.audit_lines >= 1
    with rig.registry.engine.begin() as connection:
        connection.exec_driver_sql(damage)
    with pytest.raises(TakebackError) as refused:
        verify_registry(_settings(rig))
    assert refused.value.code == code


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_registry_without_its_key_is_not_verified(rig: RegistryRig) -> None:
    shutil.copy(rig.folder / "registry.db", rig.folder / "copy.db")
    (rig.folder / "keys" / "feed-signing-key").write_text("damaged", encoding="ascii")
    with pytest.raises(CorruptDataError) as refused:
        verify_registry(_settings(rig))
    assert refused.value.code == "keys.corrupt"
