"""The benchmark that holds the page beside Python, on two pictures that scikit-image ships."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data as samples

BENCH = Path(__file__).parents[2] / "bench/browser.py"

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]


@pytest.mark.usefixtures("chromium")
def test_it_reports_distances_sets_and_times(tmp_path: Path) -> None:
    photos, large = tmp_path / "photos", tmp_path / "large"
    for folder, name, size in (
        (photos, "astronaut", (400, 400)),
        (photos, "coffee", (420, 300)),
        (large, "rocket", (1600, 1200)),
    ):
        folder.mkdir(exist_ok=True)
        Image.fromarray(getattr(samples, name)()).resize(size).save(folder / f"{name}.jpg", quality=90)
    done = subprocess.run(
        [sys.executable, BENCH, "--images", photos, "--large", large, "--processes", "1", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    small, big, speed, copies = [json.loads(line) for line in done.stdout.splitlines()]
    assert (small["pictures"], small["within_6_bits"], small["not_compared"]) == (2, 1.0, 0)
    assert (big["pictures"], big["within_6_bits"]) == (1, 1.0)
    assert speed["megapixels"] == 1.9
    assert min(speed["seconds"], speed["processor_seconds"]) > 0
    assert copies["pictures"] == 2
    assert copies["same_set"] == 2 or copies["browser_holds_of_these"] == copies["python_holds"] > 20
