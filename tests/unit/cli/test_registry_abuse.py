"""The operator's commands, as a terminal runs them, on a registry's folder."""

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from tests.plausible import plausible_pdq
from tests.registry_rig import RegistryRig

from takeback.cli.main import main
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm, Fingerprint

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


class _Terminal:
    def __init__(self, rig: RegistryRig, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.url, self.capsys = rig.folder, rig.url, capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        where = ("--data-dir", str(self.folder), "--database-url", self.url)
        assert main(["registry", *words, *where]) == code
        return self.capsys.readouterr().out

    def rows(self, *words: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]


@pytest.fixture
def terminal(rig: RegistryRig, capsys: pytest.CaptureFixture[str]) -> _Terminal:
    return _Terminal(rig, capsys)


def test_a_picture_that_everybody_has_is_guarded_by_what_hash_prints(
    rig: RegistryRig, terminal: _Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "meme.png"
    Image.fromarray(data.camera()).save(picture)
    assert main(["hash", str(picture), "--json"]) == 0
    line = capsys.readouterr().out
    lines = tmp_path / "lines.jsonl"
    lines.write_text(line + json.dumps({"file": "x", "error": {"code": "media.format", "message": "No."}}) + "\n")
    added = terminal.rows("guard", "add", str(lines), "--note", "the camera man")
    assert [row["note"] for row in added] == ["the camera man"] * 3
    assert "3 new of 3" not in terminal("guard", "add", str(lines))
    values = {item["algorithm"]: item for item in json.loads(line)["fingerprints"]}
    person = rig.submits(
        Fingerprint(Algorithm.PDQ, values["pdq"]["value"], values["pdq"]["quality"]),
        Fingerprint(Algorithm.MD5, values["md5"]["value"]),
        rig.pdq(),
    )
    rig.batch()
    waiting = terminal.rows("guard", "waiting")
    assert {(row["algorithm"], row["cause"]) for row in waiting} == {("pdq", "guard"), ("md5", "guard")}
    shown = terminal("guard", "waiting") + terminal("guard", "list")
    assert not any(values[name]["value"] in shown for name in values)
    by_kind = {row["algorithm"]: str(row["entry"]) for row in waiting}
    assert terminal("guard", "admit", by_kind["pdq"]).strip() in rig.listed(Algorithm.PDQ)
    terminal("guard", "reject", by_kind["md5"])
    states = [status.state for status in rig.status(*person.tokens)]
    assert states == [HoldState.LISTED, HoldState.DECLINED, HoldState.LISTED]
    terminal("guard", "remove", str(added[0]["guard"]))
    assert len(terminal.rows("guard", "list")) == 2
    terminal("guard", "remove", str(added[0]["guard"]), code=4)


def test_a_single_value_is_guarded_and_junk_is_refused(terminal: _Terminal, tmp_path: Path) -> None:
    value = plausible_pdq(5).value
    assert "1 new of 1" in terminal("guard", "add", "--hex", value.upper())
    assert "0 new of 1" in terminal("guard", "add", "--hex", value)
    junk = tmp_path / "junk.jsonl"
    junk.write_text('{"fingerprints": [{"algorithm": "pdq", "value": "zz"}]}')
    terminal("guard", "add", str(junk), code=4)
    terminal("guard", "add", "--hex", "00", code=4)
    terminal("guard", "add", "--hex", value, "--algorithm", "sha1", code=4)
    terminal("guard", "add", code=4)


def test_what_is_listed_is_compared_with_new_lines_and_how_far_is_shown(rig: RegistryRig, terminal: _Terminal) -> None:
    meme = rig.pdq()
    person = rig.submits(meme, rig.pdq())
    rig.batch()
    assert "nothing to compare" in terminal("guard", "progress")
    terminal("guard", "add", "--hex", meme.value)
    assert terminal.rows("guard", "progress") == [{"running": True, "checked": 0, "total": 0, "held_back": 0}]
    done = {"running": False, "checked": 2, "total": 2, "held_back": 1}
    assert terminal.rows("guard", "recheck") == [done]
    assert terminal.rows("guard", "progress") == [done]
    assert "Done: 2 of 2 compared, 1 taken off the feed." in terminal("guard", "progress")
    assert [status.state for status in rig.status(*person.tokens)] == [HoldState.QUARANTINED, HoldState.LISTED]
    (row,) = terminal.rows("guard", "waiting")
    assert row["cause"] == "guard"


def test_an_entry_goes_off_the_feed_and_comes_back(rig: RegistryRig, terminal: _Terminal) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    terminal("quarantine", "add", entry_id)
    assert rig.listed(Algorithm.PDQ) == {}
    (row,) = terminal.rows("quarantine", "list")
    assert (row["entry"], row["cause"], row["words"]) == (entry_id, "operator", {})
    assert "taken off by an operator" in terminal("quarantine", "list")
    again = terminal("quarantine", "restore", entry_id).strip()
    assert list(rig.listed(Algorithm.PDQ)) == [again]
    terminal("quarantine", "add", again)
    terminal("quarantine", "remove", again)
    assert terminal("quarantine", "list") == ""
    terminal("quarantine", "restore", "nothing", code=4)
