"""Fixtures: a live registry and pictures."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data
from tests.integration.exchange.exchange_rig import Exchange, RunningClock
from tests.registry_rig import RegistryRig

from takeback.db import sqlite_url
from takeback.httpkit.serve import Server


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The NCMEC client writes local time and calls it UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def rig(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegistryRig]:
    """As everywhere, with a clock that can be let run."""
    folder = tmp_path / "registry"
    url = sqlite_url(folder / "registry.db")
    if database_kind == "postgresql":
        url = request.getfixturevalue("new_postgresql")()
    rig = RegistryRig(folder, url, RunningClock())
    yield rig
    rig.registry.close()


@pytest.fixture
def exchange(rig: RegistryRig) -> Iterator[Exchange]:
    with Server(rig.registry.app) as server:
        yield Exchange(rig, server.url)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Real photographs in files."""
    folder = tmp_path_factory.mktemp("pictures")
    made = {}
    takes: dict[str, Callable[[], Any]] = {"chelsea": data.chelsea, "astronaut": data.astronaut, "rocket": data.rocket}
    for name, take in takes.items():
        made[name] = folder / f"{name}.png"
        Image.fromarray(take()).save(made[name])
    return made
