"""Who gets in by any of the faces: a known key, from an allowed network, not too often, for what the key is for.

A caller's address is compared with the partner's networks and forgotten: it is stored and logged nowhere. Partners
without networks may call from anywhere, and then their address is not even looked at.
"""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

from takeback.errors import InvalidInputError, NotAllowedError
from takeback.exchange.partners import PartnerService
from takeback.exchange.types import Partner, Scope
from takeback.httpkit.auth import read_basic, read_bearer
from takeback.httpkit.rate import RequestRate

_UNKNOWN = "partner.unknown"
_MAX_HOPS = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class GateRules:
    """What holds for every partner.

    Args:
        requests_per_minute: for a partner that has no limit of its own.
        burst: requests that may come at once after a quiet time.
        trusted_proxies: whose ``X-Forwarded-For`` is believed.
    """

    requests_per_minute: int
    burst: int
    trusted_proxies: tuple[Network, ...] = ()


class PartnerGate:
    """Admits partners.

    Args:
        partners: recognises keys.
        rate: counts requests.
        rules: for all partners.
    """

    def __init__(self, partners: PartnerService, rate: RequestRate, rules: GateRules) -> None:
        self._partners = partners
        self._rate = rate
        self._rules = rules

    def native(self, request: Request, scope: Scope) -> Partner:
        """A caller with ``Authorization: Bearer KEY`` (feed-v1 §4).

        Raises:
            UnknownCallerError: ``partner.unknown``.
            NotAllowedError: ``partner.network`` or ``partner.scope``.
            RateLimitedError: ``caller.rate``.
        """
        return self._admit(self._partners.recognise(read_bearer(request, _UNKNOWN)), request, scope)

    def ncmec(self, request: Request, scope: Scope) -> Partner:
        """A caller with HTTP Basic (partner-shapes §2.1). Raises as :meth:`native`."""
        return self._admit(self._partners.recognise_ncmec(*read_basic(request, _UNKNOWN)), request, scope)

    def stopncii(self, request: Request, scope: Scope) -> Partner:
        """A caller with the StopNCII shape's two headers (partner-shapes §3.1). Raises as :meth:`native`."""
        function_key = request.headers.get("x-functions-key", "")
        subscription_key = request.headers.get("ocp-apim-subscription-key", "")
        return self._admit(self._partners.recognise_stopncii(function_key, subscription_key), request, scope)

    def _admit(self, partner: Partner, request: Request, scope: Scope) -> Partner:
        if partner.networks and not _is_within(self._address(request), partner.networks):
            raise NotAllowedError("partner.network", "This key may not be used from where this request comes from.")
        per_minute = partner.requests_per_minute or self._rules.requests_per_minute
        # A limit of one's own keeps the setting's relation of burst to rate.
        burst = max(per_minute * self._rules.burst // self._rules.requests_per_minute, 1)
        self._rate.take(partner.partner_id, per_minute, burst)
        if scope not in partner.scopes:
            raise NotAllowedError("partner.scope", f"This key is not for '{scope.value}'. Ask the registry's operator.")
        return partner

    def _address(self, request: Request) -> str | None:
        """The nearest address that is no trusted proxy: what stands left of it in the header, anybody can write."""
        address = request.client.host if request.client else None
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed(forwarded[-_MAX_HOPS:]):
            if not hop.strip() or not _is_within(address, self._rules.trusted_proxies):
                break
            address = hop.strip()
        return address


def parse_proxies(untrusted: str) -> tuple[Network, ...]:
    """Networks separated by commas.

    Raises:
        InvalidInputError: ``settings.invalid``.
    """
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in untrusted.split(",") if one.strip())
    except ValueError:
        raise InvalidInputError("settings.invalid", "Trusted proxies are written as 127.0.0.1/32,10.0.0.0/8.") from None


def _is_within(address: str | None, networks: tuple[str, ...] | tuple[Network, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
