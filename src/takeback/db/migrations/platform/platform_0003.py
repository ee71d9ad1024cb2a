"""Looking back: what contents were asked by, how far the lists were compared with it, and the log's own table.

A content may have a second lead, when something else is listed after the first was decided.
"""

import sqlalchemy as sa
from alembic import op

revision = "platform_0003"
down_revision = "platform_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; leads and decisions from before keep their ids and numbers."""
    _leads()
    op.create_table(
        "notices",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("content_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("noted_s", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO notices (seq, lead_id, content_id, action, reason, noted_s)"
        " SELECT seq, lead_id, content_id, action, reason, decided_s FROM decisions ORDER BY seq"
    )
    op.create_table(
        "remembered",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("content_id", sa.Text, nullable=False, unique=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("remembered_by_day", "remembered", ["day", "size_bytes"])
    op.create_table(
        "look_backs",
        sa.Column("list", sa.Text, primary_key=True),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("target", sa.BigInteger),
        sa.Column("position", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _leads() -> None:
    # A column that is unique can lose that only with its table.
    op.create_table(
        "leads_anew",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("content_id", sa.Text, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("found_later", sa.Boolean, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("deadline_s", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("media", sa.Text, nullable=False),
        sa.Column("duration_s", sa.Double),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO leads_anew SELECT lead_id, content_id, held, false, is_open, created_s, deadline_s,"
        " width, height, media, duration_s FROM leads"
    )
    op.drop_table("leads")
    op.rename_table("leads_anew", "leads")
    op.create_index("ix_leads_content_id", "leads", ["content_id"])
    op.create_index("leads_by_urgency", "leads", ["is_open", "deadline_s"])
