"""Tables of abuse control: what is kept off the lists and why, the guard list, counts of matches, spent proofs.

None of them says who sent what. A row of ``set_aside`` hangs on an entry, as a hold does, and goes with it.

**Source:** docs/protocol/case-v1.md §9 and §10.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, SmallInteger, String, Table
from sqlalchemy import UniqueConstraint as Unique

from takeback.db.columns import Bytes
from takeback.registry.tables import METADATA

SET_ASIDE = Table(
    "set_aside",
    METADATA,
    Column("entry_id", Bytes(16), ForeignKey("entries.entry_id"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Entries that are held but not on the feed. ``state``: waiting, declined."""

GUARD = Table(
    "guard",
    METADATA,
    Column("guard_id", Bytes(16), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("value", Bytes, nullable=False),
    Column("digest", Bytes(32), nullable=False),
    Column("note", String(200), nullable=False),
    Column("day", Integer, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Unique("algorithm", "digest", name="guard_algorithm_digest"),
    sqlite_with_rowid=False,
)
"""Fingerprints of pictures that everybody has. ``note`` is the operator's own word for one; ``version``: with which
version of the guard list it came."""

GUARD_VERSION = Table(
    "guard_version",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row that rises with every change of the guard list, so that each process knows when to read it again."""

GUARD_RECHECK = Table(
    "guard_recheck",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("done_version", BigInteger, nullable=False),
    Column("target_version", BigInteger),
    Column("cursor", Bytes(16), nullable=False),
    Column("checked", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("held_back", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row: how far what is listed has been compared with new lines of the guard list.

``done_version``: with all lines up to it; ``target_version``: with those up to it at the moment, null for none;
``cursor``: the last entry id looked at.
"""

ADMITTED = Table(
    "admitted",
    METADATA,
    Column("entry_id", Bytes(16), ForeignKey("entries.entry_id"), primary_key=True),
    Column("guard_version", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Entries that an operator has put onto the feed, and which guard list there was: its lines are not asked again."""

MATCH_COUNTS = Table(
    "match_counts",
    METADATA,
    Column("entry_id", Bytes(16), ForeignKey("entries.entry_id"), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("words", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""How many words of feedback came about an entry on a day, from all partners together."""

SPENT_PROOFS = Table(
    "spent_proofs",
    METADATA,
    Column("digest", Bytes(32), primary_key=True),
    Column("until_hour", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Proofs of work that have been used, by a digest of the challenge's random part, until they expire anyway.
``until_hour``: hours since 1970-01-01."""
