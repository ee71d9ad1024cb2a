"""Backup, restore and verify as an operator types them."""

import json
from pathlib import Path

import pytest

from takeback.apps.registry import build_registry
from takeback.cli.main import main
from takeback.clock import SystemClock
from takeback.settings import RegistrySettings


def test_a_registry_is_copied_brought_back_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_registry(RegistrySettings(data_dir=tmp_path / "one"), SystemClock()).close()
    file, there = str(tmp_path / "a.backup"), str(tmp_path / "two")
    assert main(["registry", "backup", file, "--data-dir", str(tmp_path / "one"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["file"], report["left_out"]) == (file, False)
    assert main(["registry", "restore", file, "--data-dir", there]) == 0
    assert "audit log" in capsys.readouterr().out
    assert main(["registry", "verify", "--data-dir", there, "--json"]) == 0
    assert {one["list"] for one in json.loads(capsys.readouterr().out)["lists"]} >= {"pdq", "md5", "sha256"}
    assert main(["registry", "restore", file, "--data-dir", there]) == 4
