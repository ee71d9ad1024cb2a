"""Reading a bearer key. What a key is worth, the service that owns it decides."""

import hmac
import re

from starlette.requests import Request

from takeback.errors import NotAllowedError

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")


class UnknownCallerError(NotAllowedError):
    """The caller has not said who they are, or we do not know them: 401, where its parent is 403."""


def read_bearer(request: Request, code: str = "caller.unknown") -> str:
    """The key in ``Authorization: Bearer KEY``.

    Raises:
        UnknownCallerError: with ``code``, if there is none or it cannot be one.
    """
    found = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise UnknownCallerError(code, "This request needs a key: send it as 'Authorization: Bearer KEY'.")
    return found.group(1)


def same_secret(ours: bytes, theirs: bytes) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(ours, theirs)
