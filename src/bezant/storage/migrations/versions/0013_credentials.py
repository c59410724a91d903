"""Credentials: API keys, profile numbers, lasting tokens, signing keys; where merchants' pages are."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("owner_kind", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=38), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("reset_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("owner_kind", "owner_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
    )
    op.create_table(
        "terminal_profiles",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_terminal_profiles_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", name=op.f("pk_terminal_profiles")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("uq_terminal_profiles_merchant_id_number")),
    )
    op.create_table(
        "ecom_tokens",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminal_profiles.merchant_id", "terminal_profiles.terminal_id"],
            name=op.f("fk_ecom_tokens_merchant_id_terminal_id_terminal_profiles"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "terminal_id", name=op.f("pk_ecom_tokens")),
    )
    op.create_table(
        "token_keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_token_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_token_keys_key_id")),
    )
    op.create_table(
        "merchant_origins",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["merchants.merchant_id"],
            name=op.f("fk_merchant_origins_merchant_id_merchants"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "origin", name=op.f("pk_merchant_origins")),
    )
