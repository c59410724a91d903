"""Every table, in SQLAlchemy Core.

A tenant's table has ``merchant_id`` first in its primary key and in each unique constraint, so that the
database can be distributed by it. Tables without it (``directory``, ``id_blocks``, ``changes``,
``login_failures``, ``strays``, ``bins``, ``bin_sources``) are small or looked up before the tenant is known,
or belong to organizations of every kind (``users``, ``agent_offices``, ``audit_entries``, ``api_keys``).

Instants are whole microseconds since 1970 UTC and amounts whole minor units, both as 64-bit integers:
exact and the same on both databases.
"""

from bezant.storage.tables.accounts import (
    client_tokens,
    credentials,
    directory,
    endpoints,
    isos,
    login_failures,
    merchant_origins,
    merchants,
    refund_challenges,
    store_logos,
    stores,
    terminals,
)
from bezant.storage.tables.base import metadata
from bezant.storage.tables.bnpl import loan_events, loan_passwords, loan_programs, loan_refunds, loans
from bezant.storage.tables.catalogue import catalogue_discounts, catalogue_items, stock_takes
from bezant.storage.tables.deliveries import deliveries
from bezant.storage.tables.gift import gift_events, gift_misses, gift_movements
from bezant.storage.tables.invoices import invoice_attempts, invoice_events, invoices
from bezant.storage.tables.notices import notices
from bezant.storage.tables.payments import (
    batches,
    claims,
    payment_events,
    payments,
    postings,
    reversals,
    strays,
)
from bezant.storage.tables.people import (
    agent_offices,
    audit_entries,
    audit_heads,
    user_passwords,
    users,
)
from bezant.storage.tables.signing import signing_access_codes, signing_accounts
from bezant.storage.tables.system import changes, id_blocks
from bezant.storage.tables.tokens import api_keys, ecom_tokens, terminal_profiles, token_keys
from bezant.storage.tables.vault import (
    bin_sources,
    bins,
    cards,
    customer_accounts,
    customer_cards,
    customers,
    data_keys,
    single_use_tokens,
)

__all__ = [
    "agent_offices",
    "api_keys",
    "audit_entries",
    "audit_heads",
    "batches",
    "bin_sources",
    "bins",
    "cards",
    "catalogue_discounts",
    "catalogue_items",
    "changes",
    "claims",
    "client_tokens",
    "credentials",
    "customer_accounts",
    "customer_cards",
    "customers",
    "data_keys",
    "deliveries",
    "directory",
    "ecom_tokens",
    "endpoints",
    "gift_events",
    "gift_misses",
    "gift_movements",
    "id_blocks",
    "invoice_attempts",
    "invoice_events",
    "invoices",
    "isos",
    "loan_events",
    "loan_passwords",
    "loan_programs",
    "loan_refunds",
    "loans",
    "login_failures",
    "merchant_origins",
    "merchants",
    "metadata",
    "notices",
    "payment_events",
    "payments",
    "postings",
    "refund_challenges",
    "reversals",
    "signing_access_codes",
    "signing_accounts",
    "single_use_tokens",
    "stock_takes",
    "store_logos",
    "stores",
    "strays",
    "terminal_profiles",
    "terminals",
    "token_keys",
    "user_passwords",
    "users",
]
