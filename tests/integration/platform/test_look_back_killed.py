"""A kit is killed without warning while it looks back, again and again. Nothing is missed and nothing found twice."""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx
from tests.integration.platform.kit_fixture import jpeg_of, picture_of, wait_for
from tests.integration.platform.kit_process import KitProcess, kit_environment
from tests.unit.client.feed_fixture import HandMadeRegistry, add, served

from takeback.model.fingerprint import Algorithm

CONTENTS = 40


def _held(kit: KitProcess) -> Counter[str]:
    token = {"Authorization": f"Bearer {(kit.folder / 'api-token').read_text().strip()}"}
    reply = httpx.get(f"{kit.url}/v1/decisions", headers=token)
    return Counter(one["content_id"] for one in reply.raise_for_status().json()["decisions"])


def test_a_kit_that_is_killed_while_it_looks_back_finds_everything_once(tmp_path: Path) -> None:
    pictures = {f"photo:{i}": jpeg_of(picture_of(i, 64)) for i in range(CONTENTS)}
    # Expiry is decided by this machine's clock.
    registry = HandMadeRegistry(now_s=4_000_000_000)
    with served(registry) as url:
        kit = KitProcess(kit_environment(tmp_path / "kit", url, registry.signer.partner_key().text), tmp_path / "kit")
        kit.start()
        for content_id, picture in pictures.items():
            assert kit.check(content_id, picture)["verdict"] == "clear"
        values = [hashlib.sha256(picture).hexdigest() for picture in pictures.values()]
        registry.logs[Algorithm.SHA256] = [
            replace(add(seq, seq), value=value) for seq, value in enumerate(values, start=1)
        ]
        seen = 0
        for _ in range(2):
            wait_for(lambda at_least=seen: _held(kit).total() > at_least or _held(kit).total() == CONTENTS)  # type: ignore[misc]
            seen = _held(kit).total()
            kit.kill()
            kit.start()
        wait_for(lambda: set(_held(kit)) == set(pictures))
        kit.stop()
        kit.start()
        assert set(_held(kit).values()) == {1}
        assert kit.stop() == 0
    assert "Traceback" not in kit.log()
