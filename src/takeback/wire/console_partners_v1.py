"""What the console's page and the registry say to each other about partners and what they offer.

**Source:** docs/protocol/console-v1.md §5.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from takeback.wire.console_v1 import ListName, Lists, Name
from takeback.wire.shape import Hex16, Hex32, ReplyShape, Shape

ScopeName = Literal["pull", "feedback", "match", "submit"]
OfferStateName = Literal["waiting", "taken", "refused", "withdrawn"]


class PartnerShape(ReplyShape):
    """A partner. ``scopes`` and ``networks``: what it may do, and from where; from anywhere, if empty.

    ``per_minute``: how many requests a minute; null for the registry's setting.
    """

    partner: Hex16
    name: Name
    lists: list[ListName]
    active: bool
    scopes: list[ScopeName]
    networks: list[str]
    per_minute: int | None


class PartnersShape(ReplyShape):
    """All partners; which lists one gets, and for how many days a replaced key stays good, unless told otherwise."""

    partners: list[PartnerShape]
    default_lists: list[ListName]
    overlap_days: int


class NewPartnerShape(Shape):
    """A partner to be taken in."""

    name: Name
    lists: Lists


class ScopeShape(Shape):
    """Which lists a partner may pull from now on."""

    lists: Lists


class TermsShape(Shape):
    """What a partner may do, how often and from where, from now on. ``per_minute``: 0 for the registry's setting."""

    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=4)]
    per_minute: Annotated[int, Field(ge=0, le=1_000_000)]
    networks: Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=50)]], Field(max_length=32)]


class RotateShape(Shape):
    """How many days the key before stays good beside the new one; 0 ends it at once."""

    overlap_days: Annotated[int, Field(ge=0, le=365)]


class EndedKeysShape(ReplyShape):
    """How many replaced keys were ended."""

    ended: int


class CredentialsShape(ReplyShape):
    """The same key as the NCMEC and the StopNCII shapes want it."""

    ncmec_user: str
    ncmec_password: str
    stopncii_function_key: str
    stopncii_subscription_key: str


class IssuedKeyShape(ReplyShape):
    """A partner and its key, shown once."""

    partner: PartnerShape
    key: str
    credentials: CredentialsShape


class BehindShape(ReplyShape):
    """How many changes of a list a partner has not pulled yet."""

    list: ListName
    changes: int


class WordsShape(ReplyShape):
    """About how many live entries a partner's last word is this."""

    value: Literal["Blocked", "NotBlocked", "PendingReview", "QualityUnknown"]
    entries: int


class PartnerCountsShape(ReplyShape):
    """What a partner does with its key. ``last_pull``: days since 1970-01-01, null before the first."""

    partner: Hex16
    pulls: int
    questions: int
    last_pull: int | None
    behind: list[BehindShape]
    words: list[WordsShape]


class PartnerStatisticsShape(ReplyShape):
    """What every partner does."""

    partners: list[PartnerCountsShape]


class OfferShape(ReplyShape):
    """A fingerprint that a partner would put on a list: never its value."""

    offer: Hex32
    partner: Hex16
    name: str
    list: ListName
    state: OfferStateName
    day: int


class OffersShape(ReplyShape):
    """The first of the offers in one state, the oldest first. ``total``: how many there are."""

    offers: list[OfferShape]
    total: int
