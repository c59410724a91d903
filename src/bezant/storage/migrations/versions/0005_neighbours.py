"""Neighbours of a charge: card checks, and one-time passwords for refunds."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "merchants", sa.Column("address_check", sa.String(length=12), nullable=False, server_default="none")
    )
    for name in (
        "address_declines",
        "verification_required",
        "verification_declines",
        "checks_shown",
        "refund_factor",
    ):
        op.add_column("merchants", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("merchants", sa.Column("refund_email", sa.String(length=255), nullable=True))
    op.add_column("merchants", sa.Column("refund_phone", sa.String(length=20), nullable=True))
    op.create_table(
        "refund_challenges",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("challenge_id", sa.String(length=36), nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("password_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("used_by", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_refund_challenges_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "challenge_id", name=op.f("pk_refund_challenges")),
    )
