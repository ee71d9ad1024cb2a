"""A person on the command line, against a real registry on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from takeback.apps.registry import Registry, build_registry
from takeback.cli.main import main
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.settings import RegistrySettings


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    built = build_registry(RegistrySettings(data_dir=tmp_path / "registry", proof_rounds=10), SystemClock())
    yield built
    built.close()


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    with Server(registry.app) as server:
        yield server.url


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


def _rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_submit_status_and_withdraw(
    registry: Registry, url: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "note.jpg"
    note.write_text("not a picture")
    plain = ["submit", "--json", "--no-edited-copies", "--registry", url]
    assert main([*plain, str(picture), str(note)]) == 0
    (sent,) = _rows(capsys)
    assert sent["files"] == [
        {"file": str(picture), "fingerprints": 3},
        {"file": str(note), "error": {"code": "media.unknown_format", "message": sent["files"][1]["error"]["message"]}},  # type: ignore[index]
    ]
    receipt = str(sent["receipt"])

    ask = ["case", "status", "--json", "--registry", url, "--receipt", receipt]
    assert main(ask) == 0
    assert {row["state"] for row in _rows(capsys)} == {"being_added"}
    registry.batcher.run_once()
    assert main(ask) == 0
    assert sorted((row["algorithm"], row["state"]) for row in _rows(capsys)) == [
        ("md5", "listed"),
        ("pdq", "listed"),
        ("sha256", "listed"),
    ]
    assert main(["case", "withdraw", "--yes", "--json", "--registry", url, "--receipt", receipt]) == 0
    assert {row["state"] for row in _rows(capsys)} == {"withdrawn"}


def test_edited_copies_send_more_and_say_so_in_the_help(
    url: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "--json", "--registry", url, str(picture)]) == 0
    (sent,) = _rows(capsys)
    receipt = str(sent["receipt"])
    main(["case", "status", "--json", "--registry", url, "--receipt", receipt])
    algorithms = [row["algorithm"] for row in _rows(capsys)]
    assert algorithms.count("pdq-region") == 1
    assert algorithms.count("pdq") > 3
    main(["submit", "--help"])
    assert "--no-edited-copies" in capsys.readouterr().out


def test_offline_first_and_sent_later(
    url: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "later.bin"
    assert main(["submit", "--json", "--offline", str(file), str(picture)]) == 0
    (made,) = _rows(capsys)
    assert made["sent"] is False
    ask = ["case", "status", "--json", "--registry", url, "--receipt", str(made["receipt"])]
    assert main(ask) == 4
    assert main(["submit", "--registry", url, "--send", str(file)]) == 0
    assert main(["submit", "--registry", url, "--send", str(file)]) == 0
    capsys.readouterr()
    assert main(ask) == 0
    assert _rows(capsys)


def test_a_mistyped_number_never_leaves_the_device(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["case", "status", "--registry", "http://127.0.0.1:9", "--receipt", "1234 5678 9012 3456 7890"])
    assert code == 4
    assert "digits is not right" in capsys.readouterr().err


def test_a_registry_that_is_not_there_is_something_outside(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt_asked = main(["submit", "--json", "--registry", "http://127.0.0.1:9", str(picture)])
    assert receipt_asked == 3
    assert capsys.readouterr().err


def test_nothing_usable_is_bad_data(url: str, tmp_path: Path) -> None:
    note = tmp_path / "note.jpg"
    note.write_text("not a picture")
    assert main(["submit", "--registry", url, str(note)]) == 4


def test_partners_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data-dir", str(tmp_path / "registry")]
    assert main(["partner", "add", "Example", "--json", *where]) == 0
    (made,) = _rows(capsys)
    assert made["lists"] == ["md5", "pdq", "sha256"]
    assert str(made["key"]).startswith(f"tb1_{made['partner']}_")
    assert main(["partner", "add", "Example", *where]) == 4
    assert main(["partner", "add", "Other", "--lists", "pdq,nonsense", *where]) == 4
    assert main(["partner", "scope", str(made["partner"]), "--lists", "pdq", "--json", *where]) == 0
    assert _rows(capsys)[-1]["lists"] == ["pdq"]
    assert made["ncmec"]["user"] == made["partner"]  # type: ignore[index]
    assert made["ncmec"]["base_url"] == "http://127.0.0.1:8100/ncmec"  # type: ignore[index]
    assert set(made["stopncii"]) == {"base_url", "function_key", "subscription_key"}  # type: ignore[call-overload]
    address = ["--public-url", "https://registry.example/"]
    assert main(["partner", "rotate", str(made["partner"]), "--json", *address, *where]) == 0
    (again,) = _rows(capsys)
    assert again["stopncii"]["base_url"] == "https://registry.example/stopncii/v1"  # type: ignore[index]
    assert again["key"] != made["key"]
    assert main(["partner", "confirm", str(made["partner"]), "--json", *where]) == 0
    assert _rows(capsys) == [{"partner": made["partner"], "ended": 1}]
    terms = ["--may", "pull,match", "--per-minute", "30", "--networks", "192.0.2.0/24"]
    assert main(["partner", "terms", str(made["partner"]), *terms, "--json", *where]) == 0
    (row,) = _rows(capsys)
    assert (row["may"], row["per_minute"], row["networks"]) == (["match", "pull"], 30, ["192.0.2.0/24"])
    assert main(["partner", "terms", str(made["partner"]), "--may", "everything", *where]) == 4
    assert main(["partner", "statistics", "--json", *where]) == 0
    (counts,) = _rows(capsys)
    assert (counts["pulls"], counts["last_pull"], counts["behind"]) == (0, None, {})
    assert main(["partner", "offers", "--json", *where]) == 0
    assert main(["partner", "offers", "--take", "00", *where]) != 0
    capsys.readouterr()
    assert main(["partner", "revoke", str(made["partner"]), "--yes", *where]) == 0
    capsys.readouterr()
    assert main(["partner", "list", "--json", *where]) == 0
    (row,) = _rows(capsys)
    assert row["active"] is False
    assert "key" not in row
