"""An invoice and its life: types, the lifecycle table, and the decisions, all pure.

An invoice is a link that a payer opens to pay what a merchant asks. It is paid by one payment or by none:
whoever wants to pay it takes it to ``PAYING`` in the transaction that stores the payment, so that nobody else
can, and it stays there until what became of that payment is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from bezant.core.languages import Language
from bezant.core.lifecycle import Lifecycle
from bezant.core.merchants import Profile, TipRule
from bezant.core.money import Money
from bezant.core.payments import NO_ORDER, Amounts, Kind, Order
from bezant.core.sensitive import Secret

UID: Final = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
"""Public ids of invoices: 190 bits, fit for a URL (form: vendor samples)."""
LIFE: Final = timedelta(days=1)
"""How long a link can be paid when its merchant does not say (vendor samples)."""


class State(StrEnum):
    """Where an invoice is."""

    PENDING = "pending"
    PAYING = "paying"
    """A payment is under way, or in doubt."""
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to an invoice."""

    BEGIN_PAYMENT = "begin_payment"
    PAY = "pay"
    RELEASE = "release"
    """The payment that was under way has failed, and nothing of it is left."""
    EXPIRE = "expire"
    CANCEL = "cancel"


INVOICE = Lifecycle(
    name="invoice",
    initial=State.PENDING,
    rows={
        (State.PENDING, Event.BEGIN_PAYMENT): State.PAYING,
        (State.PAYING, Event.PAY): State.PAID,
        (State.PAYING, Event.RELEASE): State.PENDING,
        (State.PENDING, Event.EXPIRE): State.EXPIRED,
        (State.PENDING, Event.CANCEL): State.CANCELLED,
    },
)


class Objection(StrEnum):
    """Why an invoice will not do what it is asked. Nothing was written."""

    UNKNOWN = "unknown"
    NUMBER_IN_USE = "number_in_use"
    """An earlier invoice with the same number can still be paid."""
    NOT_PENDING = "not_pending"
    NOT_OFFERED = "not_offered"
    """This link cannot be cancelled by its payer, or cannot ask for an amount."""
    CHANGED = "changed"
    """What the payer agreed to pay is not what is asked now."""
    NOT_SENT = "not_sent"
    """Nobody is reached there by what this gateway has, or was sent too much lately."""


class Objected(Exception):
    """It is not done, for a reason, and as the invoice stands; ``state`` is none for an unknown one."""

    def __init__(self, objection: Objection, state: State | None = None) -> None:
        super().__init__(objection.value)
        self.objection = objection
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What is put on top of an item, once for each piece of it."""

    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line that the payer is shown: so many pieces at a price each. The amounts do not follow from it."""

    name: str
    quantity: int
    price: Money
    extras: tuple[Extra, ...] = ()

    @property
    def total(self) -> Money:
        """What the pieces and their extras come to."""
        minor = self.price.minor + sum(extra.price.minor for extra in self.extras)
        return Money(minor * self.quantity, self.price.currency)


TIP_PERCENTS: Final = (15, 18, 20)
"""What payers are offered, as far as the terminal's limit allows (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TipOffer:
    """The payer may add a tip: one of these percentages of the base amount, or any amount up to a limit."""

    percents: tuple[int, ...]
    percent_max: int

    @classmethod
    def by(cls, rule: TipRule) -> TipOffer:
        """What a terminal may offer."""
        percents = tuple(percent for percent in TIP_PERCENTS if percent <= rule.percent_max)
        return cls(percents=percents, percent_max=rule.percent_max)

    def suggestions(self, base: Money) -> tuple[tuple[int, Money], ...]:
        """Each percentage and what it comes to."""
        return tuple((percent, base.percent_half_up(percent * 100)) for percent in self.percents)

    def allows(self, tip: Money, base: Money) -> bool:
        """Whether a tip is within the limit."""
        return Money.zero(base.currency) <= tip <= base.percent_half_up(self.percent_max * 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A server that is told of every attempt to pay. ``authorization`` goes with it; it is kept sealed."""

    url: str
    authorization: Secret | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of one link says and shows otherwise than its store's pages do.

    Colours are ``#rrggbb``, and white text on them can be read. Texts are the merchant's, shown as they are
    in whatever language the page is.
    """

    name: str | None = None
    """Whom the payer pays."""
    colour: str | None = None
    button_colour: str | None = None
    pay_text: str | None = None
    cancel_text: str | None = None
    disclaimer: str | None = None


NO_LOOK = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the merchant says of an invoice, and may say anew while nobody has paid it.

    ``amounts`` are without the payer's tip; the fee in them is for the surcharge profile alone, and
    ``fee_percent_hundredths`` tells of which share of the base it was made, if of one. ``life``: how long the
    link can be paid from when it was made or last changed; ``None``: for ever. ``redirect_url`` is told of
    the payment by us; ``success_url``, ``failure_url`` and ``cancel_url`` are where the payer's browser goes.
    ``one_try``: an attempt that fails ends the link. ``may_cancel``: its payer may end it. ``kept`` is what
    the API that made the link wants back with it.
    """

    kind: Kind = Kind.SALE
    profile: Profile
    amounts: Amounts
    fee_percent_hundredths: int | None = None
    tips: TipOffer | None = None
    order: Order = NO_ORDER
    items: tuple[Item, ...] = ()
    redirect_url: str | None = None
    success_url: str | None = None
    failure_url: str | None = None
    cancel_url: str | None = None
    life: timedelta | None = LIFE
    callback: Callback | None = None
    one_try: bool = False
    may_cancel: bool = False
    look: Look = NO_LOOK
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def verifies(self) -> bool:
        """Whether the payer's card is looked at and nothing is paid."""
        return self.kind is Kind.VERIFICATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One link.

    All instants are the merchant's time. ``payment_id`` is the payment that is under way, or the one that
    paid. ``attempts`` counts the payments that were tried, those that this gateway turned down with them.
    """

    merchant_id: int
    invoice_id: int
    terminal_id: int
    uid: str
    state: State
    terms: Terms
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    as_code: bool = False
    """Made to be shown as a QR code."""
    attempts: int = 0
    receipt_wanted: bool = False
    """Whether who pays, or paid, wants a receipt sent."""
    language: Language = Language.ENGLISH
    """What its payer reads, as far as that is known."""
    payment_id: int | None = None
    paid_at: datetime | None = None
    revision: int = 0

    def stands(self, at: datetime) -> State:
        """Its state at an instant: what is over time has expired, whether that was stored yet or not."""
        overdue = self.expires_at is not None and self.expires_at <= at
        return State.EXPIRED if self.state is State.PENDING and overdue else self.state

    def total(self, tip: Money | None = None) -> Money:
        """What the payer pays."""
        total = self.terms.amounts.total
        return total if tip is None else total + tip

    def step(self, event: Event, **changes: object) -> Invoice:
        """This invoice after ``event``. Raises ``IllegalStep`` where the table has none."""
        return replace(
            self,
            state=INVOICE.after(self.state, event),
            revision=self.revision + 1,
            **changes,  # type: ignore[arg-type]  # named and typed at each call
        )

    def changed(self, **changes: object) -> Invoice:
        """This invoice with other facts in the same state."""
        return replace(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]  # as above


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A payment that was made for an invoice, whatever became of it."""

    merchant_id: int
    invoice_id: int
    payment_id: int


def require_pending(invoice: Invoice, at: datetime) -> None:
    """Objects ``NOT_PENDING`` unless the invoice can be paid, changed or cancelled at that instant."""
    standing = invoice.stands(at)
    if standing is not State.PENDING:
        raise Objected(Objection.NOT_PENDING, standing)
