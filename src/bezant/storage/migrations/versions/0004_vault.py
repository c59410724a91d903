"""Vault: customers, their cards and bank accounts; where number ranges come from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bins", sa.Column("source", sa.String(length=50), nullable=True))
    op.create_table(
        "bin_sources",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bin_sources")),
    )
    op.create_table(
        "customers",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("company", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_customers_merchant_id_merchants")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "customer_id", name=op.f("pk_customers")),
    )
    op.create_index("uq_customers_name", "customers", ["merchant_id", "name_key"], unique=True)
    op.create_table(
        "customer_cards",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("cardholder", sa.String(length=60), nullable=True),
        sa.Column("expiry", sa.String(length=4), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.customer_id"],
            name=op.f("fk_customer_cards_merchant_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "token"],
            ["cards.merchant_id", "cards.token"],
            name=op.f("fk_customer_cards_merchant_id_cards"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "profile_id", name=op.f("pk_customer_cards")),
    )
    op.create_index(
        "uq_customer_cards_token", "customer_cards", ["merchant_id", "customer_id", "token"], unique=True
    )
    op.create_table(
        "customer_accounts",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("routing_number", sa.String(length=9), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("holder", sa.String(length=60), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customers.merchant_id", "customers.customer_id"],
            name=op.f("fk_customer_accounts_merchant_id_customers"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "profile_id", name=op.f("pk_customer_accounts")),
    )
    op.create_index(
        "uq_customer_accounts_fingerprint",
        "customer_accounts",
        ["merchant_id", "customer_id", "fingerprint"],
        unique=True,
    )
