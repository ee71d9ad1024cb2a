from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.platform.kit_fixture import RunningKit, running_kit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[RunningKit]:
    with running_kit(tmp_path / "kit") as running:
        yield running
