"""What people are told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, LargeBinary, String, Table

from bezant.storage.tables.base import metadata

notices = Table(
    "notices",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("notice_id", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", String(32), nullable=False),
    Column("target_hash", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""``content`` is sealed: an address, and what it is told, one-time passwords among it."""
Index("ix_notices_made_at", notices.c.merchant_id, notices.c.topic, notices.c.made_at)
Index("ix_notices_target", notices.c.merchant_id, notices.c.topic, notices.c.target_hash, notices.c.made_at)
