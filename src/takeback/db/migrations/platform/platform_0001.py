"""Contents that were checked, leads, decisions, looks, and feedback on its way."""

import sqlalchemy as sa
from alembic import op

revision = "platform_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the platform kit's tables. No column holds a fingerprint's value, a file name or an address."""
    op.create_table(
        "contents",
        sa.Column("content_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("day", sa.Date, nullable=False, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("content_id", sa.Text, nullable=False, unique=True),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("deadline_s", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("leads_by_urgency", "leads", ["is_open", "deadline_s"])
    op.create_table(
        "lead_matches",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("entry_id", sa.Text, nullable=False),
        sa.Column("distance_bits", sa.Integer, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("votes", sa.Integer),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "decisions",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("lead_id", sa.Text, nullable=False, unique=True),
        sa.Column("content_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("decided_s", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "looks",
        sa.Column("look_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("lead_id", sa.Text, nullable=False, index=True),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("looked_s", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox",
        sa.Column("item_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("entry_id", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("refused_code", sa.Text, nullable=True),
        sqlite_autoincrement=True,
    )
