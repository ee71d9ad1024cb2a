"""Reading a key from a request's headers. What a key is worth, the service that owns it decides."""

import base64
import binascii
import hmac
import re

from starlette.requests import Request

from takeback.errors import NotAllowedError

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")


class UnknownCallerError(NotAllowedError):
    """The caller has not said who they are, or we do not know them: 401, where its parent is 403.

    Args:
        code: as for every error.
        message: as for every error.
        detail: as for every error.
        scheme: what the reply asks for in ``WWW-Authenticate``.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None, scheme: str = "Bearer") -> None:
        super().__init__(code, message, detail=detail)
        self.scheme = scheme


def read_bearer(request: Request, code: str = "caller.unknown") -> str:
    """The key in ``Authorization: Bearer KEY``.

    Raises:
        UnknownCallerError: with ``code``, if there is none or it cannot be one.
    """
    found = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise UnknownCallerError(code, "This request needs a key: send it as 'Authorization: Bearer KEY'.")
    return found.group(1)


def read_basic(request: Request, code: str = "caller.unknown") -> tuple[str, str]:
    """User and password of ``Authorization: Basic …`` (RFC 7617).

    Raises:
        UnknownCallerError: with ``code``, if there is none or it cannot be one.
    """
    unknown = UnknownCallerError(code, "This request needs a user and a password (HTTP Basic).", scheme="Basic")
    kind, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != "basic" or len(encoded) > 512:
        raise unknown
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise unknown from None
    user, colon, password = text.partition(":")
    if not colon:
        raise unknown
    return user, password


def same_secret(ours: bytes, theirs: bytes) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(ours, theirs)
