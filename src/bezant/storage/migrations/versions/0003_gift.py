"""Gift cards: movements, their events, and misses."""

import sqlalchemy as sa
from alembic import op

from bezant.storage.migrations import append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gift_movements",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("movement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
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
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_gift_movements_amount")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_gift_movements_balance")),
        sa.CheckConstraint("refunded >= 0 AND refunded <= amount", name=op.f("ck_gift_movements_refunded")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_gift_movements_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "movement_id", name=op.f("pk_gift_movements")),
    )
    op.create_index(
        "uq_gift_movements_audit",
        "gift_movements",
        ["merchant_id", "terminal_id", "audit_day", "audit_number"],
        unique=True,
    )
    op.create_index(
        "uq_gift_movements_transaction_number",
        "gift_movements",
        ["merchant_id", "terminal_id", "batch_number", "transaction_number"],
        unique=True,
    )
    op.create_index(
        "ix_gift_movements_sending",
        "gift_movements",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_gift_movements_in_doubt",
        "gift_movements",
        ["next_try_at"],
        unique=False,
        sqlite_where=sa.text("state = 'in_doubt'"),
        postgresql_where=sa.text("state = 'in_doubt'"),
    )
    op.create_table(
        "gift_events",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("movement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.String(length=12), nullable=False),
        sa.Column("after", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "movement_id", "revision", name=op.f("pk_gift_events")),
    )
    op.create_table(
        "gift_misses",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", name=op.f("pk_gift_misses")),
    )
    append_only.guard(op, "gift_events")
