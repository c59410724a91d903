"""Keys, cards, what is known of issuers, and the customers that a merchant keeps."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from bezant.storage.tables.base import metadata

data_keys = Table(
    "data_keys",
    metadata,
    Column("key_id", Integer, primary_key=True, autoincrement=False),
    Column("wrapped_by", String(32), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

cards = Table(
    "cards",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token", String(40), primary_key=True),
    Column("bin", String(8), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("brand", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

single_use_tokens = Table(
    "single_use_tokens",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, primary_key=True),
    Column("terminal_id", BigInteger, nullable=False),
    Column("card_token", String(40), nullable=False),
    Column("expiry", String(4), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
    ForeignKeyConstraint(["merchant_id", "card_token"], ["cards.merchant_id", "cards.token"]),
)
"""What stands for a card in one charge, as keyed hashes, for a day or so."""

Index(None, single_use_tokens.c.merchant_id, single_use_tokens.c.expires_at)

bins = Table(
    "bins",
    metadata,
    Column("prefix", String(8), primary_key=True),
    Column("funding", String(8), nullable=False),
    Column("issuer", String(100)),
    Column("country", String(100)),
    Column("level", String(50)),
    Column("category", String(50)),
    Column("source", String(50)),
)

bin_sources = Table(
    "bin_sources",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("attribution", Text, nullable=False),
    Column("records", Integer, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
)
"""Where imported number ranges come from, with the words that their licence asks to be kept."""

customers = Table(
    "customers",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(50), nullable=False),
    Column("name_key", String(100), nullable=False),
    Column("company", String(100)),
    Column("phone", String(20)),
    Column("email", String(255)),
    Column("addresses", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)
"""Who pays a merchant again and again. ``name_key`` is the name without its case."""
Index("uq_customers_name", customers.c.merchant_id, customers.c.name_key, unique=True)

customer_cards = Table(
    "customer_cards",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("profile_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("token", String(40), nullable=False),
    Column("cardholder", String(60)),
    Column("expiry", String(4)),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id", "customer_id"], ["customers.merchant_id", "customers.customer_id"]),
    ForeignKeyConstraint(["merchant_id", "token"], ["cards.merchant_id", "cards.token"]),
)
Index(
    "uq_customer_cards_token",
    customer_cards.c.merchant_id,
    customer_cards.c.customer_id,
    customer_cards.c.token,
    unique=True,
)

customer_accounts = Table(
    "customer_accounts",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("profile_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("routing_number", String(9), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("holder", String(60)),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id", "customer_id"], ["customers.merchant_id", "customers.customer_id"]),
)
"""Bank accounts, their numbers sealed."""
Index(
    "uq_customer_accounts_fingerprint",
    customer_accounts.c.merchant_id,
    customer_accounts.c.customer_id,
    customer_accounts.c.fingerprint,
    unique=True,
)
