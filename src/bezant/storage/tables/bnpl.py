"""Consumer finance: merchants' programs, one-time passwords, loans, their refunds and history."""

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

loan_programs = Table(
    "loan_programs",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("enabled", Boolean, nullable=False),
    Column("months", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_min", BigInteger),
    Column("amount_max", BigInteger),
    Column("down_payment_basis_points", Integer, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""Merchants' settings. ``months`` are separated by commas; none stands for all that the lender has."""

loan_passwords = Table(
    "loan_passwords",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reference", String(40), primary_key=True),
    Column("password_id", BigInteger, nullable=False),
    Column("phone", String(19), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("wallet", BigInteger, nullable=False),
    Column("cashback", BigInteger, nullable=False),
    Column("down_payment", BigInteger),
    Column("password_hash", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("wrong", Integer, nullable=False),
    Column("wrong_before", Integer, nullable=False),
    Column("used", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""The last one-time password of each order, hashed, and the terms that it is good for."""
Index(
    "ix_loan_passwords_phone",
    loan_passwords.c.merchant_id,
    loan_passwords.c.phone,
    loan_passwords.c.made_at,
)

loans = Table(
    "loans",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("loan_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("reference", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("phone", String(19), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("wallet", BigInteger, nullable=False),
    Column("cashback", BigInteger, nullable=False),
    Column("down_payment", BigInteger),
    Column("months", Integer, nullable=False),
    Column("echo", Text),
    Column("requested_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("asked", Boolean, nullable=False),
    Column("reason", String(40)),
    Column("loan_number", String(100)),
    Column("transaction_number", String(100)),
    Column("fee", BigInteger),
    Column("installment", BigInteger),
    Column("total", BigInteger),
    Column("answered_at", BigInteger),
    Column("refunded", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger),
    Column("revision", Integer, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""Purchases of orders, also those that were declined before the lender was asked."""
partial_index(
    "uq_loans_reference",
    loans.c.merchant_id,
    loans.c.reference,
    unique=True,
    where="state <> 'declined'",
)
Index("ix_loans_reference", loans.c.merchant_id, loans.c.reference, loans.c.loan_id)
partial_index(
    "ix_loans_sending",
    loans.c.lease_until,
    where="state = 'sending'",
)
partial_index(
    "ix_loans_in_doubt",
    loans.c.next_try_at,
    where="state = 'in_doubt'",
)

loan_refunds = Table(
    "loan_refunds",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("refund_id", BigInteger, primary_key=True, autoincrement=False),
    Column("loan_id", BigInteger, nullable=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("refund_reference", String(200)),
    Column("state", String(12), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("echo", Text),
    Column("requested_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("reason", String(40)),
    Column("transaction_number", String(100)),
    Column("answered_at", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger),
    Column("revision", Integer, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    ForeignKeyConstraint(["merchant_id", "loan_id"], ["loans.merchant_id", "loans.loan_id"]),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""What was given back of loans."""
partial_index(
    "uq_loan_refunds_reference",
    loan_refunds.c.merchant_id,
    loan_refunds.c.refund_reference,
    unique=True,
    where="state <> 'declined'",
)
Index("ix_loan_refunds_loan", loan_refunds.c.merchant_id, loan_refunds.c.loan_id)
partial_index(
    "ix_loan_refunds_sending",
    loan_refunds.c.lease_until,
    where="state = 'sending'",
)
partial_index(
    "ix_loan_refunds_in_doubt",
    loan_refunds.c.next_try_at,
    where="state = 'in_doubt'",
)

loan_events = events("loan_events", of="subject_id")
"""Every step of a loan or of a refund, in order."""
