"""Limits on what a caller may make us hold: body size, time to send it, and requests worked on at once.

Pure ASGI, so that a body over the limit is refused before a byte of it is read.
"""

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from takeback.errors import InvalidInputError, TakebackError, TooLargeError, UnavailableError
from takeback.httpkit.problem import problem_response, response_of

BODY_TIMEOUT_S = 30.0
"""A body that takes longer to arrive is given up, or 64 slow callers would occupy the service for good."""


class BodyLimit:
    """Refuses bodies that are too large (413) or too slow (408).

    Args:
        app: what is protected.
        max_body_bytes: the limit.
        by_prefix: other limits for paths that start so; the longest prefix counts.
        body_timeout_s: seconds in which the whole body has to arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int,
        by_prefix: Mapping[str, int] | None = None,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._by_prefix = sorted((by_prefix or {}).items(), key=lambda item: -len(item[0]))
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_bytes = self._limit_of(scope["path"])
        declared = _declared_length(scope)
        if declared is not None and declared > limit_bytes:
            await _refuse_unread(_too_large(limit_bytes), scope, receive, send)
            return
        await _MeteredRequest(self._app, scope, limit_bytes, self._body_timeout_s).run(receive, send)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._by_prefix if path.startswith(prefix)), self._max_body_bytes)


class InFlightLimit:
    """Answers 503 when more requests than ``max_in_flight`` are being worked on.

    Args:
        app: what is protected.
        max_in_flight: the limit.
        exempt: paths that are always let through: a probe must see an overfull process as alive.
    """

    def __init__(self, app: ASGIApp, max_in_flight: int, exempt: tuple[str, ...] = ("/healthz",)) -> None:
        self._app = app
        self._max_in_flight = max_in_flight
        self._exempt = exempt
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        if self._in_flight >= self._max_in_flight:
            busy = UnavailableError("server.busy", "Too many requests at the moment. Please try again shortly.")
            await _refuse_unread(busy, scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1


class _BodyTooSlowError(InvalidInputError):
    """The body did not arrive in time."""


class _MeteredRequest:
    """One request whose body is counted and timed while the application reads it."""

    def __init__(self, app: ASGIApp, scope: Scope, limit_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._scope = scope
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._read_bytes = 0
        self._complete = False
        self._started = False
        self._refused = False

    async def run(self, receive: Receive, send: Send) -> None:
        """Run the application; if the body broke a limit, the caller has had the refusal and nothing else."""
        deadline_s = asyncio.get_running_loop().time() + self._timeout_s

        async def metered_receive() -> Message:
            try:
                return await self._next_part(receive, deadline_s)
            except TakebackError as error:
                await self._refuse(error, receive, send)
                raise

        async def guarded_send(message: Message) -> None:
            if self._refused:
                return
            self._started = True
            await send(message)

        try:
            await self._app(self._scope, metered_receive, guarded_send)
        except Exception:
            if not self._refused:
                raise

    async def _next_part(self, receive: Receive, deadline_s: float) -> Message:
        if self._complete:
            # Only a disconnect can follow, and waiting for that has no limit.
            return await receive()
        try:
            async with asyncio.timeout_at(deadline_s):
                message = await receive()
        except TimeoutError:
            raise _BodyTooSlowError("request.timeout", "The request did not arrive in time.") from None
        self._complete = not message.get("more_body", False)
        self._read_bytes += len(message.get("body", b""))
        if self._read_bytes > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        return message

    async def _refuse(self, error: TakebackError, receive: Receive, send: Send) -> None:
        self._refused = True
        if not self._started:
            await _refuse_unread(error, self._scope, receive, send)


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError("request.too_large", f"The request is larger than {limit_bytes} bytes.")


async def _refuse_unread(error: TakebackError, scope: Scope, receive: Receive, send: Send) -> None:
    reply = (
        problem_response(408, error.code, error.message) if isinstance(error, _BodyTooSlowError) else response_of(error)
    )
    # What is left of the body must not be taken for the next request.
    reply.headers["connection"] = "close"
    await reply(scope, receive, send)


def _declared_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:19])
    return None
