"""Signing accounts: identifiers, access codes, sealed phrases, where notices go."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_accounts",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=False),
        sa.Column("identifier", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=8), nullable=False),
        sa.Column("request_phrase", sa.LargeBinary(), nullable=False),
        sa.Column("response_phrase", sa.LargeBinary(), nullable=False),
        sa.Column("old_phrase", sa.LargeBinary(), nullable=True),
        sa.Column("old_phrase_until", sa.BigInteger(), nullable=True),
        sa.Column("edition", sa.String(length=8), nullable=False),
        sa.Column("direct_url", sa.String(length=500), nullable=True),
        sa.Column("later_url", sa.String(length=500), nullable=True),
        sa.Column("notice_format", sa.String(length=4), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "terminal_id"],
            ["terminals.merchant_id", "terminals.terminal_id"],
            name=op.f("fk_signing_accounts_merchant_id_terminal_id_terminals"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_signing_accounts")),
    )
    op.create_table(
        "signing_access_codes",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("access_code", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"],
            ["signing_accounts.merchant_id"],
            name=op.f("fk_signing_access_codes_merchant_id_signing_accounts"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "access_code", name=op.f("pk_signing_access_codes")),
    )
