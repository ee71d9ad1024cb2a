"""Routes of the console for who is signed in: reading is for both roles, acting for operators only.

**Source:** docs/protocol/console-v1.md.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from takeback.console.face import ConsoleFace
from takeback.console.http_decisions import decision_routes
from takeback.console.http_partners import offer_routes, partner_routes
from takeback.console.overview import HISTORY_DAYS
from takeback.console.shapes import (
    audit_line_shape,
    issued_code_shape,
    list_shape,
    operator_shape,
)
from takeback.console.types import Operator, Role
from takeback.httpkit.problem import problem_replies
from takeback.wire.console_v1 import (
    AuditPageShape,
    ChainCheckShape,
    FigureShape,
    HealthShape,
    IssuedCodeShape,
    NewOperatorShape,
    OperatorShape,
    OperatorsShape,
    OverviewShape,
    RoleShape,
)

_MAX_SEQ = 2**63 - 1
PartnerId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
OperatorId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def desk_routes(face: ConsoleFace) -> APIRouter:
    """Everything behind the sign-in."""
    routes = APIRouter(responses=problem_replies(401))
    routes.include_router(_overview_routes(face))
    routes.include_router(partner_routes(face))
    routes.include_router(offer_routes(face))
    routes.include_router(_operator_routes(face))
    routes.include_router(decision_routes(face))
    return routes


def _overview_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(face.signed_in)])

    @routes.get("/overview", name="health, lists and statistics")
    def overview() -> OverviewShape:
        return OverviewShape(
            today=face.overview.today(),
            history_days=HISTORY_DAYS,
            health=[HealthShape(part=part.part, state=part.state.value) for part in face.overview.health()],
            lists=[list_shape(history) for history in face.overview.lists()],
            statistics=[
                FigureShape(group=figure.group, name=figure.name, count=figure.count)
                for figure in face.overview.statistics()
            ],
        )

    @routes.get("/audit", name="the audit log, newest first")
    def audit(before: Annotated[int | None, Query(ge=1, le=_MAX_SEQ)] = None) -> AuditPageShape:
        return AuditPageShape(lines=[audit_line_shape(line) for line in face.auditing.page(before)])

    @routes.post("/audit/check", name="check the audit log's chain")
    def check() -> ChainCheckShape:
        found = face.auditing.check()
        return ChainCheckShape(lines=found.lines, broken=found.broken)

    return routes


def _operator_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/operators", responses=problem_replies(404, 409))
    Acting = Annotated[Operator, Depends(face.acting)]  # noqa: N806 - a type

    @routes.get("", dependencies=[Depends(face.signed_in)], name="all operators")
    def operators() -> OperatorsShape:
        return OperatorsShape(operators=[operator_shape(operator) for operator in face.operators.all()])

    @routes.post("", status_code=201, name="take in an operator")
    def add(body: NewOperatorShape, by: Acting) -> IssuedCodeShape:
        return issued_code_shape(face.operators.add(body.name, Role(body.role), by.operator_id))

    @routes.post("/{operator_id}/code", name="give an operator another link")
    def give_code(operator_id: OperatorId, by: Acting) -> IssuedCodeShape:
        return issued_code_shape(face.operators.give_code(operator_id, by.operator_id))

    @routes.put("/{operator_id}/role", name="change an operator's role")
    def set_role(operator_id: OperatorId, body: RoleShape, by: Acting) -> OperatorShape:
        return operator_shape(face.operators.set_role(operator_id, Role(body.role), by.operator_id))

    @routes.delete("/{operator_id}", status_code=204, name="remove an operator")
    def remove(operator_id: OperatorId, by: Acting) -> None:
        face.operators.remove(operator_id, by.operator_id)

    return routes
