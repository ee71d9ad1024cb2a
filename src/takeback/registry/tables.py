"""The registry's tables, as ``store.py`` queries them. A test compares them with what the migrations create.

Identifiers are random and every table of case-v1 §7 is clustered by its own (``WITHOUT ROWID``): where a row lies says
nothing of when it came. The finest time is a day, as days since 1970-01-01.

**Source:** docs/protocol/case-v1.md §7; docs/protocol/feed-v1.md §1.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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

INTAKE = Table(
    "intake",
    METADATA,
    Column("case_id", Bytes(16), primary_key=True),
    Column("sealed", Bytes, nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Cases that wait for their batch."""

INTAKE_HOLDS = Table(
    "intake_holds",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("case_id", Bytes(16), nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("value", Bytes, nullable=False),
    Column("quality", SmallInteger),
    sqlite_with_rowid=False,
)
"""Their fingerprints: with ``intake`` the one place where they stand together. Every batch erases both."""

INTAKE_WISHES = Table(
    "intake_wishes",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("wish", SmallInteger, primary_key=True, autoincrement=False),
    CheckConstraint("wish IN (1, 2, 3)", name="intake_wishes_wish"),
    sqlite_with_rowid=False,
)
"""What the next batch is to do with holds, known or not. ``wish``: 1 withdraw, 2 keep, 3 renew."""

CASES = Table(
    "cases",
    METADATA,
    Column("case_id", Bytes(16), primary_key=True),
    Column("sealed", Bytes, nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("entry_id", Bytes(16), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("value", Bytes, nullable=False),
    Column("digest", Bytes(32), nullable=False),
    Column("quality", SmallInteger),
    Column("day", Integer, nullable=False),
    UniqueConstraint("algorithm", "digest", name="entries_algorithm_digest"),
    sqlite_with_rowid=False,
)
"""``digest`` is the value's SHA-256: a region set is longer than a row of PostgreSQL's index may be."""

HOLDS = Table(
    "holds",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("entry_id", Bytes(16), ForeignKey("entries.entry_id"), nullable=False),
    Column("until_day", Integer),
    Index("holds_entry_id", "entry_id"),
    Index("holds_until_day", "until_day"),
    sqlite_with_rowid=False,
)
"""``until_day``: when the hold ends unless it is renewed, the first day of a period; null for never (case-v1 §6.7)."""

LEAVING = Table(
    "leaving",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("day", Integer, nullable=False),
    Index("leaving_day", "day"),
    sqlite_with_rowid=False,
)
"""Holds whose withdrawal waits, and the day it is done (case-v1 §6.6)."""

EXPIRED = Table(
    "expired",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("day", Integer, nullable=False),
    Index("expired_day", "day"),
    sqlite_with_rowid=False,
)
"""Holds that have ended by themselves, for as long as their owners may ask why."""

AUDIENCE = Table(
    "audience",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("about", String(16), primary_key=True),
    Column("cases", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many cases came in on a day about whom; beside no case (case-v1 §5.5)."""

LISTS = Table(
    "lists",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("chain", Bytes(32), nullable=False),
    Column("live_count", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Where each log stands: its last number, chain value and day, and how many entries live."""

LIST_SIZES = Table(
    "list_sizes",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("live_count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many entries lived at the end of each day on which a list changed: what the operator's charts show."""

CHANGES = Table(
    "changes",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("op", SmallInteger, nullable=False),
    Column("entry_id", Bytes(16), nullable=False),
    Column("value", Bytes),
    Column("quality", SmallInteger),
    Column("day", Integer, nullable=False),
    Column("form", SmallInteger, nullable=False, server_default="1"),
    CheckConstraint("op IN (1, 2)", name="changes_op"),
    Index("changes_entry_id", "entry_id", "op"),
    sqlite_with_rowid=False,
)
"""The logs of all lists. ``op``: 1 add, 2 remove. ``form``: 2 for an add that enters the chain by its digest (feed-v1
§2.4), else 1. Adds of entries removed long ago may be missing (feed-v1 §8)."""

ADDRESSED = Table(
    "addressed",
    METADATA,
    Column("entry_id", Bytes(16), primary_key=True),
    Column("list", String(16), nullable=False),
    Column("partner_id", String(16), nullable=False),
    Index("addressed_list_partner_id", "list", "partner_id"),
    sqlite_with_rowid=False,
)
"""Canaries: entries whose value one partner only is told. A row goes with the ``add`` of its entry."""

FLOORS = Table(
    "floors",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("chain", Bytes(32), nullable=False),
    sqlite_with_rowid=False,
)
"""Up to where each log has been compacted, and its chain value there: nobody can follow it from a place before that."""

PUBLICATIONS = Table(
    "publications",
    METADATA,
    Column("list", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("published", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Up to which change each log was published when, Unix seconds; exact for the present day only (docs/adr/0040)."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("partner_id", String(16), primary_key=True),
    Column("entry_id", Bytes(16), ForeignKey("entries.entry_id"), primary_key=True),
    Column("value", String(16), nullable=False),
    Column("day", Integer, nullable=False),
    Index("feedback_entry_id", "entry_id"),
    sqlite_with_rowid=False,
)
"""The latest word of each partner about each entry; it goes when the entry goes."""
