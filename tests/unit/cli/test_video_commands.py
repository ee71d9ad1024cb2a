import json
from pathlib import Path

import numpy as np
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


def test_a_third_of_a_second_and_a_third_of_a_fade_from_black_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a second in which every picture is another one, three; of two that get light, those that are nearly dark."""
    badly = Encoding(options={"preset": "ultrafast", "crf": "30"})
    restless = [scene(50 + number, 1)[0] for number in range(10)]
    fade = [(pixels * (number / 150)).astype(np.uint8) for number, pixels in enumerate(scene(70, 60))]
    other = [(pixels * (number / 150)).astype(np.uint8) for number, pixels in enumerate(scene(71, 60))]
    listed = [write(tmp_path / "restless.mp4", restless), write(tmp_path / "fade.mp4", fade, Encoding(rate=30))]
    assert main(["hash", *map(str, listed), "--json"]) == 0
    (tmp_path / "list.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
    fast = Encoding(rate=30, options=badly.options)
    posted = [
        write(tmp_path / "three.mp4", restless[4:7], badly),
        write(tmp_path / "dark.mp4", fade[20:40], fast),
        write(tmp_path / "other.mp4", other, fast),
    ]
    assert main(["match", "--against", str(tmp_path / "list.jsonl"), *map(str, posted), "--json"]) == EXIT_NEGATIVE
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["tier"], [match["entry"] for match in one["matches"]]) for one in found] == [
        ("hold", [str(listed[0])]),
        ("hold", [str(listed[1])]),
        ("clear", []),
    ]


def test_words_for_people_say_how_many_pictures_and_which_file_is_of_no_use(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hash", "--recursive", str(folder)]) == EXIT_DATA
    said = capsys.readouterr().out
    assert "pictures of the video" in said
    assert "6 s" in said
    assert "only sound" in said
