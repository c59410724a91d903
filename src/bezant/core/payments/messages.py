"""What the payments domain says to a card network, in the trade's words and free of any wire."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bezant.core.merchants import Endpoint
from bezant.core.money import Money
from bezant.core.sensitive import Cvv, Pan

__all__ = ["Ask", "BatchTotals", "Endpoint", "Message", "Original", "Street"]


class Ask(StrEnum):
    """What a message asks the network to do."""

    AUTHORIZE = "authorize"
    VERIFY = "verify"
    """Whether the card is good; the amount is zero."""
    SALE = "sale"
    REFUND = "refund"
    CAPTURE = "capture"
    REVERSE = "reverse"


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The earlier message that this one refers to."""

    ask: Ask
    audit_number: int
    sent_at: datetime
    retrieval_reference: str
    approval_code: str | None = None


class Street(msgspec.Struct, frozen=True, kw_only=True):
    """What address verification compares: the street line and the postal code."""

    line: str | None = None
    postal_code: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the acquirer about one payment.

    ``audit_number`` (STAN) is 1 to 999999 and, with the terminal number and the UTC day of
    ``sent_at``, unique. ``sent_at`` is UTC; ``local_at`` is the same payment in the store's zone, by
    the merchant's clock. ``expiry`` is YYMM. A repeat carries the same data as the message it repeats.
    ``deadline_at`` (UTC): a message that could not be written before it must not be written at all.
    """

    ask: Ask
    endpoint: Endpoint
    audit_number: int
    retrieval_reference: str
    amount: Money
    sent_at: datetime
    local_at: datetime
    deadline_at: datetime
    pan: Pan | None = None
    expiry: str | None = None
    cvv: Cvv | None = None
    street: Street | None = None
    invoice: str | None = None
    original: Original | None = None
    repeat: bool = False


class BatchTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What a settled batch adds up to, as its acquirer is told."""

    endpoint: Endpoint
    batch_number: int
    audit_number: int
    sent_at: datetime
    local_at: datetime
    debit_count: int
    debits: Money
    credit_count: int
    credits: Money
    repeat: bool = False

    @property
    def net(self) -> Money:
        """Debits (sales, captures) less credits (refunds)."""
        return self.debits - self.credits
