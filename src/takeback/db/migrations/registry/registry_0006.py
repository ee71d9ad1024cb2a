"""Operators of the console: how they sign in, their sessions."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0006"
down_revision = "registry_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the console's tables."""
    _create_operators()
    _create_entry()


def _create_operators() -> None:
    op.create_table(
        "operators",
        sa.Column("operator_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("removed_day", sa.Integer),
        sa.Column("password_hash", sa.String(200)),
        sa.Column("totp_sealed", sa.LargeBinary),
        sa.Column("totp_step", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_passkeys",
        sa.Column("credential_id", sa.LargeBinary(1023), primary_key=True),
        sa.Column("operator_id", sa.String(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_entry() -> None:
    op.create_table(
        "operator_enrolments",
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("operator_id", sa.String(16), nullable=False),
        sa.Column("expires_s", sa.BigInteger, nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_sessions",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("operator_id", sa.String(16), nullable=False),
        sa.Column("began_s", sa.BigInteger, nullable=False),
        sa.Column("seen_s", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_spent_challenges",
        sa.Column("challenge_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires_s", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_attempts",
        sa.Column("bucket", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("since_s", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
