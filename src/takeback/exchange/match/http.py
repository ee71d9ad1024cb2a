"""The one route of match-as-a-service. There is none that takes a picture.

**Source:** docs/protocol/match-v1.md §2.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from takeback.exchange.gate import PartnerGate
from takeback.exchange.match.service import MatchService
from takeback.exchange.types import Partner, Scope
from takeback.httpkit.problem import problem_replies
from takeback.wire.match_v1 import AnswerShape, QueryShape, answer_shape, parse_query


def match_routes(gate: PartnerGate, match: MatchService) -> APIRouter:
    """The route under ``/match/v1``; it needs a key that is for it by name."""
    routes = APIRouter(prefix="/match/v1", responses=problem_replies(401, 403, 413, 422, 429, 503))

    def asking(request: Request) -> Partner:
        return gate.native(request, Scope.MATCH)

    @routes.post("/query", response_model_exclude_none=True)
    def query(body: QueryShape, partner: Annotated[Partner, Depends(asking)]) -> AnswerShape:
        found = match.query(partner, parse_query(body))
        return answer_shape(list(found.matches), found.seqs)

    return routes
