"""Forgetting: deliveries say when they ended, so that what they brought is not kept for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("ended_at", sa.BigInteger()))
    # When those of before ended is not known any more: their time begins now.
    now = (
        "CAST(strftime('%s', 'now') AS INTEGER)"
        if op.get_bind().dialect.name == "sqlite"
        else "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)"
    )
    ended = "state IN ('delivered', 'unwanted', 'given_up')"
    op.execute(f"UPDATE deliveries SET ended_at = {now} * 1000000 WHERE {ended}")  # noqa: S608 - our own words
    kept = sa.text("ended_at IS NOT NULL AND content IS NOT NULL")
    op.create_index(
        "ix_deliveries_ended", "deliveries", ["ended_at"], postgresql_where=kept, sqlite_where=kept
    )
