"""Steps inside one transaction that several use cases share: numbering, turning down, finishing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from bezant.core import catalogue
from bezant.core.batches import Batch, BatchState
from bezant.core.catalogue import Objected, Objection
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused, Unresolved
from bezant.core.payments.checks import Unwanted, Verdict
from bezant.core.payments.messages import Ask, Message, Original, Street
from bezant.core.payments.model import (
    ASKS,
    FORWARD,
    MONEYLESS,
    NEW_MONEY,
    Event,
    Kind,
    Payment,
    State,
    decide,
    entry_of,
    hold_entry,
    tip_entry,
    void_entry,
)
from bezant.core.payments.ports import Bond, Claim, PaymentTx, Reversal
from bezant.core.sensitive import Cvv, Pan
from bezant.core.vault import Card


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key and a keyed hash of the request that carries it."""

    value: str
    fingerprint: bytes


def existing(tx: PaymentTx, merchant_id: int, payment_id: int) -> Payment:
    """A payment that must exist."""
    payment = tx.payments.find(merchant_id, payment_id)
    if payment is None:
        message = "a payment that was stored is gone"
        raise AssertionError(message)
    return payment


def claimed(
    tx: PaymentTx, merchant_id: int, terminal_id: int, key: Key, subject_id: int, *, at: datetime
) -> Claim | None:
    """The earlier use of a key; or none, and it is now used for ``subject_id``.

    Refuses ``KEY_REUSED`` when the earlier request was another one.
    """
    known = earlier_claim(tx, merchant_id, terminal_id, key)
    if known is None:
        tx.claims.add(
            Claim(
                merchant_id=merchant_id,
                terminal_id=terminal_id,
                key=key.value,
                fingerprint=key.fingerprint,
                subject_id=subject_id,
                claimed_at=at,
            )
        )
    return known


def earlier_claim(tx: PaymentTx, merchant_id: int, terminal_id: int, key: Key) -> Claim | None:
    """The earlier use of a key, if there was one. Refuses ``KEY_REUSED`` when that was another request."""
    known = tx.claims.find(merchant_id, terminal_id, key.value)
    if known is not None and known.fingerprint != key.fingerprint:
        raise Refused(Reason.KEY_REUSED)
    return known


def numbered(
    draft: Payment,
    batch: Batch,
    *,
    card: Card | None,
    retrieval_reference: str | None = None,
    approval_code: str | None = None,
) -> Payment:
    """The draft with its audit number, ready to be sent."""
    return draft.having(
        card=card,
        audit_number=batch.next_audit_number(),
        batch_number=batch.number,
        retrieval_reference=retrieval_reference or draft.retrieval_reference,
        approval_code=approval_code,
    )


_OBJECTIONS = {
    Objection.UNKNOWN: Reason.UNKNOWN_ITEM,
    Objection.OUT_OF_STOCK: Reason.OUT_OF_STOCK,
}


def take_stock(tx: PaymentTx, charge: Payment) -> None:
    """Take what a sale or an authorization names of the catalogue.

    Refuses ``UNKNOWN_ITEM`` and ``OUT_OF_STOCK``.
    """
    if not charge.order.lines:
        return
    try:
        catalogue.take(
            tx,
            merchant_id=charge.merchant_id,
            terminal_id=charge.terminal_id,
            subject_id=charge.payment_id,
            lines=charge.order.lines,
        )
    except Objected as objected:
        raise Refused(_OBJECTIONS[objected.objection]) from None


def give_stock_back(tx: PaymentTx, charge: Payment, *, at: datetime) -> None:
    """Give back what a charge took of the catalogue. A capture's goods were taken by its authorization."""
    if charge.order.lines:
        taker = charge.original_id if charge.kind is Kind.CAPTURE else charge.payment_id
        assert taker is not None, "a capture has an authorization"
        catalogue.give_back(tx, merchant_id=charge.merchant_id, subject_id=taker, at=at)


def turn_down(tx: PaymentTx, draft: Payment, reason: Reason) -> Payment:
    """Store the draft as declined by us; the network is not asked."""
    batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
    declined = draft.having(
        state=State.DECLINED,
        reason=reason,
        batch_number=batch.number,
        answered_at=draft.requested_at,
    )
    tx.payments.add(declined)
    return declined


def enter(batch: Batch, payment: Payment) -> None:
    """Count a captured payment in its batch's totals."""
    _count(batch, payment, 1)


def leave(batch: Batch, payment: Payment) -> None:
    """Take a captured payment out of its batch's totals."""
    _count(batch, payment, -1)


def _count(batch: Batch, payment: Payment, count: int) -> None:
    amounts = payment.amounts
    if payment.kind is Kind.REFUND:
        batch.add_refund(amounts.total, count=count)
    else:
        batch.add_sale(base=amounts.base, tax=amounts.tax, fee=amounts.fee, tip=amounts.tip, count=count)


def finish(
    tx: PaymentTx,
    *,
    payment: Payment,
    answer: Verdict,
    at: datetime,
    real: datetime,
    bond: Bond | None = None,
) -> Payment:
    """Decide on the network's answer, book it, and tell what the payment is made for.

    ``at`` is the merchant's time, ``real`` real time. Raises ``Conflict`` at the end of the
    transaction when somebody else decided first.
    """
    finished = decide(payment, answer, at=at)
    if finished.reason is None and payment.kind not in FORWARD | MONEYLESS:
        batch = tx.batches.open(payment.merchant_id, payment.terminal_id)
        finished = finished.having(
            batch_number=batch.number,
            transaction_number=batch.next_transaction_number(),
        )
        if finished.state is State.CAPTURED:
            enter(batch, finished)
        tx.journal.book(entry_of(finished, booked_at=at))
    tx.payments.change(payment, finished, at=at)
    if finished.state is State.DECLINED and finished.kind in NEW_MONEY:
        give_stock_back(tx, finished, at=at)
    carry_over(tx, finished, at=at)
    if isinstance(answer, Unresolved | Unwanted) and payment.kind not in MONEYLESS:
        tx.reversals.add(
            Reversal(
                merchant_id=payment.merchant_id,
                payment_id=payment.payment_id,
                tries=0,
                next_try_at=real,
                created_at=real,
            )
        )
    if bond is not None:
        bond.end(tx, finished, at=at)
    return finished


def carry_over(tx: PaymentTx, payment: Payment, *, at: datetime) -> None:
    """Carry the end of a follow-up over to the payment that it refers to. In doubt, nothing has ended."""
    if payment.original_id is None or payment.state is State.IN_DOUBT:
        return
    _ENDS[payment.kind](tx, _original(tx, payment), payment, at)


def _end_void(tx: PaymentTx, original: Payment, void: Payment, at: datetime) -> None:
    if void.reason is None:
        _voided(tx, original, void, at=at)
    else:
        kept = original.step(Event.ABANDON_VOID)
        tx.payments.change(original, _back_in_batch(tx, kept), at=at)


def _end_tip(tx: PaymentTx, original: Payment, tip: Payment, at: datetime) -> None:
    took_place = tip.reason is None
    adjusted = original.step(Event.END_TIP, amounts=tip.amounts if took_place else original.amounts)
    tx.payments.change(original, _back_in_batch(tx, adjusted), at=at)
    if took_place:
        tx.journal.book(tip_entry(original, tip, booked_at=at))


def _end_capture(tx: PaymentTx, original: Payment, capture: Payment, at: datetime) -> None:
    if capture.reason is None:
        tx.payments.change(original, original.step(Event.FINISH_CAPTURE), at=at)
        tx.journal.book(hold_entry(original, capture, held=False, booked_at=at))
    else:
        tx.payments.change(original, original.step(Event.ABANDON_CAPTURE), at=at)


def _end_increment(tx: PaymentTx, original: Payment, increment: Payment, at: datetime) -> None:
    more = increment.amounts.total if increment.reason is None else Money.zero(increment.currency)
    raised = original.step(Event.END_INCREMENT, incremented=original.incremented + more)
    tx.payments.change(original, raised, at=at)


def _end_refund(tx: PaymentTx, original: Payment, refund: Payment, at: datetime) -> None:
    if refund.reason is not None:
        _free(tx, original, refund, at=at)
    elif not original.refundable:
        # All of it went back, and the goods with it: a refund that is under way counts as done.
        give_stock_back(tx, original, at=at)


_ENDS: Mapping[Kind, Callable[[PaymentTx, Payment, Payment, datetime], None]] = {
    Kind.VOID: _end_void,
    Kind.TIP: _end_tip,
    Kind.CAPTURE: _end_capture,
    Kind.INCREMENT: _end_increment,
    Kind.REFUND: _end_refund,
}


def _voided(tx: PaymentTx, original: Payment, void: Payment, *, at: datetime) -> None:
    """A void took place: what its original booked and reserved is taken back."""
    tx.payments.change(original, original.step(Event.FINISH_VOID), at=at)
    tx.journal.book(void_entry(original, void, booked_at=at))
    if original.kind in NEW_MONEY:
        give_stock_back(tx, original, at=at)
    if original.kind is Kind.REFUND:
        _free(tx, _original(tx, original), original, at=at)
    elif original.kind is Kind.CAPTURE:
        authorization = _original(tx, original)
        tx.payments.change(authorization, authorization.step(Event.REOPEN), at=at)
        tx.journal.book(hold_entry(authorization, void, held=True, booked_at=at))


def _back_in_batch(tx: PaymentTx, payment: Payment) -> Payment:
    """A payment that had left its batch counts again: in its own, or in the open one if that was settled."""
    if payment.state is not State.CAPTURED:
        return payment
    batch = tx.batches.find(payment.merchant_id, payment.terminal_id, payment.batch_number)
    if batch is None or batch.state is not BatchState.OPEN:
        batch = tx.batches.open(payment.merchant_id, payment.terminal_id)
        payment = payment.having(
            batch_number=batch.number,
            transaction_number=batch.next_transaction_number(),
        )
    enter(batch, payment)
    return payment


def _free(tx: PaymentTx, charge: Payment, refund: Payment, *, at: datetime) -> None:
    """Give back to a charge what a refund had reserved of it."""
    freed = charge.changed(
        refunded=charge.refunded - refund.amounts.total, refund_count=charge.refund_count - 1
    )
    tx.payments.change(charge, freed, at=at)


def _original(tx: PaymentTx, payment: Payment) -> Payment:
    if payment.original_id is None:
        message = "a follow-up without an original"
        raise AssertionError(message)
    return existing(tx, payment.merchant_id, payment.original_id)


def message_of(
    caller: Caller,
    payment: Payment,
    *,
    deadline_at: datetime,
    original: Payment | None = None,
    pan: Pan | None = None,
    cvv: Cvv | None = None,
    street: Street | None = None,
    repeat: bool = False,
) -> Message:
    """The network message of a payment that was stored as sending."""
    return Message(
        ask=ASKS[payment.kind],
        endpoint=caller.terminal.endpoints[payment.profile],
        audit_number=_audit_number(payment),
        retrieval_reference=payment.retrieval_reference,
        amount=payment.amounts.total,
        sent_at=payment.sent_at,
        local_at=caller.local(payment.requested_at),
        deadline_at=deadline_at,
        pan=pan,
        expiry=payment.expiry,
        cvv=cvv,
        street=street,
        invoice=payment.order.invoice,
        original=_as_original(original) if original is not None else None,
        repeat=repeat,
    )


def reversal_of(
    caller: Caller,
    payment: Payment,
    *,
    deadline_at: datetime,
    pan: Pan | None,
    voided: Payment | None = None,
    repeat: bool,
) -> Message:
    """The message that takes back what ``payment`` may have done at the network.

    For a void, which is itself a reversal of ``voided``, it is the same message once more.
    """
    original = payment if voided is None else voided
    return Message(
        ask=Ask.REVERSE,
        endpoint=caller.terminal.endpoints[payment.profile],
        audit_number=_audit_number(payment),
        retrieval_reference=payment.retrieval_reference,
        amount=payment.held,
        sent_at=payment.sent_at,
        local_at=caller.local(payment.requested_at),
        deadline_at=deadline_at,
        pan=pan,
        expiry=payment.expiry,
        original=_as_original(original),
        repeat=repeat,
    )


def _as_original(payment: Payment) -> Original:
    return Original(
        ask=ASKS[payment.kind],
        audit_number=_audit_number(payment),
        sent_at=payment.sent_at,
        retrieval_reference=payment.retrieval_reference,
        approval_code=payment.approval_code,
    )


def _audit_number(payment: Payment) -> int:
    if payment.audit_number is None:
        message = "a payment without an audit number is not sent"
        raise AssertionError(message)
    return payment.audit_number
