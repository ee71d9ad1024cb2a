"""Answers whether fingerprints are listed. What the registry learns by that, docs/protocol/match-v1.md §4 says.

Nothing of a question is kept but the line in the audit log: who asked, about which list, how many fingerprints. The
engine is handed in, because the registry's rooms import no compiled kernels.

**Source:** docs/protocol/match-v1.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sqlalchemy import Engine

from takeback.clock import Clock
from takeback.db import GroupWriter, reading
from takeback.errors import NotAllowedError, UnavailableError
from takeback.exchange import store
from takeback.exchange.types import AuditedAct, AuditRecord, Partner
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Match
from takeback.registry.addressed import addressees

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Found:
    """What a matcher says: matches, strongest first, and how far each list had been read."""

    matches: tuple[Match, ...]
    seqs: dict[Algorithm, int]


class ListMatcher(Protocol):
    """Finds the entries near to a picture, on the lists as they are now."""

    def match(self, fingerprints: Sequence[Fingerprint]) -> Found:
        """Ask.

        Raises:
            UnavailableError: ``match.loading`` until the lists have been read.
        """
        ...


class MatchService:
    """The use case.

    Args:
        engine: the registry's database.
        matcher: the engine; ``None`` where the registry runs without one.
        writer: commits audit lines.
        clock: for their day.
    """

    def __init__(self, engine: Engine, matcher: ListMatcher | None, writer: GroupWriter, clock: Clock) -> None:
        self._engine = engine
        self._matcher = matcher
        self._writer = writer
        self._clock = clock

    def query(self, partner: Partner, fingerprints: Sequence[Fingerprint]) -> Found:
        """Answer a partner; audited before it is answered.

        Raises:
            UnavailableError: ``match.unavailable`` if this registry does not offer it, ``match.loading``.
            NotAllowedError: ``partner.not_entitled`` for a list the key is not for.
        """
        if self._matcher is None:
            raise UnavailableError("match.unavailable", "This registry does not answer questions about fingerprints.")
        lists = {one.algorithm for one in fingerprints}
        for name in sorted(lists - partner.lists):
            raise NotAllowedError("partner.not_entitled", f"This key is not for the list '{name.value}'.")
        found = self._matcher.match(fingerprints)
        seqs = {name: found.seqs[name] for name in lists}
        day = self._clock.now_s() // _SECONDS_A_DAY
        records = [
            AuditRecord(
                day,
                partner.partner_id,
                AuditedAct.MATCH,
                name,
                sum(one.algorithm is name for one in fingerprints),
                seqs[name],
            )
            for name in sorted(lists)
        ]
        self._writer.run(partial(store.append_audit, records=records))
        return Found(self._told(partner, found.matches), seqs)

    def _told(self, partner: Partner, matches: Sequence[Match]) -> tuple[Match, ...]:
        """Those with entries that are told to this partner: what it does not have on its list is not found."""
        with reading(self._engine) as connection:
            told_to = addressees(connection, {bytes.fromhex(match.entry_id) for match in matches})
        me = partner.partner_id
        return tuple(match for match in matches if told_to.get(bytes.fromhex(match.entry_id), me) == me)
