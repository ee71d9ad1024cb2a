"""Routes of the console for who is signed in: reading is for both roles, acting for operators only.

**Source:** docs/protocol/console-v1.md.
"""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from takeback.console.face import ConsoleFace
from takeback.console.http_decisions import decision_routes
from takeback.console.overview import HISTORY_DAYS
from takeback.console.shapes import (
    audit_line_shape,
    issued_code_shape,
    issued_key_shape,
    list_shape,
    operator_shape,
    partner_shape,
)
from takeback.console.types import Operator, Role
from takeback.exchange.partners import DEFAULT_LISTS
from takeback.httpkit.problem import problem_replies
from takeback.model.fingerprint import Algorithm
from takeback.wire.console_v1 import (
    AuditPageShape,
    ChainCheckShape,
    EndedKeysShape,
    FigureShape,
    HealthShape,
    IssuedCodeShape,
    IssuedKeyShape,
    NewOperatorShape,
    NewPartnerShape,
    OperatorShape,
    OperatorsShape,
    OverviewShape,
    PartnerShape,
    PartnersShape,
    RoleShape,
    RotateShape,
    ScopeShape,
)

_MAX_SEQ = 2**63 - 1
PartnerId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
OperatorId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def desk_routes(face: ConsoleFace) -> APIRouter:
    """Everything behind the sign-in."""
    routes = APIRouter(responses=problem_replies(401))
    routes.include_router(_overview_routes(face))
    routes.include_router(_partner_routes(face))
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


def _partner_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/partners", responses=problem_replies(404, 409))
    Acting = Annotated[Operator, Depends(face.acting)]  # noqa: N806 - a type

    @routes.get("", dependencies=[Depends(face.signed_in)], name="all partners")
    def partners() -> PartnersShape:
        shapes = [partner_shape(partner) for partner in face.partners.all()]
        return PartnersShape(
            partners=shapes,
            default_lists=[name.value for name in DEFAULT_LISTS],
            overlap_days=face.key_overlap_days,
        )

    @routes.post("", status_code=201, name="take in a partner")
    def add(body: NewPartnerShape, by: Acting) -> IssuedKeyShape:
        return issued_key_shape(face.partners.add(body.name, _lists(body.lists), by.operator_id))

    @routes.post("/{partner_id}/key", name="give a partner another key")
    def rotate(partner_id: PartnerId, body: RotateShape, by: Acting) -> IssuedKeyShape:
        issued = face.partners.rotate(partner_id, by.operator_id, overlap_days=body.overlap_days)
        return issued_key_shape(issued)

    @routes.post("/{partner_id}/confirm", name="end the keys before the newest")
    def confirm(partner_id: PartnerId, by: Acting) -> EndedKeysShape:
        return EndedKeysShape(ended=face.partners.confirm(partner_id, by.operator_id))

    @routes.put("/{partner_id}/lists", name="change what a partner may pull")
    def scope(partner_id: PartnerId, body: ScopeShape, by: Acting) -> PartnerShape:
        return partner_shape(face.partners.rescope(partner_id, _lists(body.lists), by.operator_id))

    @routes.delete("/{partner_id}", status_code=204, name="shut a partner out")
    def revoke(partner_id: PartnerId, by: Acting) -> None:
        face.partners.revoke(partner_id, by.operator_id)

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


def _lists(names: Iterable[str]) -> list[Algorithm]:
    return [Algorithm(name) for name in names]
