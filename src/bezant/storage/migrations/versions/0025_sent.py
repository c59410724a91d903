"""Sent: a payment enters two of its indexes when its outcome is known, and not before."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TERMINAL = ["merchant_id", "terminal_id"]


def upgrade() -> None:
    op.drop_index("uq_payments_transaction_number", "payments")
    op.drop_index("ix_payments_list", "payments")
    op.drop_index("ix_payments_sending", "payments")
    _create(
        "uq_payments_transaction_number",
        "batch_number",
        "transaction_number",
        where="state <> 'sending'",
        unique=True,
    )
    _create("ix_payments_list", "requested_at", "payment_id", "kind", "state", where="state <> 'sending'")
    _create("ix_payments_sending", "lease_until", where="state = 'sending'")


def _create(name: str, *columns: str, where: str, unique: bool = False) -> None:
    only = sa.text(where)
    op.create_index(
        name, "payments", [*_TERMINAL, *columns], unique=unique, postgresql_where=only, sqlite_where=only
    )
