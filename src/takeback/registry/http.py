"""Routes of a person's device: submit, open, ask, withdraw. There is no route that takes a picture.

**Source:** docs/protocol/case-v1.md §5, §6 and §8.
"""

import asyncio

from fastapi import APIRouter

from takeback.httpkit.problem import problem_replies
from takeback.registry.service import RegistryService
from takeback.wire.case_v1 import (
    AcceptedShape,
    HoldsStatusShape,
    HoldStatusShape,
    OpenCaseShape,
    SealedCaseShape,
    SubmissionShape,
    TokensShape,
    parse_submission,
)
from takeback.wire.shape import encode_base64

_REFUSALS = problem_replies(408, 413, 422, 503)


def case_routes(service: RegistryService) -> APIRouter:
    """The routes under ``/v1``."""
    routes = APIRouter(prefix="/v1", responses=_REFUSALS)

    @routes.post("/cases", status_code=202)
    async def submit(body: SubmissionShape) -> AcceptedShape:
        await asyncio.wrap_future(service.submit(parse_submission(body)))
        return AcceptedShape(state="being_added")

    @routes.post("/cases/open", responses=problem_replies(404))
    def open_case(body: OpenCaseShape) -> SealedCaseShape:
        return SealedCaseShape(sealed=encode_base64(service.open_case(bytes.fromhex(body.case_id))))

    @routes.post("/holds/status")
    def statuses(body: TokensShape) -> HoldsStatusShape:
        found = service.statuses([bytes.fromhex(token) for token in body.tokens])
        return HoldsStatusShape(
            holds=[HoldStatusShape(state=status.state.value, platforms=status.platforms) for status in found]
        )

    @routes.post("/holds/withdraw", status_code=202)
    async def withdraw(body: TokensShape) -> AcceptedShape:
        await asyncio.wrap_future(service.withdraw([bytes.fromhex(token) for token in body.tokens]))
        return AcceptedShape(state="withdrawn")

    return routes
