"""What a receipt shows. It is no record of its own: it is made from the payment each time it is looked at.

So a receipt that was sent before a refund shows the refund afterwards. Whoever has its link can read it,
so it shows no more of a card than brand and last four digits, and neither token nor expiry. Texts that the
caller gave may hold card numbers that belong nowhere: they are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from bezant.core.invoices import Copy, Receipt
from bezant.core.money import Money
from bezant.core.payments import Amounts, Kind, Payment, State
from bezant.core.vault import Brand, mask_card_numbers

_CHANGES: Final = frozenset({Kind.REFUND, Kind.VOID, Kind.CAPTURE})
"""The kinds of follow-up that a receipt lists. Increments and tips show in its amounts."""


class Standing(StrEnum):
    """What has become of a payment."""

    PAID = "paid"
    AUTHORIZED = "authorized"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    GIVEN_BACK = "given_back"
    """A refund that stands."""
    CAPTURED = "captured"
    """An authorization that was captured: the capture has a receipt of its own."""
    VOIDED = "voided"
    DONE = "done"
    """A void, an increment, a change of tip: its original's receipt shows what came of it."""
    EXPIRED = "expired"
    PENDING = "pending"
    DECLINED = "declined"


_BY_STATE: Final[Mapping[State, Standing]] = {
    State.SENDING: Standing.PENDING,
    State.IN_DOUBT: Standing.PENDING,
    State.DECLINED: Standing.DECLINED,
    State.AUTHORIZED: Standing.AUTHORIZED,
    State.INCREMENTING: Standing.AUTHORIZED,
    State.COMPLETING: Standing.AUTHORIZED,
    State.RELEASING: Standing.AUTHORIZED,
    State.COMPLETED: Standing.CAPTURED,
    State.EXPIRED: Standing.EXPIRED,
    State.VOIDED: Standing.VOIDED,
    State.REVERSED: Standing.VOIDED,
    State.DONE: Standing.DONE,
}
"""What is in no row was paid, or given back."""
_NOTHING_LEFT: Final = frozenset({Standing.VOIDED, Standing.EXPIRED, Standing.PENDING, Standing.DECLINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to the payment later: a refund, a void, a capture. ``at`` is the store's local time."""

    kind: Kind
    payment_id: int
    amount: Money
    at: datetime
    approval_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What a receipt shows as it stands now.

    ``at`` is the store's local time. ``refunded`` is what was given back of ``amounts.total``. ``card`` is
    masked (``XXXX1111``). Of ``cardholder``, ``audit_number``, ``batch_number`` and ``transaction_number`` a
    customer's copy has none: they help the merchant to find the payment again.
    """

    copy: Copy
    sandbox: bool
    merchant: str
    store: str
    payment_id: int
    kind: Kind
    standing: Standing
    at: datetime
    amounts: Amounts
    refunded: Money
    brand: Brand | None
    card: str | None
    approval_code: str | None
    retrieval_reference: str
    original_id: int | None
    invoice: str | None
    description: str | None
    cardholder: str | None = None
    audit_number: int | None = None
    batch_number: int | None = None
    transaction_number: int | None = None
    changes: tuple[Change, ...] = ()

    @property
    def total(self) -> Money:
        """What the card paid or got."""
        return self.amounts.total

    @property
    def remaining(self) -> Money:
        """What is left of the total after all that was done to it."""
        if self.standing in _NOTHING_LEFT:
            return Money.zero(self.total.currency)
        return self.total - self.refunded


def slip_of(receipt: Receipt) -> Slip:
    """What that receipt shows."""
    payment, zone = receipt.payment, receipt.store.zone
    merchants = receipt.copy is Copy.MERCHANT
    standing = [each for each in receipt.follow_ups if _stands(each)]
    refunded = Money(
        sum(each.amounts.total.minor for each in standing if each.kind is Kind.REFUND), payment.currency
    )
    return Slip(
        copy=receipt.copy,
        sandbox=receipt.merchant.sandbox,
        merchant=receipt.merchant.name,
        store=receipt.store.name,
        payment_id=payment.payment_id,
        kind=payment.kind,
        standing=_standing(payment, refunded),
        at=payment.requested_at.astimezone(zone),
        amounts=msgspec.structs.replace(payment.amounts, base=payment.amounts.base + payment.incremented),
        refunded=refunded,
        brand=payment.card.brand if payment.card else None,
        card=f"XXXX{payment.card.last4}" if payment.card else None,
        approval_code=payment.approval_code,
        retrieval_reference=payment.retrieval_reference,
        original_id=payment.original_id,
        invoice=_masked(payment.order.invoice),
        description=_masked(payment.order.description),
        cardholder=_masked(payment.order.cardholder) if merchants else None,
        audit_number=payment.audit_number if merchants else None,
        batch_number=payment.batch_number if merchants else None,
        transaction_number=payment.transaction_number if merchants else None,
        changes=tuple(
            Change(
                kind=each.kind,
                payment_id=each.payment_id,
                amount=each.amounts.total,
                at=each.requested_at.astimezone(zone),
                approval_code=each.approval_code,
            )
            for each in sorted(standing, key=lambda each: each.payment_id)
        ),
    )


def _stands(follow_up: Payment) -> bool:
    return follow_up.approved and follow_up.kind in _CHANGES and follow_up.state is not State.VOIDED


def _standing(payment: Payment, refunded: Money) -> Standing:
    if payment.state in _BY_STATE:
        return _BY_STATE[payment.state]
    if payment.kind is Kind.REFUND:
        return Standing.GIVEN_BACK
    if not refunded:
        return Standing.PAID
    return Standing.PARTLY_REFUNDED if refunded < payment.amounts.total else Standing.REFUNDED


def _masked(text: str | None) -> str | None:
    return None if text is None else mask_card_numbers(text)
