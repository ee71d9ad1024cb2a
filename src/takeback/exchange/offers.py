"""Fingerprints that partners would put on a list. Nothing of it is listed until the operator takes it.

An offer that is taken becomes a submission of its own: it waits in intake, is shuffled into a batch and stands on the
list like any other. Its one hold belongs to the operator, who can withdraw it.

**Source:** docs/protocol/partner-shapes.md §3.6.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.db.insert import insert_if_new
from takeback.errors import ConflictError, NotAllowedError, NotFoundError
from takeback.exchange import store
from takeback.exchange.tables import OFFERS
from takeback.exchange.types import BY_COMMAND, AuditedAct, AuditRecord, Partner, act_of
from takeback.model.case import HeldFingerprint, Submission
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint
from takeback.registry import store as registry_store
from takeback.registry.service import RegistryService

_SECONDS_A_DAY = 86_400
_ID_BYTES = 16
_SEALED_BYTES = 1024 + 28
"""As long as the smallest sealed case; random bytes in place of one, for there is no person who could open it."""


class OfferState(StrEnum):
    """What became of an offer."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Offer:
    """One fingerprint of one partner.

    Args:
        offer_id: 32 hexadecimal digits.
        partner_id: whose.
        fingerprint: what.
        state: what became of it.
        day: days since 1970-01-01 when it came.
        token: holds the entry, once it was taken.
    """

    offer_id: str
    partner_id: str
    fingerprint: Fingerprint
    state: OfferState
    day: int
    token: bytes | None = field(repr=False)


class OfferService:
    """Keeps offers and carries out what the operator decides.

    Args:
        engine: the registry's database.
        writer: commits offers.
        clock: only its day is stored.
        registry: takes in what was taken.
    """

    def __init__(self, engine: Engine, writer: GroupWriter, clock: Clock, registry: RegistryService) -> None:
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._registry = registry

    def offer(self, partner: Partner, fingerprints: Sequence[Fingerprint]) -> int:
        """Keep what a partner offers until the operator decides; offering again changes nothing.

        Returns:
            How many fingerprints wait now because of this, or have been decided about before.

        Raises:
            NotAllowedError: ``partner.not_entitled`` if one is of a list the partner may not pull; none is kept.
        """
        if any(one.algorithm not in partner.lists for one in fingerprints):
            raise NotAllowedError("partner.not_entitled", "This key is not for one of the lists that are offered to.")
        return self._writer.run(partial(self._keep, partner=partner, fingerprints=fingerprints))

    def all(self, state: OfferState | None = None) -> list[Offer]:
        """Every offer, or those in one state."""
        query = select(OFFERS).order_by(OFFERS.c.day, OFFERS.c.offer_id)
        if state is not None:
            query = query.where(OFFERS.c.state == state.value)
        with reading(self._engine) as connection:
            return [_offer(row) for row in connection.execute(query)]

    def page(self, state: OfferState, at_most: int) -> tuple[list[Offer], int]:
        """The oldest offers in one state, and how many there are."""
        mine = OFFERS.c.state == state.value
        query = select(OFFERS).where(mine).order_by(OFFERS.c.day, OFFERS.c.offer_id).limit(at_most)
        with reading(self._engine) as connection:
            total = connection.execute(select(func.count()).select_from(OFFERS).where(mine)).scalar_one()
            return [_offer(row) for row in connection.execute(query)], total

    def take(self, offer_id: str, by: str = BY_COMMAND) -> None:
        """Put an offer on its list with the next batch.

        Raises:
            NotFoundError: ``offer.unknown``.
            ConflictError: ``offer.decided`` if it does not wait any more.
        """
        offer = self._move(offer_id, OfferState.WAITING, OfferState.WAITING, secrets.token_bytes(_ID_BYTES))
        assert offer.token is not None  # noqa: S101 - the line above gave it one
        # Cut short after the token was kept, it is done again with the same one: a case is taken in once.
        held = HeldFingerprint(offer.fingerprint, hashlib.sha256(offer.token).digest())
        case_id = hashlib.sha256(b"takeback/offer/v1" + offer.token).digest()[:_ID_BYTES]
        self._registry.submit(Submission(case_id, secrets.token_bytes(_SEALED_BYTES), (held,))).result()
        self._move(offer_id, OfferState.WAITING, OfferState.TAKEN, None, by)

    def refuse(self, offer_id: str, by: str = BY_COMMAND) -> None:
        """Do not put an offer on a list. Raises as :meth:`take`."""
        self._move(offer_id, OfferState.WAITING, OfferState.REFUSED, None, by)

    def withdraw(self, offer_id: str, by: str = BY_COMMAND) -> None:
        """Let go of an entry that was taken. Raises as :meth:`take`."""
        offer = self._move(offer_id, OfferState.TAKEN, OfferState.WITHDRAWN, None, by)
        if offer.token is not None:
            self._registry.withdraw([offer.token]).result()

    def _keep(self, connection: Connection, partner: Partner, fingerprints: Sequence[Fingerprint]) -> int:
        day = self._clock.now_s() // _SECONDS_A_DAY
        for one in fingerprints:
            row = {
                "offer_id": secrets.token_bytes(_ID_BYTES),
                "partner_id": partner.partner_id,
                "list": one.algorithm.value,
                "value": bytes.fromhex(one.value),
                "state": OfferState.WAITING.value,
                "token": None,
                "day": day,
            }
            insert_if_new(connection, OFFERS, row)
        records = []
        for name in sorted({one.algorithm for one in fingerprints}):
            count = sum(one.algorithm is name for one in fingerprints)
            seq = registry_store.list_state(connection, name).seq
            records.append(AuditRecord(day, partner.partner_id, AuditedAct.STOPNCII_OFFER, name, count, seq))
        store.append_audit(connection, records)
        return len(fingerprints)

    def _move(
        self, offer_id: str, before: OfferState, after: OfferState, token: bytes | None, by: str | None = None
    ) -> Offer:
        """Change an offer's state; keep ``token`` unless it has one; a line in the audit log if somebody decided."""

        def move(connection: Connection) -> Offer:
            row = connection.execute(select(OFFERS).where(OFFERS.c.offer_id == _key(offer_id))).one_or_none()
            if row is None:
                raise NotFoundError("offer.unknown", "There is no such offer. See: takeback partner offers")
            if row.state != before.value:
                raise ConflictError("offer.decided", f"This offer is {row.state}.")
            offer = replace(_offer(row), state=after, token=row.token or token)
            changed = update(OFFERS).where(OFFERS.c.offer_id == row.offer_id)
            connection.execute(changed.values(state=after.value, token=offer.token))
            if by is not None:
                day = self._clock.now_s() // _SECONDS_A_DAY
                store.append_audit(connection, [act_of(day, by, _ACTS[after], offer_id)])
            return offer

        return self._writer.run(move)


_ACTS = {
    OfferState.TAKEN: AuditedAct.OFFER_TAKE,
    OfferState.REFUSED: AuditedAct.OFFER_REFUSE,
    OfferState.WITHDRAWN: AuditedAct.OFFER_WITHDRAW,
}


def _key(untrusted_id: str) -> bytes:
    try:
        return bytes.fromhex(untrusted_id)
    except ValueError:
        return b""


def _offer(row: Row[Any]) -> Offer:
    algorithm = Algorithm(row.list)
    # The shapes that offers come by have no quality: the lowest that can be looked for promises least.
    quality = MIN_QUALITY if algorithm is Algorithm.PDQ else None
    fingerprint = Fingerprint(algorithm, bytes(row.value).hex(), quality)
    token = None if row.token is None else bytes(row.token)
    return Offer(bytes(row.offer_id).hex(), row.partner_id, fingerprint, OfferState(row.state), row.day, token)
