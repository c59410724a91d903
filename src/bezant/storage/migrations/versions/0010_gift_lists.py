"""Lists of gift movements."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_gift_movements_list",
        "gift_movements",
        ["merchant_id", "terminal_id", "requested_at", "movement_id"],
        unique=False,
    )
