"""A registry on a database, for every suite that needs one: put together as it is in service, with a clock in hand."""

import hashlib
import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from tests.plausible import plausible_pdq

from takeback.apps.registry import Registry, build_registry
from takeback.clock import ManualClock
from takeback.db import sqlite_url
from takeback.exchange.partners import IssuedKey
from takeback.httpkit.logs import open_log
from takeback.model.case import HeldFingerprint, HoldStatus, Submission
from takeback.model.entry import Change, Head
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.types import BatchReport, Wish
from takeback.settings import RegistrySettings
from takeback.wire.feed_v1 import first_chain, next_chain, parse_head


@dataclass(frozen=True, slots=True)
class Person:
    """A case as its owner knows it: what was sent, and the token of each fingerprint."""

    submission: Submission
    tokens: tuple[bytes, ...]


@dataclass(slots=True)
class RegistryRig:
    """A registry on a database, with a clock and a log the test can reach."""

    folder: Path
    url: str
    clock: ManualClock = field(default_factory=ManualClock)
    log: io.StringIO = field(default_factory=io.StringIO)
    settings: dict[str, Any] = field(default_factory=dict)
    registry: Registry = field(init=False)
    partner: IssuedKey = field(init=False)

    def __post_init__(self) -> None:
        self.registry = self.another_process()
        self.partner = self.registry.services.partners.add("First platform", tuple(Algorithm))

    def another_process(self) -> Registry:
        chosen = {"proof_guesses": 0, **self.settings}
        settings = RegistrySettings(data_dir=self.folder, database_url=self.url, **chosen)
        return build_registry(settings, self.clock, open_log(self.log))

    def restart(self, **settings: object) -> None:
        """Another process over the same database, with these settings."""
        self.registry.close()
        self.settings = settings
        self.registry = self.another_process()

    def person(self, *fingerprints: Fingerprint) -> Person:
        tokens = tuple(secrets.token_bytes(16) for _ in fingerprints)
        held = tuple(
            HeldFingerprint(fingerprint, hashlib.sha256(token).digest())
            for fingerprint, token in zip(fingerprints, tokens, strict=True)
        )
        return Person(Submission(secrets.token_bytes(16), secrets.token_bytes(1024 + 28), held), tokens)

    def submits(self, *fingerprints: Fingerprint) -> Person:
        person = self.person(*fingerprints)
        self.registry.services.registry.submit(person.submission).result()
        return person

    def withdraws(self, *tokens: bytes) -> None:
        self.registry.services.registry.withdraw(tokens).result()

    def wishes(self, wish: Wish, *tokens: bytes) -> None:
        self.registry.services.registry.wish(tokens, wish).result()

    def status(self, *tokens: bytes) -> list[HoldStatus]:
        return self.registry.services.registry.statuses(tokens)

    def changes(self, name: Algorithm) -> tuple[Change, ...]:
        return self.registry.services.feed.changes(self.partner.partner, name.value, 0).changes

    def pdq(self, quality: int = 90) -> Fingerprint:
        return plausible_pdq(secrets.randbits(64), quality)

    def md5(self) -> Fingerprint:
        return Fingerprint(Algorithm.MD5, secrets.token_hex(16))

    def batch(self) -> BatchReport:
        report = self.registry.batcher.run_once()
        assert report is not None, self.log.getvalue()
        return report

    def listed(self, name: Algorithm) -> dict[str, Change]:
        """What a partner's list is after all changes (feed-v1 §1.3), once chain and count have been checked (§5)."""
        live: dict[str, Change] = {}
        chain = first_chain(name)
        changes = self.changes(name)
        for position, change in enumerate(changes, start=1):
            assert change.seq == position
            chain = next_chain(chain, change)
            if change.value is not None:
                assert change.entry_id not in live
                live[change.entry_id] = change
            else:
                del live[change.entry_id]
        head = self.head(name)
        assert (head.seq, head.chain, head.count) == (len(changes), chain, len(live))
        assert [change.day for change in changes] == sorted(change.day for change in changes)
        return live

    def head(self, name: Algorithm) -> Head:
        return parse_head(self.registry.services.feed.head(self.partner.partner, name.value).head)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_database(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of an empty database."""

    def make() -> str:
        if database_kind == "sqlite":
            folder = tmp_path / secrets.token_hex(4)
            folder.mkdir()
            return sqlite_url(folder / "registry.db")
        new_postgresql: Callable[[], str] = request.getfixturevalue("new_postgresql")
        return new_postgresql()

    return make


@pytest.fixture
def new_rig(new_database: Callable[[], str], tmp_path: Path) -> Callable[[], RegistryRig]:
    """Makes a registry on a database of its own. Whoever asks for one closes it."""

    def make() -> RegistryRig:
        url = new_database()
        database = make_url(url)
        is_file = database.get_backend_name() == "sqlite" and database.database is not None
        return RegistryRig(Path(database.database or "").parent if is_file else tmp_path / secrets.token_hex(4), url)

    return make


@pytest.fixture
def rig(new_rig: Callable[[], RegistryRig]) -> Iterator[RegistryRig]:
    rig = new_rig()
    yield rig
    rig.registry.close()
