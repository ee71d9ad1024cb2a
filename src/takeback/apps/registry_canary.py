"""What the command line asks about decoys and about whom cases are about; a registry may be serving meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, select

from takeback.apps.registry_state import DATABASE_FILE
from takeback.clock import Clock
from takeback.db import open_database, reading, sqlite_url
from takeback.exchange.tables import AUDIT, PARTNERS
from takeback.exchange.types import AuditedAct
from takeback.model.fingerprint import Algorithm
from takeback.registry.audience import AudienceCount, audience
from takeback.registry.canary import Sighting, count_decoys, decoy_parts, sightings
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
class CanaryDesk:
    """Reads one registry's database with the key of its decoys."""

    engine: Engine
    decoys: Decoys
    clock: Clock

    def check(self, untrusted_text: bytes) -> list[Leak]:
        """What a file says about our lists; empty if none of our decoys is in it."""
        found = decoy_parts(self.decoys, untrusted_text)
        with reading(self.engine) as connection:
            seen = sightings(connection, found) if found else []
            names = {row.partner_id: row.name for row in connection.execute(select(PARTNERS))}
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
        return leaks

    def count(self) -> dict[Algorithm, tuple[int, int]]:
        """Entries of each list, and how many of them are decoys."""
        with reading(self.engine) as connection:
            return count_decoys(connection, self.decoys)

    def audience(self, days: int) -> Sequence[AudienceCount]:
        """Whom the cases of the last days are about; small numbers are left out."""
        today = self.clock.now_s() // _SECONDS_A_DAY
        with reading(self.engine) as connection:
            return audience(connection, today - days + 1, today)


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
