"""The golden views, which web/src/core/variants.test.ts reads too."""

import subprocess
import sys
from pathlib import Path

GENERATOR = Path(__file__).parents[3] / "vectors" / "make.py"


def test_the_committed_views_are_what_this_side_finds_today() -> None:
    done = subprocess.run(
        [sys.executable, GENERATOR, "--check", "variants"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
