"""Proof of work on either database: solved by the client's own code, good for one request, once, and for a while."""

from __future__ import annotations

import base64
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import altcha
import httpx
import pytest
from sqlalchemy import text

from takeback.client.case import CaseClient
from takeback.client.proof import fetch_proof, solve
from takeback.errors import CorruptDataError, ProtocolViolationError
from takeback.httpkit.serve import Server
from takeback.model.case import HoldState
from takeback.registry.proof import SpentProof
from takeback.registry.types import Reception
from takeback.wire.case_v1 import submission_body
from takeback.wire.proof_v1 import (
    MAX_HEADER_CHARS,
    PROOF_HEADER,
    ChallengeReplyShape,
    ChallengeShape,
    binding_of,
    proof_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.registry_rig import RegistryRig

PATH = "/v1/cases"
LOW = {"proof_guesses": 6, "proof_rounds": 2, "proof_ttl_s": 600}


@pytest.fixture
def asking(rig: RegistryRig) -> RegistryRig:
    """A registry that asks for proofs."""
    rig.registry.close()
    rig.settings = dict(LOW)
    rig.registry = rig.another_process()
    return rig


@pytest.fixture
def http(asking: RegistryRig) -> Iterator[httpx.Client]:
    with Server(asking.registry.app) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def _body(rig: RegistryRig) -> bytes:
    return submission_body(rig.person(rig.pdq(), rig.md5()).submission)


def _send(http: httpx.Client, body: bytes, proof: str | None, path: str = PATH) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"} | ({} if proof is None else {PROOF_HEADER: proof})
    reply = http.post(path, content=body, headers=headers)
    shape = reply.json()
    return reply.status_code, shape["code"] if reply.is_error else shape["state"]


def _proof(http: httpx.Client, body: bytes) -> str:
    proof = fetch_proof(http, PATH, body)
    assert proof is not None
    return proof


def test_a_submission_needs_a_proof_that_was_solved_for_it(asking: RegistryRig, http: httpx.Client) -> None:
    body, other = _body(asking), _body(asking)
    assert _send(http, body, None) == (403, "proof.required")
    assert _send(http, other, _proof(http, body)) == (403, "proof.invalid")
    assert _send(http, body, _proof(http, body)) == (202, "being_added")
    assert asking.batch().added == 2


def test_a_proof_is_good_once_and_a_lost_reply_loses_nothing(asking: RegistryRig, http: httpx.Client) -> None:
    body = _body(asking)
    proof = _proof(http, body)
    assert _send(http, body, proof) == (202, "being_added")
    assert _send(http, body, proof) == (403, "proof.spent")
    assert _send(http, body, _proof(http, body)) == (202, "being_added")
    assert asking.batch().added == 2
    assert _send(http, body, proof) == (403, "proof.spent")  # the batch does not forget it
    other = asking.another_process()
    with Server(other.app) as server, httpx.Client(base_url=server.url) as elsewhere:
        assert _send(elsewhere, body, proof) == (403, "proof.spent")
        assert _send(elsewhere, body, _proof(http, body)) == (202, "being_added")  # one secret for all processes
    other.close()


def test_of_the_same_proof_sent_at_once_one_is_taken(asking: RegistryRig, http: httpx.Client) -> None:
    body = _body(asking)
    proof = _proof(http, body)
    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(lambda _: _send(http, body, proof), range(6)))
    assert answers == [(202, "being_added")] + [(403, "proof.spent")] * 5


def test_a_spent_proof_is_an_answer_and_breaks_up_no_transaction(asking: RegistryRig) -> None:
    registry, proof = asking.registry.services.registry, SpentProof(secrets.token_bytes(32), 2**30)
    asked = [asking.person(asking.md5()).submission for _ in range(4)]
    waiting = [registry.submit(submission, proof) for submission in asked]
    waiting.append(registry.submit(asking.person(asking.md5()).submission, None))
    answers = [future.result() for future in waiting]
    assert answers == [Reception.TAKEN_IN] + [Reception.PROOF_SPENT] * 3 + [Reception.TAKEN_IN]
    assert _spent_rows(asking) == 1
    assert asking.batch().added == 2


def test_a_proof_expires_and_is_forgotten_then(asking: RegistryRig, http: httpx.Client) -> None:
    body, late = _body(asking), _body(asking)
    used, unused = _proof(http, body), _proof(http, late)
    assert _send(http, body, used) == (202, "being_added")
    asking.clock.advance(601)
    assert _send(http, late, unused) == (403, "proof.expired")
    assert _spent_rows(asking) == 1
    asking.clock.advance(2 * 3600)
    asking.batch()
    assert _spent_rows(asking) == 0
    assert _send(http, body, used) == (403, "proof.expired")


def _spent_rows(rig: RegistryRig) -> int:
    with rig.registry.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM spent_proofs")).scalar_one())


def test_what_was_changed_or_made_up_is_refused(asking: RegistryRig, http: httpx.Client) -> None:
    body = _body(asking)
    proof = json.loads(base64.b64decode(_proof(http, body)))

    def changed(*place: str, to: object) -> str:
        copy: Any = json.loads(json.dumps(proof))
        inner = copy
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = to
        return base64.b64encode(json.dumps(copy).encode()).decode()

    binding = binding_of(PATH, _body(asking))
    forged = (
        changed("challenge", "parameters", "data", "binding", to=binding),
        changed("challenge", "parameters", "data", "until", to=2**40),
        changed("challenge", "parameters", "nonce", to=secrets.token_hex(16)),
        changed("challenge", "parameters", "keySignature", to=secrets.token_hex(32)),
        changed("challenge", "signature", to=secrets.token_hex(32)),
        changed("solution", "derivedKey", to=secrets.token_hex(32)),
        changed("solution", to=None),
        "",
        "not base64!",
        "é",
        base64.b64encode(b"[" * 3000).decode(),
        "A" * (MAX_HEADER_CHARS + 4),
    )
    for header in forged:
        headers = {b"Content-Type": b"application/json", PROOF_HEADER.encode(): header.encode("utf-8")}
        reply = http.post(PATH, content=body, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (403, "proof.invalid")
    assert asking.batch().cases == 0
    # A challenge that somebody else signed, solved.
    mine = altcha.create_challenge(
        "PBKDF2/SHA-256",
        1,
        counter=0,
        data={"binding": binding_of(PATH, body), "guesses": 1, "until": 2**40},
        hmac_secret=b"mine",
        hmac_key_secret=b"mine",
    )
    own = proof_header(solve(ChallengeShape.model_validate(mine.to_dict())))
    assert _send(http, body, own) == (403, "proof.invalid")


def test_a_refused_submission_does_not_cost_its_proof(asking: RegistryRig, http: httpx.Client) -> None:
    body = _body(asking).replace(b'"quality":90', b'"quality":10')
    proof = _proof(http, body)
    assert _send(http, body, proof) == (422, "fingerprint.quality")
    assert _spent_rows(asking) == 0
    assert _send(http, body, proof) == (422, "fingerprint.quality")


def test_the_replies_are_the_same_for_new_known_repeated_and_guarded_fingerprints(
    asking: RegistryRig, http: httpx.Client
) -> None:
    shared, logo = asking.pdq(), asking.pdq()
    asking.registry.services.guard.add([logo])
    replies = set()
    sizes = set()
    for fingerprint in (shared, shared, asking.pdq(), logo):
        body = submission_body(asking.person(fingerprint).submission)
        for _ in range(2):
            question = http.post("/v1/challenges", json={"binding": binding_of(PATH, body)})
            challenge = ChallengeReplyShape.model_validate_json(question.content).challenge
            assert challenge is not None
            sizes.add(challenge.parameters.data.guesses)
            headers = {"Content-Type": "application/json", PROOF_HEADER: proof_header(solve(challenge))}
            reply = http.post(PATH, content=body, headers=headers)
            replies.add((reply.status_code, reply.content, tuple(sorted(set(reply.headers) - {"date"}))))
        asking.batch()
    assert len(replies) == len(sizes) == 1


def test_the_clients_own_way_solves_what_it_is_asked(asking: RegistryRig, http: httpx.Client) -> None:
    person = asking.person(asking.pdq())
    seen: list[tuple[int, int]] = []
    client = CaseClient(http, waits_s=(), on_guess=lambda done, most: seen.append((done, most)))
    client.submit(person.submission)
    client.submit(person.submission)
    assert {most for _, most in seen} == {LOW["proof_guesses"]}
    assert [status.state for status in asking.status(*person.tokens)] == [HoldState.BEING_ADDED]


def test_a_flood_of_questions_costs_a_puzzle_and_no_more(asking: RegistryRig) -> None:
    asking.registry.close()
    asking.settings |= {"questions_per_minute": 2}
    asking.registry = asking.another_process()
    person = asking.person(asking.pdq())
    with Server(asking.registry.app) as server, httpx.Client(base_url=server.url) as http:
        client = CaseClient(http, waits_s=())
        client.submit(person.submission)
        tokens = json.dumps({"tokens": [person.tokens[0].hex()]}).encode()
        path = "/v1/holds/status"
        codes = [http.post(path, content=tokens, headers={"Content-Type": "application/json"}) for _ in range(3)]
        assert [reply.status_code for reply in codes] == [200, 200, 403]
        assert codes[-1].json()["code"] == "proof.required"
        proof = fetch_proof(http, path, tokens)
        assert proof is not None
        headers = {"Content-Type": "application/json", PROOF_HEADER: proof}
        assert http.post(path, content=tokens, headers=headers).status_code == 200
        assert http.post(path, content=tokens, headers=headers).json()["code"] == "proof.spent"
        asking.clock.advance(60)
        assert http.post(path, content=tokens, headers={"Content-Type": "application/json"}).status_code == 200


def test_the_breaker_raises_what_a_submission_costs(asking: RegistryRig) -> None:
    asking.registry.close()
    asking.settings |= {"proof_trip_per_minute": 2, "proof_max_steps": 2}
    asking.registry = asking.another_process()
    with Server(asking.registry.app) as server, httpx.Client(base_url=server.url) as http:
        client = CaseClient(http, waits_s=())
        costs: list[int] = []
        for _ in range(6):
            binding = binding_of(PATH, secrets.token_bytes(8))
            question = http.post("/v1/challenges", json={"binding": binding})
            challenge = ChallengeReplyShape.model_validate_json(question.content).challenge
            assert challenge is not None
            costs.append(challenge.parameters.data.guesses)
            client.submit(asking.person(asking.pdq()).submission)
        assert costs == [6, 6, 12, 12, 24, 24]


def test_a_puzzle_that_is_none_is_not_worked_on() -> None:
    def answering(reply: dict[str, object]) -> httpx.Client:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=reply))
        return httpx.Client(transport=transport, base_url="http://registry")

    body = b"{}"
    data: dict[str, object] = {"binding": binding_of(PATH, body), "guesses": 3, "until": 0}
    made = altcha.create_challenge("PBKDF2/SHA-256", 1, counter=5, data=data, hmac_secret=b"s", hmac_key_secret=b"k")
    harder = {**made.to_dict(), "parameters": {**made.parameters.to_dict(), "cost": 10**9}}
    wrong_answers: tuple[dict[str, object], ...] = (
        {"challenge": made.to_dict()},  # its solution is not among the guesses that it promises
        {"challenge": altcha.create_challenge("PBKDF2/SHA-256", 1, data={**data, "binding": "0" * 64}).to_dict()},
        {"challenge": harder},
        {"challenge": {}},
        {"challenge": 3},
    )
    for wrong in wrong_answers:
        with pytest.raises(ProtocolViolationError):
            fetch_proof(answering(wrong), PATH, body)
    assert fetch_proof(answering({}), PATH, body) is None


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_secret_is_kept_beside_the_signing_key_and_never_replaced(asking: RegistryRig) -> None:
    file = asking.folder / "keys" / "proof-secret"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("short")
    with pytest.raises(CorruptDataError) as caught:
        asking.another_process()
    assert caught.value.code == "keys.corrupt"
