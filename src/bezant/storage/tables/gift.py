"""Gift cards: movements, their history, and guesses that missed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

gift_movements = Table(
    "gift_movements",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("movement_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(12), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("token", String(40)),
    Column("last4", String(4)),
    Column("details", Text),
    Column("original_id", BigInteger),
    Column("audit_number", Integer),
    Column("audit_day", Integer, nullable=False),
    Column("retrieval_reference", String(12), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("batch_number", Integer, nullable=False),
    Column("transaction_number", Integer),
    Column("reason", String(40)),
    Column("balance", BigInteger),
    Column("answered_at", BigInteger),
    Column("refunded", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger),
    Column("revision", Integer, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint("balance >= 0", name="balance"),
    CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""What was done with gift cards. A balance is what the host said was left; the host owns it."""
Index(
    "uq_gift_movements_audit",
    gift_movements.c.merchant_id,
    gift_movements.c.terminal_id,
    gift_movements.c.audit_day,
    gift_movements.c.audit_number,
    unique=True,
)
Index(
    "uq_gift_movements_transaction_number",
    gift_movements.c.merchant_id,
    gift_movements.c.terminal_id,
    gift_movements.c.batch_number,
    gift_movements.c.transaction_number,
    unique=True,
)
Index(
    "ix_gift_movements_list",
    gift_movements.c.merchant_id,
    gift_movements.c.terminal_id,
    gift_movements.c.requested_at,
    gift_movements.c.movement_id,
)
partial_index(
    "ix_gift_movements_sending",
    gift_movements.c.lease_until,
    where="state = 'sending'",
)
partial_index(
    "ix_gift_movements_in_doubt",
    gift_movements.c.next_try_at,
    where="state = 'in_doubt'",
)

gift_events = events("gift_events", of="movement_id")
"""Every step of a movement, in order."""

gift_misses = Table(
    "gift_misses",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("misses", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("locked_until", BigInteger),
)
"""Wrong gift card numbers and PINs, by terminal. Merchant 0 stands for all together."""
