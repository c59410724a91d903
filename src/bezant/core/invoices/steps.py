"""Steps inside one transaction: what happens to an invoice together with its payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from bezant.core.deliveries import Delivery
from bezant.core.faults import fault_point
from bezant.core.invoices.model import (
    Attempt,
    Event,
    Invoice,
    Objected,
    Objection,
    State,
    require_pending,
)
from bezant.core.invoices.ports import InvoiceTx
from bezant.core.languages import Language
from bezant.core.money import Money
from bezant.core.notices import Notices, ReceiptFacts, Stamp, addressed
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Claim, Key, Payment
from bezant.core.payments import State as PaymentState
from bezant.core.payments.ports import PaymentTx

LOST = frozenset({PaymentState.DECLINED, PaymentState.REVERSED})
"""The states of a payment of which nothing is left, and nothing will come."""
UNKNOWN = frozenset({PaymentState.SENDING, PaymentState.IN_DOUBT})
"""The states of a payment of which it is not known what will be left. In any other it has paid."""


PAID: Final = "invoice.paid"
"""What the merchant's own server is told of an invoice that was paid."""
ATTEMPTED: Final = "attempt.ended"
"""What a callback is told of a payment that was made for one, paid or not."""
LEFT: Final = "page.left"
"""What a callback is told of a link that its payer cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidIds:
    """What announcing takes once it is known what became of an attempt to pay.

    The merchant's notice and the payer's receipt are of one that paid, the callback is told of any.
    """

    notice_id: int
    callback_id: int
    receipt: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """Ties one payment to one invoice: what ``core.payments.Bond`` asks for.

    ``agreed`` is what the payer was shown, the tip in it. ``ids`` are for what is announced once it is paid,
    to payers by ``notices``.
    """

    merchant_id: int
    invoice_id: int
    agreed: Money
    tip: Money | None
    receipt: bool
    language: Language
    ids: PaidIds
    notices: Notices

    def begin(self, tx: PaymentTx, draft: Payment) -> None:
        """Take the invoice for a payment that is about to be stored.

        Objects ``NOT_PENDING`` and ``CHANGED``. The invoice is locked from here on: of
        two payers at once, the second finds it taken.
        """
        stores = _stores(tx)
        invoice = existing(stores, self.merchant_id, self.invoice_id)
        at = draft.requested_at
        require_pending(invoice, at)
        if invoice.total(self.tip) != self.agreed or draft.amounts.total != self.agreed:
            raise Objected(Objection.CHANGED, State.PENDING)
        stores.invoices.add_attempt(
            Attempt(merchant_id=self.merchant_id, invoice_id=self.invoice_id, payment_id=draft.payment_id)
        )
        taken = invoice.step(
            Event.BEGIN_PAYMENT,
            payment_id=draft.payment_id,
            attempts=invoice.attempts + 1,
            receipt_wanted=self.receipt,
            language=self.language,
            updated_at=at,
        )
        stores.invoices.change(invoice, taken, at=at)

    def end(self, tx: PaymentTx, payment: Payment, *, at: datetime) -> None:
        """Carry what became of the payment over to its invoice, in the transaction that stores it."""
        stores = _stores(tx)
        invoice = existing(stores, self.merchant_id, self.invoice_id)
        settle(stores, invoice, payment, at=at, ids=self.ids, notices=self.notices)


def settle(
    tx: InvoiceTx, invoice: Invoice, payment: Payment, *, at: datetime, ids: PaidIds, notices: Notices
) -> Invoice:
    """The invoice after its payment has come to its end: paid, or to be paid anew.

    One that is paid by now, or by another payment, stays as it is. ``at`` is the merchant's time.
    """
    ours = invoice.state is State.PAYING and invoice.payment_id == payment.payment_id
    if not ours or payment.state in UNKNOWN:
        return invoice
    _tell_callback(tx, invoice, payment, ids)
    if payment.state in LOST:
        return _release(tx, invoice, at=at)
    paid = invoice.step(Event.PAY, paid_at=payment.answered_at or at, updated_at=at)
    tx.invoices.change(invoice, paid, at=at)
    fault_point("invoice.paying")
    if paid.terms.redirect_url is not None:
        tx.deliveries.add(
            Delivery.announced(
                merchant_id=paid.merchant_id,
                delivery_id=ids.notice_id,
                topic=PAID,
                subject_id=paid.invoice_id,
                sequence=paid.revision,
                real=ids.receipt.at,
            )
        )
    if paid.receipt_wanted:
        payer = addressed(mail=payment.order.email, phone=payment.order.phone)
        facts = ReceiptFacts(payment_id=payment.payment_id)
        notices.announce(tx, ids.receipt, paid.merchant_id, payer, facts, language=paid.language)
    return paid


def leave(tx: InvoiceTx, invoice: Invoice, *, at: datetime, callback_id: int, real: datetime) -> Invoice:
    """The invoice after its payer has cancelled it; a callback is told. ``at`` is the merchant's time.

    Objects ``NOT_OFFERED`` and ``NOT_PENDING``. The invoice is locked from here on: of this and a payment at
    once, the second finds it taken.
    """
    current = existing(tx, invoice.merchant_id, invoice.invoice_id)
    if not current.terms.may_cancel:
        raise Objected(Objection.NOT_OFFERED, current.stands(at))
    require_pending(current, at)
    left = current.step(Event.CANCEL, updated_at=at)
    tx.invoices.change(current, left, at=at)
    if left.terms.callback is not None:
        tx.deliveries.add(
            Delivery.announced(
                merchant_id=left.merchant_id,
                delivery_id=callback_id,
                topic=LEFT,
                subject_id=left.invoice_id,
                sequence=left.revision,
                real=real,
            )
        )
    return left


def _release(tx: InvoiceTx, invoice: Invoice, *, at: datetime) -> Invoice:
    released = invoice.step(Event.RELEASE, payment_id=None, updated_at=at)
    tx.invoices.change(invoice, released, at=at)
    if not released.terms.one_try:
        return released
    over = released.step(Event.CANCEL, updated_at=at)
    tx.invoices.change(released, over, at=at)
    return over


def _tell_callback(tx: InvoiceTx, invoice: Invoice, payment: Payment, ids: PaidIds) -> None:
    if invoice.terms.callback is not None:
        tx.deliveries.add(
            Delivery.announced(
                merchant_id=invoice.merchant_id,
                delivery_id=ids.callback_id,
                topic=ATTEMPTED,
                subject_id=payment.payment_id,
                sequence=payment.revision,
                real=ids.receipt.at,
            )
        )


def made_before(tx: InvoiceTx, draft: Invoice, key: Key) -> Invoice | None:
    """The invoice that an earlier request with this key made; or none, and the key is now used for ``draft``.

    Refuses ``KEY_REUSED`` when the earlier request was another one.
    """
    known = tx.claims.find(draft.merchant_id, draft.terminal_id, key.value)
    if known is None:
        tx.claims.add(
            Claim(
                merchant_id=draft.merchant_id,
                terminal_id=draft.terminal_id,
                key=key.value,
                fingerprint=key.fingerprint,
                subject_id=draft.invoice_id,
                claimed_at=draft.created_at,
            )
        )
        return None
    if known.fingerprint != key.fingerprint:
        raise Refused(Reason.KEY_REUSED)
    return existing(tx, draft.merchant_id, known.subject_id)


def existing(tx: InvoiceTx, merchant_id: int, invoice_id: int) -> Invoice:
    """An invoice that must exist."""
    invoice = tx.invoices.find(merchant_id, invoice_id)
    assert invoice is not None, "an invoice that was stored is there"
    return invoice


def _stores(tx: PaymentTx) -> InvoiceTx:
    """The stores of invoices in a transaction of payments: one unit of work holds those of every domain."""
    return cast("InvoiceTx", tx)
