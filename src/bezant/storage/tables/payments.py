"""Batches, payments and their history, the journal, reversals, idempotency keys, stray answers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from bezant.storage.tables.base import events, metadata, partial_index

batches = Table(
    "batches",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("audit_number", Integer, nullable=False),
    Column("transaction_number", Integer, nullable=False),
    Column("sale_count", Integer, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("tip", BigInteger, nullable=False),
    Column("refund_count", Integer, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("tip_count", Integer, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("settlement_id", BigInteger),
    Column("frozen_at", BigInteger),
    Column("closed_at", BigInteger),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
partial_index(
    "uq_batches_open",
    batches.c.merchant_id,
    batches.c.terminal_id,
    unique=True,
    where="state = 'open'",
)
partial_index(
    "ix_batches_settling",
    batches.c.frozen_at,
    where="state = 'settling'",
)

payments = Table(
    "payments",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(12), nullable=False),
    Column("profile", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("tip", BigInteger, nullable=False),
    Column("token", String(40)),
    Column("bin", String(8)),
    Column("last4", String(4)),
    Column("brand", String(16)),
    Column("expiry", String(4)),
    Column("invoice", String(50)),
    Column("cardholder", String(60)),
    Column("source", String(30)),
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
    Column("approval_code", String(6)),
    Column("response_code", String(3)),
    Column("reason", String(40)),
    Column("partial", Boolean, nullable=False),
    Column("answered_at", BigInteger),
    Column("refunded", BigInteger, nullable=False),
    Column("refund_count", Integer, nullable=False),
    Column("incremented", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("revision", Integer, nullable=False),
    CheckConstraint("base >= 0 AND tax >= 0 AND fee >= 0 AND tip >= 0", name="amounts"),
    CheckConstraint("refunded >= 0 AND refunded <= base + tax + fee + tip", name="refunded"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
Index(
    "uq_payments_audit",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.audit_day,
    payments.c.audit_number,
    unique=True,
)
# What is being sent is in neither of the next two: a payment enters them when its outcome is known, and once.
partial_index(
    "uq_payments_transaction_number",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.batch_number,
    payments.c.transaction_number,
    unique=True,
    where="state <> 'sending'",
)
partial_index(
    "ix_payments_list",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.requested_at,
    payments.c.payment_id,
    # What every list filters by: lists are counted, and pages skipped, without reading the rows.
    payments.c.kind,
    payments.c.state,
    where="state <> 'sending'",
)
partial_index(
    "ix_payments_original",
    payments.c.merchant_id,
    payments.c.original_id,
    where="original_id IS NOT NULL",
)
# References grow with time, whosever they are: those of one moment are side by side.
Index(
    "ix_payments_reference",
    payments.c.retrieval_reference,
    payments.c.merchant_id,
    payments.c.terminal_id,
)
partial_index(
    "ix_payments_held",
    payments.c.requested_at,
    where="state = 'authorized'",
)
partial_index(
    "ix_payments_sending",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.lease_until,
    where="state = 'sending'",
)

postings = Table(
    "postings",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("cause", String(16), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("layer", String(8), nullable=False),
    Column("account", String(24), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("booked_at", BigInteger, nullable=False),
)

payment_events = events("payment_events", of="payment_id")
"""Every step of a payment, in order."""

reversals = Table(
    "reversals",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("escalated", Boolean, nullable=False),
    ForeignKeyConstraint(["merchant_id", "payment_id"], ["payments.merchant_id", "payments.payment_id"]),
)
partial_index(
    "ix_reversals_due",
    reversals.c.next_try_at,
    where="confirmed_at IS NULL",
)

claims = Table(
    "claims",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
)
"""Idempotency keys that were used."""

strays = Table(
    "strays",
    metadata,
    Column("stray_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("terminal_number", String(8)),
    Column("audit_number", Integer),
    Column("retrieval_reference", String(12)),
    Column("response_code", String(3)),
    Column("approval_code", String(6)),
    Column("amount_minor", BigInteger),
)
"""Answers of the network that nobody was waiting for, masked."""
