"""Routes of a person's device: submit, open, ask, withdraw, keep, renew. There is no route that takes a picture.

**Source:** docs/protocol/case-v1.md §5, §6 and §8.
"""

import asyncio
from typing import Annotated, assert_never

from fastapi import APIRouter, Depends

from takeback.errors import ConflictError
from takeback.httpkit.problem import problem_replies
from takeback.registry.proof import SpentProof, spent_proof
from takeback.registry.proof_http import ProofGate
from takeback.registry.service import RegistryService
from takeback.registry.types import Reception, Wish
from takeback.wire.case_v1 import (
    AcceptedShape,
    HoldsStatusShape,
    OpenCaseShape,
    SealedCaseShape,
    SubmissionShape,
    TermsShape,
    TokensShape,
    parse_submission,
    status_shape,
    terms_shape,
)
from takeback.wire.shape import encode_base64

_REFUSALS = problem_replies(408, 413, 422, 503)


def case_routes(service: RegistryService, gate: ProofGate) -> APIRouter:
    """The routes under ``/v1``."""
    routes = APIRouter(prefix="/v1", responses=_REFUSALS)
    Proof = Annotated[SpentProof | None, Depends(gate.submission)]  # noqa: N806 - a type
    questions = APIRouter(responses=problem_replies(403, 429), dependencies=[Depends(gate.question)])

    @routes.get("/terms")
    async def terms() -> TermsShape:
        return terms_shape(service.terms)

    @routes.post("/cases", status_code=202, responses=problem_replies(403, 409))
    async def submit(body: SubmissionShape, proof: Proof) -> AcceptedShape:
        reception = await asyncio.wrap_future(service.submit(parse_submission(body), proof))
        if reception is not Reception.PROOF_SPENT:
            gate.desk.note_submission()
        _refuse_unless_taken_in(reception)
        return AcceptedShape(state="being_added")

    @routes.post("/cases/open", responses=problem_replies(404))
    def open_case(body: OpenCaseShape) -> SealedCaseShape:
        case_id, more = bytes.fromhex(body.case_id), [bytes.fromhex(item) for item in body.more]
        found = service.open_sheets((case_id, *more))
        return SealedCaseShape(
            sealed=encode_base64(found[case_id]), more=[encode_base64(found[item]) for item in more if item in found]
        )

    @questions.post("/holds/status")
    def statuses(body: TokensShape) -> HoldsStatusShape:
        found = service.statuses([bytes.fromhex(token) for token in body.tokens])
        return HoldsStatusShape(holds=[status_shape(status) for status in found])

    @questions.post("/holds/withdraw", status_code=202)
    async def withdraw(body: TokensShape) -> AcceptedShape:
        await _wish(body, Wish.WITHDRAW)
        return AcceptedShape(state="withdrawing" if service.terms.withdrawal_delay_days else "withdrawn")

    @questions.post("/holds/keep", status_code=202)
    async def keep(body: TokensShape) -> AcceptedShape:
        await _wish(body, Wish.KEEP)
        return AcceptedShape(state="kept")

    @questions.post("/holds/renew", status_code=202)
    async def renew(body: TokensShape) -> AcceptedShape:
        await _wish(body, Wish.RENEW)
        return AcceptedShape(state="renewed")

    async def _wish(body: TokensShape, wish: Wish) -> None:
        await asyncio.wrap_future(service.wish([bytes.fromhex(token) for token in body.tokens], wish))

    routes.include_router(questions)
    return routes


def _refuse_unless_taken_in(reception: Reception) -> None:
    match reception:
        case Reception.TAKEN_IN:
            return
        case Reception.PROOF_SPENT:
            raise spent_proof()
        case Reception.ANOTHER_CASE:
            # case-v1 §5.3: of two devices that add to a case at once, the second opens it again and adds after.
            raise ConflictError("case.taken", "Something else has been added to this case meanwhile. Open it again.")
        case _:
            assert_never(reception)
