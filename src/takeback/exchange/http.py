"""Routes of the native feed and of feedback.

**Source:** docs/protocol/feed-v1.md §4 and §6.
"""

import gzip
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from takeback.exchange.gate import PartnerGate
from takeback.exchange.service import FeedService
from takeback.exchange.types import Partner, Scope
from takeback.httpkit.codings import takes_coding
from takeback.httpkit.problem import problem_replies
from takeback.wire.feed_keys_v1 import KeysShape
from takeback.wire.feed_v1 import (
    MAX_CHANGES,
    ChangesShape,
    FeedbackAcceptedShape,
    FeedbackBatchShape,
    SignedHeadShape,
    change_shape,
    parse_feedback,
)

_MAX_SEQ = 2**63 - 1
_COMPRESSED_FROM_BYTES = 1024
_GZIP_LEVEL = 1
"""Values are random; what gzip takes off are the JSON around them and half of each hexadecimal digit, at any level."""


def feed_routes(gate: PartnerGate, feed: FeedService) -> APIRouter:
    """The routes under ``/feed/v1`` and ``/feedback/v1``; all need a partner's key."""
    routes = APIRouter(responses=problem_replies(401, 403, 422, 429, 503))

    def pulling(request: Request) -> Partner:
        return gate.native(request, Scope.PULL)

    def speaking(request: Request) -> Partner:
        return gate.native(request, Scope.FEEDBACK)

    Caller = Annotated[Partner, Depends(pulling)]  # noqa: N806 - a type
    Speaker = Annotated[Partner, Depends(speaking)]  # noqa: N806 - a type

    @routes.get("/feed/v1/keys", dependencies=[Depends(pulling)])
    def keys() -> KeysShape:
        return feed.keys()

    @routes.get("/feed/v1/{name}/head", responses=problem_replies(404))
    def head(name: str, partner: Caller) -> SignedHeadShape:
        return feed.head(partner, name)

    @routes.get("/feed/v1/{name}/changes", response_model=ChangesShape, responses=problem_replies(404, 409))
    def changes(
        name: str,
        partner: Caller,
        request: Request,
        after: Annotated[int, Query(ge=0, le=_MAX_SEQ)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MAX_SEQ)] = MAX_CHANGES,
    ) -> Response:
        page = feed.changes(partner, name, after, limit)
        told = [change_shape(change) for change in page.changes]
        shape = ChangesShape(changes=told, head=page.head, withheld=page.withheld)
        # Written once here; FastAPI would check ten thousand changes a second time. A tombstone has no value to show.
        return _compressed(request, shape.model_dump_json(exclude_none=True).encode())

    @routes.post("/feedback/v1", responses=problem_replies(413))
    def feedback(body: FeedbackBatchShape, partner: Speaker) -> FeedbackAcceptedShape:
        accepted = feed.feedback(partner, [parse_feedback(item) for item in body.feedback])
        return FeedbackAcceptedShape(accepted=accepted)

    return routes


def _compressed(request: Request, body: bytes) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if len(body) >= _COMPRESSED_FROM_BYTES and takes_coding(request.headers.get("accept-encoding", ""), "gzip"):
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)
