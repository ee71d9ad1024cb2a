"""From partners, their counts and their offers to the console's wire shapes."""

from datetime import date

from takeback.exchange.offers import Offer
from takeback.exchange.partners import IssuedKey
from takeback.exchange.statistics import PartnerStatistics
from takeback.exchange.types import Partner
from takeback.model.fingerprint import Algorithm
from takeback.wire.console_partners_v1 import (
    BehindShape,
    CredentialsShape,
    IssuedKeyShape,
    OfferShape,
    PartnerCountsShape,
    PartnerShape,
    WordsShape,
)

_EPOCH = date(1970, 1, 1)


def partner_shape(partner: Partner) -> PartnerShape:
    """A partner."""
    return PartnerShape(
        partner=partner.partner_id,
        name=partner.name,
        lists=[name.value for name in Algorithm if name in partner.lists],
        active=partner.is_active,
        scopes=sorted(scope.value for scope in partner.scopes),
        networks=list(partner.networks),
        per_minute=partner.requests_per_minute,
    )


def issued_key_shape(issued: IssuedKey) -> IssuedKeyShape:
    """A partner and its key."""
    shown = issued.key.credentials()
    credentials = CredentialsShape(
        ncmec_user=shown.user,
        ncmec_password=shown.password,
        stopncii_function_key=shown.function_key,
        stopncii_subscription_key=shown.subscription_key,
    )
    return IssuedKeyShape(partner=partner_shape(issued.partner), key=issued.key.text(), credentials=credentials)


def partner_counts_shape(counts: PartnerStatistics) -> PartnerCountsShape:
    """What a partner does with its key."""
    return PartnerCountsShape(
        partner=counts.partner.partner_id,
        pulls=counts.pulls,
        questions=counts.questions,
        last_pull=None if counts.last_pull is None else (counts.last_pull - _EPOCH).days,
        behind=[BehindShape(list=name.value, changes=behind) for name, behind in sorted(counts.lag.items())],
        words=[WordsShape(value=value.value, entries=count) for value, count in sorted(counts.words.items())],
    )


def offer_shape(offer: Offer, name: str) -> OfferShape:
    """An offer, without its value; ``name``: of the partner who made it."""
    return OfferShape(
        offer=offer.offer_id,
        partner=offer.partner_id,
        name=name,
        list=offer.fingerprint.algorithm.value,
        state=offer.state.value,
        day=offer.day,
    )
