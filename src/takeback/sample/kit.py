"""The platform kit as a site's own software calls it: a few requests over HTTP.

**Source:** docs/protocol/platform-v1.md §2, §3 and §6.
"""

from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError

from takeback.errors import InvalidInputError, UnavailableError
from takeback.wire.platform_v1 import CheckReplyShape, DecisionsShape
from takeback.wire.shape import parse_reply

_CODE: Final = "kit.unavailable"
_MESSAGE: Final = "Pictures cannot be checked at the moment."


class _ProblemShape(BaseModel):
    code: str = ""
    detail: str = ""


_TIMEOUT_S = httpx.Timeout(60, read=600)
"""A long video takes the kit minutes."""


@dataclass(slots=True)
class Kit:
    """Talks to one kit.

    Args:
        http: carries the address and the API token.
    """

    http: httpx.Client = field(repr=False)

    @classmethod
    def at(cls, url: str, token: str) -> "Kit":
        """The kit at this address."""
        return cls(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S))

    def check(self, content_id: str, picture: bytes) -> CheckReplyShape:
        """Ask about a picture before it is published.

        Raises:
            InvalidInputError: the kit cannot read the picture, with the kit's code and words.
            UnavailableError: ``kit.unavailable`` for every other way of not getting a verdict.
        """
        response = self._send(
            "POST",
            "/v1/check",
            params={"content_id": content_id},
            content=picture,
            headers={"Content-Type": "application/octet-stream"},
        )
        if response.status_code in {413, 422}:
            problem = _problem(response.content)
            raise InvalidInputError(problem.code or "media.unreadable", problem.detail or "This is not a picture.")
        return parse_reply(CheckReplyShape, self._ok(response), _CODE)

    def decisions(self, after: int, wait_s: int) -> DecisionsShape:
        """Decisions after a place in the log; held back up to ``wait_s`` until there is one.

        Raises:
            UnavailableError: ``kit.unavailable``.
        """
        params: dict[str, str | int] = {"after": after, "wait": wait_s}
        return parse_reply(DecisionsShape, self._ok(self._send("GET", "/v1/decisions", params=params)), _CODE)

    def send_copy(self, lead_id: str, content: bytes) -> None:
        """Send the file of a lead that was found later. One that is decided by now needs none.

        Raises:
            UnavailableError: ``kit.unavailable``; to be tried again.
        """
        headers = {"Content-Type": "application/octet-stream"}
        self._done(self._send("POST", f"/v1/copies/{lead_id}", params={}, content=content, headers=headers))

    def forget(self, content_id: str) -> None:
        """Tell the kit that a content is gone.

        Raises:
            UnavailableError: ``kit.unavailable``; to be tried again.
        """
        self._done(self._send("DELETE", f"/v1/contents/{content_id}", params={}))

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int] | dict[str, str],
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return self.http.request(method, path, params=params, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise UnavailableError(_CODE, _MESSAGE, detail=type(error).__name__) from None

    @staticmethod
    def _done(response: httpx.Response) -> None:
        # Refused for good: it is unknown, or decided, or cannot be shown. To send it again would change nothing.
        if not response.is_success and response.status_code not in {404, 409, 413, 422}:
            raise UnavailableError(_CODE, _MESSAGE, detail=f"status {response.status_code}")

    @staticmethod
    def _ok(response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise UnavailableError(_CODE, _MESSAGE, detail=f"status {response.status_code}")
        return response.content


def _problem(untrusted_body: bytes) -> _ProblemShape:
    try:
        return _ProblemShape.model_validate_json(untrusted_body)
    except ValidationError:
        return _ProblemShape()
