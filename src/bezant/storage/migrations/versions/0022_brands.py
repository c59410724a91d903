"""Brands: the colour and the logo that a store shows to payers."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stores", sa.Column("colour", sa.String(length=7)))
    op.add_column("stores", sa.Column("logo", sa.String(length=40)))
    op.create_table(
        "store_logos",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "store_id"],
            ["stores.merchant_id", "stores.store_id"],
            name=op.f("fk_store_logos_merchant_id_stores"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "store_id", name=op.f("pk_store_logos")),
    )
