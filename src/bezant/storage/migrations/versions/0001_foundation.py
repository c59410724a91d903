"""Foundation: accounts, vault, batches, payments, ledger, recovery."""

import sqlalchemy as sa
from alembic import op

from bezant.storage.migrations import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bins",
        sa.Column("prefix", sa.String(length=8), nullable=False),
        sa.Column("funding", sa.String(length=8), nullable=False),
        sa.Column("issuer", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column("level", sa.String(length=50), nullable=True),
        sa.Column("category", sa.String(length=50), nullable=True),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_bins")),
    )
    op.create_table(
        "cards",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("bin", sa.String(length=8), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("brand", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "token", name=op.f("pk_cards")),
    )
    op.create_table(
        "changes",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_changes")),
    )
    op.create_table(
        "claims",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", "key", name=op.f("pk_claims")),
    )
    op.create_table(
        "client_tokens",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "token_hash", name=op.f("pk_client_tokens")),
    )
    op.create_table(
        "data_keys",
        sa.Column("key_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wrapped_by", sa.String(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "directory",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_directory")),
    )
    op.create_table(
        "id_blocks",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("next_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_id_blocks")),
    )
    op.create_table(
        "isos",
        sa.Column("iso_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("iso_id", name=op.f("pk_isos")),
    )
    op.create_table(
        "login_failures",
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_login_failures")),
    )
    op.create_table(
        "merchants",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("iso_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("app_id", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("clock_frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_merchants")),
    )
    op.create_table(
        "payment_events",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.String(length=12), nullable=False),
        sa.Column("after", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "payment_id", "revision", name=op.f("pk_payment_events")),
    )
    op.create_table(
        "postings",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("layer", sa.String(length=8), nullable=False),
        sa.Column("account", sa.String(length=24), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "subject_id", "cause", "line", name=op.f("pk_postings")),
    )
    op.create_table(
        "strays",
        sa.Column("stray_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("terminal_number", sa.String(length=8), nullable=True),
        sa.Column("audit_number", sa.Integer(), nullable=True),
        sa.Column("retrieval_reference", sa.String(length=12), nullable=True),
        sa.Column("response_code", sa.String(length=3), nullable=True),
        sa.Column("approval_code", sa.String(length=6), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("stray_id", name=op.f("pk_strays")),
    )
    op.create_table(
        "stores",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_stores_merchant_id_merchants")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "store_id", name=op.f("pk_stores")),
    )
    op.create_table(
        "terminals",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("label", sa.String(length=50), nullable=False),
        sa.Column("device_model", sa.String(length=20), nullable=False),
        sa.Column("tip_adjustable", sa.Boolean(), nullable=False),
        sa.Column("tip_percent_max", sa.Integer(), nullable=False),
        sa.Column("settles_at", sa.Integer(), nullable=True),
        sa.Column("settled_on", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "store_id"],
            ["stores.merchant_id", "stores.store_id"],
            name=op.f("fk_terminals_merchant_id_store_id_stores"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", name=op.f("pk_terminals")),
    )
    op.create_table(
        "batches",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("audit_number", sa.Integer(), nullable=False),
        sa.Column("transaction_number", sa.Integer(), nullable=False),
        sa.Column("sale_count", sa.Integer(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("tip", sa.BigInteger(), nullable=False),
        sa.Column("refund_count", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("tip_count", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=True),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_batches_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", "number", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_settling",
        "batches",
        ["frozen_at"],
        unique=False,
        sqlite_where=sa.text("state = 'settling'"),
        postgresql_where=sa.text("state = 'settling'"),
    )
    op.create_index(
        "uq_batches_open",
        "batches",
        ["merchant_id", "terminal_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "credentials",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("credential_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_credentials_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "credential_id", name=op.f("pk_credentials")),
    )
    op.create_table(
        "endpoints",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("profile", sa.String(length=16), nullable=False),
        sa.Column("merchant_number", sa.String(length=15), nullable=False),
        sa.Column("terminal_number", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_endpoints_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", "profile", name=op.f("pk_endpoints")),
    )
    op.create_table(
        "payments",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("profile", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("tip", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("bin", sa.String(length=8), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("brand", sa.String(length=16), nullable=True),
        sa.Column("expiry", sa.String(length=4), nullable=True),
        sa.Column("invoice", sa.String(length=50), nullable=True),
        sa.Column("cardholder", sa.String(length=60), nullable=True),
        sa.Column("source", sa.String(length=30), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("original_id", sa.BigInteger(), nullable=True),
        sa.Column("audit_number", sa.Integer(), nullable=True),
        sa.Column("audit_day", sa.Integer(), nullable=False),
        sa.Column("retrieval_reference", sa.String(length=12), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("batch_number", sa.Integer(), nullable=False),
        sa.Column("transaction_number", sa.Integer(), nullable=True),
        sa.Column("approval_code", sa.String(length=6), nullable=True),
        sa.Column("response_code", sa.String(length=3), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refund_count", sa.Integer(), nullable=False),
        sa.Column("incremented", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "base >= 0 AND tax >= 0 AND fee >= 0 AND tip >= 0", name=op.f("ck_payments_amounts")
        ),
        sa.CheckConstraint(
            "refunded >= 0 AND refunded <= base + tax + fee + tip", name=op.f("ck_payments_refunded")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_payments_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "payment_id", name=op.f("pk_payments")),
    )
    op.create_index(
        "ix_payments_held",
        "payments",
        ["requested_at"],
        unique=False,
        sqlite_where=sa.text("state = 'authorized'"),
        postgresql_where=sa.text("state = 'authorized'"),
    )
    op.create_index(
        "ix_payments_list",
        "payments",
        ["merchant_id", "terminal_id", "requested_at", "payment_id"],
        unique=False,
    )
    op.create_index(
        "ix_payments_sending",
        "payments",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "uq_payments_audit",
        "payments",
        ["merchant_id", "terminal_id", "audit_day", "audit_number"],
        unique=True,
    )
    op.create_index(
        "uq_payments_transaction_number",
        "payments",
        ["merchant_id", "terminal_id", "batch_number", "transaction_number"],
        unique=True,
    )
    op.create_table(
        "reversals",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payments.merchant_id", "payments.payment_id"],
            name=op.f("fk_reversals_merchant_id_payment_id_payments"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "payment_id", name=op.f("pk_reversals")),
    )
    op.create_index(
        "ix_reversals_due",
        "reversals",
        ["next_try_at"],
        unique=False,
        sqlite_where=sa.text("confirmed_at IS NULL"),
        postgresql_where=sa.text("confirmed_at IS NULL"),
    )
    append_only.create(op)
