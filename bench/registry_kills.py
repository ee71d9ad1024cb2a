"""The registry killed again and again under load: what it acknowledged has to be there in the end, once."""

import asyncio
import random
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from registry_servers import registry_process
from takeback.apps.registry import build_registry
from takeback.client.sealing import CaseKeys, seal_for
from takeback.clock import SystemClock
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.decoy_key import open_decoys
from takeback.settings import RegistrySettings
from takeback.wire.case_v1 import submission_body

_CONNECTIONS = 4
_LONGEST_LIFE_S = 0.4


@dataclass(slots=True)
class Sent:
    """What was sent: values that were acknowledged, and those whose answer never came."""

    acknowledged: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KillsRow:
    """What came of it; ``unknown``: on the list, never sent and none of the registry's decoys."""

    measure: str
    kills: int
    acknowledged: int
    unanswered: int
    lost: int
    doubled: int
    decoys: int
    unknown: int


def run_kills(kills: int) -> KillsRow:
    """Start, load, SIGKILL, so many times; then read the list as a partner would."""
    sent = Sent()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for _ in track(range(kills), "killing", console=Console(stderr=True), transient=True):
            # So short an interval that many die inside a batch.
            with registry_process(folder, batch_interval_s=0.01) as child:
                asyncio.run(_load_until_killed(child.line, child.kill, sent))
        listed = Counter(_listed(folder))
        decoys = open_decoys(folder / "keys")
    acknowledged, all_sent = set(sent.acknowledged), {*sent.acknowledged, *sent.unanswered}
    never_sent = set(listed) - all_sent
    unknown = [value for value in never_sent if not decoys.is_decoy(bytes.fromhex(value))]
    return KillsRow(
        "kills",
        kills,
        len(sent.acknowledged),
        len(sent.unanswered),
        len(acknowledged - set(listed)),
        sum(count > 1 for count in listed.values()),
        len(never_sent) - len(unknown),
        len(unknown),
    )


async def _load_until_killed(url: str, kill: object, sent: Sent) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=5) as client, asyncio.TaskGroup() as group:
        dead = asyncio.Event()
        for _ in range(_CONNECTIONS):
            group.create_task(_submit_until(client, dead, sent))
        await asyncio.sleep(random.uniform(0.02, _LONGEST_LIFE_S))
        if callable(kill):
            kill()
        dead.set()


async def _submit_until(client: httpx.AsyncClient, dead: asyncio.Event, sent: Sent) -> None:
    while not dead.is_set():
        value, body = _submission()
        try:
            reply = await client.post("/v1/cases", content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError:
            sent.unanswered.append(value)
            continue
        (sent.acknowledged if reply.status_code == 202 else sent.unanswered).append(value)


def _submission() -> tuple[str, bytes]:
    keys = CaseKeys(secrets.token_bytes(16), secrets.token_bytes(32))
    fingerprint = Fingerprint(Algorithm.SHA256, secrets.token_hex(32))
    return fingerprint.value, submission_body(seal_for(keys, [[fingerprint]], date(2026, 1, 1)))


def _listed(folder: Path) -> Sequence[str]:
    registry = build_registry(RegistrySettings(data_dir=folder, proof_guesses=0), SystemClock())
    try:
        deadline_s = time.monotonic() + 60
        while registry.batcher.run_once() is None and time.monotonic() < deadline_s:
            time.sleep(0.1)
        partner = registry.services.partners.add("Reader").partner
        values: list[str] = []
        seq = 0
        while page := registry.services.feed.changes(partner, Algorithm.SHA256.value, seq).changes:
            values += [change.value for change in page if change.value is not None]
            seq = page[-1].seq
        return values
    finally:
        registry.close()
