"""The route that hands out challenges, and the check in front of the routes that want a proof.

**Source:** docs/protocol/case-v1.md §9.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request

from takeback.db import GroupWriter
from takeback.httpkit.problem import problem_replies
from takeback.httpkit.rate import RateLimitedError, RequestRate
from takeback.registry.proof import ProofDesk, SpentProof, spend, spent_proof
from takeback.wire.proof_v1 import PROOF_HEADER, BindingShape, ChallengeReplyShape, binding_of

_EVERYBODY = "everybody"
"""The one caller that questions are counted for: nobody is told apart."""


@dataclass(frozen=True, slots=True)
class ProofGate:
    """Lets requests through that bring a proof where one is asked for.

    Args:
        desk: checks proofs.
        writer: writes down that one is spent.
        rate: counts questions.
        questions_per_minute: so many are answered without a proof, everybody's together.
        processes: how many processes of this registry share the questions.
    """

    desk: ProofDesk
    writer: GroupWriter
    rate: RequestRate
    questions_per_minute: int
    processes: Callable[[], int] = lambda: 1

    async def submission(self, request: Request) -> SpentProof | None:
        """The proof of a submission, to be spent with it. The request's body has been read.

        Raises:
            NotAllowedError: with a code that begins with ``proof.``.
        """
        # The body as it came, byte for byte: FastAPI has read it already and Starlette keeps it.
        binding = binding_of(request.url.path, await request.body())
        # Some signatures are compared, in less time than a thread would take to hand them to.
        return self.desk.check(request.headers.get(PROOF_HEADER), binding)

    async def question(self, request: Request) -> None:
        """Let a question about holds through: the first ones of a minute as they are, more only with a proof.

        Raises:
            NotAllowedError: with a code that begins with ``proof.``.
            RateLimitedError: where no proofs are asked for.
        """
        try:
            mine = max(self.questions_per_minute // self.processes(), 1)
            self.rate.take(_EVERYBODY, mine, mine)
        except RateLimitedError:
            proof = await self.submission(request)
            if proof is None:
                raise
            if not await asyncio.wrap_future(self.writer.submit_item(spend, proof)):
                raise spent_proof() from None


def proof_routes(desk: ProofDesk) -> APIRouter:
    """``POST /v1/challenges``."""
    routes = APIRouter(prefix="/v1", responses=problem_replies(408, 413, 422, 503))

    @routes.post("/challenges", response_model_exclude_none=True)
    async def challenge(body: BindingShape) -> ChallengeReplyShape:
        challenge = ChallengeReplyShape(challenge=desk.issue(body.binding))
        if desk.stock.begin_refill():
            asyncio.get_running_loop().run_in_executor(None, desk.stock.refill)
        return challenge

    return routes
