"""Routes of the console, under ``/operator/v1``: getting in. The desk's are in ``http_desk``.

**Source:** docs/protocol/console-v1.md.
"""

from fastapi import APIRouter, Depends, Request, Response

from takeback.console.entry import TypedPassword
from takeback.console.face import COOKIE, PATH, ConsoleFace
from takeback.console.http_desk import desk_routes
from takeback.console.passkeys import CreatedPasskey, PasskeyAnswer
from takeback.console.qr import qr_rows
from takeback.console.shapes import base64url, bytes_of, operator_shape
from takeback.console.types import Operator, SignedIn
from takeback.httpkit.problem import problem_replies
from takeback.wire.console_v1 import (
    EnrolmentCodeShape,
    EnrolmentShape,
    EnrolPasskeyShape,
    EnrolPasswordShape,
    PasskeyAnswerShape,
    PasskeyChallengeShape,
    PasskeyCreatedShape,
    PasskeyRequestShape,
    PasswordShape,
    SignedInShape,
)

_REFUSALS = problem_replies(403, 408, 413, 422, 503)


def console_routes(face: ConsoleFace) -> APIRouter:
    """Every route of the console."""
    routes = APIRouter(prefix=f"{PATH}/v1", responses=_REFUSALS)
    routes.include_router(_session_routes(face))
    routes.include_router(_enrolment_routes(face))
    routes.include_router(_passkey_routes(face))
    routes.include_router(desk_routes(face))
    return routes


def _session_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/session", dependencies=[Depends(face.own_page)])

    @routes.get("", responses=problem_replies(401), name="who is signed in")
    def session(request: Request) -> SignedInShape:
        return _signed_in_shape(face, request, face.signed_in(request))

    @routes.post("/passkey/challenge", name="begin to sign in with a passkey")
    def challenge(request: Request) -> PasskeyChallengeShape:
        party = face.needed_party(request)
        return PasskeyChallengeShape(rp_id=party.rp_id, challenge=base64url(face.entry.passkey_challenge()))

    @routes.post("/passkey", status_code=204, name="sign in with a passkey")
    def by_passkey(body: PasskeyAnswerShape, request: Request, response: Response) -> None:
        answer = PasskeyAnswer(
            bytes_of(body.credential_id),
            bytes_of(body.client_data),
            bytes_of(body.authenticator_data),
            bytes_of(body.signature),
        )
        face.hand_cookie(request, response, face.entry.sign_in_passkey(answer, face.needed_party(request)))

    @routes.post("/password", status_code=204, name="sign in with a password and a code")
    def by_password(body: PasswordShape, request: Request, response: Response) -> None:
        token = face.entry.sign_in_password(TypedPassword(body.name, body.password, body.code))
        face.hand_cookie(request, response, token)

    @routes.delete("", status_code=204, name="sign out")
    def end(request: Request, response: Response) -> None:
        face.sessions.end(request.cookies.get(COOKIE))
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")

    return routes


def _enrolment_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/enrolment", dependencies=[Depends(face.own_page)], responses=problem_replies(404, 409))

    @routes.post("", name="open a link")
    def opened(body: EnrolmentCodeShape, request: Request) -> EnrolmentShape:
        found = face.entry.open_enrolment(body.code)
        return EnrolmentShape(
            name=found.operator.name,
            role=found.operator.role.value,
            secret=found.secret,
            uri=found.uri,
            qr=qr_rows(found.uri),
            passkey=_passkey_request(face, request, found.operator, found.challenge),
        )

    @routes.post("/password", status_code=204, name="choose a password")
    def password(body: EnrolPasswordShape, request: Request, response: Response) -> None:
        face.hand_cookie(request, response, face.entry.enrol_password(body.code, body.password, body.totp))

    @routes.post("/passkey", status_code=204, name="choose a passkey")
    def passkey(body: EnrolPasskeyShape, request: Request, response: Response) -> None:
        party = face.needed_party(request)
        face.hand_cookie(request, response, face.entry.enrol_passkey(body.code, _created(body.passkey), party))

    return routes


def _passkey_routes(face: ConsoleFace) -> APIRouter:
    routes = APIRouter(prefix="/passkeys", responses=problem_replies(401, 409))

    @routes.post("/challenge", name="begin to add a passkey")
    def challenge(request: Request) -> PasskeyRequestShape:
        operator = face.signed_in(request).operator
        face.needed_party(request)
        made = _passkey_request(face, request, operator, face.entry.further_challenge(operator))
        assert made is not None  # noqa: S101 - there is a party, so there is a request
        return made

    @routes.post("", status_code=204, name="add a passkey")
    def add(body: PasskeyCreatedShape, request: Request) -> None:
        operator = face.signed_in(request).operator
        face.entry.add_passkey(operator, _created(body), face.needed_party(request))

    return routes


def _passkey_request(
    face: ConsoleFace, request: Request, operator: Operator, challenge: bytes
) -> PasskeyRequestShape | None:
    party = face.party_of(request)
    if party is None:
        return None
    return PasskeyRequestShape(
        rp_id=party.rp_id,
        challenge=base64url(challenge),
        user_id=base64url(bytes.fromhex(operator.operator_id)),
        user_name=operator.name,
    )


def _created(body: PasskeyCreatedShape) -> CreatedPasskey:
    return CreatedPasskey(bytes_of(body.credential_id), bytes_of(body.client_data), bytes_of(body.attestation))


def _signed_in_shape(face: ConsoleFace, request: Request, session: SignedIn) -> SignedInShape:
    return SignedInShape(
        operator=operator_shape(session.operator),
        until=session.until_s,
        idle=session.idle_s,
        passkeys=face.party_of(request) is not None,
    )
