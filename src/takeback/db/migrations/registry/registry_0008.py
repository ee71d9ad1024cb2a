"""New lines of the guard list are compared with what is listed: which are new, how far that is, what was admitted.

Lines from before count as new: they have never been compared with what was listed when they came.
"""

import sqlalchemy as sa
from alembic import op

revision = "registry_0008"
down_revision = "registry_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number the lines, make room for one row of progress and for what operators have put back."""
    op.add_column("guard", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))
    op.create_table(
        "guard_recheck",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("done_version", sa.BigInteger, nullable=False),
        sa.Column("target_version", sa.BigInteger),
        sa.Column("cursor", sa.LargeBinary(16), nullable=False),
        sa.Column("checked", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("held_back", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "admitted",
        sa.Column("entry_id", sa.LargeBinary(16), sa.ForeignKey("entries.entry_id"), primary_key=True),
        sa.Column("guard_version", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
