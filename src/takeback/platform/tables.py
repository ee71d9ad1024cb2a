"""The platform kit's tables, as ``store.py`` queries them. A test compares them with what the migrations create.

No column holds a fingerprint's value, a file name or an address: leads and decisions name entries by their id only.
What a content was asked by is kept sealed, under a key that is not in the database.
"""

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Index, Integer, MetaData, Table, Text

from takeback.db.columns import Bytes

METADATA = MetaData()

CONTENTS = Table(
    "contents",
    METADATA,
    Column("content_id", Text, primary_key=True),
    Column("digest", Bytes, nullable=False),
    Column("day", Date, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""What was checked lately, by the platform's name and a keyed digest."""

LEADS = Table(
    "leads",
    METADATA,
    Column("lead_id", Text, primary_key=True),
    Column("content_id", Text, nullable=False, index=True),
    Column("held", Boolean, nullable=False),
    Column("found_later", Boolean, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("deadline_s", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("media", Text, nullable=False),
    Column("duration_s", Double),
    Index("leads_by_urgency", "is_open", "deadline_s"),
    sqlite_with_rowid=False,
)
"""What waits, or waited, for a person. Of a content at most one is open."""

LEAD_MATCHES = Table(
    "lead_matches",
    METADATA,
    Column("lead_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("list", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("distance_bits", Integer, nullable=False),
    Column("tier", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("votes", Integer),
    Column("upload_start_s", Double),
    Column("upload_end_s", Double),
    Column("listed_start_s", Double),
    Column("listed_end_s", Double),
    sqlite_with_rowid=False,
)
"""Why, nearest first."""

NOTICES = Table(
    "notices",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("noted_s", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""The log the platform follows. Numbers are never used twice."""

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False, unique=True),
    Column("content_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("decided_s", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""What reviewers decided; ``seq`` is the decision's place in ``notices``."""

LOOKS = Table(
    "looks",
    METADATA,
    Column("look_id", Integer, primary_key=True, autoincrement=True),
    Column("lead_id", Text, nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("looked_s", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Who had which picture shown unblurred, and when."""

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("item_id", Integer, primary_key=True, autoincrement=True),
    Column("list", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("refused_code", Text, nullable=True),
    sqlite_autoincrement=True,
)
"""Feedback on its way to the registry; ``refused_code`` marks what the registry will never take."""

REMEMBERED = Table(
    "remembered",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("content_id", Text, nullable=False, unique=True),
    Column("day", Date, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sealed", Bytes, nullable=False),
    Index("remembered_by_day", "day", "size_bytes"),
    sqlite_autoincrement=True,
)
"""What contents were asked by, to ask again when the lists have grown. Numbers only rise and are never used twice."""

LOOK_BACKS = Table(
    "look_backs",
    METADATA,
    Column("list", Text, primary_key=True),
    Column("source", Bytes, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("target", BigInteger),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How far each list has been compared with what is remembered: every remembered content with every entry up to ``seq``,
and those numbered up to ``position`` up to ``target`` as well. ``source`` is the list store this is said of."""
