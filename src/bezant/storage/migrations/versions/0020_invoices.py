"""Invoices: links to pay by, their events and attempts; payments by their original."""

import sqlalchemy as sa
from alembic import op

from bezant.storage.migrations import append_only

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _invoices()
    _around_invoices()
    op.create_index(
        "ix_payments_original",
        "payments",
        ["merchant_id", "original_id"],
        unique=False,
        sqlite_where=sa.text("original_id IS NOT NULL"),
        postgresql_where=sa.text("original_id IS NOT NULL"),
    )
    append_only.guard(op, "invoice_events")


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("profile", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("tip", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=50), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("as_code", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("receipt_wanted", sa.Boolean(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(payment_id IS NOT NULL) = (state IN ('paying', 'paid'))", name=op.f("ck_invoices_payment")
        ),
        sa.CheckConstraint(
            "base >= 0 AND tax >= 0 AND fee >= 0 AND tip >= 0", name=op.f("ck_invoices_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_invoices_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "invoice_id", name=op.f("pk_invoices")),
    )
    op.create_index(
        "ix_invoices_list",
        "invoices",
        ["merchant_id", "terminal_id", "created_at", "invoice_id", "state"],
        unique=False,
    )
    op.create_index(
        "ix_invoices_paying",
        "invoices",
        ["updated_at"],
        unique=False,
        sqlite_where=sa.text("state = 'paying'"),
        postgresql_where=sa.text("state = 'paying'"),
    )
    op.create_index(
        "ix_invoices_pending",
        "invoices",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "uq_invoices_number",
        "invoices",
        ["merchant_id", "terminal_id", "number"],
        unique=True,
        sqlite_where=sa.text("state IN ('pending', 'paying')"),
        postgresql_where=sa.text("state IN ('pending', 'paying')"),
    )
    op.create_index("uq_invoices_payment", "invoices", ["merchant_id", "payment_id"], unique=True)
    op.create_index("uq_invoices_uid", "invoices", ["merchant_id", "uid"], unique=True)


def _around_invoices() -> None:
    op.create_table(
        "invoice_events",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.String(length=12), nullable=False),
        sa.Column("after", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "invoice_id", "revision", name=op.f("pk_invoice_events")),
    )
    op.create_table(
        "invoice_attempts",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "invoice_id"],
            ["invoices.merchant_id", "invoices.invoice_id"],
            name=op.f("fk_invoice_attempts_merchant_id_invoice_id_invoices"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "payment_id", name=op.f("pk_invoice_attempts")),
    )
    op.create_index(
        "ix_invoice_attempts_invoice", "invoice_attempts", ["merchant_id", "invoice_id"], unique=False
    )
