"""Deliveries in the order of their subject, with what is sent sealed.

What was composed so far is kept in clear and cannot be sealed here: it is forgotten. A delivery that is still
to be sent is composed anew; an empty parcel marks those that were composed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("parcel", sa.LargeBinary(), nullable=True))
    deliveries = sa.table(
        "deliveries",
        sa.column("body", sa.LargeBinary()),
        sa.column("parcel", sa.LargeBinary()),
    )
    op.execute(deliveries.update().where(deliveries.c.body.is_not(None)).values(parcel=b""))
    for column in ("url", "content_type", "body"):
        op.drop_column("deliveries", column)
    where = sa.text("state IN ('due', 'sending')")
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["merchant_id", "subject_id", "sequence", "delivery_id"],
        unique=False,
        postgresql_where=where,
        sqlite_where=where,
    )
