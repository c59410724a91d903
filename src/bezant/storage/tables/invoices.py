"""Invoices: links to pay by, their history, and the payments made for them."""

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
    Text,
)

from bezant.storage.tables.base import events, metadata, partial_index

invoices = Table(
    "invoices",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("invoice_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("uid", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("profile", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("tip", BigInteger, nullable=False),
    Column("number", String(50)),
    Column("email", String(255)),
    Column("phone", String(20)),
    Column("searched", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("as_code", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("receipt_wanted", Boolean, nullable=False),
    Column("language", String(2), nullable=False, server_default="en"),
    Column("payment_id", BigInteger),
    Column("paid_at", BigInteger),
    Column("revision", Integer, nullable=False),
    CheckConstraint("base >= 0 AND tax >= 0 AND fee >= 0 AND tip >= 0", name="amounts"),
    CheckConstraint("(payment_id IS NOT NULL) = (state IN ('paying', 'paid'))", name="payment"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""``searched`` is what lists are searched for, in lower case; ``details`` the rest of the terms, as JSON.

Which merchant a public id belongs to is in the directory.
"""
Index("uq_invoices_uid", invoices.c.merchant_id, invoices.c.uid, unique=True)
Index("uq_invoices_payment", invoices.c.merchant_id, invoices.c.payment_id, unique=True)
partial_index(
    "uq_invoices_number",
    invoices.c.merchant_id,
    invoices.c.terminal_id,
    invoices.c.number,
    unique=True,
    where="state IN ('pending', 'paying')",
)
Index(
    "ix_invoices_list",
    invoices.c.merchant_id,
    invoices.c.terminal_id,
    invoices.c.created_at,
    invoices.c.invoice_id,
    invoices.c.state,
)
partial_index(
    "ix_invoices_pending",
    invoices.c.expires_at,
    where="state = 'pending'",
)
partial_index(
    "ix_invoices_paying",
    invoices.c.updated_at,
    where="state = 'paying'",
)

invoice_events = events("invoice_events", of="invoice_id")
"""Every change of state, never edited. The database refuses UPDATE and DELETE."""

invoice_attempts = Table(
    "invoice_attempts",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("invoice_id", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id", "invoice_id"], ["invoices.merchant_id", "invoices.invoice_id"]),
)
"""Which payments were made for which invoice."""
Index("ix_invoice_attempts_invoice", invoice_attempts.c.merchant_id, invoice_attempts.c.invoice_id)
