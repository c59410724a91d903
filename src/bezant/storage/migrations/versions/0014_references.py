"""Payments by their retrieval reference alone."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_payments_reference",
        "payments",
        ["merchant_id", "terminal_id", "retrieval_reference"],
        unique=False,
    )
