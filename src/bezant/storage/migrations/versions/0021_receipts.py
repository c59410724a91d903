"""Receipts: what refers to a payment is found by it. Most refer to none and stay out of the index."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_payments_original",
        "payments",
        ["merchant_id", "original_id"],
        unique=False,
        sqlite_where=sa.text("original_id IS NOT NULL"),
        postgresql_where=sa.text("original_id IS NOT NULL"),
    )
