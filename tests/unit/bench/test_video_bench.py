"""The video benchmark on three made-up videos and one kind of copy."""

import json
import subprocess
import sys
from pathlib import Path

from tests.made_videos import scene, write

ROOT = Path(__file__).parents[3]


def test_it_reports_who_finds_a_mirrored_copy(tmp_path: Path) -> None:
    videos, plot = tmp_path / "videos", tmp_path / "video.svg"
    videos.mkdir()
    for seed, name in enumerate(("one", "two", "three")):
        write(videos / f"{name}.mp4", [each for part in range(3) for each in scene(10 * seed + part, 12)])
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "bench/video.py", "--videos", videos, "--copies", tmp_path / "copies"),
            *("--seconds", "4", "--only", "mirror", "--json", "--plot", plot),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (mirror,) = map(json.loads, done.stdout.splitlines())
    assert (mirror["copy"], mirror["videos"], mirror["md5"], mirror["vpdq_upload"]) == ("mirror", 3, 0, 0)
    assert mirror["hold"] == mirror["frames"] == mirror["glimpse"] == mirror["every"] == 1
    assert (mirror["false_hold"], mirror["missed"]) == (0, "")
    assert plot.read_text(encoding="utf-8").startswith("<svg")
