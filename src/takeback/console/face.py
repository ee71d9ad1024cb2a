"""What the console's routes share: the services, who is asking, and whether they may."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from takeback.console.auditing import AuditView
from takeback.console.entry import EntryService
from takeback.console.operators import OperatorService
from takeback.console.overview import OverviewService
from takeback.console.passkeys import RelyingParty
from takeback.console.sessions import ConsoleSessions
from takeback.console.types import Operator, Role, SignedIn
from takeback.errors import NotAllowedError
from takeback.exchange.offers import OfferService
from takeback.exchange.partners import PartnerService
from takeback.exchange.statistics import StatisticsService
from takeback.httpkit.same_site import refuse_cross_site
from takeback.registry.guard import GuardService
from takeback.registry.quarantine import QuarantineService

COOKIE = "takeback_operator"
PATH = "/operator"


@dataclass(frozen=True, slots=True)
class ConsoleFace:
    """What the routes need.

    Args:
        entry: lets operators in.
        sessions: knows who is in.
        operators: manages them.
        overview: what is seen at a glance.
        auditing: the audit log.
        partners: who may pull.
        quarantine: what partners doubt.
        guard: what everybody has.
        offers: what partners would put on a list.
        statistics: what partners do.
        key_overlap_days: how long a replaced key stays good, unless told otherwise.
        origin: the console's address as browsers write it; ``None`` if only this machine uses it.
    """

    entry: EntryService
    sessions: ConsoleSessions
    operators: OperatorService
    overview: OverviewService
    auditing: AuditView
    partners: PartnerService
    quarantine: QuarantineService
    guard: GuardService
    offers: OfferService
    statistics: StatisticsService
    key_overlap_days: int
    origin: str | None

    def own_page(self, request: Request) -> None:
        """Let our own page through.

        Raises:
            NotAllowedError: ``request.cross_site``.
        """
        refuse_cross_site(request, self.origin)

    def signed_in(self, request: Request) -> SignedIn:
        """Let in whoever is signed in.

        Raises:
            UnknownCallerError: ``console.session``.
            NotAllowedError: ``request.cross_site``.
        """
        self.own_page(request)
        return self.sessions.signed_in(request.cookies.get(COOKIE))

    def acting(self, request: Request) -> Operator:
        """Let in who may act: an auditor may only read.

        Raises:
            UnknownCallerError: ``console.session``.
            NotAllowedError: ``console.role`` or ``request.cross_site``.
        """
        operator = self.signed_in(request).operator
        if operator.role is not Role.OPERATOR:
            raise NotAllowedError("console.role", "An auditor may look at everything and change nothing.")
        return operator

    def party_of(self, request: Request) -> RelyingParty | None:
        """For whom a passkey is; ``None`` where none can be made: at a bare address, or before the setting is made.

        The request's own word for the host is believed on this machine only, or a page in between could name itself.
        """
        if self.origin is not None:
            return RelyingParty(urlsplit(self.origin).hostname or "", self.origin)
        host = request.url.hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return RelyingParty(host, f"{request.url.scheme}://{request.url.netloc}")
        return None

    def needed_party(self, request: Request) -> RelyingParty:
        """For whom a passkey is.

        Raises:
            NotAllowedError: ``console.no_passkeys``.
        """
        party = self.party_of(request)
        if party is None:
            raise NotAllowedError(
                "console.no_passkeys", "There are no passkeys at this address: the setting console_origin is not made."
            )
        return party

    def hand_cookie(self, request: Request, response: Response, token: str) -> None:
        """Give a session's token to the browser, where no script can read it."""
        is_https = request.url.scheme == "https" or (self.origin or "").startswith("https:")
        response.set_cookie(COOKIE, token, path=PATH, httponly=True, samesite="strict", secure=is_https)
