"""Operators, the audit log, statistics and health from the command line, over a registry's folder."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from takeback.apps.registry import build_registry
from takeback.cli.main import main
from takeback.clock import SystemClock
from takeback.db import writing
from takeback.exchange.tables import AUDIT
from takeback.settings import RegistrySettings


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    return ["--data-dir", str(tmp_path / "registry")]


def _rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_operators_from_the_command_line(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["operator", "add", "robin", "--json", *where]) == 0
    (made,) = _rows(capsys)
    assert (made["name"], made["role"], made["active"], made["means"]) == ("robin", "operator", True, [])
    assert made["link"] == f"http://localhost:8100/operator/#code={made['code']}"
    assert main(["operator", "add", "robin", *where]) == 4
    assert main(["operator", "add", "alex", "--role", "auditor", *where]) == 0
    assert main(["operator", "role", "robin", "--role", "auditor", *where]) == 4  # the last who may act
    assert main(["operator", "role", "alex", "--role", "operator", "--json", *where]) == 0
    assert _rows_after_words(capsys)["role"] == "operator"
    assert main(["operator", "link", str(made["operator"]), "--json", *where]) == 0
    (again,) = _rows(capsys)
    assert again["code"] != made["code"]
    assert main(["operator", "remove", "alex", "--yes", *where]) == 0
    assert main(["operator", "remove", "alex", "--yes", *where]) == 4
    capsys.readouterr()
    assert main(["operator", "list", "--json", *where]) == 0
    rows = {row["name"]: row["active"] for row in _rows(capsys)}
    assert rows == {"robin": True, "alex": False}


def _rows_after_words(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_audit_log_from_the_command_line(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["partner", "add", "Example", *where])
    main(["operator", "add", "robin", *where])
    capsys.readouterr()
    assert main(["registry", "audit", "--json", *where]) == 0
    rows = _rows(capsys)
    assert [(row["seq"], row["actor"], row["what"]) for row in rows] == [
        (2, "command", "operator-add"),
        (1, "command", "partner-add"),
    ]
    assert main(["registry", "audit", "--before", "2", "--limit", "5", *where]) == 0
    assert "partner-add Example" in capsys.readouterr().out
    assert main(["registry", "audit", "--verify", "--json", *where]) == 0
    assert _rows(capsys) == [{"lines": 2, "whole": True, "broken": None}]
    registry = build_registry(RegistrySettings(data_dir=tmp_path / "registry"), SystemClock())
    with writing(registry.engine) as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.seq == 1).values(actor_id="0" * 16))
    registry.close()
    assert main(["registry", "audit", "--verify", *where]) == 4
    assert "line 1" in capsys.readouterr().out


def test_statistics_and_health_from_the_command_line(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "statistics", "--json", *where]) == 0
    rows = _rows(capsys)
    assert {row["group"] for row in rows} == {"list", "cases", "for_whom", "feedback"}
    assert {row["count"] for row in rows if row["group"] != "list"} == {None}
    assert main(["registry", "statistics", *where]) == 0
    assert "under 10" in capsys.readouterr().out
    assert main(["registry", "health", "--json", *where]) == 0
    assert {row["part"]: row["state"] for row in _rows(capsys)}["database"] == "good"
