"""Single use: tokens that stand for a card in one charge."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "single_use_tokens",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("card_token", sa.String(length=40), nullable=False),
        sa.Column("expiry", sa.String(length=4), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_single_use_tokens_merchant_id_terminal_id_terminals"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "card_token"],
            ["cards.merchant_id", "cards.token"],
            name=op.f("fk_single_use_tokens_merchant_id_card_token_cards"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "token_hash", name=op.f("pk_single_use_tokens")),
    )
    op.create_index(
        op.f("ix_single_use_tokens_merchant_id_expires_at"),
        "single_use_tokens",
        ["merchant_id", "expires_at"],
        unique=False,
    )
