"""Routes of the console for what waits for a decision: quarantine, and what the guard list held back.

**Source:** docs/protocol/console-v1.md §5 and §6.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from takeback.console.face import ConsoleFace
from takeback.console.shapes import aside_shape, guard_line_shape, recheck_shape
from takeback.console.types import Operator
from takeback.httpkit.problem import problem_replies
from takeback.model.fingerprint import Algorithm, parse_fingerprint
from takeback.wire.console_v1 import AddedGuardShape, GuardListShape, NewGuardShape, QuarantineShape

EntryId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
GuardId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def decision_routes(face: ConsoleFace) -> APIRouter:
    """What operators decide; auditors see it too."""
    routes = APIRouter(responses=problem_replies(404))
    routes.include_router(_quarantine_routes(face))
    routes.include_router(_guard_routes(face))
    return routes


def _quarantine_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/quarantine")
    Acting = Annotated[Operator, Depends(face.acting)]  # noqa: N806 - a type

    @routes.get("", dependencies=[Depends(face.signed_in)], name="what waits in quarantine")
    def waiting() -> QuarantineShape:
        return QuarantineShape(waiting=[aside_shape(entry) for entry in face.quarantine.list()])

    @routes.post("/{entry_id}/take-off", status_code=204, name="put an entry into quarantine")
    def take_off(entry_id: EntryId, by: Acting) -> None:
        face.quarantine.take_off(entry_id, by.operator_id)

    @routes.post("/{entry_id}/restore", status_code=204, name="put an entry back on its list")
    def restore(entry_id: EntryId, by: Acting) -> None:
        face.quarantine.restore(entry_id, by.operator_id)

    @routes.post("/{entry_id}/remove", status_code=204, name="keep an entry off its list")
    def remove(entry_id: EntryId, by: Acting) -> None:
        face.quarantine.remove(entry_id, by.operator_id)

    return routes


def _guard_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/guard")
    Acting = Annotated[Operator, Depends(face.acting)]  # noqa: N806 - a type

    @routes.get("", dependencies=[Depends(face.signed_in)], name="the guard list and what it held back")
    def lines() -> GuardListShape:
        return GuardListShape(
            lines=[guard_line_shape(line) for line in face.guard.list()],
            waiting=[aside_shape(entry) for entry in face.guard.waiting()],
            recheck=recheck_shape(face.guard.recheck.progress()),
        )

    @routes.post("", status_code=201, name="add to the guard list")
    def add(body: NewGuardShape, by: Acting) -> AddedGuardShape:
        given = [parse_fingerprint(Algorithm(one.algorithm), one.value, one.quality) for one in body.fingerprints]
        return AddedGuardShape(added=len(face.guard.add(given, body.note, by.operator_id)))

    @routes.delete("/{guard_id}", status_code=204, name="take a line off the guard list")
    def remove(guard_id: GuardId, by: Acting) -> None:
        face.guard.remove(guard_id, by.operator_id)

    @routes.post("/waiting/{entry_id}/admit", status_code=204, name="list what was held back")
    def admit(entry_id: EntryId, by: Acting) -> None:
        face.guard.admit(entry_id, by.operator_id)

    @routes.post("/waiting/{entry_id}/reject", status_code=204, name="do not list what was held back")
    def reject(entry_id: EntryId, by: Acting) -> None:
        face.guard.reject(entry_id, by.operator_id)

    return routes
