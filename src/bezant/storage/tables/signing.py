"""Merchants whose callers sign their requests."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Table,
)

from bezant.storage.tables.base import metadata

signing_accounts = Table(
    "signing_accounts",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("identifier", String(20), nullable=False),
    Column("digest", String(8), nullable=False),
    Column("request_phrase", LargeBinary, nullable=False),
    Column("response_phrase", LargeBinary, nullable=False),
    Column("old_phrase", LargeBinary),
    Column("old_phrase_until", BigInteger),
    Column("edition", String(8), nullable=False),
    Column("direct_url", String(500)),
    Column("later_url", String(500)),
    Column("notice_format", String(4), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""The phrases are sealed. An identifier is found in ``directory``, which gives it to one merchant only."""

signing_access_codes = Table(
    "signing_access_codes",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("access_code", String(20), primary_key=True),
    ForeignKeyConstraint(["merchant_id"], ["signing_accounts.merchant_id"]),
)
