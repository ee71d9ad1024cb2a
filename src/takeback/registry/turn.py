"""Whose turn it is to run batches, where several processes serve one PostgreSQL.

If each ran its own every interval, batches would come more often than the operator set, and fewer people would share
one. So one process has the turn for as long as it lives; when its connection ends, another takes over.
"""

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

_TURN_LOCK = 0x7A6B_0003
"""PostgreSQL advisory lock of the session that has the turn."""


class BatchTurn:
    """This process's part in it. With SQLite there is one process, and it always has the turn.

    Args:
        engine: the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Connection | None = None

    def is_ours(self) -> bool:
        """Whether this process runs the next batch; it takes the turn if nobody has it.

        Raises:
            DBAPIError: the database cannot be reached, so a batch could not run either.
        """
        if self._engine.dialect.name != "postgresql":
            return True
        if self._session is not None and _is_alive(self._session):
            return True
        self.give_up()
        session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if session.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _TURN_LOCK}).scalar_one():
            self._session = session
            return True
        session.close()
        return False

    def give_up(self) -> None:
        """Let another process have the turn. May be called twice."""
        if self._session is not None:
            # A pooled connection would keep the lock; this one is closed for good.
            self._session.invalidate()
            self._session.close()
            self._session = None


def _is_alive(session: Connection) -> bool:
    try:
        session.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True
