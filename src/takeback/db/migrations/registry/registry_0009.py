"""Canaries: who an entry is told to, if not to everybody; and which additions enter the chain by their digest.

Additions from before go on by their value: what has been chained is never chained anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "registry_0009"
down_revision = "registry_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark the form of each record, make room for whom entries are addressed to."""
    op.add_column("changes", sa.Column("form", sa.SmallInteger, nullable=False, server_default="1"))
    op.create_table(
        "addressed",
        sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("list", sa.String(16), nullable=False),
        sa.Column("partner_id", sa.String(16), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("addressed_list_partner_id", "addressed", ["list", "partner_id"])
