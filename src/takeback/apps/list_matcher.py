"""The matching engine over a registry's own lists, for match-as-a-service. Only where the extra ``match`` is installed.

It stands here because the registry may not import compiled kernels: whoever composes a registry passes it in. Before
each answer it reads what the logs have gained, so an entry is found, or found no more, from the batch on.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Engine

from takeback.db import reading
from takeback.errors import TakebackError, UnavailableError
from takeback.exchange import store
from takeback.exchange.match.service import Found
from takeback.matching.engine import MatchEngine
from takeback.matching.policy import Policy
from takeback.matching.region_query import RegionQuery, parse_region_value
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, Fingerprint

_PAGE = 10_000


class RegistryMatcher:
    """An engine that follows the logs in a database.

    Args:
        engine: the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = engine
        # A partner is answered from the lists it asks about, and for those only its key was looked at.
        self._matching = MatchEngine(Policy(still_radius_bits=None))
        self._reading = threading.Lock()
        self._is_loaded = False

    def load_in_background(self) -> None:
        """Begin to read the lists, so that the first question need not wait for it."""
        threading.Thread(target=self._load, name="list matcher", daemon=True).start()

    def match(self, fingerprints: Sequence[Fingerprint]) -> Found:
        """Ask; the lists are as of now, or of a moment ago while another question is bringing them up to date.

        Raises:
            UnavailableError: ``match.loading`` while the lists are read for the first time by somebody else.
        """
        self._catch_up()
        if not self._is_loaded:
            raise UnavailableError("match.loading", "The lists are being read. Please ask again shortly.")
        seqs = {name: self._matching.seq(name) for name in Algorithm}
        return Found(tuple(self._matching.match(fingerprints, _regions_of(fingerprints))), seqs)

    def _load(self) -> None:
        # What is wrong with the database, the first question will say.
        with suppress(TakebackError):
            self._catch_up()

    def _catch_up(self) -> None:
        if not self._reading.acquire(blocking=False):
            return
        try:
            for name in Algorithm:
                self._read_list(name)
            self._is_loaded = True
        finally:
            self._reading.release()

    def _read_list(self, name: Algorithm) -> None:
        while True:
            # A transaction a page: a long one would keep SQLite's log from being wiped after a batch.
            with reading(self._database) as connection:
                changes = store.changes_after(connection, name, self._matching.seq(name), _PAGE)
            if not changes:
                return
            # An add whose value the log has forgotten is of an entry that has gone.
            self._matching.apply(change for change in changes if change.op is Op.REMOVE or change.value is not None)
            self._matching.advance(name, changes[-1].seq)


def _regions_of(fingerprints: Sequence[Fingerprint]) -> RegionQuery | None:
    sets = [one.value for one in fingerprints if one.algorithm is Algorithm.PDQ_REGION]
    return parse_region_value(sets[0]) if sets else None
