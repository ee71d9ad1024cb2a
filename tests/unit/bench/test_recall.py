"""The recall benchmark on two pictures that scikit-image ships."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image
from skimage import data as samples

ROOT = Path(__file__).parents[3]


def test_it_reports_every_edit_unrelated_pairs_furniture_and_speed(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(samples, name)()).resize((300, 240)).save(photos / f"{name}.png")
    (photos / "broken.jpg").write_bytes(b"not a picture")
    page, plot = tmp_path / "recall.html", tmp_path / "recall.svg"
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "bench/recall.py", "--images", photos, "--furniture", "2", "--json"),
            *("--html", page, "--plot", plot, "--processes", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    edited = {row["edit"]: row for row in rows if "edit" in row}
    assert len(edited) > 50
    assert edited["crop-80"]["pictures"] == 2
    assert edited["jpeg-30"]["pdq"] == edited["crop-80"]["hold"] == edited["mirror"]["hold"] == 1.0
    assert edited["crop-80"]["pdq"] == 0.0
    assert edited["mean"]["hold"] > edited["mean"]["pdq_variants"] > edited["mean"]["pdq"]
    unrelated = [row for row in rows if "unrelated" in row]
    assert [row["pairs"] for row in unrelated] == [2, 2 * (len(edited) - 1)]
    assert sum(row["hold"] for row in unrelated) == 0
    assert {row["furniture"] for row in rows if "furniture" in row} >= {"phone, light", "caption band", "emoji"}
    assert rows[-1]["register"] > 0
    assert page.read_text(encoding="utf-8").count("data:image/jpeg") >= 2
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_a_folder_without_photographs_is_said_to_be_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/recall.py", "--images", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "no photographs" in done.stderr
