"""The matching engine on disk, so that a start with millions of entries takes seconds.

It is a cache of the list store beside it: opened only if it was made from that very store and is not ahead of it, and
brought up to date from there. Anything else is erased and the engine built anew. A value that was withdrawn is gone
from the file with the next saving, which is due at once, but at most once in a pause.
"""

import time
from pathlib import Path

from takeback.client.list_store import ListStore
from takeback.errors import CorruptDataError, NotFoundError, TakebackError
from takeback.httpkit.logs import EventLog
from takeback.matching import MatchEngine
from takeback.model.fingerprint import Algorithm


class IndexFile:
    """Opens and saves the engine. For one thread.

    Args:
        path: the file.
        engine: what checks ask.
        store: what the engine is made from.
        min_changes: so many changes make it worth while to save; fewer are applied at a start faster.
        pause_s: seconds between two savings at least.
        log: where refusals are written, by code.
    """

    def __init__(
        self, path: Path, engine: MatchEngine, store: ListStore, min_changes: int, pause_s: float, log: EventLog
    ) -> None:
        self._path = path
        self._engine = engine
        self._store = store
        self._source = store.identity.hex()
        self._min_changes = min_changes
        self._pause_s = pause_s
        self._log = log
        self._added = 0
        self._removed = 0
        self._tried_s: float | None = None

    def open(self) -> None:
        """Take what was saved, if it can be used."""
        places = {name: self._store.state(name).applied.seq for name in Algorithm}
        started_s = time.monotonic()
        try:
            self._engine.restore(self._path, self._source, places)
        except NotFoundError:
            return
        except CorruptDataError as error:
            self._log.warning("index.rebuilt", code=error.code, detail=error.detail)
            self._path.unlink(missing_ok=True)
            return
        self._log.info("index.opened", seconds=round(time.monotonic() - started_s, 3))

    def note(self, added: int, removed: int) -> None:
        """Count what has been applied that is not saved."""
        self._added += added
        self._removed += removed

    def save_if_due(self, *, at_end: bool = False) -> None:
        """Save what has changed, if it is enough, or if something was removed that the file still has.

        Args:
            at_end: whether the kit stops, so that there is no later.
        """
        is_paused = self._tried_s is not None and time.monotonic() - self._tried_s < self._pause_s
        if (is_paused and not at_end) or not self._is_worth_it():
            return
        self._tried_s = time.monotonic()
        try:
            self._engine.save(self._path, self._source)
        except TakebackError as error:
            self._log.warning("index.unsaved", code=error.code, detail=error.detail)
            return
        self._added = self._removed = 0
        self._log.info("index.saved", seconds=round(time.monotonic() - self._tried_s, 3))

    def _is_worth_it(self) -> bool:
        is_outdated = self._removed > 0 and self._path.exists()
        return is_outdated or self._added + self._removed >= self._min_changes
