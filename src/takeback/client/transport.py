"""One registry over HTTP: addresses that are allowed, answers with a bounded size, refusals as this project's errors.

Nothing is logged here, and an error's detail never holds a body: bodies carry fingerprints, tokens and keys.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from takeback.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    ProtocolViolationError,
    TakebackError,
    TooLargeError,
    UnavailableError,
)
from takeback.wire.proof_v1 import PROOF_HEADER

MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
"""No honest answer is larger: a full page of 10 000 changes is about 2 MB."""

_TIMEOUT_S: Final = 15.0

_FAMILIES: Final[Mapping[int, type[TakebackError]]] = {
    400: InvalidInputError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    422: InvalidInputError,
    429: UnavailableError,
}

Answer = TypeVar("Answer")


class _ProblemShape(BaseModel):
    code: str
    title: str = ""
    detail: str | None = None


def http_client(base_url: str, *, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client for one server. Close it, or use it in a ``with``.

    It says nothing of the machine (``User-Agent: takeback``), keeps no cookies between programs, follows no redirect,
    and honours the usual proxy variables, so that it works through Tor.

    Args:
        base_url: ``https://…``; plain ``http`` only for this machine, a one-word local name, or an onion.
        headers: sent with every request.

    Raises:
        InvalidInputError: ``registry.address``.
    """
    return httpx.Client(
        base_url=checked_address(base_url), headers=_headers(headers), timeout=_TIMEOUT_S, follow_redirects=False
    )


def async_http_client(base_url: str, *, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """The same for asyncio. Close it with ``aclose``, or use it in an ``async with``."""
    return httpx.AsyncClient(
        base_url=checked_address(base_url), headers=_headers(headers), timeout=_TIMEOUT_S, follow_redirects=False
    )


def _headers(more: Mapping[str, str] | None) -> dict[str, str]:
    return {"User-Agent": "takeback", "Accept": "application/json", **(more or {})}


def checked_address(untrusted_url: str) -> str:
    """The address without a trailing slash.

    Raises:
        InvalidInputError: ``registry.address`` if it is no web address, or would send secrets over the open network
            without encryption.
    """
    try:
        parts = urlsplit(untrusted_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        raise InvalidInputError("registry.address", "This is not a web address such as https://registry.example.org.")
    if parts.scheme == "http" and not _may_be_plain(host):
        raise InvalidInputError("registry.address", "This address must begin with https://, so that nobody can listen.")
    return untrusted_url.rstrip("/")


def _may_be_plain(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".onion"))


def call(
    http: httpx.Client,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, int] | None = None,
    proof: str | None = None,
) -> bytes:
    """Send one request and read the whole answer.

    Args:
        http: from :func:`http_client`.
        method: ``GET`` or ``POST``.
        path: starts with ``/``.
        body: JSON.
        params: query parameters; never an identifier.
        proof: of work, where the server asks for one.

    Raises:
        UnavailableError: ``registry.unreachable``, or the server's own code where it says to come back later.
        ProtocolViolationError: ``registry.reply`` for an answer that is not the protocol's.
        TakebackError: the server's refusal, with its code, in the family its status stands for.
    """
    reply = BoundedReply()
    with (
        as_unreachable(),
        http.stream(method, path, content=body, params=params, headers=content_headers(body, proof)) as response,
    ):
        for part in response.iter_bytes():
            reply.take(part)
    return reply.body(response.status_code)


async def async_call(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, int] | None = None,
) -> bytes:
    """:func:`call` for asyncio."""
    reply = BoundedReply()
    with as_unreachable():
        headers = content_headers(body)
        async with http.stream(method, path, content=body, params=params, headers=headers) as response:
            async for part in response.aiter_bytes():
                reply.take(part)
    return reply.body(response.status_code)


@contextmanager
def as_unreachable() -> Iterator[None]:
    """What goes wrong on the way to the registry, in our words."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(
            "registry.unreachable", "The registry cannot be reached right now.", detail=type(error).__name__
        ) from None


def content_headers(body: bytes | None, proof: str | None = None) -> dict[str, str]:
    """The headers a request's body needs, with its proof of work if there is one."""
    headers = {} if body is None else {"Content-Type": "application/json"}
    return headers if proof is None else {**headers, PROOF_HEADER: proof}


class BoundedReply:
    """An answer that is read part by part and never held beyond a limit."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, part: bytes) -> None:
        """Add a part.

        Raises:
            ProtocolViolationError: ``registry.reply`` if the answer is far too large.
        """
        self._size += len(part)
        if self._size > MAX_REPLY_BYTES:
            raise ProtocolViolationError("registry.reply", "The server's answer is far too large.")
        self._parts.append(part)

    def body(self, status: int) -> bytes:
        """The whole answer.

        Raises:
            TakebackError: the refusal it is, if ``status`` says so.
        """
        whole = b"".join(self._parts)
        if 200 <= status < 300:
            return whole
        raise _refusal(status, whole)


def _refusal(status: int, untrusted_reply: bytes) -> TakebackError:
    family = UnavailableError if status >= 500 else _FAMILIES.get(status, ProtocolViolationError)
    try:
        problem = _ProblemShape.model_validate_json(untrusted_reply)
    except ValidationError:
        code = "registry.unavailable" if family is UnavailableError else "registry.reply"
        return family(code, f"The server answered with status {status}.")
    return family(problem.code[:100], (problem.detail or problem.title or f"Status {status}.")[:500])


def with_retries(action: Callable[[], Answer], waits_s: Sequence[float], sleep: Callable[[float], None]) -> Answer:
    """Run ``action``, and again after each wait while it is unavailable. The last failure is raised."""
    for wait_s in waits_s:
        try:
            return action()
        except UnavailableError:
            sleep(wait_s)
    return action()
