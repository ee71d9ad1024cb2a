"""Partners: who may pull, with which key. The command line and the feed use the same service.

Keys are shown once, when they are made; afterwards only the hash of the secret exists.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from takeback.clock import Clock
from takeback.db import reading, writing
from takeback.errors import ConflictError, InvalidInputError, NotFoundError
from takeback.exchange import store
from takeback.exchange.types import (
    BY_COMMAND,
    AuditedAct,
    Partner,
    PartnerKey,
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


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A partner and the key that was just made for it."""

    partner: Partner
    key: PartnerKey


class PartnerService:
    """Adds, lists, rotates, revokes and recognises partners. What changes one is a line of the audit log.

    Args:
        engine: the registry's database.
        clock: for the day a partner was added or revoked.
        pin: the part of every key that names this registry's signing key.
    """

    def __init__(self, engine: Engine, clock: Clock, pin: str) -> None:
        self._engine = engine
        self._clock = clock
        self._pin = pin

    def add(self, name: str, lists: Iterable[Algorithm] = DEFAULT_LISTS, by: str = BY_COMMAND) -> IssuedKey:
        """Take in a partner.

        Args:
            name: for people; one active partner a name.
            lists: what it may pull; all but regions if not given.
            by: who does it, for the audit log.

        Raises:
            InvalidInputError: ``partner.name`` or ``partner.lists``.
            ConflictError: ``partner.exists``.
        """
        clean = name.strip()
        if not clean or len(clean) > _MAX_NAME or not clean.isprintable():
            raise InvalidInputError("partner.name", f"A partner's name has 1 to {_MAX_NAME} printable characters.")
        partner = Partner(secrets.token_hex(8), clean, _entitlement(lists), is_active=True)
        key = new_partner_key(partner.partner_id, self._pin)
        with writing(self._engine) as connection:
            if any(other.is_active and other.name == clean for other in store.partners(connection)):
                raise ConflictError(
                    "partner.exists", f"There is a partner named '{clean}' already. Rotate its key instead."
                )
            store.insert_partner(connection, partner, key.secret_hash(), self._today())
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
        entitled = _entitlement(lists)
        with writing(self._engine) as connection:
            found = store.partner_and_secret(connection, partner_id)
            if found is None or not found[0].is_active:
                raise _no_such_partner(partner_id)
            partner = replace(found[0], lists=entitled)
            store.rescope_partner(connection, partner)
            self._note(connection, by, AuditedAct.PARTNER_SCOPE, partner_id)
        return partner

    def rotate(self, partner_id: str, by: str = BY_COMMAND) -> IssuedKey:
        """Give a partner another key. The one before stops working at once.

        Raises:
            NotFoundError: ``partner.unknown`` if there is no such active partner.
        """
        key = new_partner_key(partner_id, self._pin)
        with writing(self._engine) as connection:
            found = store.partner_and_secret(connection, partner_id)
            if found is None or not found[0].is_active:
                raise _no_such_partner(partner_id)
            store.replace_secret(connection, partner_id, key.secret_hash())
            self._note(connection, by, AuditedAct.PARTNER_ROTATE, partner_id)
        return IssuedKey(found[0], key)

    def revoke(self, partner_id: str, by: str = BY_COMMAND) -> None:
        """Refuse a partner from now on. Doing it again changes nothing.

        Raises:
            NotFoundError: ``partner.unknown``.
        """
        with writing(self._engine) as connection:
            found = store.partner_and_secret(connection, partner_id)
            if found is None:
                raise _no_such_partner(partner_id)
            if found[0].is_active:
                store.revoke_partner(connection, partner_id, self._today())
                self._note(connection, by, AuditedAct.PARTNER_REVOKE, partner_id)

    def recognise(self, untrusted_key: str) -> Partner:
        """The partner a key belongs to (feed-v1 §4.4).

        Raises:
            UnknownCallerError: ``partner.unknown``; malformed, unknown, replaced and revoked keys look the same.
        """
        key = parse_partner_key(untrusted_key)
        if key is not None:
            with reading(self._engine) as connection:
                found = store.partner_and_secret(connection, key.partner_id)
            if found is not None and same_secret(found[1], key.secret_hash()) and found[0].is_active:
                return found[0]
        raise UnknownCallerError("partner.unknown", "This key is not known here, or is no longer valid.")

    def _note(self, connection: Connection, by: str, what: AuditedAct, partner_id: str) -> None:
        store.append_audit(connection, [act_of(self._today(), by, what, partner_id)])

    def _today(self) -> int:
        return self._clock.now_s() // _SECONDS_A_DAY


def _entitlement(lists: Iterable[Algorithm]) -> frozenset[Algorithm]:
    entitled = frozenset(lists)
    if not entitled:
        raise InvalidInputError("partner.lists", "A partner needs at least one list.")
    return entitled


def _no_such_partner(partner_id: str) -> NotFoundError:
    return NotFoundError("partner.unknown", f"There is no partner '{partner_id}' here. See: takeback partner list")
