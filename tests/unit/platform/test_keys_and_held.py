from pathlib import Path

import pytest

from takeback.errors import CorruptDataError, NotFoundError, UnavailableError
from takeback.platform.held import HeldFiles
from takeback.platform.keys import PlatformKeys
from takeback.platform.ownership import DataDirLock

LEAD, OTHER = "a" * 32, "b" * 32


def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keys = PlatformKeys.in_folder(folder)
    assert PlatformKeys.in_folder(folder) == keys
    assert sorted(path.name for path in folder.iterdir()) == ["api-token", "digest-key", "memory-key", "review-code"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert PlatformKeys.in_folder(tmp_path / "another") != keys
    assert len(keys.review_code.replace("-", "")) == 20
    for secret in (keys.api_token, keys.review_code, keys.digest_key.hex(), repr(keys.digest_key)):
        assert secret not in repr(keys)


def test_a_digest_says_nothing_without_the_key(tmp_path: Path) -> None:
    one, two = (PlatformKeys.in_folder(tmp_path / name) for name in "ab")
    assert one.digest_of(b"picture") == one.digest_of(b"picture")
    assert one.digest_of(b"picture") != one.digest_of(b"picturf")
    assert one.digest_of(b"picture") != two.digest_of(b"picture")


@pytest.mark.parametrize(
    ("name", "text"), [("api-token", ""), ("api-token", "short"), ("digest-key", "no hex"), ("digest-key", "x" * 40)]
)
def test_a_damaged_key_file_says_so(tmp_path: Path, name: str, text: str) -> None:
    PlatformKeys.in_folder(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(CorruptDataError) as refusal:
        PlatformKeys.in_folder(tmp_path)
    assert refusal.value.code == "platform.keys"


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for use in (PlatformKeys.in_folder, HeldFiles):
        with pytest.raises(UnavailableError) as refusal:
            use(tmp_path / "file" / "below")
        assert refusal.value.code == "platform.data_dir"


def test_held_pictures(tmp_path: Path) -> None:
    held = HeldFiles(tmp_path)
    held.keep(LEAD, b"picture")
    assert (tmp_path / LEAD).stat().st_mode & 0o777 == 0o600
    assert held.read(LEAD) == b"picture"
    held.erase(LEAD)
    held.erase(LEAD)
    with pytest.raises(NotFoundError) as refusal:
        held.read(LEAD)
    assert refusal.value.code == "lead.no_picture"


def test_only_what_no_lead_needs_is_erased(tmp_path: Path) -> None:
    held = HeldFiles(tmp_path)
    for lead_id in (LEAD, OTHER):
        held.keep(lead_id, b"picture")
    (tmp_path / "notes.txt").write_text("not ours")
    assert held.erase_all_but({LEAD}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [LEAD, "notes.txt"]


def test_a_picture_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    held = HeldFiles(tmp_path / "held")
    (tmp_path / "held").rmdir()
    with pytest.raises(UnavailableError):
        held.keep(LEAD, b"picture")


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    owner = DataDirLock(tmp_path)
    with pytest.raises(UnavailableError) as refusal:
        DataDirLock(tmp_path)
    assert refusal.value.code == "platform.in_use"
    owner.release()
    DataDirLock(tmp_path).release()
