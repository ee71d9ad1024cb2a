"""Routes of the NCMEC shape.

**Source:** docs/protocol/partner-shapes.md §2.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from takeback.exchange.gate import PartnerGate
from takeback.exchange.ncmec.service import NcmecService
from takeback.exchange.types import Partner, Scope
from takeback.httpkit.problem import problem_replies
from takeback.wire.ncmec_v2 import (
    MEDIA_TYPE,
    EntryKind,
    FingerprintType,
    Place,
    entries_document,
    feedback_document,
    members_document,
    next_path,
    parse_feedback,
    parse_time,
    reasons_document,
    status_document,
)

_MAX_SEQ = 2**63 - 1
_Number = Annotated[int, Query(ge=0, le=_MAX_SEQ)]


class _XmlResponse(Response):
    media_type = MEDIA_TYPE


def ncmec_routes(gate: PartnerGate, ncmec: NcmecService) -> APIRouter:
    """The routes under ``/ncmec/v2``; all need a user and a password."""
    routes = APIRouter(
        prefix="/ncmec/v2", responses=problem_replies(401, 403, 422, 429, 503), default_response_class=_XmlResponse
    )

    def pulling(request: Request) -> Partner:
        return gate.ncmec(request, Scope.PULL)

    def speaking(request: Request) -> Partner:
        return gate.ncmec(request, Scope.FEEDBACK)

    Caller = Annotated[Partner, Depends(pulling)]  # noqa: N806 - a type
    Speaker = Annotated[Partner, Depends(speaking)]  # noqa: N806 - a type

    @routes.get("/status")
    def status(partner: Caller) -> Response:
        return _XmlResponse(status_document(ncmec.members(partner)[1]))

    @routes.get("/members")
    def members(partner: Caller) -> Response:
        return _XmlResponse(members_document(ncmec.members(partner)))

    @routes.get("/entries")
    def entries(
        partner: Caller,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        to: Annotated[str | None, Query(max_length=40)] = None,
        kind: EntryKind | None = None,
        after: _Number = 0,
        start: _Number = 0,
    ) -> Response:
        window = ncmec.window(None if since is None else parse_time(since), None if to is None else parse_time(to))
        place = None if kind is None else Place(kind, after, start, 0)
        page = ncmec.entries(partner, window, place)
        following = None if page.following is None else next_path(window, page.following, ncmec.page_entries)
        return StreamingResponse(
            entries_document(ncmec.registry, page.images, page.videos, following), media_type=MEDIA_TYPE
        )

    @routes.get("/feedback/{kind}/reasons", dependencies=[Depends(speaking)])
    def reasons(kind: FingerprintType) -> Response:
        return _XmlResponse(reasons_document(kind))

    @routes.put("/entries/{member}/{entry_id}/{kind}/feedback", responses=problem_replies(404, 413))
    async def feedback(
        request: Request,
        partner: Speaker,
        member: Annotated[int, Path(ge=0, le=_MAX_SEQ)],
        entry_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
        kind: FingerprintType,
    ) -> Response:
        says_yes = parse_feedback(await request.body())
        await run_in_threadpool(ncmec.feedback, partner, (member, entry_id, kind), says_yes=says_yes)
        return _XmlResponse(feedback_document())

    return routes
