"""What the outside is to be told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
)

from bezant.storage.tables.base import metadata, partial_index

deliveries = Table(
    "deliveries",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", String(32), nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", BigInteger),
    Column("lease_until", BigInteger),
    Column("content", LargeBinary),
    Column("last_word", String(40)),
    Column("revision", Integer, nullable=False),
    Column("ended_at", BigInteger),
    CheckConstraint("tries >= 0", name="tries"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""``content`` is stored when it is composed, before it is first sent: sealed, as it may hold a password.

It is forgotten some time after ``ended_at``.
"""
partial_index(
    "ix_deliveries_due",
    deliveries.c.next_try_at,
    where="state = 'due'",
)
partial_index(
    "ix_deliveries_lease_until",
    deliveries.c.lease_until,
    where="state = 'sending'",
)
partial_index(
    "ix_deliveries_ended",
    deliveries.c.ended_at,
    where="ended_at IS NOT NULL AND content IS NOT NULL",
)
partial_index(
    "ix_deliveries_open",
    deliveries.c.merchant_id,
    deliveries.c.subject_id,
    deliveries.c.sequence,
    deliveries.c.delivery_id,
    where="state IN ('due', 'sending')",
)
"""Finds what comes before a delivery of the same subject."""
