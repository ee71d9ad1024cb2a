"""A kit opens its engine from a file. Whatever that file is, the answers are those of the list store."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.platform.kit_fixture import RunningKit, edited, jpeg_of, picture_of, running_kit, wait_for
from tests.integration.platform.kit_process import KitProcess, kit_environment
from tests.unit.client.feed_fixture import HandMadeRegistry, add, remove, served, withheld

from takeback.model.fingerprint import Algorithm

LISTED = picture_of(1)
LATER = picture_of(2)
WITHDRAWN = picture_of(3)


@contextmanager
def _kit(folder: Path, registry: HandMadeRegistry | None = None, **settings: float) -> Iterator[RunningKit]:
    told: dict[str, Any] = {"index_save_changes": 1, "index_save_s": 0, **settings}
    with running_kit(folder, registry, **told) as running:
        yield running


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HandMadeRegistry]:
    """A kit that has stopped, with its file."""
    folder = tmp_path_factory.mktemp("once") / "kit"
    with _kit(folder) as kit:
        kit.list_picture(1, jpeg_of(LISTED))
        kit.list_picture(3, jpeg_of(WITHDRAWN))
    assert "index.saved" in _events(kit)
    assert (folder / "index").stat().st_mode & 0o777 == 0o600
    return folder, kit.registry


@pytest.fixture
def saved(tmp_path: Path, once: tuple[Path, HandMadeRegistry]) -> HandMadeRegistry:
    """The same for each test alone."""
    shutil.copytree(once[0], tmp_path / "kit")
    return replace(once[1], logs={name: list(log) for name, log in once[1].logs.items()})


def _events(kit: RunningKit) -> list[str]:
    return [json.loads(line)["event"] for line in kit.log.getvalue().splitlines()]


def _answers(kit: RunningKit) -> list[str]:
    return [kit.check(name, edited(picture_of(i))).json()["tier"] for i, name in enumerate("abc", start=1)]


def test_it_is_opened_and_brought_up_to_date(tmp_path: Path, saved: HandMadeRegistry) -> None:
    with _kit(tmp_path / "kit", saved, index_save_changes=1000, index_save_s=1000) as kit:
        kit.wait_for_sync()
        kit.list_picture(2, jpeg_of(LATER))
        kit.withdraw(3)
        assert "index.opened" in _events(kit)
        assert _answers(kit) == ["hold", "hold", "clear"]
    # The file is older than the list now.
    with _kit(tmp_path / "kit", saved) as kit:
        kit.wait_for_sync()
        assert {"index.opened", "index.rebuilt"} & set(_events(kit)) == {"index.opened"}
        assert _answers(kit) == ["hold", "hold", "clear"]


def test_what_is_withheld_counts_for_the_log_and_is_nothing_to_match(tmp_path: Path, saved: HandMadeRegistry) -> None:
    for name, log in saved.logs.items():
        log.append(withheld(len(log) + 1, 8, name))
    with _kit(tmp_path / "kit", saved) as kit:
        kit.wait_for_sync()
        kit.list_picture(2, jpeg_of(LATER))
        for name, log in saved.logs.items():
            log += [withheld(len(log) + 1, 9, name), remove(len(log) + 2, 8, name)]
        kit.wait_for_sync()
        counts = {one["list"]: one["count"] for one in kit.browser.get("/readyz").json()["lists"]}
        assert (counts["md5"], len(saved.logs[Algorithm.MD5])) == (3, 6)
        assert _answers(kit) == ["hold", "hold", "hold"]
    with _kit(tmp_path / "kit", saved) as kit:
        kit.wait_for_sync()
        assert "index.opened" in _events(kit)
        assert {one["list"]: one["count"] for one in kit.browser.get("/readyz").json()["lists"]} == counts
        assert _answers(kit) == ["hold", "hold", "hold"]


def test_what_was_withdrawn_is_not_in_the_file(tmp_path: Path, saved: HandMadeRegistry) -> None:
    value = hashlib.sha256(jpeg_of(WITHDRAWN)).digest()
    kept = hashlib.sha256(jpeg_of(LISTED)).digest()
    file = tmp_path / "kit" / "index"
    assert value in file.read_bytes()
    with _kit(tmp_path / "kit", saved, index_save_changes=1000) as kit:
        kit.withdraw(3)
        wait_for(lambda: value not in file.read_bytes())
        assert kept in file.read_bytes()


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another program's"])
def test_a_damaged_file_is_erased_and_the_engine_built_anew(
    tmp_path: Path, saved: HandMadeRegistry, damage: str
) -> None:
    file = tmp_path / "kit" / "index"
    whole = file.read_bytes()
    at = len(whole) // 3
    file.write_bytes(
        {
            "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
            "cut": whole[:-4096],
            "empty": b"",
            "another program's": b"SQLite format 3\0" + bytes(9000),
        }[damage]
    )
    with _kit(tmp_path / "kit", saved, index_save_changes=1000) as kit:
        kit.wait_for_sync()
        assert "index.rebuilt" in _events(kit)
        assert _answers(kit) == ["hold", "clear", "hold"]
        assert not file.exists()


def test_a_file_of_another_list_store_is_not_used(tmp_path: Path, saved: HandMadeRegistry) -> None:
    shutil.rmtree(tmp_path / "kit" / "list")
    saved.logs = {}
    with _kit(tmp_path / "kit", saved) as kit:
        kit.list_picture(2, jpeg_of(LATER))
        assert "index.rebuilt" in _events(kit)
        assert _answers(kit) == ["clear", "hold", "clear"]


def test_a_file_that_is_ahead_of_the_list_store_is_not_used(tmp_path: Path) -> None:
    with _kit(tmp_path / "kit") as kit:
        kit.list_picture(1, jpeg_of(LISTED))
        registry = kit.registry
    shutil.copytree(tmp_path / "kit" / "list", tmp_path / "backup")
    with _kit(tmp_path / "kit", registry) as kit:
        kit.list_picture(2, jpeg_of(LATER))
    shutil.rmtree(tmp_path / "kit" / "list")
    shutil.copytree(tmp_path / "backup", tmp_path / "kit" / "list")
    # The registry is away: the kit has what is in the store, and nothing else.
    registry.refused_lists = tuple(Algorithm)
    with _kit(tmp_path / "kit", registry) as kit:
        wait_for(lambda: kit.browser.get("/readyz").status_code == 200)
        assert "index.rebuilt" in _events(kit)
        assert _answers(kit)[:2] == ["hold", "clear"]


def test_a_full_disk_leaves_the_kit_at_work(tmp_path: Path, saved: HandMadeRegistry) -> None:
    (tmp_path / "kit" / "index.part").mkdir()
    with _kit(tmp_path / "kit", saved) as kit:
        kit.list_picture(2, jpeg_of(LATER))
        wait_for(lambda: "index.unsaved" in _events(kit))
        assert _answers(kit) == ["hold", "hold", "hold"]


def test_a_kit_that_is_killed_while_it_saves_has_every_entry_at_the_next_start(tmp_path: Path) -> None:
    registry = HandMadeRegistry(now_s=4_000_000_000)
    log = registry.logs.setdefault(Algorithm.SHA256, [])
    with served(registry) as url:
        environment = kit_environment(
            tmp_path / "kit",
            url,
            registry.signer.partner_key().text,
            index_save_changes="1",
            index_save_s="0",
            sync_interval_s="0.01",
        )
        kit = KitProcess(environment, tmp_path / "kit")
        for _ in range(2):
            kit.start()
            for _ in range(5):
                log.append(add(len(log) + 1, len(log) + 1))
                wait_for(lambda: kit.counts().get("sha256", 0) >= len(log) - 1)
            kit.kill()
        kit.start()
        wait_for(lambda: kit.counts().get("sha256") == len(log))
        picture = jpeg_of(LISTED)
        log.append(replace(add(len(log) + 1, len(log) + 1), value=hashlib.sha256(picture).hexdigest()))
        wait_for(lambda: kit.counts()["sha256"] == len(log))
        assert kit.check("a", picture)["verdict"] == "held"
        assert kit.stop() == 0
    assert "index.opened" in kit.log()
    assert "index.rebuilt" not in kit.log()
    assert "Traceback" not in kit.log()
