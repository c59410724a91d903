"""Every table, in SQLAlchemy Core.

A tenant's table has ``merchant_id`` first in its primary key and in each unique constraint, so that the
database can be distributed by it. Tables without it (``directory``, ``id_blocks``, ``changes``,
``login_failures``, ``strays``, ``bins``, ``bin_sources``) are small or looked up before the tenant is known.

Instants are whole microseconds since 1970 UTC and amounts whole minor units, both as 64-bit integers:
exact and the same on both databases.
"""

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
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
)

directory = Table(
    "directory",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
)
"""Which merchant a public name (an app id, a terminal number) belongs to."""

stores = Table(
    "stores",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("store_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"]),
)

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
Index(
    "uq_batches_open",
    batches.c.merchant_id,
    batches.c.terminal_id,
    unique=True,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
Index(
    "ix_batches_settling",
    batches.c.frozen_at,
    sqlite_where=text("state = 'settling'"),
    postgresql_where=text("state = 'settling'"),
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
Index(
    "uq_payments_transaction_number",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.batch_number,
    payments.c.transaction_number,
    unique=True,
)
Index(
    "ix_payments_list",
    payments.c.merchant_id,
    payments.c.terminal_id,
    payments.c.requested_at,
    payments.c.payment_id,
)
Index(
    "ix_payments_held",
    payments.c.requested_at,
    sqlite_where=text("state = 'authorized'"),
    postgresql_where=text("state = 'authorized'"),
)
Index(
    "ix_payments_sending",
    payments.c.lease_until,
    sqlite_where=text("state = 'sending'"),
    postgresql_where=text("state = 'sending'"),
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

payment_events = Table(
    "payment_events",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("before", String(12), nullable=False),
    Column("after", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
)
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
Index(
    "ix_reversals_due",
    reversals.c.next_try_at,
    sqlite_where=text("confirmed_at IS NULL"),
    postgresql_where=text("confirmed_at IS NULL"),
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

id_blocks = Table(
    "id_blocks",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("next_id", BigInteger, nullable=False),
)
"""Where the next block of ids starts. A process takes a block at a time; what it does not use is lost."""

changes = Table(
    "changes",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""A counter that goes up when cached facts (accounts, credentials, clocks) change."""

# Catalogue ----------------------------------------------------------------------------------------------

catalogue_items = Table(
    "catalogue_items",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("code", String(25), nullable=False),
    Column("name", String(50), nullable=False),
    Column("description", String(100), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("stock", BigInteger, nullable=False),
    Column("tracked", Boolean, nullable=False),
    Column("taxable", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("category", String(50), nullable=False),
    Column("group_name", String(50), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    CheckConstraint("stock >= 0", name="stock"),
    CheckConstraint("price >= 0", name="price"),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""Products and modifiers. Deleted ones stay; their codes are free again."""
Index(
    "uq_catalogue_items_code",
    catalogue_items.c.merchant_id,
    catalogue_items.c.terminal_id,
    catalogue_items.c.kind,
    catalogue_items.c.code,
    unique=True,
    sqlite_where=text("deleted_at IS NULL"),
    postgresql_where=text("deleted_at IS NULL"),
)
Index(
    "ix_catalogue_items_list",
    catalogue_items.c.merchant_id,
    catalogue_items.c.terminal_id,
    catalogue_items.c.kind,
    catalogue_items.c.position,
    catalogue_items.c.item_id,
)

catalogue_discounts = Table(
    "catalogue_discounts",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("discount_id", BigInteger, primary_key=True, autoincrement=False),
    Column("terminal_id", BigInteger, nullable=False),
    Column("name", String(25), nullable=False),
    Column("percentage", Integer),
    Column("amount", BigInteger),
    Column("currency", String(3)),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    CheckConstraint(
        "(percentage IS NULL) <> (amount IS NULL) AND (amount IS NULL) = (currency IS NULL)", name="worth"
    ),
    ForeignKeyConstraint(["merchant_id", "terminal_id"], ["terminals.merchant_id", "terminals.terminal_id"]),
)
"""A discount is a percentage, in thousandths of a percent, or an amount."""
Index(
    "ix_catalogue_discounts_list",
    catalogue_discounts.c.merchant_id,
    catalogue_discounts.c.terminal_id,
    catalogue_discounts.c.created_at,
    catalogue_discounts.c.discount_id,
)

stock_takes = Table(
    "stock_takes",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("quantity", BigInteger, nullable=False),
    Column("given_back_at", BigInteger),
    CheckConstraint("quantity > 0", name="quantity"),
    ForeignKeyConstraint(
        ["merchant_id", "item_id"], ["catalogue_items.merchant_id", "catalogue_items.item_id"]
    ),
)
"""How many pieces of an item a sale took, and whether they were given back."""

# -- gift cards ---------------------------------------------------------------------------------------------

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
    "ix_gift_movements_sending",
    gift_movements.c.lease_until,
    sqlite_where=text("state = 'sending'"),
    postgresql_where=text("state = 'sending'"),
)
Index(
    "ix_gift_movements_in_doubt",
    gift_movements.c.next_try_at,
    sqlite_where=text("state = 'in_doubt'"),
    postgresql_where=text("state = 'in_doubt'"),
)

gift_events = Table(
    "gift_events",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("movement_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("before", String(12), nullable=False),
    Column("after", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
)
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

bin_sources = Table(
    "bin_sources",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("attribution", Text, nullable=False),
    Column("records", Integer, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
)
"""Where imported number ranges come from, with the words that their licence asks to be kept."""
