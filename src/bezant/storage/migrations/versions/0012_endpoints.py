"""A terminal's numbers at the acquirer are its own."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO directory (kind, name, merchant_id)
        SELECT DISTINCT 'endpoint', merchant_number || '/' || terminal_number, merchant_id
        FROM endpoints
        """
    )
