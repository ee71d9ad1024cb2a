"""Abuse control: what is kept off the lists, the guard list, counts of matches, spent proofs."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0004"
down_revision = "registry_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_set_aside()
    _create_guard()
    op.create_table(
        "spent_proofs",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("until_hour", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("entry_id", sa.LargeBinary(16), sa.ForeignKey("entries.entry_id"), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "match_counts",
        sa.Column("entry_id", sa.LargeBinary(16), sa.ForeignKey("entries.entry_id"), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("words", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_guard() -> None:
    op.create_table(
        "guard",
        sa.Column("guard_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.UniqueConstraint("algorithm", "digest", name="guard_algorithm_digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "guard_version",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
