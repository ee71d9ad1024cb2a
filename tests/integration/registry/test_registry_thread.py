"""The first thread over real HTTP: submit, batch, feed, feedback, status, withdraw; and a process that is killed."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from sqlalchemy import event
from tests.plausible import plausible_pdq

from takeback.apps.registry import build_registry, serve
from takeback.apps.registry_doors import open_partners
from takeback.client.case import CaseClient
from takeback.client.feed import FeedClient, partner_http
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.client.sealing import seal
from takeback.clock import ManualClock, SystemClock
from takeback.errors import CorruptDataError, ProtocolViolationError, UnavailableError
from takeback.exchange.partners import DEFAULT_LISTS
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.lead import Feedback, FeedbackValue
from takeback.settings import RegistrySettings
from takeback.wire.case_v1 import submission_body, tokens_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.registry_rig import RegistryRig

TODAY = date(2026, 11, 22)
JSON = {"content-type": "application/json"}


def _picture() -> list[Fingerprint]:
    return [
        plausible_pdq(secrets.randbits(64), 77),
        Fingerprint(Algorithm.MD5, secrets.token_hex(16)),
        Fingerprint(Algorithm.SHA256, secrets.token_hex(32)),
    ]


def test_from_a_person_to_a_platform_and_back(rig: RegistryRig, tmp_path: Path) -> None:
    rig.clock.at_s = SystemClock().now_s()  # the client checks expiry against the machine's clock
    sealed = seal([_picture(), _picture()], TODAY)
    key = parse_partner_key(rig.partner.key.text())
    with (
        Server(rig.registry.app) as server,
        CaseClient.at(server.url) as person,
        ListStore(tmp_path / "list") as held,
        FeedClient.at(server.url, key, held) as feed,
        partner_http(server.url, key) as platform,
    ):

        def states() -> list[HoldState]:
            return [item.status.state for item in person.status(person.open(sealed.receipt).holds)]

        person.submit(sealed.submission)
        assert states() == [HoldState.BEING_ADDED] * 6
        rig.batch()
        assert states() == [HoldState.LISTED] * 6
        assert [(result.list, result.count) for result in feed.sync_once()] == [
            (name, 0 if name in (Algorithm.PDQ_REGION, Algorithm.VPDQ) else 2) for name in Algorithm
        ]
        (first, _second) = held.entries(Algorithm.PDQ)
        sent = FeedbackSender(platform).send([Feedback(Algorithm.PDQ, first.entry_id, FeedbackValue.PENDING_REVIEW)])
        assert sent == 1
        assert sorted(states()) == sorted([HoldState.LISTED] * 5 + [HoldState.IN_REVIEW])
        person.withdraw(person.open(sealed.receipt).holds)
        assert states() == [HoldState.WITHDRAWN] * 6
        rig.batch()
        assert [(result.count, result.removed) for result in feed.sync_once()] == [(0, 2)] * 3 + [(0, 0)] * 2


def test_a_platform_with_another_registrys_key_notices(rig: RegistryRig, tmp_path: Path) -> None:
    other = build_registry(RegistrySettings(data_dir=tmp_path / "other"), ManualClock())
    try:
        foreign = other.services.partners.add("Elsewhere").key
        mine = rig.partner.key
        mixed = f"tb1_{mine.partner_id}_{mine.secret.hex()}_{foreign.pin}"
        with (
            Server(rig.registry.app) as server,
            ListStore(tmp_path / "list") as held,
            FeedClient.at(server.url, parse_partner_key(mixed), held) as feed,
            pytest.raises(ProtocolViolationError),
        ):
            feed.sync_list(Algorithm.PDQ)
    finally:
        other.close()


@pytest.fixture
def caller(rig: RegistryRig) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {rig.partner.key.text()}"}
    with Server(rig.registry.app) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        yield client


def _refused(reply: httpx.Response, status: int, code: str) -> bool:
    return (reply.status_code, reply.json()["code"], reply.headers["content-type"]) == (
        status,
        code,
        "application/problem+json",
    )


def test_refusals_have_the_codes_of_the_protocol(rig: RegistryRig, caller: httpx.Client) -> None:
    exact_only = rig.registry.services.partners.add("Exact only", [Algorithm.MD5])
    narrow = {"authorization": f"Bearer {exact_only.key.text()}"}
    body = submission_body(seal([_picture()], TODAY).submission)
    upper = body.replace(b"a", b"A")
    assert _refused(caller.post("/v1/cases", content=upper, headers=JSON), 422, "request.invalid")
    assert _refused(caller.post("/v1/cases", content=b" " * 65_537, headers=JSON), 413, "request.too_large")
    assert _refused(caller.post("/v1/cases/open", json={"case_id": "0" * 32}), 404, "case.unknown")
    assert _refused(caller.get("/feed/v1/phash/head"), 404, "list.unknown")
    assert _refused(caller.get("/feed/v1/pdq/head", headers=narrow), 403, "partner.not_entitled")
    assert _refused(caller.get("/feed/v1/pdq/changes", headers={"authorization": ""}), 401, "partner.unknown")
    assert _refused(caller.get("/feed/v1/keys", headers={"authorization": "Bearer tb1_no"}), 401, "partner.unknown")
    assert _refused(caller.get("/feed/v1/pdq/changes?after=-1"), 422, "request.invalid")
    assert _refused(caller.get("/feed/v1/pdq/changes?limit=0"), 422, "request.invalid")
    for path in ("/v1/upload", "/v1/cases/x/picture", "/upload"):
        assert _refused(caller.post(path, content=b"\xff\xd8\xff"), 404, "route.unknown")


def test_a_thousand_words_of_feedback_fit_in_one_request(rig: RegistryRig, caller: httpx.Client) -> None:
    rig.submits(rig.pdq())
    rig.batch()
    (entry_id,) = rig.listed(Algorithm.PDQ)
    gone = [{"list": "sha256", "entry_id": secrets.token_hex(16), "value": "QualityUnknown"} for _ in range(999)]
    words = [*gone, {"list": "pdq", "entry_id": entry_id, "value": "Blocked"}]
    assert caller.post("/feedback/v1", json={"feedback": words}).json() == {"accepted": 1}
    assert _refused(caller.post("/feedback/v1", json={"feedback": [*words, words[0]]}), 422, "request.invalid")


def test_a_tombstone_on_the_wire_has_neither_value_nor_quality(rig: RegistryRig, caller: httpx.Client) -> None:
    person = rig.submits(rig.pdq())
    rig.batch()
    rig.withdraws(*person.tokens)
    rig.batch()
    added, removed = caller.get("/feed/v1/pdq/changes").json()["changes"]
    assert set(added) == {"seq", "op", "entry_id", "value", "quality", "day", "digested"}
    assert set(removed) == {"seq", "op", "entry_id", "day"}


def test_the_probes_say_whether_batches_work(rig: RegistryRig, caller: httpx.Client) -> None:
    assert caller.get("/healthz").json() == {"status": "ok"}
    assert caller.get("/readyz").json() == {"status": "ready"}
    rig.submits(rig.pdq())
    with rig.registry.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE holds RENAME TO elsewhere")
    assert rig.registry.batcher.run_once() is None
    assert _refused(caller.get("/readyz"), 503, "registry.batch")
    with rig.registry.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO holds")
    rig.batch()
    assert caller.get("/readyz").status_code == 200


# A real process


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[str]
    url: str


@contextmanager
def _registry_process(folder: Path, interval_s: float) -> Iterator[_Child]:
    environment = {
        **os.environ,
        "TAKEBACK_DATA_DIR": str(folder),
        "TAKEBACK_PORT": "0",
        "TAKEBACK_PROOF_GUESSES": "0",
        "TAKEBACK_BATCH_INTERVAL_S": str(interval_s),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "takeback.apps.registry"], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        yield _Child(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    cases = [seal([_picture()], TODAY) for _ in range(5)]
    with _registry_process(tmp_path, interval_s=3600) as child:
        with CaseClient.at(child.url) as person:
            for sealed in cases:
                person.submit(sealed.submission)
            withdrawn = person.open(cases[0].receipt).holds[0]
            person.withdraw([withdrawn])
        child.process.send_signal(signal.SIGKILL)
        assert child.process.wait() == -signal.SIGKILL
    with _registry_process(tmp_path, interval_s=0.2) as child, CaseClient.at(child.url) as person:
        deadline_s = time.monotonic() + 20
        while True:
            found = [[item.status.state for item in person.status(person.open(case.receipt).holds)] for case in cases]
            states = [state for case in found for state in case]
            if HoldState.BEING_ADDED not in states or time.monotonic() > deadline_s:
                break
            time.sleep(0.1)
        assert states.count(HoldState.LISTED) == 14
        assert states.count(HoldState.WITHDRAWN) == 1
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(20) == 0


def test_killed_in_the_middle_of_batches_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    cases = [seal([_picture()], TODAY) for _ in range(5)]
    for number, sealed in enumerate(cases):
        with _registry_process(tmp_path, interval_s=0.001) as child:
            body = submission_body(sealed.submission)
            assert httpx.post(f"{child.url}/v1/cases", content=body, headers=JSON).status_code == 202
            time.sleep(0.003 * number)
            child.process.kill()
    sent = [item.fingerprint for case in cases for item in case.submission.fingerprints]
    registry = build_registry(RegistrySettings(data_dir=tmp_path), SystemClock())
    try:
        assert registry.batcher.run_once() is not None
        partner = registry.services.partners.add("Reader").partner
        for name in DEFAULT_LISTS:
            changes = registry.services.feed.changes(partner, name.value, 0).changes
            assert [change.seq for change in changes] == [1, 2, 3, 4, 5]
            assert {change.value for change in changes} == {item.value for item in sent if item.algorithm is name}
    finally:
        registry.close()


def test_partners_can_be_managed_while_the_registry_serves(tmp_path: Path) -> None:
    settings = RegistrySettings(data_dir=tmp_path)
    with _registry_process(tmp_path, interval_s=3600) as child, open_partners(settings, SystemClock()) as partners:
        issued = partners.add("Added meanwhile")
        headers = {"authorization": f"Bearer {issued.key.text()}"}
        assert httpx.get(f"{child.url}/feed/v1/keys", headers=headers).status_code == 200
        partners.revoke(issued.partner.partner_id)
        assert httpx.get(f"{child.url}/feed/v1/keys", headers=headers).status_code == 401


def test_starting_where_it_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UnavailableError) as taken:
            serve(RegistrySettings(data_dir=tmp_path, port=other.getsockname()[1]))
    assert taken.value.code == "serve.port_taken"
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(UnavailableError) as no_folder:
        serve(RegistrySettings(data_dir=tmp_path / "file"))
    assert no_folder.value.code in {"registry.data_dir", "keys.unreachable"}
    (tmp_path / "registry.db").write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(CorruptDataError) as damaged:
        serve(RegistrySettings(data_dir=tmp_path))
    assert damaged.value.code == "database.corrupt"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_full_disk_is_a_503_and_what_was_there_stays(rig: RegistryRig, caller: httpx.Client) -> None:
    kept = rig.submits(rig.pdq())
    with rig.registry.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    # The next connections may not let the file grow, which SQLite reports as it does a full disk.
    rig.registry.engine.dispose()

    @event.listens_for(rig.registry.engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    bodies = [submission_body(seal([_picture() for _ in range(20)], TODAY).submission) for _ in range(12)]
    replies = [caller.post("/v1/cases", content=body, headers=JSON) for body in bodies]
    assert _refused(replies[-1], 503, "registry.unavailable")
    assert replies[-1].headers["retry-after"] == "5"
    status = caller.post("/v1/holds/status", content=tokens_body([*kept.tokens]), headers=JSON)
    assert status.json()["holds"][0]["state"] == "being_added"
    # A full disk is no case's fault: nothing is left out, and all is made good when there is room again.
    assert [rig.registry.batcher.run_once() for _ in range(4)] == [None] * 4
    event.remove(rig.registry.engine, "connect", limit)
    rig.registry.engine.dispose()
    assert rig.batch().cases == 1 + sum(reply.status_code == 202 for reply in replies)


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_database_that_goes_away_is_a_503_until_it_is_back(rig: RegistryRig, caller: httpx.Client) -> None:
    url = rig.registry.engine.url
    body = submission_body(seal([_picture()], TODAY).submission)
    with psycopg.connect(f"host={url.query['host']} user=takeback dbname=template1", autocommit=True) as administrator:
        administrator.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false'.encode())
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database]
        )
        assert _refused(caller.post("/v1/cases", content=body, headers=JSON), 503, "registry.unavailable")
        assert _refused(caller.get("/feed/v1/pdq/head"), 503, "registry.unavailable")
        assert caller.get("/healthz").status_code == 200
        administrator.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true'.encode())
    assert caller.post("/v1/cases", content=body, headers=JSON).status_code == 202
    assert rig.batch().cases == 1
