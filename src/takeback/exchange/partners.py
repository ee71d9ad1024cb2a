"""Partners: who may pull, with which key, from where. The command line, the console and the feed use the same service.

Keys are shown once, when they are made; afterwards only hashes exist. A replaced key stays good for as long as its
replacement was told to overlap, so that a platform can change over without a gap.
"""

import hashlib
import ipaddress
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import reading, writing
from takeback.errors import ConflictError, InvalidInputError, NotFoundError
from takeback.exchange import store
from takeback.exchange.types import (
    BY_COMMAND,
    DEFAULT_SCOPES,
    AuditedAct,
    Credentials,
    KeyHashes,
    Partner,
    PartnerKey,
    Scope,
    act_of,
    new_partner_key,
    parse_partner_key,
)
from takeback.httpkit.auth import UnknownCallerError, same_secret
from takeback.model.fingerprint import Algorithm

DEFAULT_LISTS = (Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256)
"""What a partner may pull unless told otherwise. Regions say more about a picture, so they are given by name."""

_SECONDS_A_DAY = 86_400
_MAX_NAME = 200
_MAX_NETWORKS = 32
_MAX_RATE = 1_000_000
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A partner and the key that was just made for it."""

    partner: Partner
    key: PartnerKey


@dataclass(frozen=True, slots=True)
class Terms:
    """What a partner may do; ``None`` leaves it as it is, or as a new partner has it.

    Args:
        lists: what it may pull.
        scopes: what it may do.
        requests_per_minute: its own limit; 0 for the registry's setting.
        networks: CIDR blocks it may call from; none for anywhere.
    """

    lists: Iterable[Algorithm] | None = None
    scopes: Iterable[Scope] | None = None
    requests_per_minute: int | None = None
    networks: Iterable[str] | None = None


class PartnerService:
    """Adds, lists, rotates, revokes and recognises partners. What changes one is a line of the audit log.

    Args:
        engine: the registry's database.
        clock: for the day a partner was added or revoked, and the end of a replaced key.
        pin: tells the part of every new key that names this registry's signing key.
    """

    def __init__(self, engine: Engine, clock: Clock, pin: Callable[[], str]) -> None:
        self._engine = engine
        self._clock = clock
        self._pin = pin

    def add(
        self,
        name: str,
        lists: Iterable[Algorithm] = DEFAULT_LISTS,
        by: str = BY_COMMAND,
        terms: Terms | None = None,
    ) -> IssuedKey:
        """Take in a partner.

        Args:
            name: for people; one active partner a name.
            lists: what it may pull; all but regions if not given.
            by: who does it, for the audit log.
            terms: the rest of what it may do; ``lists`` in it is not looked at.

        Raises:
            InvalidInputError: ``partner.name``, ``partner.lists``, ``partner.rate`` or ``partner.networks``.
            ConflictError: ``partner.exists``.
        """
        clean = name.strip()
        if not clean or len(clean) > _MAX_NAME or not clean.isprintable():
            raise InvalidInputError("partner.name", f"A partner's name has 1 to {_MAX_NAME} printable characters.")
        blank = Partner(secrets.token_hex(_ID_DIGITS // 2), clean, frozenset(), is_active=True, scopes=DEFAULT_SCOPES)
        partner = _with_terms(blank, replace(terms or Terms(), lists=lists))
        key = new_partner_key(partner.partner_id, self._pin())
        with writing(self._engine) as connection:
            if any(other.is_active and other.name == clean for other in store.partners(connection)):
                raise ConflictError(
                    "partner.exists", f"There is a partner named '{clean}' already. Rotate its key instead."
                )
            store.insert_partner(connection, partner, self._today())
            store.add_key(connection, key, self._today())
            self._note(connection, by, AuditedAct.PARTNER_ADD, partner.partner_id)
        return IssuedKey(partner, key)

    def all(self) -> list[Partner]:
        """Every partner, revoked ones too, by name."""
        with reading(self._engine) as connection:
            return store.partners(connection)

    def rescope(self, partner_id: str, lists: Iterable[Algorithm], by: str = BY_COMMAND) -> Partner:
        """Change what a partner may pull, from its next request on. What it has pulled already stays with it.

        Raises:
            InvalidInputError: ``partner.lists``.
            NotFoundError: ``partner.unknown`` if there is no such active partner.
        """
        return self._change(partner_id, Terms(lists=lists), by, AuditedAct.PARTNER_SCOPE)

    def change(self, partner_id: str, terms: Terms, by: str = BY_COMMAND) -> Partner:
        """Change what a partner may do, from its next request on.

        Raises:
            NotFoundError: ``partner.unknown`` if there is no such active partner.
            InvalidInputError: as :meth:`add`.
        """
        return self._change(partner_id, terms, by, AuditedAct.PARTNER_TERMS)

    def _change(self, partner_id: str, terms: Terms, by: str, what: AuditedAct) -> Partner:
        with writing(self._engine) as connection:
            changed = _with_terms(_active(store.partner(connection, partner_id), partner_id), terms)
            store.update_partner(connection, changed)
            self._note(connection, by, what, partner_id)
        return changed

    def rotate(self, partner_id: str, by: str = BY_COMMAND, *, overlap_days: int = 0) -> IssuedKey:
        """Give a partner another key.

        Args:
            partner_id: whom.
            by: who does it, for the audit log.
            overlap_days: how long the one before stays good beside it; 0 ends it at once.

        Raises:
            NotFoundError: ``partner.unknown`` if there is no such active partner.
        """
        key = new_partner_key(partner_id, self._pin())
        now_s = self._clock.now_s()
        with writing(self._engine) as connection:
            partner = _active(store.partner(connection, partner_id), partner_id)
            store.end_keys(connection, partner_id, now_s, now_s + max(overlap_days, 0) * _SECONDS_A_DAY)
            store.add_key(connection, key, self._today())
            self._note(connection, by, AuditedAct.PARTNER_ROTATE, partner_id)
        return IssuedKey(partner, key)

    def confirm(self, partner_id: str, by: str = BY_COMMAND) -> int:
        """End a rotation: the partner uses its new key, so the ones before stop working now.

        Returns:
            How many keys ended.

        Raises:
            NotFoundError: ``partner.unknown`` if there is no such active partner.
        """
        with writing(self._engine) as connection:
            _active(store.partner(connection, partner_id), partner_id)
            self._note(connection, by, AuditedAct.PARTNER_CONFIRM, partner_id)
            return store.end_replaced_keys(connection, partner_id)

    def revoke(self, partner_id: str, by: str = BY_COMMAND) -> None:
        """Refuse a partner from now on. Doing it again changes nothing.

        Raises:
            NotFoundError: ``partner.unknown``.
        """
        with writing(self._engine) as connection:
            partner = store.partner(connection, partner_id)
            if partner is None:
                raise _no_such_partner(partner_id)
            if partner.is_active:
                store.revoke_partner(connection, partner_id, self._today())
                self._note(connection, by, AuditedAct.PARTNER_REVOKE, partner_id)

    def recognise(self, untrusted_key: str) -> Partner:
        """The partner a key belongs to (feed-v1 §4.4).

        Raises:
            UnknownCallerError: ``partner.unknown``; malformed, unknown, replaced and revoked keys look the same.
        """
        key = parse_partner_key(untrusted_key)
        if key is None:
            raise _unknown_key("Bearer")
        return self._find(key.partner_id, key.secret_hash(), lambda hashes: hashes.secret, "Bearer")

    def recognise_ncmec(self, untrusted_user: str, untrusted_password: str) -> Partner:
        """The partner an NCMEC shape's user and password belong to.

        Raises:
            UnknownCallerError: ``partner.unknown``.
        """
        shown = hashlib.sha256(untrusted_password.encode()).digest()
        return self._find(untrusted_user, shown, lambda hashes: hashes.ncmec, "Basic")

    def recognise_stopncii(self, untrusted_function_key: str, untrusted_subscription_key: str) -> Partner:
        """The partner a StopNCII shape's two keys belong to.

        Raises:
            UnknownCallerError: ``partner.unknown``.
        """
        partner_id = untrusted_subscription_key.partition("-")[0]
        shown = Credentials(partner_id, "", untrusted_function_key, untrusted_subscription_key).stopncii_hash()
        return self._find(partner_id, shown, lambda hashes: hashes.stopncii, "Bearer")

    def _find(self, untrusted_id: str, shown: bytes, kept: Callable[[KeyHashes], bytes | None], scheme: str) -> Partner:
        # PostgreSQL takes no text with a NUL in it, so what cannot be an id is not asked for.
        if len(untrusted_id) == _ID_DIGITS and untrusted_id.isalnum():
            with reading(self._engine) as connection:
                partner = store.partner(connection, untrusted_id)
                keys = store.key_hashes(connection, untrusted_id, self._clock.now_s())
            hashes = [one for one in map(kept, keys) if one is not None]
            if partner is not None and partner.is_active and any(same_secret(one, shown) for one in hashes):
                return partner
        raise _unknown_key(scheme)

    def _note(self, connection: Connection, by: str, what: AuditedAct, partner_id: str) -> None:
        store.append_audit(connection, [act_of(self._today(), by, what, partner_id)])

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def _with_terms(partner: Partner, terms: Terms) -> Partner:
    lists = partner.lists if terms.lists is None else frozenset(terms.lists)
    if not lists:
        raise InvalidInputError("partner.lists", "A partner needs at least one list.")
    rate = partner.requests_per_minute if terms.requests_per_minute is None else terms.requests_per_minute
    if rate is not None and not 0 <= rate <= _MAX_RATE:
        raise InvalidInputError("partner.rate", f"Requests a minute are 1 to {_MAX_RATE}, or 0 for the setting.")
    return replace(
        partner,
        lists=lists,
        scopes=partner.scopes if terms.scopes is None else frozenset(terms.scopes),
        requests_per_minute=rate or None,
        networks=partner.networks if terms.networks is None else _parse_networks(terms.networks),
    )


def _parse_networks(untrusted: Iterable[str]) -> tuple[str, ...]:
    try:
        networks = tuple(str(ipaddress.ip_network(one.strip())) for one in untrusted)
    except ValueError:
        raise InvalidInputError("partner.networks", "A network is written as 192.0.2.0/24 or 2001:db8::/48.") from None
    if len(networks) > _MAX_NETWORKS:
        raise InvalidInputError("partner.networks", f"A partner has at most {_MAX_NETWORKS} networks.")
    return networks


def _active(partner: Partner | None, partner_id: str) -> Partner:
    if partner is None or not partner.is_active:
        raise _no_such_partner(partner_id)
    return partner


def _unknown_key(scheme: str) -> UnknownCallerError:
    return UnknownCallerError("partner.unknown", "This key is not known here, or is no longer valid.", scheme=scheme)


def _no_such_partner(partner_id: str) -> NotFoundError:
    return NotFoundError("partner.unknown", f"There is no partner '{partner_id}' here. See: takeback partner list")
