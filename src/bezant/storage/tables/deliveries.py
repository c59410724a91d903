"""What the outside is to be told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    text,
)

from bezant.storage.tables.base import metadata

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
Index(
    "ix_deliveries_due",
    deliveries.c.next_try_at,
    postgresql_where=deliveries.c.state == "due",
    sqlite_where=deliveries.c.state == "due",
)
Index(
    "ix_deliveries_lease_until",
    deliveries.c.lease_until,
    postgresql_where=deliveries.c.state == "sending",
    sqlite_where=deliveries.c.state == "sending",
)
Index(
    "ix_deliveries_ended",
    deliveries.c.ended_at,
    postgresql_where=text("ended_at IS NOT NULL AND content IS NOT NULL"),
    sqlite_where=text("ended_at IS NOT NULL AND content IS NOT NULL"),
)
Index(
    "ix_deliveries_open",
    deliveries.c.merchant_id,
    deliveries.c.subject_id,
    deliveries.c.sequence,
    deliveries.c.delivery_id,
    postgresql_where=text("state IN ('due', 'sending')"),
    sqlite_where=text("state IN ('due', 'sending')"),
)
"""Finds what comes before a delivery of the same subject."""
