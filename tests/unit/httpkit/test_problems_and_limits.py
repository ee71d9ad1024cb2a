import io
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict

from takeback.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    ProtocolViolationError,
    TakebackError,
    TooLargeError,
    UnavailableError,
)
from takeback.httpkit.application import bare_app
from takeback.httpkit.auth import UnknownCallerError, read_bearer
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.limits import BodyLimit, InFlightLimit
from takeback.httpkit.logs import open_log
from takeback.httpkit.problem import install_problem_handlers
from takeback.httpkit.serve import Server

CANARY = "canary-7f3a"


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    number: int


def _face(log: io.StringIO, max_in_flight: int = 64, body_timeout_s: float = 30.0) -> FastAPI:
    app = bare_app("a face for tests")
    install_problem_handlers(app, open_log(log))

    @app.post("/number")
    def take_number(body: _Body) -> int:
        return body.number

    @app.post("/echo")
    @app.post("/large/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.get("/who")
    def who(request: Request) -> str:
        return read_bearer(request)

    @app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError(CANARY)

    @app.get("/raises/{family}")
    def raises(family: str) -> None:
        families: dict[str, type[TakebackError]] = {
            kind.__name__: kind
            for kind in (
                InvalidInputError,
                NotFoundError,
                ConflictError,
                NotAllowedError,
                UnknownCallerError,
                TooLargeError,
                UnavailableError,
                CorruptDataError,
                ProtocolViolationError,
                TakebackError,
            )
        }
        raise families[family]("some.code", "A sentence for people.", detail="for the operator")

    @app.get("/slow")
    def slow() -> str:
        time.sleep(0.5)
        return "done"

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    app.add_middleware(BodyLimit, max_body_bytes=100, by_prefix={"/large": 1000}, body_timeout_s=body_timeout_s)
    app.add_middleware(InFlightLimit, max_in_flight=max_in_flight)
    app.add_middleware(SecurityHeaders)
    return app


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def shared_log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def caller(shared_log: io.StringIO) -> Iterator[httpx.Client]:
    with Server(_face(shared_log)) as server, httpx.Client(base_url=server.url) as client:
        yield client


def _is_problem(reply: httpx.Response, status: int, code: str) -> bool:
    body = reply.json()
    return (
        reply.status_code == status
        and reply.headers["content-type"] == "application/problem+json"
        and body["status"] == status
        and body["code"] == code
        and set(body) == {"type", "title", "status", "code", "detail"}
    )


@pytest.mark.parametrize(
    ("family", "status"),
    [
        ("InvalidInputError", 422),
        ("NotFoundError", 404),
        ("ConflictError", 409),
        ("NotAllowedError", 403),
        ("UnknownCallerError", 401),
        ("TooLargeError", 413),
        ("UnavailableError", 503),
        ("CorruptDataError", 500),
        ("ProtocolViolationError", 502),
        ("TakebackError", 500),
    ],
)
def test_each_error_family_has_its_status_and_keeps_its_detail_private(
    caller: httpx.Client, family: str, status: int
) -> None:
    reply = caller.get(f"/raises/{family}")
    assert _is_problem(reply, status, "some.code")
    assert reply.json()["detail"] == "A sentence for people."
    assert "for the operator" not in reply.text
    assert ("retry-after" in reply.headers) == (status == 503)
    assert ("www-authenticate" in reply.headers) == (status == 401)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"number": CANARY}).encode(),
        json.dumps({"number": "1"}).encode(),
        b"{" + CANARY.encode(),
        b"[" * 90,
        b"\xff\xfe",
        b'{"number":1,"' + CANARY.encode() + b'":2}',
        b"",
    ],
)
def test_a_body_of_another_form_is_refused_and_not_echoed(caller: httpx.Client, body: bytes) -> None:
    reply = caller.post("/number", content=body, headers={"content-type": "application/json"})
    assert _is_problem(reply, 422, "request.invalid")
    assert CANARY not in reply.text


def test_addresses_and_methods_that_are_not_there(caller: httpx.Client) -> None:
    assert _is_problem(caller.get(f"/{CANARY}"), 404, "route.unknown")
    assert _is_problem(caller.get("/number"), 405, "route.method")
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert _is_problem(caller.get(path), 404, "route.unknown")


def test_a_failure_nobody_expected_is_a_plain_500_and_its_text_stays_inside(
    caller: httpx.Client, shared_log: io.StringIO
) -> None:
    shared_log.truncate(0)
    shared_log.seek(0)
    reply = caller.get("/breaks", headers={"user-agent": CANARY})
    assert _is_problem(reply, 500, "internal")
    assert CANARY not in reply.text
    assert CANARY not in shared_log.getvalue()
    (line,) = shared_log.getvalue().splitlines()
    written = json.loads(line)
    assert written["error"] == "RuntimeError"
    assert "test_problems_and_limits.py:" in written["where"]


def test_a_body_over_the_limit_is_refused_by_its_declared_length_before_it_is_sent(caller: httpx.Client) -> None:
    host, port = str(caller.base_url.host), caller.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n")
        reply = connection.recv(65536)
    assert reply.startswith(b"HTTP/1.1 413")
    assert b"request.too_large" in reply


@pytest.mark.parametrize(("path", "fits"), [("/echo", 100), ("/large/echo", 1000)])
def test_the_limit_counts_bytes_with_and_without_a_declared_length(caller: httpx.Client, path: str, fits: int) -> None:
    def in_parts(size: int) -> Iterator[bytes]:
        for _ in range(size):
            yield b"x"

    assert caller.post(path, content=b"x" * fits).json() == fits
    assert caller.post(path, content=in_parts(fits)).json() == fits
    assert _is_problem(caller.post(path, content=b"x" * (fits + 1)), 413, "request.too_large")
    assert _is_problem(caller.post(path, content=in_parts(fits + 1)), 413, "request.too_large")


def test_a_body_that_does_not_arrive_is_given_up(log: io.StringIO) -> None:
    with Server(_face(log, body_timeout_s=0.2)) as server:
        port = int(server.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")
    assert log.getvalue() == ""


def test_more_requests_than_the_limit_are_told_to_come_back(log: io.StringIO) -> None:
    with (
        Server(_face(log, max_in_flight=2)) as server,
        httpx.Client(base_url=server.url, timeout=10) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        replies = list(pool.map(lambda _: client.get("/slow"), range(6)))
        assert sorted({reply.status_code for reply in replies}) == [200, 503]
        assert all(_is_problem(reply, 503, "server.busy") for reply in replies if reply.status_code == 503)
        busy = [pool.submit(client.get, "/slow") for _ in range(2)]
        assert client.get("/healthz").json() == "ok"
        assert [reply.result().status_code for reply in busy] == [200, 200]
        assert client.get("/slow").status_code == 200


def test_keys_are_read_only_in_the_right_form(caller: httpx.Client) -> None:
    assert caller.get("/who", headers={"authorization": "Bearer tb1_a"}).json() == "tb1_a"
    for wrong in (b"", b"Bearer", b"Basic abc", b"Bearer a b", b"Bearer " + b"a" * 513, "Bearer kö".encode()):
        reply = caller.get("/who", headers={b"authorization": wrong})
        assert _is_problem(reply, 401, "caller.unknown")


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/breaks", "/number"])
def test_every_reply_carries_the_security_headers(caller: httpx.Client, path: str) -> None:
    headers = caller.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers
    assert "set-cookie" not in headers
