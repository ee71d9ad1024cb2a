"""Routes of the console for partners, what they do, and what they offer.

**Source:** docs/protocol/console-v1.md §5.
"""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from takeback.console.face import ConsoleFace
from takeback.console.shapes_partners import issued_key_shape, offer_shape, partner_counts_shape, partner_shape
from takeback.console.types import Operator
from takeback.exchange.offers import OfferState
from takeback.exchange.partners import DEFAULT_LISTS, Terms
from takeback.exchange.types import Scope
from takeback.httpkit.problem import problem_replies
from takeback.model.fingerprint import Algorithm
from takeback.wire.console_partners_v1 import (
    EndedKeysShape,
    IssuedKeyShape,
    NewPartnerShape,
    OffersShape,
    OfferStateName,
    PartnerShape,
    PartnersShape,
    PartnerStatisticsShape,
    RotateShape,
    ScopeShape,
    TermsShape,
)

PartnerId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
OfferId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]

_SHOWN = 100
"""Offers in one answer: a partner may make a thousand with one request."""


def partner_routes(face: ConsoleFace) -> APIRouter:
    """Partners: who they are, what they may, what they do, and their keys."""
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

    @routes.put("/{partner_id}/terms", responses=problem_replies(422), name="change what a partner may do")
    def terms(partner_id: PartnerId, body: TermsShape, by: Acting) -> PartnerShape:
        given = Terms(
            scopes=[Scope(name) for name in body.scopes],
            requests_per_minute=body.per_minute,
            networks=body.networks,
        )
        return partner_shape(face.partners.change(partner_id, given, by.operator_id))

    @routes.get("/statistics", dependencies=[Depends(face.signed_in)], name="what partners do")
    def statistics() -> PartnerStatisticsShape:
        return PartnerStatisticsShape(partners=[partner_counts_shape(one) for one in face.statistics.all()])

    @routes.delete("/{partner_id}", status_code=204, name="shut a partner out")
    def revoke(partner_id: PartnerId, by: Acting) -> None:
        face.partners.revoke(partner_id, by.operator_id)

    return routes


def offer_routes(face: ConsoleFace) -> APIRouter:
    """What partners would put on a list."""
    routes = APIRouter(prefix="/offers", responses=problem_replies(404, 409))
    Acting = Annotated[Operator, Depends(face.acting)]  # noqa: N806 - a type

    @routes.get("", dependencies=[Depends(face.signed_in)], name="what partners offer")
    def offers(state: Annotated[OfferStateName, Query()] = "waiting") -> OffersShape:
        names = {partner.partner_id: partner.name for partner in face.partners.all()}
        found, total = face.offers.page(OfferState(state), _SHOWN)
        shown = [offer_shape(offer, names.get(offer.partner_id, "")) for offer in found]
        return OffersShape(offers=shown, total=total)

    @routes.post("/{offer_id}/take", status_code=204, name="put an offer on its list")
    def take(offer_id: OfferId, by: Acting) -> None:
        face.offers.take(offer_id, by.operator_id)

    @routes.post("/{offer_id}/refuse", status_code=204, name="do not put an offer on a list")
    def refuse(offer_id: OfferId, by: Acting) -> None:
        face.offers.refuse(offer_id, by.operator_id)

    @routes.post("/{offer_id}/withdraw", status_code=204, name="take an offer back off its list")
    def withdraw(offer_id: OfferId, by: Acting) -> None:
        face.offers.withdraw(offer_id, by.operator_id)

    return routes


def _lists(names: Iterable[str]) -> list[Algorithm]:
    return [Algorithm(name) for name in names]
