"""When batches were published; partners' keys by generation, and what each partner may do.

A key that was issued before has only its own hash: the other faces' credentials cannot be derived from that, so such a
partner gets them with its next key.
"""

import sqlalchemy as sa
from alembic import op

revision = "registry_0003"
down_revision = "registry_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what the faces for other protocols need."""
    _create_publications()
    _create_partner_keys()
    _create_offers()
    op.add_column("partners", sa.Column("scopes", sa.String(100), nullable=False, server_default="feedback pull"))
    op.add_column("partners", sa.Column("requests_per_minute", sa.Integer))
    op.add_column("partners", sa.Column("networks", sa.String(2000), nullable=False, server_default=""))


def _create_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("list", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("published", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # Nobody has asked by time yet, so what is there may carry the first second of its day.
    op.execute("INSERT INTO publications (list, seq, published) SELECT list, seq, day * 86400 FROM lists WHERE seq > 0")
    op.create_index("changes_entry_id", "changes", ["entry_id", "op"])


def _create_partner_keys() -> None:
    op.create_table(
        "partner_keys",
        sa.Column("secret_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("partner_id", sa.String(16), sa.ForeignKey("partners.partner_id"), nullable=False),
        sa.Column("ncmec_hash", sa.LargeBinary(32)),
        sa.Column("stopncii_hash", sa.LargeBinary(32)),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("partner_keys_partner_id", "partner_keys", ["partner_id"])
    op.execute(
        "INSERT INTO partner_keys (secret_hash, partner_id, day) SELECT secret_hash, partner_id, day FROM partners"
    )
    op.drop_column("partners", "secret_hash")


def _create_offers() -> None:
    op.create_table(
        "offers",
        sa.Column("offer_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("partner_id", sa.String(16), sa.ForeignKey("partners.partner_id"), nullable=False),
        sa.Column("list", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("token", sa.LargeBinary(16)),
        sa.Column("day", sa.Integer, nullable=False),
        sa.UniqueConstraint("partner_id", "list", "value", name="offers_partner_list_value"),
        sqlite_with_rowid=False,
    )
