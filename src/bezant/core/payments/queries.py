"""What a list of payments can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bezant.core.money import Money
from bezant.core.payments.model import Kind, Payment, State
from bezant.core.vault import Brand


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """A filter over one terminal's payments. ``None`` does not filter; periods exclude their end.

    ``requested_from`` and ``requested_to`` are in the merchant's time. An empty tuple matches nothing.
    """

    merchant_id: int
    terminal_id: int
    limit: int
    offset: int = 0
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    kinds: tuple[Kind, ...] | None = None
    states: tuple[State, ...] | None = None
    brands: tuple[Brand, ...] | None = None
    sources: tuple[str, ...] | None = None
    approved: bool | None = None
    batch_number: int | None = None
    payment_id: int | None = None
    retrieval_reference: str | None = None
    invoice: str | None = None
    approval_code: str | None = None
    last4: str | None = None
    audit_number: int | None = None
    cardholder: str | None = None
    amount: Money | None = None
    nothing: bool = False
    """A filter value that no payment has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, and how many rows the whole list has."""

    payments: tuple[Payment, ...]
    total: int
