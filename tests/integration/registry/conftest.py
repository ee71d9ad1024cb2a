"""A served registry and an operator signed in at its console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.console_rig import Desk, open_desk

from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.registry_rig import RegistryRig


@pytest.fixture
def server(rig: RegistryRig) -> Iterator[Server]:
    with Server(rig.registry.app) as running:
        yield running


@pytest.fixture
def desk(rig: RegistryRig, server: Server) -> Iterator[Desk]:
    opened = open_desk(rig, server)
    yield opened
    opened.http.close()
