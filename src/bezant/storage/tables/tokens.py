"""API keys, profile numbers of terminals and their lasting tokens, and what tokens are signed with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from bezant.storage.tables.base import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("owner_kind", String(12), primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(38), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("reset_at", BigInteger),
    UniqueConstraint("name"),
)
"""One an organization of any kind. The secret is a keyed hash, to check, and sealed, to be copied."""

terminal_profiles = Table(
    "terminal_profiles",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", String(12), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    UniqueConstraint("merchant_id", "number"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""A number is found in ``directory``, which gives it to one merchant only."""

ecom_tokens = Table(
    "ecom_tokens",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["merchant_id", "terminal_id"], ["terminal_profiles.merchant_id", "terminal_profiles.terminal_id"]
    ),
)
"""The keyed hash, in hex, is found in ``directory``."""

token_keys = Table(
    "token_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key_id", String(32), nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),
    Column("made_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    UniqueConstraint("key_id"),
)
"""The highest number signs. Of the others the private half is gone; ``until`` says how long they prove."""
