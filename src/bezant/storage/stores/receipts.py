"""Payments with what refers to them, read without a lock."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from bezant.core.payments import Payment
from bezant.storage.stores.payments import PaymentRows, payment_of
from bezant.storage.tables import payments

_c = payments.c


class ReceiptRows:
    """Payments of one transaction, as ``payments`` has left them."""

    def __init__(self, connection: Connection, written: PaymentRows) -> None:
        self._connection = connection
        self._written = written

    def payment(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant."""
        self._written.flush()
        row = self._connection.execute(
            select(payments).where(_c.merchant_id == merchant_id, _c.payment_id == payment_id)
        ).one_or_none()
        return None if row is None else payment_of(row)

    def follow_ups(self, merchant_id: int, payment_id: int) -> Sequence[Payment]:
        """The payments whose original it is, oldest first."""
        self._written.flush()
        rows = self._connection.execute(
            select(payments)
            .where(_c.merchant_id == merchant_id, _c.original_id == payment_id)
            .order_by(_c.payment_id)
        )
        return [payment_of(row) for row in rows]
