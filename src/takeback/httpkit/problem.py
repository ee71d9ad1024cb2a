"""Every refusal is ``application/problem+json``. The one place that knows which error family has which status.

A reply never quotes what was sent and never carries an error's private detail.

**Source:** RFC 9457; docs/protocol/case-v1.md §8.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
from takeback.httpkit.auth import UnknownCallerError
from takeback.httpkit.logs import EventLog, open_log, origin_of
from takeback.httpkit.rate import RateLimitedError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
"""What a 503 asks a client to wait."""

_STATUS_OF_FAMILY: dict[type[TakebackError], int] = {
    InvalidInputError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    UnknownCallerError: 401,
    NotAllowedError: 403,
    TooLargeError: 413,
    UnavailableError: 503,
    RateLimitedError: 429,
    CorruptDataError: 500,
    ProtocolViolationError: 502,
}

_CODE_OF_STATUS = {
    400: ("request.invalid", "The request is not well formed."),
    404: ("route.unknown", "There is nothing at this address."),
    405: ("route.method", "This address does not take this method."),
    413: ("request.too_large", "The request is larger than this address takes."),
    415: ("request.media_type", "The request has a content type that this address does not take."),
}


class Problem(BaseModel):
    """The body of every refusal."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    type: str
    title: str
    status: int
    code: str
    detail: str


def problem_replies(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares as ``responses=`` so that its OpenAPI description tells these refusals."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for status in statuses
    }


def problem_response(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal.

    Args:
        status: HTTP status.
        code: stable, for programs.
        detail: one sentence for people; nothing of the request in it.
        headers: added to the reply.
    """
    problem = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    extra = dict(headers or {})
    if status == 503:
        extra.setdefault("Retry-After", str(RETRY_AFTER_S))
    if status == 401:
        extra.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(problem.model_dump(), status_code=status, headers=extra, media_type=MEDIA_TYPE)


def status_of(error: TakebackError) -> int:
    """The HTTP status of an error's family."""
    for family in type(error).__mro__:
        if family in _STATUS_OF_FAMILY:
            return _STATUS_OF_FAMILY[family]
    return 500


def response_of(error: TakebackError) -> Response:
    """The refusal an error stands for."""
    headers: dict[str, str] = {}
    if isinstance(error, UnknownCallerError):
        headers["WWW-Authenticate"] = error.scheme
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(error.retry_after_s)
    return problem_response(status_of(error), error.code, error.message, headers)


class UnexpectedErrors:
    """Turns an exception nobody expected into a plain 500, and logs its kind and place, not its text.

    Starlette's own handler answers and then raises the exception again for the server to print, traceback and text
    included; a database error's text can hold what a person submitted.
    """

    def __init__(self, app: ASGIApp, log: EventLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:  # noqa: BLE001 - the outermost boundary
            self._log.error("request.failed", error=type(error).__name__, where=origin_of(error))
            if not started:
                reply = problem_response(500, "internal", "Something went wrong here. It is not your fault.")
                await reply(scope, receive, send)


def install_problem_handlers(app: FastAPI, log: EventLog | None = None) -> None:
    """Make every refusal and every failure of ``app`` a problem+json. Call it before adding other middleware.

    Args:
        app: the application.
        log: where failures on our side are written; standard error if not given.
    """
    events = open_log() if log is None else log

    async def on_takeback_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, TakebackError)  # noqa: S101 - registered for this class only
        if status_of(error) >= 500:
            events.error("request.refused", code=error.code, detail=error.detail, error=type(error).__name__)
        return response_of(error)

    app.add_exception_handler(TakebackError, on_takeback_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_middleware(UnexpectedErrors, log=events)


async def _on_invalid_request(_request: Request, _error: Exception) -> Response:
    # Pydantic's own report quotes the input, which may be a fingerprint or a token.
    return problem_response(422, "request.invalid", "The request does not have the form the protocol asks for.")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == 400:
        # FastAPI's word for a body that is not JSON; the protocol has one code and status for both.
        return await _on_invalid_request(request, error)
    code, detail = _CODE_OF_STATUS.get(error.status_code, ("request.refused", "The request was refused."))
    allow = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return problem_response(error.status_code, code, detail, allow)
