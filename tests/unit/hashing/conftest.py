from collections.abc import Callable
from pathlib import Path

import pytest
import skimage
from PIL import Image


@pytest.fixture(scope="session")
def shipped() -> Path:
    """Where scikit-image keeps the pictures it ships."""
    return Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="session")
def photo(shipped: Path) -> Callable[[str], Image.Image]:
    """A shipped picture by name, in RGB."""

    def load(name: str) -> Image.Image:
        with Image.open(shipped / f"{name}.png") as image:
            return image.convert("RGB")

    return load
