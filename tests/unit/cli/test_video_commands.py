import json
from pathlib import Path

import pytest
from tests.made_videos import Encoding, scene, write, write_sound

from takeback.cli.main import EXIT_DATA, EXIT_NEGATIVE, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("videos")
    frames = [*scene(1, 20), *scene(2, 20), *scene(3, 20)]
    write(made / "listed.mp4", frames)
    small = {"b": "300k", "deadline": "realtime", "cpu-used": "8"}
    write(made / "copy.webm", frames[7:52], Encoding("libvpx", options=small))
    write(made / "other.mkv", [*scene(8, 20), *scene(9, 20)])
    write_sound(made / "sound.m4a")
    return made


def test_videos_are_hashed_and_a_piece_coded_anew_is_matched(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hash", str(folder / "listed.mp4"), "--edited-copies", "--json"]) == 0
    line = capsys.readouterr().out
    row = json.loads(line)
    assert (row["media"], row["width"], row["height"], row["duration_s"]) == ("video", 240, 208, 6.0)
    algorithms = [one["algorithm"] for one in row["fingerprints"]]
    assert algorithms[:3] == ["vpdq", "md5", "sha256"]
    assert set(algorithms[3:]) == {"pdq-region"}
    assert all(0 <= one["t"] < 6 for one in row["fingerprints"][3:])
    (tmp_path / "list.jsonl").write_text(line, encoding="utf-8")
    files = [str(folder / name) for name in ("copy.webm", "other.mkv", "sound.m4a")]
    assert main(["match", "--against", str(tmp_path / "list.jsonl"), *files, "--json"]) == EXIT_NEGATIVE
    copy, other, sound = map(json.loads, capsys.readouterr().out.splitlines())
    assert copy["tier"] == "hold"
    assert copy["matches"][0]["entry"] == str(folder / "listed.mp4")
    assert copy["matches"][0]["algorithm"] == "vpdq"
    assert copy["matches"][0]["votes"] >= 3
    assert (other["tier"], other["matches"]) == ("clear", [])
    assert sound["error"]["code"] == "media.no_video"

    row["fingerprints"] = [one for one in row["fingerprints"] if one["algorithm"] != "pdq-region"]
    (tmp_path / "frames.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert main(["match", "--against", str(tmp_path / "frames.jsonl"), *files, "--json"]) == EXIT_NEGATIVE
    glimpsed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("tier") for one in glimpsed] == ["hold", "clear", None]


def test_words_for_people_say_how_many_pictures_and_which_file_is_of_no_use(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hash", "--recursive", str(folder)]) == EXIT_DATA
    said = capsys.readouterr().out
    assert "pictures of the video" in said
    assert "6 s" in said
    assert "only sound" in said
