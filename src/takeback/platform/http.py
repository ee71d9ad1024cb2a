"""The kit's routes. They read and write shapes and leave everything else to the services.

**Source:** docs/protocol/platform-v1.md.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from takeback.clock import Clock
from takeback.httpkit.auth import UnknownCallerError, read_bearer, same_secret
from takeback.httpkit.problem import problem_replies
from takeback.httpkit.same_site import refuse_cross_site
from takeback.model.entry import EntryId
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Action, Reason
from takeback.model.match import Tier
from takeback.platform.arriving import ArrivalLimits, arrival
from takeback.platform.checking import CheckService
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.filmstrip import filmstrip_of
from takeback.platform.held import HeldFiles
from takeback.platform.lists import ListFollower
from takeback.platform.look_back import LookBack
from takeback.platform.pool import PicturePool
from takeback.platform.review import ReviewService
from takeback.platform.sessions import ReviewSessions
from takeback.platform.types import Checked, LeadRecord, ListStatus, Notice
from takeback.wire.platform_v1 import (
    CONTENT_ID_PATTERN,
    MAX_WAIT_S,
    CheckReplyShape,
    DecideShape,
    DecisionShape,
    DecisionsShape,
    FrameShape,
    LeadDecisionShape,
    LeadMatchShape,
    LeadShape,
    LeadsShape,
    ListReadyShape,
    ListSeenShape,
    ReadyShape,
    SessionShape,
    check_match_shape,
)

COOKIE = "takeback_review"

LeadId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]

ContentName = Annotated[str, Path(pattern=CONTENT_ID_PATTERN)]

FrameNumber = Annotated[int, Path(ge=0, le=63)]

_JPEG: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/jpeg": {}}}}
_PICTURE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True, slots=True)
class PlatformFace:
    """What the routes need.

    Args:
        api_token: of the platform's software.
        checks: before publishing.
        review: afterwards.
        sessions: of reviewers.
        follower: how the lists stand.
        look_back: how far it is.
        bell: rings when there is a decision.
        pool: threads for pictures.
        videos: threads that wait for the processes which read videos.
        held: where a video waits for its check.
        limits: how large what arrives may be.
        clock: the time.
    """

    api_token: bytes
    checks: CheckService
    review: ReviewService
    sessions: ReviewSessions
    follower: ListFollower
    look_back: LookBack
    bell: DecisionBell
    pool: PicturePool
    videos: PicturePool
    held: HeldFiles
    limits: ArrivalLimits
    clock: Clock

    def require_platform(self, request: Request) -> None:
        """Let the platform's software in.

        Raises:
            UnknownCallerError: ``platform.token``.
        """
        if not same_secret(self.api_token, read_bearer(request, "platform.token").encode()):
            raise UnknownCallerError("platform.token", "This is not the kit's API token.")

    def require_reviewer(self, request: Request) -> str:
        """Let a reviewer in, and say who.

        Raises:
            UnknownCallerError: ``review.session``.
            NotAllowedError: ``request.cross_site``.
        """
        refuse_cross_site(request)
        return self.sessions.reviewer_of(request.cookies.get(COOKIE))

    def require_either(self, request: Request) -> None:
        """Let the platform's software or a reviewer in."""
        if "authorization" in request.headers:
            self.require_platform(request)
        else:
            self.require_reviewer(request)


def platform_router(face: PlatformFace) -> APIRouter:
    """Every route of platform-v1."""
    router = APIRouter()
    router.include_router(_platform_routes(face))
    router.include_router(_session_routes(face))
    router.include_router(_lead_routes(face))
    router.include_router(_state_routes(face))
    return router


def _platform_routes(face: PlatformFace) -> APIRouter:
    router = APIRouter(dependencies=[Depends(face.require_platform)], responses=problem_replies(401, 422, 503))

    @router.post(
        "/v1/check",
        openapi_extra=_PICTURE_BODY,
        responses=problem_replies(408, 409, 413),
        name="check content",
    )
    async def check(request: Request, content_id: Annotated[str, Query(pattern=CONTENT_ID_PATTERN)]) -> CheckReplyShape:
        async with arrival(request, face.held, face.limits, (face.pool, face.videos)) as body:
            if isinstance(body, bytes):
                checked = await face.pool.run(partial(face.checks.check, content_id, body))
            else:
                checked = await face.videos.run(partial(face.checks.check_video, content_id, body))
        return _check_reply(checked, face.clock.now_s())

    @router.delete("/v1/contents/{content_id}", status_code=204, name="forget content")
    async def forget(content_id: ContentName) -> None:
        await asyncio.to_thread(face.checks.forget, content_id)

    @router.post(
        "/v1/copies/{lead_id}",
        status_code=204,
        openapi_extra=_PICTURE_BODY,
        responses=problem_replies(404, 408, 409, 413),
        name="send a copy",
    )
    async def take_copy(request: Request, lead_id: LeadId) -> None:
        async with arrival(request, face.held, face.limits, (face.pool, face.videos)) as body:
            pool = face.pool if isinstance(body, bytes) else face.videos
            await pool.run(partial(face.review.take_copy, lead_id, body))

    @router.get("/v1/decisions", name="follow decisions")
    async def decisions(
        request: Request,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S)] = 0,
    ) -> DecisionsShape:
        found = await asyncio.to_thread(face.review.notices_after, after)
        if not found and wait:
            await _wait_or_gone(request, face.bell, after, wait)
            found = await asyncio.to_thread(face.review.notices_after, after)
        return DecisionsShape(
            decisions=[_notice_shape(notice) for notice in found], seq=found[-1].seq if found else after
        )

    return router


def _session_routes(face: PlatformFace) -> APIRouter:
    router = APIRouter(responses=problem_replies(401, 403, 422, 503))

    @router.post("/v1/session", status_code=204, name="sign in")
    def begin(shape: SessionShape, request: Request, response: Response) -> None:
        refuse_cross_site(request)
        token = face.sessions.begin(shape.code, shape.reviewer)
        is_https = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, path="/v1", httponly=True, samesite="strict", secure=is_https)

    @router.delete("/v1/session", status_code=204, name="sign out")
    def end(request: Request, response: Response) -> None:
        refuse_cross_site(request)
        face.sessions.end(request.cookies.get(COOKIE))
        response.delete_cookie(COOKIE, path="/v1", httponly=True, samesite="strict")

    return router


def _lead_routes(face: PlatformFace) -> APIRouter:
    router = APIRouter(responses=problem_replies(401, 403, 404, 422, 503))
    reviewer_only = Depends(face.require_reviewer)
    either = [Depends(face.require_either)]

    @router.get("/v1/leads", dependencies=either, name="open leads")
    def leads(state: Literal["open"] = "open") -> LeadsShape:  # noqa: ARG001 - the one state there is a list of
        queue = face.review.queue()
        withdrawn = face.review.withdrawn(queue.records)
        shapes = [_lead_shape(face, record, withdrawn) for record in queue.records]
        return LeadsShape(leads=shapes, open=queue.open_count, overdue=queue.overdue_count)

    @router.get("/v1/leads/{lead_id}", dependencies=either, name="one lead")
    def lead(lead_id: LeadId) -> LeadShape:
        return _shaped(face, face.review.lead(lead_id))

    @router.get("/v1/leads/{lead_id}/preview", dependencies=[reviewer_only], responses=_JPEG, name="blurred preview")
    async def preview(lead_id: LeadId) -> Response:
        return Response(await face.pool.run(partial(face.review.preview_of, lead_id)), media_type="image/jpeg")

    @router.get("/v1/leads/{lead_id}/picture", responses=_JPEG, name="the picture itself")
    async def picture(lead_id: LeadId, reviewer: Annotated[str, reviewer_only]) -> Response:
        shown = await face.pool.run(partial(face.review.picture_of, lead_id, reviewer))
        return Response(shown, media_type="image/jpeg")

    @router.get(
        "/v1/leads/{lead_id}/frames/{number}/preview",
        dependencies=[reviewer_only],
        responses=_JPEG,
        name="blurred frame",
    )
    async def frame_preview(lead_id: LeadId, number: FrameNumber) -> Response:
        shown = await face.videos.run(partial(face.review.frame_of, lead_id, number))
        return Response(shown, media_type="image/jpeg")

    @router.get("/v1/leads/{lead_id}/frames/{number}/picture", responses=_JPEG, name="the frame itself")
    async def frame(lead_id: LeadId, number: FrameNumber, reviewer: Annotated[str, reviewer_only]) -> Response:
        shown = await face.videos.run(partial(face.review.clear_frame_of, lead_id, number, reviewer))
        return Response(shown, media_type="image/jpeg")

    @router.post("/v1/leads/{lead_id}/decision", responses=problem_replies(409), name="decide a lead")
    def decide(lead_id: LeadId, shape: DecideShape, reviewer: Annotated[str, reviewer_only]) -> LeadShape:
        action, reason = Action(shape.action), Reason(shape.reason)
        return _shaped(face, face.review.decide(lead_id, action, reason, reviewer))

    return router


def _state_routes(face: PlatformFace) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz", name="alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", responses=problem_replies(503), name="ready")
    async def readyz() -> ReadyShape:
        now_s = face.clock.now_s()
        statuses = face.follower.statuses()
        places = await asyncio.to_thread(face.look_back.places) if face.look_back.memory.is_on else {}
        return ReadyShape(
            lists=[
                ListReadyShape(
                    **_list_seen(status, now_s).model_dump(), count=status.count, looked_back=places.get(status.list)
                )
                for status in statuses
            ]
        )

    return router


async def _wait_or_gone(request: Request, bell: DecisionBell, after: int, wait_s: int) -> None:
    """Wait for a decision, but not for a caller who has gone."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.create_task(gone()), asyncio.create_task(bell.wait_beyond(after, wait_s))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _check_reply(checked: Checked, now_s: int) -> CheckReplyShape:
    record = checked.record
    return CheckReplyShape(
        verdict="held" if checked.must_not_publish else "clear",
        tier=(Tier.CLEAR if record is None else record.tier).value,
        lead_id=None if record is None else record.lead.lead_id,
        deadline=None if record is None else record.lead.deadline_s,
        matches=[] if record is None else [check_match_shape(match) for match in record.lead.matches],
        lists=[_list_seen(status, now_s) for status in checked.lists],
    )


def _list_seen(status: ListStatus, now_s: int) -> ListSeenShape:
    return ListSeenShape(
        list=status.list.value, seq=status.seq, verified=status.verified_s, stale=status.is_stale(now_s)
    )


def _shaped(face: PlatformFace, record: LeadRecord) -> LeadShape:
    return _lead_shape(face, record, face.review.withdrawn((record,)))


def _notice_shape(notice: Notice) -> DecisionShape:
    return DecisionShape.model_validate(
        {
            "seq": notice.seq,
            "lead_id": notice.lead_id,
            "content_id": notice.content_id,
            "action": notice.action.value,
            "reason": notice.reason,
            "decided": notice.noted_s,
        }
    )


def _lead_shape(face: PlatformFace, record: LeadRecord, withdrawn: frozenset[tuple[Algorithm, EntryId]]) -> LeadShape:
    decision = record.decision
    return LeadShape(
        lead_id=record.lead.lead_id,
        content_id=record.lead.content_id,
        held=record.lead.held,
        found_later=record.found_later,
        has_copy=face.held.has(record.lead.lead_id),
        created=record.lead.created_s,
        deadline=record.lead.deadline_s,
        state="open" if decision is None else "decided",
        width=record.facts.width,
        height=record.facts.height,
        media=record.facts.media.value,
        duration=record.facts.duration_s,
        frames=[FrameShape(time=frame.time_s, match=frame.is_match) for frame in filmstrip_of(record)],
        matches=[
            LeadMatchShape(
                **check_match_shape(match).model_dump(), withdrawn=(match.algorithm, match.entry_id) in withdrawn
            )
            for match in record.lead.matches
        ],
        decision=None
        if decision is None
        else LeadDecisionShape(
            action=decision.action.value,
            reason=decision.reason.value,
            reviewer=decision.reviewer,
            decided=decision.decided_s,
        ),
    )
