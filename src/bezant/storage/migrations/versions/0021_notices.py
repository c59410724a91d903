"""Notices: what people are told, and in which language; deliveries bring more than parcels."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE deliveries RENAME COLUMN parcel TO content")
    op.add_column("invoices", sa.Column("language", sa.String(length=2), server_default="en", nullable=False))
    op.create_table(
        "notices",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("target_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_notices_merchant_id_merchants")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "notice_id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_target", "notices", ["merchant_id", "topic", "target_hash", "made_at"], unique=False
    )
    op.create_index("ix_notices_made_at", "notices", ["merchant_id", "topic", "made_at"], unique=False)
