"""Receipts: links to what was paid, that nobody can guess and that need not be stored.

A receipt's public id holds the payment's own ids and a keyed hash of them, so that it names one payment, for
ever, and cannot be made by anybody else.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from bezant.core.invoices.commands import Receipt
from bezant.core.invoices.model import Objected, Objection
from bezant.core.invoices.ports import Callers, Hasher, InvoiceTx, InvoiceUnits
from bezant.core.merchants import Caller
from bezant.core.notices import Copy, Notices, ReceiptFacts, addressed
from bezant.core.payments import Payment

_FORM: Final = re.compile(r"([cm])([0-9a-f]{1,16})-([0-9a-f]{1,16})-([0-9a-f]{32})", re.ASCII)
_HASH_BYTES: Final = 16


class Receipts:
    """Receipts of one gateway."""

    def __init__(self, *, units: InvoiceUnits, callers: Callers, hasher: Hasher, notices: Notices) -> None:
        self._units = units
        self._callers = callers
        self._hasher = hasher
        self._notices = notices

    def uid(self, payment: Payment, copy: Copy = Copy.CUSTOMER) -> str:
        """The public id of a payment's receipt."""
        return self._uid(payment.merchant_id, payment.payment_id, copy)

    async def open(self, uid: str) -> Receipt | None:
        """The receipt with that public id, as it stands now; nothing for one that we did not make."""
        parts = _FORM.fullmatch(uid)
        if parts is None:
            return None
        copy, merchant_id, payment_id = Copy(parts[1]), int(parts[2], 16), int(parts[3], 16)
        if not hmac.compare_digest(self._uid(merchant_id, payment_id, copy), uid):
            return None

        return await self.of(merchant_id, payment_id, copy)

    async def of(self, merchant_id: int, payment_id: int, copy: Copy) -> Receipt | None:
        """The receipt of that merchant's payment, as it stands now; nothing if there is no such payment."""

        def work(tx: InvoiceTx) -> tuple[Payment | None, tuple[Payment, ...]]:
            follow_ups = tx.invoices.follow_ups(merchant_id, payment_id)
            return tx.payments.find(merchant_id, payment_id), tuple(follow_ups)

        payment, follow_ups = await self._units.read(work)
        if payment is None:
            return None
        caller = await self._callers.caller(merchant_id, payment.terminal_id)
        return Receipt(
            payment=payment,
            follow_ups=tuple(each for each in follow_ups if each.approved),
            merchant=caller.merchant,
            store=caller.store,
            copy=copy,
        )

    async def find(self, caller: Caller, payment_id: int) -> Payment:
        """A payment of this terminal that was approved. Objects ``UNKNOWN``."""
        merchant_id, terminal_id = caller.key
        payment = await self._units.read(lambda tx: tx.payments.find(merchant_id, payment_id))
        if payment is None or payment.terminal_id != terminal_id or not payment.approved:
            raise Objected(Objection.UNKNOWN)
        return payment

    async def send(
        self,
        caller: Caller,
        payment_id: int,
        *,
        copy: Copy = Copy.CUSTOMER,
        email: str | None = None,
        phone: str | None = None,
    ) -> Payment:
        """Have a receipt sent by mail and text message. Objects ``UNKNOWN`` and ``NOT_SENT``."""
        assert email or phone, "a receipt goes somewhere"
        payment = await self.find(caller, payment_id)
        reached = await self._notices.send(
            payment.merchant_id,
            addressed(mail=email, phone=phone),
            ReceiptFacts(payment_id=payment.payment_id, copy=copy),
        )
        if not reached:
            raise Objected(Objection.NOT_SENT)
        return payment

    def _uid(self, merchant_id: int, payment_id: int, copy: Copy) -> str:
        named = f"{copy}{merchant_id:x}-{payment_id:x}"
        proof = self._hasher.digest(f"receipt {named}")[:_HASH_BYTES]
        return f"{named}-{proof.hex()}"
