"""Monitoring sees how the registry is, not who submitted, nor when to the second."""

from __future__ import annotations

import secrets
import time
from datetime import date
from typing import TYPE_CHECKING

import httpx

from takeback.client.sealing import seal
from takeback.httpkit.logs import open_log
from takeback.httpkit.metrics import Face, metrics_app
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.batcher import Batcher
from takeback.registry.turn import BatchTurn
from takeback.wire.case_v1 import submission_body

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

JSON = {"content-type": "application/json"}


def _figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, number in (line.rsplit(" ", 1) for line in lines)}


def test_what_people_send_shows_in_steps_and_lists_at_once(rig: RegistryRig) -> None:
    canary = f"canary{secrets.token_hex(6)}"
    value = secrets.token_hex(32)
    body = submission_body(seal([[Fingerprint(Algorithm.SHA256, value)]], date(2026, 11, 22)).submission)
    with (
        Server(rig.registry.app) as server,
        Server(metrics_app(rig.registry.metrics)) as figures,
        httpx.Client(base_url=server.url, headers={"user-agent": canary, "x-forwarded-for": "203.0.113.9"}) as caller,
    ):

        def seen() -> str:
            reply = httpx.get(f"{figures.url}/metrics")
            assert reply.status_code == 200
            return reply.text

        assert caller.post("/v1/cases", content=body, headers=JSON).status_code == 202
        assert caller.get(f"/v1/{canary}").status_code == 404
        assert caller.get(f"/feed/v1/{canary}/head").status_code == 401
        before = _figures(seen())
        person = 'takeback_registry_requests_total{face="person",status="2xx"}'
        assert person not in before
        assert before['takeback_registry_requests_total{face="partner",status="4xx"}'] == 1
        assert before['takeback_registry_list_entries{list="sha256"}'] == 0
        assert before["takeback_registry_disk_free_bytes"] > 0
        rig.batch()
        rig.registry.metrics.publish()
        text = seen()
        after = _figures(text)
        assert after[person] == 1
        assert after['takeback_registry_request_seconds_count{face="person"}'] == 2
        assert after['takeback_registry_list_entries{list="sha256"}'] == 1
        assert not any(secret in text for secret in (canary, value, "203.0.113.9", rig.partner.partner.partner_id))
        assert httpx.get(f"{server.url}/metrics").status_code == 404


def test_every_interval_moves_the_figures_on(rig: RegistryRig) -> None:
    registry = rig.registry
    registry.metrics.note(Face.PERSON, 202, 0.01)
    batcher = Batcher(
        registry.services.registry, BatchTurn(registry.engine), 0.01, open_log(rig.log), registry.metrics.publish
    )
    batcher.start()
    deadline_s = time.monotonic() + 20
    while b'face="person",status="2xx"' not in registry.metrics.text() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    batcher.stop()
    assert b'face="person",status="2xx"' in registry.metrics.text()
