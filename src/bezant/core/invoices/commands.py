"""What merchants and payers ask of invoices, and what they are told: the words of the use cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bezant.core.invoices.model import Invoice, State
from bezant.core.languages import Language
from bezant.core.merchants import Merchant, Store, Terminal
from bezant.core.money import Money
from bezant.core.notices import Copy
from bezant.core.outcomes import Reason
from bezant.core.payments import Payment
from bezant.core.sensitive import Cvv, Pan


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a page shows of an invoice at an instant of the merchant's time.

    ``state`` is how it stands then, ``payment`` the one that paid or that is under way.
    """

    invoice: Invoice
    state: State
    merchant: Merchant
    store: Store
    terminal: Terminal
    at: datetime
    payment: Payment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerCard:
    """What the payer pays with: a card number or a token of the vault. ``expiry`` is YYMM."""

    pan: Pan | None = None
    token: str | None = None
    expiry: str | None = None
    cvv: Cvv | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the payer says beside the card.

    ``agreed`` is the total that the payer was shown, the tip in it: nothing else is ever charged. What is not
    said here is as the merchant said. ``receipt``: the payer wants one by mail or text message.
    """

    agreed: Money
    tip: Money | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    postal_code: str | None = None
    receipt: bool = False
    language: Language = Language.ENGLISH
    """What the payer reads, and gets the receipt in."""


class Result(StrEnum):
    """What came of an attempt to pay."""

    APPROVED = "approved"
    DECLINED = "declined"
    IN_DOUBT = "in_doubt"
    """The network did not answer: nothing will be taken, and the link can be paid again once that is sure."""
    UNDERWAY = "underway"
    """This or another attempt to pay the same link is under way."""
    CLOSED = "closed"
    """The link was paid before, has expired or was cancelled: ``View.state`` says which."""
    CHANGED = "changed"
    """Something else is asked by now, or that tip is not offered: nothing happened, show it anew."""
    BUSY = "busy"
    """The gateway could not say: the same attempt, under the same key, should be made again."""
    REFUSED = "refused"
    """Nothing was tried, for ``Outcome.reason``: the verification value is missing, the goods are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt to pay ended, and the invoice after it. ``payment`` is the attempt's own."""

    result: Result
    view: View
    payment: Payment | None = None
    reason: Reason | None = None
    """Why it was declined or refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A link, and whether an earlier request with the same key had made it."""

    invoice: Invoice
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A link as it stands, and the latest attempt to pay it, whatever became of that."""

    invoice: Invoice
    state: State
    attempt: Payment | None


class Status(StrEnum):
    """What invoices can be listed by: a state, or what became of the payment."""

    PENDING = "pending"
    PAYING = "paying"
    PAID = "paid"
    VOIDED = "voided"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceQuery:
    """A filter over one terminal's invoices. ``None`` does not filter; periods exclude their end.

    ``created_from``, ``created_to`` and ``at`` are in the merchant's time; ``at`` decides what has expired.
    ``text`` is looked for, without regard to case, in what the merchant said of the payer and the goods;
    ``before_id`` begins a page after the last one of another.
    """

    merchant_id: int
    terminal_id: int
    at: datetime
    limit: int
    offset: int = 0
    before_id: int | None = None
    status: Status | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    invoice_id: int | None = None
    email: str | None = None
    phone: str | None = None
    amount: Money | None = None
    text: str | None = None
    nothing: bool = False
    """A filter value that no invoice has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An invoice in a list, and the payment that paid it."""

    invoice: Invoice
    payment: Payment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, and how many rows the whole list has."""

    rows: tuple[Listed, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A payment with what was voided or given back of it since, as a receipt shows them."""

    payment: Payment
    follow_ups: tuple[Payment, ...]
    merchant: Merchant
    store: Store
    copy: Copy
