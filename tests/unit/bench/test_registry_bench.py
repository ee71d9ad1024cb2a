"""The registry benchmark, small: every measure on both databases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.postgresql
def test_it_reports_submissions_questions_and_kills() -> None:
    sizes = ("--submissions", "40", "--connections", "4", "--entries", "2000", "--cases", "50", "--kills", "2")
    command = [sys.executable, str(ROOT / "bench/registry.py"), *sizes, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {(row["measure"], row.get("database")): row for row in map(json.loads, done.stdout.splitlines())}
    for database in ("sqlite", "postgresql"):
        for measure in ("submissions", "submissions_with_proof"):
            row = rows[measure, database]
            assert row["ratio"] == pytest.approx(row["per_s"] / row["bare_per_s"], rel=0.05)
    assert rows["status", None]["entries"] == 2000
    kills = rows["kills", None]
    assert (kills["kills"], kills["lost"], kills["doubled"], kills["unknown"]) == (2, 0, 0, 0)


@pytest.mark.postgresql
def test_its_postgresql_ends_with_it() -> None:
    pipe = subprocess.PIPE
    server = subprocess.Popen([sys.executable, str(ROOT / "tools/postgresql.py")], stdin=pipe, stdout=pipe, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        folder = Path(server.stdout.readline().strip().partition("host=")[2])
        assert (folder / "data/postmaster.pid").is_file()
        server.stdin.close()
        server.terminate()  # as the benchmark does, in one breath
        assert server.wait(60) == 0
    assert not folder.exists()
