"""Cases, the list and its log; partners, heads and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _create_intake()
    _create_list()
    _create_exchange()


def _create_intake() -> None:
    op.create_table(
        "intake",
        sa.Column("case_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "intake_holds",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("case_id", sa.LargeBinary(16), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("quality", sa.SmallInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "intake_withdrawals",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sqlite_with_rowid=False,
    )


def _create_list() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entries",
        sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("quality", sa.SmallInteger),
        sa.Column("day", sa.Integer, nullable=False),
        sa.UniqueConstraint("algorithm", "digest", name="entries_algorithm_digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "holds",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("entry_id", sa.LargeBinary(16), sa.ForeignKey("entries.entry_id"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("holds_entry_id", "holds", ["entry_id"])
    op.create_table(
        "lists",
        sa.Column("list", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sa.Column("live_count", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "changes",
        sa.Column("list", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("op", sa.SmallInteger, nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("value", sa.LargeBinary),
        sa.Column("quality", sa.SmallInteger),
        sa.Column("day", sa.Integer, nullable=False),
        sa.CheckConstraint("op IN (1, 2)", name="changes_op"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        sa.Column("partner_id", sa.String(16), primary_key=True),
        sa.Column("entry_id", sa.LargeBinary(16), sa.ForeignKey("entries.entry_id"), primary_key=True),
        sa.Column("value", sa.String(16), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("feedback_entry_id", "feedback", ["entry_id"])


def _create_exchange() -> None:
    op.create_table(
        "partners",
        sa.Column("partner_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("lists", sa.String(200), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("revoked_day", sa.Integer),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "heads",
        sa.Column("list", sa.String(16), primary_key=True),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("partner_id", sa.String(16), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("list", sa.String(16), nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_tail",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )
