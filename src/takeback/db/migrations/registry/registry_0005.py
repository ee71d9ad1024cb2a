"""The life of a hold: wishes instead of withdrawals alone, delay, expiry; and whom cases are about, by day."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0005"
down_revision = "registry_0004"
branch_labels = None
depends_on = None

_WITHDRAW = 1


def upgrade() -> None:
    """Create the tables; withdrawals that wait become wishes."""
    op.create_table(
        "intake_wishes",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("wish", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.CheckConstraint("wish IN (1, 2, 3)", name="intake_wishes_wish"),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO intake_wishes (token_hash, wish) SELECT token_hash, {_WITHDRAW} FROM intake_withdrawals"  # noqa: S608 - a number of ours
    )
    op.drop_table("intake_withdrawals")
    _by_token_and_day("leaving")
    _by_token_and_day("expired")
    op.add_column("holds", sa.Column("until_day", sa.Integer))
    op.create_index("holds_until_day", "holds", ["until_day"])
    op.create_table(
        "audience",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("about", sa.String(16), primary_key=True),
        sa.Column("cases", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _by_token_and_day(name: str) -> None:
    op.create_table(
        name,
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(f"{name}_day", name, ["day"])
