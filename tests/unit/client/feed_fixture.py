"""A registry's log made by hand: real keys, real chains, and a server that tells them; it can be made to lie."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.model.entry import Change, Head, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_keys_v1 import KeysShape
from takeback.wire.feed_v1 import (
    HEAD_CONTEXT,
    ChangesShape,
    FeedbackBatchShape,
    PublicKeyShape,
    SignatureShape,
    SignedHeadShape,
    SignedTextShape,
    change_shape,
    first_chain,
    head_text,
    key_id_of,
    next_chain,
    pin_of,
    withhold,
)
from takeback.wire.feed_withheld_v1 import WITHHELD_CONTEXT, withheld_text
from takeback.wire.shape import encode_base64

DAY = date(2026, 11, 22)


def entry_id(i: int) -> str:
    return hashlib.md5(f"entry {i}".encode()).hexdigest()  # noqa: S324 - an id, not a signature


def value(i: int, name: Algorithm = Algorithm.SHA256) -> str:
    return hashlib.sha256(f"value {i}".encode()).hexdigest()[: 32 if name is Algorithm.MD5 else 64]


def add(seq: int, i: int, name: Algorithm = Algorithm.SHA256) -> Change:
    return Change(name, seq, Op.ADD, entry_id(i), value(i, name), 90 if name is Algorithm.PDQ else None, DAY)


def remove(seq: int, i: int, name: Algorithm = Algorithm.SHA256) -> Change:
    return Change(name, seq, Op.REMOVE, entry_id(i), None, None, DAY)


def withheld(seq: int, i: int, name: Algorithm = Algorithm.SHA256) -> Change:
    return withhold(add(seq, i, name))


def chain_over(changes: Sequence[Change], name: Algorithm = Algorithm.SHA256) -> bytes:
    chain = first_chain(name)
    for change in changes:
        chain = next_chain(chain, change)
    return chain


@dataclass
class Signer:
    private: Ed25519PrivateKey = field(default_factory=lambda: Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def sign(self, head: Head) -> SignedHeadShape:
        return self.sign_text(head_text(head))

    def sign_text(self, text: str) -> SignedHeadShape:
        return SignedHeadShape(head=text, signatures=[self._signature(text, HEAD_CONTEXT)])

    def sign_other(self, text: str, context: bytes) -> SignedTextShape:
        return SignedTextShape(text=text, signatures=[self._signature(text, context)])

    def _signature(self, text: str, context: bytes) -> SignatureShape:
        signed = self.private.sign(context + text.encode())
        return SignatureShape(key_id=key_id_of(self.public), signature=encode_base64(signed))

    def partner_key(self) -> PartnerKey:
        return parse_partner_key(f"tb1_{'ab' * 8}_{'cd' * 32}_{pin_of(self.public)}")


@dataclass
class HandMadeRegistry:
    """Serves logs. ``lie`` changes what a head says before it is signed."""

    signer: Signer = field(default_factory=Signer)
    logs: dict[Algorithm, list[Change]] = field(default_factory=dict)
    now_s: int = 1_790_000_000
    ttl_s: int = 3600
    lie: Callable[[Head], Head] = lambda head: head
    asked: list[str] = field(default_factory=list)
    refused_lists: tuple[Algorithm, ...] = ()
    drop_seq: int | None = None
    unreachable: bool = False
    feedback: list[dict[str, str]] = field(default_factory=list)
    takes_feedback: bool = True
    withheld_from: str = "ab" * 8

    def head(self, name: Algorithm) -> Head:
        log = self.logs.get(name, [])
        count = sum(-1 if change.op is Op.REMOVE else 1 for change in log)
        return self.lie(Head(name, len(log), chain_over(log, name), count, self.now_s, self.now_s + self.ttl_s))

    def changes(self, name: Algorithm, after: int, limit: int) -> ChangesShape:
        log = [change for change in self.logs.get(name, []) if change.seq != self.drop_seq]
        page = [change for change in log if change.seq > after][:limit]
        withheld = None
        if any(change.op is Op.WITHHELD for change in page):
            withheld = self.signer.sign_other(withheld_text(name, self.withheld_from, page), WITHHELD_CONTEXT)
        head = self.signer.sign(self.head(name))
        return ChangesShape(changes=list(map(change_shape, page)), head=head, withheld=withheld)

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if authorization != f"Bearer {self.signer.partner_key().text}":
            return 401, problem("partner.unknown", 401)
        parts = urlsplit(path)
        if parts.path == "/feed/v1/keys":
            key = PublicKeyShape(key_id=key_id_of(self.signer.public), public_key=self.signer.public.hex())
            return 200, KeysShape(keys=[key]).model_dump_json().encode()
        if not parts.path.endswith("/changes"):
            return 404, problem("route.unknown", 404)
        name = Algorithm(parts.path.split("/")[3])
        if name in self.refused_lists:
            return 403, problem("partner.not_entitled", 403)
        query = {key: int(values[0]) for key, values in parse_qs(parts.query).items()}
        return 200, self.changes(name, query["after"], query["limit"]).model_dump_json(exclude_none=True).encode()

    def take_feedback(self, body: bytes) -> tuple[int, bytes]:
        if not self.takes_feedback:
            return 503, problem("registry.unavailable", 503)
        words = [word.model_dump() for word in FeedbackBatchShape.model_validate_json(body).feedback]
        self.feedback += words
        return 200, json.dumps({"accepted": len(words)}).encode()

    def http(self) -> httpx.Client:
        def handle(request: httpx.Request) -> httpx.Response:
            if self.unreachable:
                raise httpx.ConnectError("no route")
            path = request.url.raw_path.decode()
            status, body = self.answer(path, request.headers.get("authorization", ""))
            return httpx.Response(status, content=body)

        return httpx.Client(
            transport=httpx.MockTransport(handle),
            base_url="http://registry",
            headers={"Authorization": f"Bearer {self.signer.partner_key().text}"},
        )


def problem(code: str, status: int) -> bytes:
    return json.dumps(
        {"type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": "No."}
    ).encode()


@contextmanager
def served(registry: HandMadeRegistry) -> Iterator[str]:
    """The same registry on loopback, for a client in another process."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(*registry.answer(self.path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            assert self.path == "/feedback/v1"
            self._reply(*registry.take_feedback(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
