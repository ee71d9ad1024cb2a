"""Nothing of who submitted is stored, logged or answered: canaries through every request."""

from __future__ import annotations

import io
import secrets
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.disk_copy import disk_of

from takeback.apps.registry import build_registry
from takeback.client.sealing import seal
from takeback.clock import ManualClock
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.settings import RegistrySettings
from takeback.wire.case_v1 import submission_body, tokens_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.registry_rig import RegistryRig


@pytest.fixture
def canaries() -> dict[str, str]:
    return {name: f"{name}-canary-{secrets.token_hex(6)}" for name in ("agent", "file", "address", "cookie", "query")}


@pytest.fixture
def served(rig: RegistryRig) -> Iterator[httpx.Client]:
    with Server(rig.registry.app) as server, httpx.Client(base_url=server.url) as client:
        yield client


def test_nothing_of_a_request_but_the_submission_is_stored_or_logged(
    rig: RegistryRig, served: httpx.Client, canaries: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    address = "203.0.113.77"
    headers = {
        "content-type": "application/json",
        "user-agent": canaries["agent"],
        "x-forwarded-for": address,
        "forwarded": f"for={address};by={canaries['address']}",
        "x-real-ip": address,
        "cookie": f"a={canaries['cookie']}",
        "referer": f"https://example.org/{canaries['file']}.jpg",
    }
    sealed = seal([[Fingerprint(Algorithm.MD5, secrets.token_hex(16))]], date(2026, 11, 22))
    body = submission_body(sealed.submission)
    tokens = [secrets.token_bytes(16)]
    query = {"q": canaries["query"]}
    assert served.post("/v1/cases", content=body, headers=headers, params=query).status_code == 202
    assert served.post("/v1/holds/status", content=tokens_body(tokens), headers=headers).status_code == 200
    assert served.post("/v1/holds/withdraw", content=tokens_body(tokens), headers=headers).status_code == 202
    refused = [
        served.post("/v1/cases", json={"case_id": canaries["file"], "file": canaries["file"]}, headers=headers),
        served.post("/v1/cases", content=canaries["file"].encode(), headers=headers),
        served.post("/v1/cases", content=body.replace(b'"padding":"', b'"padding":"photo.jpg'), headers=headers),
        served.post(f"/v1/{canaries['file']}", content=body, headers=headers),
        served.get(
            f"/feed/v1/{canaries['file']}/head", headers={**headers, "authorization": f"Bearer {canaries['file']}"}
        ),
        served.post("/v1/cases", content=b"x" * 70_000, headers=headers),
    ]
    assert [reply.status_code for reply in refused] == [422, 422, 422, 404, 401, 413]
    # The database fails in the middle of a request: what is logged then is not what was sent.
    with rig.registry.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE intake RENAME TO intake_gone")
    failed = served.post("/v1/cases", content=body, headers=headers)
    with rig.registry.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE intake_gone RENAME TO intake")
    assert failed.status_code in {500, 503}
    rig.batch()
    rig.registry.close()
    printed = "".join(capfd.readouterr())
    forbidden = [*canaries.values(), address, "127.0.0.1", "photo.jpg"]
    secrets_sent = [
        sealed.submission.fingerprints[0].fingerprint.value,
        sealed.submission.case_id.hex(),
        tokens[0].hex(),
    ]
    for text in (rig.log.getvalue(), printed, *(reply.text for reply in (*refused, failed))):
        assert not [word for word in [*forbidden, *secrets_sent] if word in text]
    assert rig.log.getvalue().count("\n") == 1  # the failure, and no line for any request that went well or was refused
    for content in _files_and_tables(rig):
        assert not [word for word in forbidden if word.encode() in content]


def _files_and_tables(rig: RegistryRig) -> list[bytes]:
    own_files = [part.read_bytes() for part in rig.folder.rglob("*") if part.is_file()]
    return own_files if rig.registry.engine.dialect.name == "sqlite" else own_files + disk_of(rig)


def test_the_reply_is_the_same_for_new_known_and_sent_again(rig: RegistryRig, served: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    shared = Fingerprint(Algorithm.MD5, secrets.token_hex(16))
    first, second = (submission_body(seal([[shared]], date(2026, 11, 22)).submission) for _ in range(2))
    replies = [served.post("/v1/cases", content=first, headers=headers)]
    rig.batch()
    replies += [served.post("/v1/cases", content=body, headers=headers) for body in (second, first, first)]
    known, unknown = rig.submits(rig.md5()).tokens[0], bytes(16)
    withdrawn = [
        served.post("/v1/holds/withdraw", content=tokens_body([token]), headers=headers) for token in (known, unknown)
    ]
    for group in (replies, withdrawn):
        seen = set()
        for reply in group:
            kept = [(name, value) for name, value in reply.headers.raw if name.lower() != b"date"]
            seen.add((reply.status_code, reply.content, tuple(kept)))
        assert len(seen) == 1


def test_files_of_the_registry_are_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    registry = build_registry(RegistrySettings(data_dir=folder), ManualClock(), open_log(io.StringIO()))
    try:
        found = [folder, *folder.rglob("*")]
        assert len(found) >= 4
        assert [path.name for path in found if path.stat().st_mode & 0o077] == []
    finally:
        registry.close()
