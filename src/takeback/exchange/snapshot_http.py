"""Routes of the native feed beyond the log itself: snapshots, points, and waiting for news.

**Source:** docs/protocol/feed-v1.md §7, §8 and §10.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, StreamingResponse
from starlette import types as asgi

from takeback.errors import InvalidInputError
from takeback.exchange.gate import PartnerGate
from takeback.exchange.service import FeedService, entitled_list
from takeback.exchange.types import Partner, Scope
from takeback.exchange.watch import MAX_WAIT_S, ListWatch
from takeback.httpkit.problem import problem_replies
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import MovedShape, SignedTextShape

WAIT_PATH = "/feed/v1/wait"

_MAX_SEQ = 2**63 - 1
_MAX_DIGITS = 19


def snapshot_routes(gate: PartnerGate, feed: FeedService, watch: ListWatch) -> APIRouter:
    """The routes; all need a partner's key."""
    routes = APIRouter(responses=problem_replies(401, 403, 422, 429, 503))

    def pulling(request: Request) -> Partner:
        return gate.native(request, Scope.PULL)

    Caller = Annotated[Partner, Depends(pulling)]  # noqa: N806 - a type

    @routes.get(WAIT_PATH, response_model=MovedShape)
    async def wait(
        partner: Caller, request: Request, seconds: Annotated[int, Query(ge=0, le=MAX_WAIT_S)] = 25
    ) -> StreamingResponse:
        places = _places(partner, request.query_params)
        watch.enter(partner.partner_id)
        return _WaitingReply(watch, partner.partner_id, places, seconds if places else 0)

    @routes.get("/feed/v1/{name}/snapshot", responses=problem_replies(404))
    def snapshot(name: str, partner: Caller) -> SignedTextShape:
        return feed.snapshot(partner, name)

    @routes.get("/feed/v1/{name}/snapshot/{digest}", response_class=FileResponse, responses=problem_replies(404))
    def snapshot_file(name: str, digest: str, partner: Caller) -> FileResponse:
        path = feed.snapshot_file(partner, name, digest)
        return FileResponse(path, media_type="application/octet-stream", headers={"ETag": f'"{digest}"'})

    @routes.get("/feed/v1/{name}/point", responses=problem_replies(404))
    def point(name: str, partner: Caller, seq: Annotated[int, Query(ge=1, le=_MAX_SEQ)]) -> SignedTextShape:
        return feed.point(partner, name, seq)

    return routes


def _places(partner: Partner, untrusted_query: Mapping[str, str]) -> dict[Algorithm, int]:
    places: dict[Algorithm, int] = {}
    for name in Algorithm:
        digits = untrusted_query.get(name.value)
        if digits is not None:
            if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
                raise InvalidInputError("request.invalid", "A place in a list is a whole number.")
            places[entitled_list(partner, name.value)] = int(digits)
    return places


class _WaitingReply(StreamingResponse):
    """Blanks, then which lists have moved. Its place among those who wait is given back however it ends."""

    def __init__(self, watch: ListWatch, partner_id: str, places: Mapping[Algorithm, int], seconds: int) -> None:
        self._watch = watch
        self._partner_id = partner_id
        super().__init__(self._parts(places, seconds), media_type="application/json")

    async def _parts(self, places: Mapping[Algorithm, int], seconds: int) -> AsyncIterator[bytes]:
        async for blank in self._watch.heartbeats_until_moved(places, seconds):
            yield blank
        moved = await self._watch.moved(places)
        yield MovedShape(moved=[name.value for name in moved]).model_dump_json().encode()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.leave(self._partner_id)
