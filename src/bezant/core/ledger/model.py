"""Journal entries: balanced when made, never changed after; a correction is a new entry.

Signs: a positive line debits its account, a negative one credits it. A balance is a sum of lines.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bezant.core.money import Money


class Account(StrEnum):
    """The accounts that each merchant has, per currency."""

    AUTHORIZED = "authorized"
    """Memo: held at issuers, not captured. Pending layer only, with its contra."""
    AUTHORIZED_CONTRA = "authorized_contra"
    CAPTURED = "captured"
    """Clearing: captured and not yet settled. Equals the open batches."""
    ACQUIRER_RECEIVABLE = "acquirer_receivable"
    MERCHANT_PAYABLE = "merchant_payable"
    FEES = "fees"
    TAX = "tax"
    TIPS = "tips"
    REFUNDS = "refunds"
    GIFT_LIABILITY = "gift_liability"
    """Owed to the holders of gift cards: what was loaded here and not spent here."""
    GIFT_LOADS = "gift_loads"
    """Taken for loads by the till, in whatever way it was paid."""
    GIFT_REDEEMED = "gift_redeemed"
    """Earned: what gift cards paid for."""
    LENDER_RECEIVABLE = "lender_receivable"
    """Owed by the lender for what it has financed."""


CLEARING = frozenset({Account.CAPTURED})
"""Accounts that must come back to zero when nothing is open."""


class Layer(StrEnum):
    """Pending lines hold; posted lines move."""

    PENDING = "pending"
    POSTED = "posted"


class Cause(StrEnum):
    """What an entry records."""

    AUTHORIZATION = "authorization"
    SALE = "sale"
    CAPTURE = "capture"
    TIP = "tip"
    REFUND = "refund"
    VOID = "void"
    RELEASE = "release"
    SETTLEMENT = "settlement"
    GIFT_LOAD = "gift_load"
    GIFT_REDEMPTION = "gift_redemption"
    GIFT_REFUND = "gift_refund"
    GIFT_PAYOUT = "gift_payout"
    """What was left on a card when it was deactivated."""
    GIFT_VOID = "gift_void"
    LOAN = "loan"
    LOAN_REFUND = "loan_refund"


class Line(msgspec.Struct, frozen=True):
    """One side of an entry."""

    account: Account
    amount: Money


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A balanced set of lines of one merchant.

    ``subject_id`` is the payment, or the settlement, that the entry records. A subject has one entry
    of a cause at most, and storage holds on to that: a second booking of the same thing is refused.
    """

    merchant_id: int
    subject_id: int
    cause: Cause
    layer: Layer
    booked_at: datetime
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        amounts = [line.amount for line in self.lines]
        if sum([amount.minor for amount in amounts]) or len(amounts) < 2:  # noqa: PLR2004 - double entry has two sides
            message = "an entry has at least two lines that sum to zero"
            raise AssertionError(message)
        currency = amounts[0].currency
        if any(amount.currency != currency for amount in amounts if amount.currency is not currency):
            message = "an entry has one currency"
            raise AssertionError(message)

    def negated(self) -> tuple[Line, ...]:
        """The lines that take this entry back."""
        return tuple(Line(line.account, -line.amount) for line in self.lines)
