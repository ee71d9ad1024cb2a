"""The database under a service: an engine with its schema brought up to date, and transactions that fail in our words.

``open_database(url, branch)`` gives a SQLAlchemy engine over SQLite or PostgreSQL. ``reading(engine)`` and
``writing(engine)`` are the only two ways to a connection: one snapshot, or one durable commit.
``GroupWriter`` commits together what waits at the same time.

Migrations live in ``migrations/BRANCH/``, one file a revision, and run whenever a database is opened. To add one, put
``migrations/platform/platform_0001.py`` (say) there, with::

    revision = "platform_0001"
    down_revision = None          # or the revision before it
    branch_labels = None
    depends_on = None

    def upgrade() -> None:
        op.create_table("leads", sa.Column(...), sqlite_with_rowid=False)

Revisions are never edited once released and there is no ``downgrade``: a restored backup is the way back.
"""

from takeback.db.engine import Branch, open_database, sqlite_url
from takeback.db.transaction import reading, writing
from takeback.db.writer import GroupWriter

__all__ = ["Branch", "GroupWriter", "open_database", "reading", "sqlite_url", "writing"]
