import io
import json
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image, ImageDraw
from skimage import data

from takeback.cli.main import main


def _jpeg(pixels: np.ndarray, quality: int = 92) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "astronaut.jpg").write_bytes(_jpeg(data.astronaut()))
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    Image.fromarray(data.chelsea()).save(tmp_path / "chelsea.webp", lossless=True)
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def _rows(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {Path(row["file"]).name: row for row in rows}


def test_hash_reports_what_pdqhash_gives_for_the_same_pixels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["astronaut.jpg", "coffee.png", "chelsea.webp"]
    assert main(["hash", "--json", *(str(folder / name) for name in names)]) == 0
    rows = _rows(capsys)
    for name in names:
        bits, quality = pdqhash.compute(np.asarray(Image.open(folder / name).convert("RGB")))
        expected = np.packbits(bits).tobytes().hex()
        fingerprints = rows[name]["fingerprints"]
        assert isinstance(fingerprints, list)
        assert fingerprints[0] == {"algorithm": "pdq", "value": expected, "quality": quality}
        assert [item["algorithm"] for item in fingerprints] == ["pdq", "md5", "sha256"]
        assert rows[name]["media"] == "image"


def test_a_file_that_cannot_be_used_is_reported_and_the_others_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hash", "--json", "--recursive", str(folder), str(folder / "absent.jpg")]) == 4
    rows = _rows(capsys)
    assert {name: row["error"]["code"] for name, row in rows.items() if "error" in row} == {  # type: ignore[index]
        "notes.txt": "media.unknown_format",
        "absent.jpg": "file.unreadable",
    }
    assert len(rows) == 5


def test_a_folder_needs_the_word_recursive(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hash", str(folder)]) == 4
    assert "--recursive" in capsys.readouterr().err


def test_match_holds_a_copy_under_a_sticker_and_no_other_picture_with_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("coffee.png", "chelsea.webp", "astronaut.jpg"):
        with Image.open(folder / name) as opened:
            picture = opened.convert("RGB").resize((480, 360))
        draw = ImageDraw.Draw(picture)
        draw.regular_polygon((400, 70, 50), 5, 20, (20, 70, 180), (255, 255, 255))
        draw.polygon([(375, 60), (400, 35), (425, 62), (410, 66), (412, 98), (388, 96), (390, 66)], (240, 220, 60))
        picture.save(folder / f"{Path(name).stem}-sticker.png")
    main(["hash", "--json", "--edited-copies", str(folder / "coffee-sticker.png")])
    known = folder / "list.jsonl"
    known.write_text(capsys.readouterr().out)
    with Image.open(folder / "coffee-sticker.png") as opened:
        opened.crop((60, 0, 480, 300)).save(folder / "copy.png")

    names = ["copy.png", "chelsea-sticker.png", "astronaut-sticker.png"]
    main(["match", "--json", "--against", str(known), *(str(folder / name) for name in names)])
    tiers = {name: row["tier"] for name, row in _rows(capsys).items()}
    assert tiers == {"copy.png": "hold", "chelsea-sticker.png": "clear", "astronaut-sticker.png": "clear"}


def test_match_finds_an_edited_copy_and_only_that(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["hash", "--json", str(folder / "astronaut.jpg"), str(folder / "coffee.png")])
    known = folder / "list.jsonl"
    known.write_text(capsys.readouterr().out)
    small = Image.open(folder / "astronaut.jpg").resize((300, 300))
    small.save(folder / "copy.jpg", quality=40)
    small.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "mirrored.jpg", quality=60)

    names = ["copy.jpg", "mirrored.jpg", "chelsea.webp", "coffee.png"]
    code = main(["match", "--json", "--against", str(known), *(str(folder / name) for name in names)])

    assert code == 1
    rows = _rows(capsys)
    assert {name: row["tier"] for name, row in rows.items()} == {
        "copy.jpg": "hold",
        "mirrored.jpg": "hold",
        "chelsea.webp": "clear",
        "coffee.png": "hold",
    }
    matches = rows["copy.jpg"]["matches"]
    assert isinstance(matches, list)
    assert [Path(item["entry"]).name for item in matches] == ["astronaut.jpg"]
    assert 0 <= matches[0]["distance"] <= 31


def test_match_says_which_line_of_a_list_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = folder / "list.jsonl"
    known.write_text(
        '{"file": "a.jpg", "fingerprints": []}\n{"file": "b.jpg", "fingerprints": [{"algorithm": "pdq"}]}\n'
    )
    assert main(["match", "--against", str(known), str(folder / "coffee.png")]) == 4
    assert "line 2" in capsys.readouterr().err


def test_nothing_matched_is_exit_code_zero(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["hash", "--json", str(folder / "astronaut.jpg")])
    known = folder / "list.jsonl"
    known.write_text(capsys.readouterr().out)
    assert main(["match", "--against", str(known), str(folder / "coffee.png")]) == 0


def test_an_unknown_option_is_a_usage_error() -> None:
    assert main(["hash", "--no-such-option", "x.jpg"]) == 2
