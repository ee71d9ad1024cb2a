"""The console's own tables. What a copy of them gives away stands in docs/threat-model.md."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, SmallInteger, String, Table

from takeback.db.columns import Bytes

METADATA = MetaData()

OPERATORS = Table(
    "operators",
    METADATA,
    Column("operator_id", String(16), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("role", String(16), nullable=False),
    Column("day", Integer, nullable=False),
    Column("removed_day", Integer),
    Column("password_hash", String(200)),
    Column("totp_sealed", Bytes),
    Column("totp_step", BigInteger),
    sqlite_with_rowid=False,
)

PASSKEYS = Table(
    "operator_passkeys",
    METADATA,
    Column("credential_id", Bytes(1023), primary_key=True),
    Column("operator_id", String(16), nullable=False),
    Column("public_key", Bytes, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ENROLMENTS = Table(
    "operator_enrolments",
    METADATA,
    Column("code_hash", Bytes(32), primary_key=True),
    Column("operator_id", String(16), nullable=False),
    Column("expires_s", BigInteger, nullable=False),
    Column("totp_sealed", Bytes),
    sqlite_with_rowid=False,
)
"""Codes that wait to be used, and the second factor that is offered with each."""

SESSIONS = Table(
    "operator_sessions",
    METADATA,
    Column("token_hash", Bytes(32), primary_key=True),
    Column("operator_id", String(16), nullable=False),
    Column("began_s", BigInteger, nullable=False),
    Column("seen_s", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Here and not in memory, so that every process of a registry knows them, and one that restarts does too."""

SPENT_CHALLENGES = Table(
    "operator_spent_challenges",
    METADATA,
    Column("challenge_hash", Bytes(32), primary_key=True),
    Column("expires_s", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Passkey challenges that were answered well, until they would have expired anyway."""

ATTEMPTS = Table(
    "operator_attempts",
    METADATA,
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("failures", Integer, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Failed passwords, counted by a keyed hash of the name typed: a name that exists is treated as one that does not."""
