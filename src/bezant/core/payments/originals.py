"""The payment that a follow-up names: found, held against what else was said of it, and taken over from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from bezant.core.merchants import TipRule
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments.commands import Capture, Reference
from bezant.core.payments.model import CHARGES, REFUNDABLE, Amounts, Kind, Payment, State
from bezant.core.payments.ports import PaymentTx

ORIGINALS: Final[Mapping[Kind, frozenset[Kind]]] = {
    Kind.CAPTURE: frozenset({Kind.AUTHORIZATION}),
    Kind.INCREMENT: frozenset({Kind.AUTHORIZATION}),
    Kind.TIP: CHARGES,
    Kind.REFUND: CHARGES,
    Kind.VOID: CHARGES | {Kind.AUTHORIZATION, Kind.REFUND},
}
"""What each follow-up may be of: an authorization and its capture go by one retrieval reference."""


def look_up(tx: PaymentTx, draft: Payment, reference: Reference) -> Payment | None:
    """The payment of this terminal that ``reference`` names and fits; locked to be changed.

    Refuses ``WRONG_TRANSACTION_NUMBER`` and ``WRONG_AUDIT_NUMBER``.
    """
    found = _named(tx, draft, reference)
    if found is None or found.terminal_id != draft.terminal_id:
        return None
    if reference.transaction_number not in {None, found.transaction_number}:
        raise Refused(Reason.WRONG_TRANSACTION_NUMBER)
    if reference.audit_number not in {None, found.audit_number}:
        raise Refused(Reason.WRONG_AUDIT_NUMBER)
    fits = (
        reference.retrieval_reference in {None, found.retrieval_reference}
        and reference.approval_code in {None, found.approval_code}
        and reference.base in {None, found.amounts.base}
    )
    return found if fits else None


def _named(tx: PaymentTx, draft: Payment, reference: Reference) -> Payment | None:
    if reference.payment_id is not None:
        return tx.payments.find(draft.merchant_id, reference.payment_id)
    if reference.retrieval_reference is None:
        return None
    if reference.audit_number is not None:
        return tx.payments.find_by_reference(
            draft.merchant_id,
            draft.terminal_id,
            retrieval_reference=reference.retrieval_reference,
            audit_number=reference.audit_number,
        )
    return tx.payments.find_by_retrieval_reference(
        draft.merchant_id,
        draft.terminal_id,
        retrieval_reference=reference.retrieval_reference,
        kinds=ORIGINALS[draft.kind],
    )


def referring(draft: Payment, original: Payment, *, amounts: Amounts | None = None) -> Payment:
    """The draft of a follow-up, with what it takes over from its original."""
    order = msgspec.structs.replace(
        original.order,
        **{
            name: value
            for name in ("invoice", "phone", "email", "source")
            if (value := getattr(draft.order, name)) is not None
        },
        echo=draft.order.echo,
    )
    return draft.having(
        profile=original.profile,
        amounts=amounts or draft.amounts,
        card=original.card,
        expiry=original.expiry,
        order=order,
        original_id=original.payment_id,
    )


def void_refusal(tx: PaymentTx, original: Payment) -> Reason | None:
    """Why this payment cannot be voided, if it cannot."""
    match original.state:
        case State.VOIDED | State.VOIDING | State.RELEASING:
            return Reason.ALREADY_VOIDED
        case State.AUTHORIZED:
            return None
        case State.CAPTURED if not original.refunded:
            batch = tx.batches.open(original.merchant_id, original.terminal_id)
            return None if original.batch_number == batch.number else Reason.ORIGINAL_NOT_FOUND
        case _:
            return Reason.ORIGINAL_NOT_FOUND


def refund_refusal(original: Payment, amount: Money, *, settled_only: bool) -> Reason | None:
    """Why this much of a charge cannot be given back, if it cannot."""
    if original.state not in REFUNDABLE:
        return Reason.ORIGINAL_NOT_FOUND
    if settled_only and original.state is not State.SETTLED:
        return Reason.NOT_SETTLED
    return None if amount and amount <= original.refundable else Reason.EXCEEDS_REFUNDABLE


def is_held(capture: Capture, original: Payment, tips: TipRule) -> bool:
    """Whether an authorization holds what a capture would take.

    A tip on top may go beyond it, as far as the terminal lets a tip be adjusted.
    """
    amounts = capture.amounts
    if amounts.total <= original.held:
        return True
    limit = amounts.base.percent_half_up(tips.percent_max * 100)
    return (
        capture.tip_on_top
        and tips.adjustable
        and amounts.tip <= limit
        and amounts.total - amounts.tip <= original.held
    )
