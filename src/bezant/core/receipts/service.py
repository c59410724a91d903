"""Names receipts and opens them. Nothing is written: a receipt is its payment, looked at."""

from __future__ import annotations

from collections.abc import Sequence

from bezant.core.payments import Payment
from bezant.core.receipts.model import WITH_RECEIPT, Copy, Receipt, ReceiptName, receipt_of
from bezant.core.receipts.ports import Callers, ReceiptNames, ReceiptTx, ReceiptUnits


class Receipts:
    """Receipts of every merchant of this gateway."""

    def __init__(self, *, units: ReceiptUnits, names: ReceiptNames, callers: Callers) -> None:
        self._units = units
        self._names = names
        self._callers = callers

    async def find(
        self, merchant_id: int, payment_id: int, copy: Copy, *, terminal_id: int | None = None
    ) -> Receipt | None:
        """The receipt of that merchant's payment, with its ``uid``; of a void, its original's.

        Nothing where there is no such payment (of that terminal, if one is named), or it was not approved.
        """

        def work(tx: ReceiptTx) -> tuple[Payment, Sequence[Payment]] | None:
            payment = tx.receipts.payment(merchant_id, payment_id)
            if payment is not None and payment.kind not in WITH_RECEIPT and payment.original_id is not None:
                payment = tx.receipts.payment(merchant_id, payment.original_id)
            if payment is None or terminal_id not in {None, payment.terminal_id}:
                return None
            return payment, tx.receipts.follow_ups(merchant_id, payment.payment_id)

        found = await self._units.read(work)
        if found is None:
            return None
        payment, follow_ups = found
        name = ReceiptName(merchant_id=merchant_id, payment_id=payment.payment_id, copy=copy)
        caller = await self._callers.caller(merchant_id, payment.terminal_id)
        return receipt_of(payment, follow_ups, caller=caller, uid=self._names.uid(name), copy=copy)

    async def open(self, uid: str) -> Receipt | None:
        """The receipt with that public name; nothing for a name that is none of ours."""
        name = self._names.read(uid)
        return None if name is None else await self.find(name.merchant_id, name.payment_id, name.copy)
