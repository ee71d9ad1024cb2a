"""Leads about videos: what a content is, how long it is, and where a match is seen."""

import sqlalchemy as sa
from alembic import op

revision = "platform_0002"
down_revision = "platform_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a reviewer needs to know of a video. Leads from before are about pictures."""
    op.add_column("leads", sa.Column("media", sa.Text, nullable=False, server_default="image"))
    op.add_column("leads", sa.Column("duration_s", sa.Double))
    for name in ("upload_start_s", "upload_end_s", "listed_start_s", "listed_end_s"):
        op.add_column("lead_matches", sa.Column(name, sa.Double))
