"""Sales organizations, merchants, stores, terminals, credentials, and who failed to log in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    false,
)

from bezant.storage.tables.base import metadata

isos = Table(
    "isos",
    metadata,
    Column("iso_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

merchants = Table(
    "merchants",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("iso_id", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("app_id", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("sandbox", Boolean, nullable=False),
    Column("clock_frozen_at", BigInteger),
    Column("clock_offset", BigInteger, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("address_check", String(12), nullable=False, server_default="none"),
    Column("address_declines", Boolean, nullable=False, server_default=false()),
    Column("verification_required", Boolean, nullable=False, server_default=false()),
    Column("verification_declines", Boolean, nullable=False, server_default=false()),
    Column("checks_shown", Boolean, nullable=False, server_default=false()),
    Column("refund_factor", Boolean, nullable=False, server_default=false()),
    Column("refund_email", String(255)),
    Column("refund_phone", String(20)),
    Column("office_id", BigInteger),
)
"""``office_id`` is the agent office that looks after the merchant, if one does."""

directory = Table(
    "directory",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
)
"""Which merchant a name that nobody else may have (an app id, a terminal number, an endpoint) belongs to."""

merchant_origins = Table(
    "merchant_origins",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", String(255), primary_key=True),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""Where a merchant's own web pages are: scheme, host and port."""

stores = Table(
    "stores",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("store_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("colour", String(7)),
    Column("logo", String(40)),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)

store_logos = Table(
    "store_logos",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("store_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(4), nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["merchant_id", "store_id"], ["stores.merchant_id", "stores.store_id"]),
)
"""Apart from the stores, which are read whole with every account."""

terminals = Table(
    "terminals",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("store_id", BigInteger, nullable=False),
    Column("number", String(12), nullable=False),
    Column("label", String(50), nullable=False),
    Column("device_model", String(20), nullable=False),
    Column("tip_adjustable", Boolean, nullable=False),
    Column("tip_percent_max", Integer, nullable=False),
    Column("settles_at", Integer),
    Column("settled_on", Integer),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id", "store_id"], ["stores.merchant_id", "stores.store_id"]),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("profile", String(16), primary_key=True),
    Column("merchant_number", String(15), nullable=False),
    Column("terminal_number", String(8), nullable=False),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""A terminal's merchant account (MID, TID) at the acquirer, for each profile it can run."""

credentials = Table(
    "credentials",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("credential_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("key_hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)

client_tokens = Table(
    "client_tokens",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, primary_key=True),
    Column("terminal_id", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

refund_challenges = Table(
    "refund_challenges",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("challenge_id", String(36), primary_key=True),
    Column("terminal_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("password_hash", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("wrong", Integer, nullable=False),
    Column("used_by", LargeBinary),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""One-time passwords for refunds, as keyed hashes, for a day."""

login_failures = Table(
    "login_failures",
    metadata,
    Column("caller", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("locked_until", BigInteger),
)
