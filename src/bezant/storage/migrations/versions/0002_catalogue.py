"""Catalogue: products, modifiers, discounts, and what sales take of the stock."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue_items",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=25), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.String(length=100), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=False),
        sa.Column("tracked", sa.Boolean(), nullable=False),
        sa.Column("taxable", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(length=50), nullable=False),
        sa.Column("group_name", sa.String(length=50), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_catalogue_items_stock")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_catalogue_items_price")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_catalogue_items_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "item_id", name=op.f("pk_catalogue_items")),
    )
    op.create_index(
        "uq_catalogue_items_code",
        "catalogue_items",
        ["merchant_id", "terminal_id", "kind", "code"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_catalogue_items_list",
        "catalogue_items",
        ["merchant_id", "terminal_id", "kind", "position", "item_id"],
        unique=False,
    )
    op.create_table(
        "catalogue_discounts",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("discount_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=25), nullable=False),
        sa.Column("percentage", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(percentage IS NULL) <> (amount IS NULL) AND (amount IS NULL) = (currency IS NULL)",
            name=op.f("ck_catalogue_discounts_worth"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_catalogue_discounts_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "discount_id", name=op.f("pk_catalogue_discounts")),
    )
    op.create_index(
        "ix_catalogue_discounts_list",
        "catalogue_discounts",
        ["merchant_id", "terminal_id", "created_at", "discount_id"],
        unique=False,
    )
    op.create_table(
        "stock_takes",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("given_back_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_takes_quantity")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "item_id"],
            ["catalogue_items.merchant_id", "catalogue_items.item_id"],
            name=op.f("fk_stock_takes_merchant_id_item_id_catalogue_items"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "subject_id", "item_id", name=op.f("pk_stock_takes")),
    )
