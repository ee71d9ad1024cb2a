"""The benchmark of looking back, small: every kind of content, and all that was planted is found."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_it_reports_each_kind_of_content() -> None:
    command = [sys.executable, str(ROOT / "bench/lookback.py"), "--contents", "200", "--entries", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["contents"] for row in rows] == ["pictures", "pictures with regions", "videos of a minute"]
    for row in rows:
        assert (row["planted"], row["found"], row["others"]) == (2, 2, 0)
        assert row["contents_per_s"] > 0
