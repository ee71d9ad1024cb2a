"""A person, a real registry and a kit in a process of its own, which is killed without warning between the steps."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest
import skimage
from PIL import Image
from tests.integration.platform.kit_fixture import jpeg_of, picture_of, wait_for
from tests.integration.platform.kit_process import KitProcess, kit_environment

from takeback.apps.registry import Registry, build_registry
from takeback.client.case import CaseClient, HeldStatus
from takeback.client.sealing import SealedSubmission, seal
from takeback.clock import SystemClock
from takeback.hashing import fingerprints_of
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm
from takeback.settings import RegistrySettings

ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"


@dataclass
class RegistryHere:
    """A registry that can be taken off the network and put back at the same address."""

    registry: Registry
    server: Server
    url: str

    def disconnect(self) -> None:
        self.server.stop()

    def reconnect(self) -> None:
        self.server = Server(self.registry.app, port=int(self.url.rsplit(":", 1)[1]))
        self.server.start()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryHere]:
    settings = RegistrySettings(data_dir=tmp_path / "registry", batch_interval_s=0.2, proof_rounds=10)
    built = build_registry(settings, SystemClock(), open_log(io.StringIO()))
    built.start()
    server = Server(built.app)
    server.start()
    here = RegistryHere(built, server, server.url)
    yield here
    here.disconnect()
    built.close()


@pytest.fixture
def kit(tmp_path: Path, registry: RegistryHere) -> Iterator[KitProcess]:
    issued = registry.registry.services.partners.add("wall")
    folder = tmp_path / "kit"
    environment = kit_environment(folder, registry.url, issued.key.text())
    process = KitProcess(environment, folder)
    yield process
    if process.process is not None:
        process.kill()


def _states(person: CaseClient, sealed: SealedSubmission) -> dict[Algorithm, HeldStatus]:
    return {one.hold.algorithm: one for one in person.status(person.open(sealed.receipt).holds)}


def test_the_whole_story_survives_being_killed_at_every_step(registry: RegistryHere, kit: KitProcess) -> None:
    original = ASTRONAUT.read_bytes()
    sealed = seal([fingerprints_of(original).fingerprints], date(2026, 11, 22))
    edited = jpeg_of(Image.open(ASTRONAUT).convert("RGB").resize((333, 333)), quality=45)

    with CaseClient.at(registry.url) as person:
        person.submit(sealed.submission)
        person.submit(sealed.submission)
        wait_for(lambda: {one.status.state for one in _states(person, sealed).values()} == {HoldState.LISTED})

        kit.start()
        wait_for(lambda: kit.counts() == {"pdq": 1, "md5": 1, "sha256": 1})
        held = kit.check("photo:1", edited)
        assert (held["verdict"], held["tier"]) == ("held", "hold")
        assert kit.check("photo:2", jpeg_of(picture_of(5)))["verdict"] == "clear"
        kit.kill()

        kit.start()
        assert kit.check("photo:1", edited) | {"lists": 0} == held | {"lists": 0}
        wait_for(lambda: _states(person, sealed)[Algorithm.PDQ].status.state is HoldState.IN_REVIEW)
        assert _states(person, sealed)[Algorithm.MD5].status.state is HoldState.LISTED

        # The registry is away while the reviewer decides, and the kit is killed before it has come back.
        registry.disconnect()
        with closing(kit.reviewer()) as reviewer:
            (lead,) = reviewer.get("/v1/leads?state=open").json()["leads"]
            decision = {"action": "remove", "reason": "intimate_image"}
            reviewer.post(f"/v1/leads/{lead['lead_id']}/decision", json=decision).raise_for_status()
        kit.kill()
        assert list((kit.folder / "held").iterdir()) == []

        kit.start()
        registry.reconnect()
        wait_for(lambda: _states(person, sealed)[Algorithm.PDQ].status.state is HoldState.REMOVED)
        assert _states(person, sealed)[Algorithm.PDQ].status.platforms == 1

        person.withdraw(person.open(sealed.receipt).holds)
        wait_for(lambda: kit.counts() == {"pdq": 0, "md5": 0, "sha256": 0})
        assert kit.check("photo:3", edited)["verdict"] == "clear"
        assert kit.stop() == 0

    log = kit.log()
    for secret in (kit.environment["TAKEBACK_KEY"], sealed.receipt.digits, *(_values(original))):
        assert secret not in log
    assert "Traceback" not in log


def _values(data: bytes) -> list[str]:
    return [one.value for one in fingerprints_of(data).fingerprints]


def test_a_revoked_partner_keeps_its_list_and_is_told_so(registry: RegistryHere, kit: KitProcess) -> None:
    kit.start()
    partners = registry.registry.services.partners
    partners.revoke(kit.environment["TAKEBACK_KEY"].split("_")[1])
    # The kit may be waiting for news, and asks with its key again when there are some.
    with CaseClient.at(registry.url) as person:
        person.submit(seal([fingerprints_of(ASTRONAUT.read_bytes()).fingerprints], date(2026, 11, 22)).submission)
    wait_for(lambda: "partner.unknown" in kit.log())
    assert httpx.get(f"{kit.url}/readyz").status_code == 200
    assert kit.check("a", jpeg_of(picture_of(5)))["verdict"] == "clear"
    assert kit.environment["TAKEBACK_KEY"] not in kit.log()


def test_a_kit_that_cannot_start_says_why(tmp_path: Path) -> None:
    environment = {**os.environ, "TAKEBACK_DATA_DIR": str(tmp_path), "TAKEBACK_REGISTRY": "http://127.0.0.1:9"}
    for key, code in (("not a key", "partner.key_format"), ("", "partner.key_format")):
        done = subprocess.run(
            [sys.executable, "-m", "takeback.apps.platform"],
            env={**environment, "TAKEBACK_KEY": key},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert code in done.stderr
        assert "Traceback" not in done.stderr
