"""References: those of one moment are side by side in their index, whichever terminals they are of."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_payments_reference", "payments")
    op.create_index(
        "ix_payments_reference", "payments", ["retrieval_reference", "merchant_id", "terminal_id"]
    )
