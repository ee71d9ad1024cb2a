"""The exchange's own tables. The lists themselves are the registry's (``takeback.registry.tables``).

**Source:** docs/protocol/feed-v1.md §3, §4 and §6.3.
"""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, SmallInteger, String, Table

METADATA = MetaData()

PARTNERS = Table(
    "partners",
    METADATA,
    Column("partner_id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("lists", String(200), nullable=False),
    Column("day", Integer, nullable=False),
    Column("revoked_day", Integer),
    sqlite_with_rowid=False,
)
"""``lists`` holds the names this partner may pull, separated by spaces."""

HEADS = Table(
    "heads",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("issued", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""When each list's head was last vouched for, Unix seconds: it never goes back, whichever process or clock asks."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, nullable=False),
    Column("actor_id", String(16), nullable=False),
    Column("what", String(16), nullable=False),
    Column("list", String(16), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    Column("subject", String(64)),
    sqlite_with_rowid=False,
)

AUDIT_TAIL = Table(
    "audit_tail",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)
"""One row: where the audit log stands. Two processes that append wait for each other on it."""
