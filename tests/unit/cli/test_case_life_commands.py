"""A case after it was sent, on the command line: adding, delaying, keeping, renewing; and what the operator can ask."""

import json
import os
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from takeback.apps.registry import Registry, build_registry
from takeback.cli.main import main
from takeback.client.case import CaseClient, submit_case
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.receipt import parse_receipt
from takeback.settings import RegistrySettings

DAY = date(2026, 11, 22)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    settings = RegistrySettings(
        data_dir=tmp_path / "registry",
        withdrawal_delay_days=3,
        hold_lifetime_days=365,
        batch_min_cases=3,
        proof_rounds=10,
    )
    built = build_registry(settings, SystemClock())
    yield built
    built.close()


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    with Server(registry.app) as server:
        yield server.url


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "cat.png", tmp_path / "cup.png"]
    Image.fromarray(data.chelsea()).save(paths[0])
    Image.fromarray(data.coffee()).save(paths[1])
    return [str(path) for path in paths]


def _rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_picture_is_added_one_is_withdrawn_kept_and_renewed(
    registry: Registry, url: str, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = ["--json", "--no-edited-copies", "--registry", url]
    assert main(["submit", *plain, "--about", "self_under_18", pictures[0]]) == 0
    receipt = str(_rows(capsys)[0]["receipt"])
    case = ["--json", "--registry", url, "--receipt", receipt]
    registry.batcher.run_once()
    assert main(["case", "add", *plain, "--receipt", receipt, pictures[1]]) == 0
    assert {(row["file"], row["state"]) for row in _rows(capsys)} == {(2, "being_added")}
    registry.batcher.run_once()
    assert main(["case", "status", *case]) == 0
    rows = _rows(capsys)
    assert {(row["file"], row["state"]) for row in rows} == {(1, "listed"), (2, "listed")}
    assert all(date.fromisoformat(str(row["expires"])) > DAY for row in rows)
    assert main(["case", "withdraw", "--yes", "--file", "2", *case]) == 0
    rows = _rows(capsys)
    assert {(row["file"], row["state"]) for row in rows} == {(2, "withdrawing")}
    assert all("leaves" in row for row in rows)
    assert main(["case", "keep", *case]) == 0
    assert {(row["file"], row["state"]) for row in _rows(capsys)} == {(1, "listed"), (2, "listed")}
    assert main(["case", "renew", "--registry", url, "--receipt", receipt]) == 0
    assert "until" in capsys.readouterr().out
    assert main(["case", "withdraw", "--yes", "--file", "9", *case]) == 4


def test_two_devices_that_add_at_once_both_get_in(url: str) -> None:
    def files() -> list[list[Fingerprint]]:
        return [[Fingerprint(Algorithm.MD5, os.urandom(16).hex())] for _ in range(30)]

    receipt = submit_case(url, files(), DAY)
    errors: list[BaseException] = []

    def add() -> None:
        try:
            with CaseClient.at(url) as client:
                client.add(receipt, files(), DAY)
        except BaseException as error:  # noqa: BLE001 - asserted below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with CaseClient.at(url) as client:
        holds = client.open(receipt).holds
        assert len(client.status(holds)) == 120
    assert {hold.file_number for hold in holds} == set(range(1, 121))


def test_a_case_of_many_requests_is_written_to_a_file_and_sent_from_it(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(70):
        Image.new("RGB", (64, 64), (number * 3, 0, 0)).save(folder / f"{number}.png")
    path = tmp_path / "case.json"
    plain = ["submit", "--json", "--no-edited-copies"]
    # One colour has no PDQ, so each picture has the digests of its file.
    assert main([*plain, "--recursive", "--offline", str(path), str(folder), str(folder)]) == 0
    receipt = str(_rows(capsys)[0]["receipt"])
    assert path.read_bytes().count(b"\n") == 1
    for _ in range(2):
        assert main(["submit", "--json", "--send", str(path), "--registry", url]) == 0
    with CaseClient.at(url) as client:
        assert len(client.open(parse_receipt(receipt)).holds) == 280


def test_adults_are_pointed_to_others(url: str, pictures: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "--registry", url, "--about", "adult", pictures[0]]) == 3
    assert "stopncii.org" in capsys.readouterr().err


def test_a_leaked_list_is_recognised_and_decoys_are_counted(
    registry: Registry, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = registry.services.partners.add("Early platform").partner
    late = registry.services.partners.add("Late platform").partner
    own = os.urandom(16).hex()
    submit_case(url, [[Fingerprint(Algorithm.MD5, own)]], DAY)
    registry.services.feed.changes(early, "md5", 0)
    registry.batcher.run_once()
    changes = registry.services.feed.changes(late, "md5", 0).changes
    decoys = [str(change.value) for change in changes if change.value != own]
    leaked, innocent = tmp_path / "leaked.json", tmp_path / "innocent.txt"
    leaked.write_text(json.dumps({"hashes": [own.upper(), *(value.upper() for value in decoys)]}))
    innocent.write_text(own)
    where = ["--json", "--data-dir", str(tmp_path / "registry")]
    assert main(["registry", "canary", "check", str(innocent), *where]) == 0
    assert main(["registry", "canary", "check", str(leaked), *where]) == 1
    (row,) = _rows(capsys)
    last = max(change.seq for change in changes if change.value in decoys)
    assert (row["list"], row["decoys"], row["from_seq"], row["before_seq"]) == ("md5", len(decoys), last, None)
    assert row["partners"] == [{"partner": late.partner_id, "name": "Late platform"}]
    assert main(["registry", "canary", "count", *where]) == 0
    assert _rows(capsys) == [{"list": "md5", "entries": 1 + len(decoys), "decoys": len(decoys)}]
    assert main(["registry", "audience", *where]) == 0
    assert {row["cases"] for row in _rows(capsys)} == {None}


def test_a_leaked_list_names_the_partner_it_was_given_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKEBACK_CANARIES", "44")
    built = build_registry(RegistrySettings(data_dir=tmp_path / "registry", proof_guesses=0), SystemClock())
    one, other = (built.services.partners.add(name).partner for name in ("One platform [/]", "Another platform"))
    with Server(built.app) as server:
        for _ in range(100):  # each brings each of them a canary with chance 5/12
            submit_case(server.url, [[Fingerprint(Algorithm.MD5, os.urandom(16).hex())] for _ in range(3)], DAY)
            built.batcher.run_once()
            shown = {
                partner.name: [str(item.value) for item in built.services.feed.changes(partner, "md5", 0).changes]
                for partner in (one, other)
            }
            mine = set(shown[one.name]) - set(shown[other.name])
            if len(mine) > 2 and len(set(shown[other.name]) - set(shown[one.name])) > 2:
                break
    built.close()
    where = ["--data-dir", str(tmp_path / "registry")]
    leaked, both = tmp_path / "leaked.txt", tmp_path / "both.txt"
    leaked.write_text("\n".join(shown[one.name]))
    both.write_text("\n".join([*shown[one.name], *shown[other.name]]))
    assert main(["registry", "canary", "check", str(leaked), *where, "--json"]) == 1
    assert _rows(capsys) == [{"given_to": one.partner_id, "name": one.name, "canaries": len(mine)}]
    assert main(["registry", "canary", "check", str(leaked), *where]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"This list was given to One platform [/] ({one.partner_id}): {len(mine)} of its canaries are in it." in said
    assert main(["registry", "canary", "check", str(both), *where]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "given to One platform" in said
    assert "given to Another platform" in said
    assert "More than one partner's list is in this file" in said
    assert main(["registry", "canary", "count", *where, "--json"]) == 0
    rows = [row for row in _rows(capsys) if "partner" in row]
    assert {"partner": one.partner_id, "name": one.name, "list": "md5", "canaries": len(mine)} in rows
