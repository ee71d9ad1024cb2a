"""The exchange's own tables. The lists themselves are the registry's (``takeback.registry.tables``).

**Source:** docs/protocol/feed-v1.md §3, §4 and §6.3; docs/protocol/partner-shapes.md.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from takeback.db.columns import Bytes

METADATA = MetaData()

PARTNERS = Table(
    "partners",
    METADATA,
    Column("partner_id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("lists", String(200), nullable=False),
    Column("day", Integer, nullable=False),
    Column("revoked_day", Integer),
    Column("scopes", String(100), nullable=False, server_default="feedback pull"),
    Column("requests_per_minute", Integer),
    Column("networks", String(2000), nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
"""``lists`` holds the names this partner may pull, ``scopes`` what it may do, ``networks`` from where (anywhere, if
empty), each separated by spaces. ``requests_per_minute`` is the registry's setting where it is null."""

PARTNER_KEYS = Table(
    "partner_keys",
    METADATA,
    Column("secret_hash", Bytes(32), primary_key=True),
    Column("partner_id", String(16), ForeignKey("partners.partner_id"), nullable=False),
    Column("ncmec_hash", Bytes(32)),
    Column("stopncii_hash", Bytes(32)),
    Column("day", Integer, nullable=False),
    Column("valid_until", BigInteger),
    Index("partner_keys_partner_id", "partner_id"),
    sqlite_with_rowid=False,
)
"""One row a key that is good, or was until it was replaced; ``valid_until``, Unix seconds, is null for the newest."""

OFFERS = Table(
    "offers",
    METADATA,
    Column("offer_id", Bytes(16), primary_key=True),
    Column("partner_id", String(16), ForeignKey("partners.partner_id"), nullable=False),
    Column("list", String(16), nullable=False),
    Column("value", Bytes, nullable=False),
    Column("state", String(16), nullable=False),
    Column("token", Bytes(16)),
    Column("day", Integer, nullable=False),
    UniqueConstraint("partner_id", "list", "value", name="offers_partner_list_value"),
    sqlite_with_rowid=False,
)
"""What partners would put on a list; the operator decides. ``token`` holds the entry once it was taken."""

HEADS = Table(
    "heads",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("issued", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""When each list's head was last vouched for, Unix seconds: it never goes back, whichever process or clock asks."""

POINTS = Table(
    "points",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("chain", Bytes(32), nullable=False),
    sqlite_with_rowid=False,
)
"""Every place of a log that a head was signed for. They stay when the log before them is compacted (feed-v1 §8.3)."""

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
    Column("chain", Bytes(32), nullable=False),
    Column("subject", String(64)),
    sqlite_with_rowid=False,
)

AUDIT_TAIL = Table(
    "audit_tail",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("chain", Bytes(32), nullable=False),
    sqlite_with_rowid=False,
)
"""One row: where the audit log stands. Two processes that append wait for each other on it."""
