"""Items, discounts, and what sales took of the stock."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
)

from bezant.storage.tables.base import metadata, partial_index

catalogue_items = Table(
    "catalogue_items",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("code", String(25), nullable=False),
    Column("name", String(50), nullable=False),
    Column("description", String(100), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("stock", BigInteger, nullable=False),
    Column("tracked", Boolean, nullable=False),
    Column("taxable", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("category", String(50), nullable=False),
    Column("group_name", String(50), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    CheckConstraint("stock >= 0", name="stock"),
    CheckConstraint("price >= 0", name="price"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""Products and modifiers. Deleted ones stay; their codes are free again."""
partial_index(
    "uq_catalogue_items_code",
    catalogue_items.c.merchant_id,
    catalogue_items.c.terminal_id,
    catalogue_items.c.kind,
    catalogue_items.c.code,
    unique=True,
    where="deleted_at IS NULL",
)
Index(
    "ix_catalogue_items_list",
    catalogue_items.c.merchant_id,
    catalogue_items.c.terminal_id,
    catalogue_items.c.kind,
    catalogue_items.c.position,
    catalogue_items.c.item_id,
)

catalogue_discounts = Table(
    "catalogue_discounts",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("discount_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("name", String(25), nullable=False),
    Column("percentage", Integer),
    Column("amount", BigInteger),
    Column("currency", String(3)),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    CheckConstraint(
        "(percentage IS NULL) <> (amount IS NULL) AND (amount IS NULL) = (currency IS NULL)", name="worth"
    ),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""A discount is a percentage, in thousandths of a percent, or an amount."""
Index(
    "ix_catalogue_discounts_list",
    catalogue_discounts.c.merchant_id,
    catalogue_discounts.c.terminal_id,
    catalogue_discounts.c.created_at,
    catalogue_discounts.c.discount_id,
)

stock_takes = Table(
    "stock_takes",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("quantity", BigInteger, nullable=False),
    Column("given_back_at", BigInteger),
    CheckConstraint("quantity > 0", name="quantity"),
    ForeignKeyConstraint(
        ["merchant_id", "item_id"], ["catalogue_items.merchant_id", "catalogue_items.item_id"]
    ),
)
"""How many pieces of an item a sale took, and whether they were given back."""
