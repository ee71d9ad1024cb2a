"""The audit log also says what people did at the registry; the size of each list by day."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0002"
down_revision = "registry_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the audit log; keep sizes, and work out those of the days that have been."""
    op.execute("ALTER TABLE audit RENAME COLUMN partner_id TO actor_id")
    op.add_column("audit", sa.Column("subject", sa.String(64)))
    op.create_table(
        "list_sizes",
        sa.Column("list", sa.String(16), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("live_count", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO list_sizes (list, day, live_count) "
        "SELECT list, day, SUM(SUM(CASE op WHEN 1 THEN 1 ELSE -1 END)) OVER (PARTITION BY list ORDER BY day) "
        "FROM changes GROUP BY list, day"
    )
