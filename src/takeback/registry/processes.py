"""How many processes serve this database, so that each can take its share of what is counted for all together.

Nothing is written for that: PostgreSQL knows its sessions, and each of our processes gives them a name of its own. What
is counted where is therefore never stored, as a count by the minute would be.
"""

from sqlalchemy import Engine, text

from takeback.db import reading
from takeback.db.engine import SESSION_NAME
from takeback.errors import TakebackError

_QUESTION = text(
    "SELECT count(DISTINCT application_name) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name LIKE :name"
)


class Processes:
    """The number as it was counted last. With SQLite there is one process.

    Args:
        engine: the registry's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._count = 1

    def count(self) -> int:
        """How many there are, at least one."""
        return self._count

    def look(self) -> None:
        """Count again. What cannot be counted now stays as it was."""
        if self._engine.dialect.name != "postgresql":
            return
        try:
            with reading(self._engine) as connection:
                found = connection.execute(_QUESTION, {"name": f"{SESSION_NAME}%"}).scalar_one()
        except TakebackError:
            return
        self._count = max(int(found), 1)
