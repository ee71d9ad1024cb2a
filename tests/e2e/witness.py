"""Sees everything that reaches the registry, byte for byte, and judges it."""

import base64
import json
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from takeback.client.sealing import CaseKeys, open_sealed, token_hash
from takeback.model.case import CaseContent
from takeback.wire.case_v1 import BODY_SIZES_BYTES
from takeback.wire.proof_v1 import PROOF_HEADER, ProofShape, binding_of

_WINDOW_BYTES = 6
"""Shortest run of bytes that counts as a piece of the picture: six equal bytes do not happen by chance here."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: bytes
    body: bytes


@dataclass(slots=True)
class Witness:
    """Wraps an application and keeps every request that any client made of it."""

    requests: list[Seen] = field(default_factory=list)

    def watch(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            body = bytearray()

            async def listening() -> Message:
                message = await receive()
                body.extend(message.get("body", b""))
                return message

            try:
                await app(scope, listening, send)
            finally:
                headers = b"\n".join(name + b": " + value for name, value in scope["headers"])
                target = scope["raw_path"].decode() + "?" + scope["query_string"].decode()
                self.requests.append(Seen(scope["method"], target, headers, bytes(body)))

        return watched

    def posts(self, path: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.method == "POST" and seen.target == path + "?"]


def assert_nothing_of(secret: bytes, requests: list[Seen], what: str) -> None:
    """No run of six bytes of ``secret`` stands in any request: raw, as base64 at any offset, or as hexadecimal."""
    pieces = {secret[i : i + _WINDOW_BYTES] for i in range(len(secret) - _WINDOW_BYTES + 1)}
    for seen in requests:
        for form in _forms(seen):
            for i in range(len(form) - _WINDOW_BYTES + 1):
                assert form[i : i + _WINDOW_BYTES] not in pieces, f"{what} in {seen.method} {seen.target}"


def _forms(seen: Seen) -> list[bytes]:
    raw = seen.target.encode() + b"\n" + seen.headers + b"\n" + seen.body
    forms = [raw]
    runs = bytes(c if chr(c).isalnum() or c in b"+/" else 32 for c in seen.body).split()
    for run in runs:
        for offset in range(4):
            piece = run[offset : offset + (len(run) - offset) // 4 * 4]
            forms.append(base64.b64decode(piece, validate=True) if piece else b"")
        if len(run) % 2 == 0 and all(c in b"0123456789abcdefABCDEF" for c in run):
            forms.append(bytes.fromhex(run.decode()))
    return forms


def account_for_submission(body: bytes, keys: CaseKeys, expected: dict[str, set[str]]) -> CaseContent:
    """Account for every byte of a submission.

    Args:
        body: as it arrived.
        keys: of the case, derived from the receipt that the page showed.
        expected: algorithm → the values that may be in it, computed on this side.

    Returns:
        What was sealed in it.
    """
    assert len(body) in BODY_SIZES_BYTES
    shape = json.loads(body)
    assert set(shape) == {"case_id", "sealed", "fingerprints", "padding"}
    assert shape["padding"].strip(" ") == ""
    assert shape["case_id"] == keys.case_id.hex()
    content = open_sealed(keys, base64.b64decode(shape["sealed"], validate=True))
    tokens = {token_hash(hold.token).hex() for hold in content.holds}
    for item in shape["fingerprints"]:
        assert set(item) <= {"algorithm", "value", "quality", "token_hash"}
        assert item["value"] in expected[item["algorithm"]]
        assert item["token_hash"] in tokens
    assert len(shape["fingerprints"]) == len(content.holds) == sum(len(values) for values in expected.values())
    # Nothing hides between the fields: written anew without white space, it is the same bytes.
    assert json.dumps(shape, separators=(",", ":")).encode() == body
    return content


def account_for_proof(submission: Seen, challenges: list[Seen]) -> None:
    """Account for every byte that was sent for the proof: a hash of the submission, a puzzle and its solution."""
    binding = binding_of(submission.target.removesuffix("?"), submission.body)
    assert [seen.body for seen in challenges] == [json.dumps({"binding": binding}, separators=(",", ":")).encode()]
    name = PROOF_HEADER.lower().encode() + b": "
    (header,) = [line.removeprefix(name) for line in submission.headers.split(b"\n") if line.startswith(name)]
    sent = base64.b64decode(header, validate=True)
    proof = ProofShape.model_validate_json(sent)
    assert proof.challenge.parameters.data.binding == binding
    # What the shape knows is all there is.
    assert json.loads(sent) == proof.model_dump()
