"""What the command line asks about canaries, decoys and whom cases are about; a registry may be serving meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from takeback.apps.registry_state import DATABASE_FILE
from takeback.clock import Clock
from takeback.db import open_database, reading, sqlite_url
from takeback.exchange.tables import AUDIT, PARTNERS
from takeback.exchange.types import AuditedAct
from takeback.model.fingerprint import Algorithm
from takeback.registry import addressed
from takeback.registry.audience import AudienceCount, audience
from takeback.registry.canary import Sighting, count_decoys, marks, sightings
from takeback.registry.decoy_key import open_decoys
from takeback.registry.decoys import Decoys
from takeback.settings import RegistrySettings

_PULLS = [act.value for act in (AuditedAct.PULL, AuditedAct.NCMEC_PULL, AuditedAct.STOPNCII_PULL)]
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Leak:
    """A sighting, and who could have leaked it.

    Args:
        sighting: what the decoys say.
        partners: (id, name) of those whose audited pulls reach far enough.
    """

    sighting: Sighting
    partners: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GivenTo:
    """A partner whose canaries are in a file.

    Args:
        partner_id: who.
        name: for people; empty if it is not known any more.
        canaries: how many of them.
    """

    partner_id: str
    name: str
    canaries: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file says about our lists.

    Args:
        given_to: the partners it was given to, the one with most canaries first.
        leaks: what decoys say about when, by list.
    """

    given_to: tuple[GivenTo, ...]
    leaks: tuple[Leak, ...]


@dataclass(frozen=True, slots=True)
class CanaryCount:
    """How many live canaries a partner has on a list."""

    partner_id: str
    name: str
    list: Algorithm
    canaries: int


@dataclass(frozen=True, slots=True)
class CanaryDesk:
    """Reads one registry's database with the key of its decoys."""

    engine: Engine
    decoys: Decoys
    clock: Clock

    def check(self, untrusted_text: bytes) -> Findings:
        """What a file says about our lists; nothing if none of our canaries and decoys is in it."""
        with reading(self.engine) as connection:
            names = _names(connection)
        found = marks(self.decoys, names, untrusted_text)
        most_first = sorted(found.canaries.items(), key=lambda item: (-item[1], item[0]))
        given_to = tuple(GivenTo(one, names[one], canaries) for one, canaries in most_first)
        with reading(self.engine) as connection:
            seen = sightings(connection, found.decoys) if found.decoys else []
            leaks = []
            for sighting in seen:
                query = (
                    select(AUDIT.c.actor_id)
                    .distinct()
                    .where(
                        AUDIT.c.what.in_(_PULLS),
                        AUDIT.c.list == sighting.list.value,
                        AUDIT.c.last_seq >= sighting.from_seq,
                    )
                )
                ids = sorted(connection.execute(query).scalars())
                leaks.append(Leak(sighting, tuple((item, names.get(item, "")) for item in ids)))
        return Findings(given_to, tuple(leaks))

    def canaries(self) -> list[CanaryCount]:
        """How many live canaries each partner has, by list."""
        with reading(self.engine) as connection:
            names, told = _names(connection), addressed.told(connection)
        return [
            CanaryCount(partner_id, names.get(partner_id, ""), name, one.live)
            for (partner_id, name), one in sorted(told.items())
        ]

    def count(self) -> dict[Algorithm, tuple[int, int]]:
        """Entries of each list, and how many of them are decoys."""
        with reading(self.engine) as connection:
            return count_decoys(connection, self.decoys)

    def audience(self, days: int) -> Sequence[AudienceCount]:
        """Whom the cases of the last days are about; small numbers are left out."""
        today = self.clock.now_s() // _SECONDS_A_DAY
        with reading(self.engine) as connection:
            return audience(connection, today - days + 1, today)


def _names(connection: Connection) -> dict[str, str]:
    return {row.partner_id: row.name for row in connection.execute(select(PARTNERS))}


@contextmanager
def open_canary(settings: RegistrySettings, clock: Clock) -> Iterator[CanaryDesk]:
    """Open database and key.

    Raises:
        TakebackError: one of them cannot be opened.
    """
    engine = open_database(settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE), "registry")
    try:
        yield CanaryDesk(engine, open_decoys(settings.data_dir / "keys"), clock)
    finally:
        engine.dispose()
