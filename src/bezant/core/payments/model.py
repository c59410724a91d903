"""A payment and its life: types, the lifecycle table, and the decisions, all pure.

Every operation that the caller can name later (a sale, an authorization, a refund, a void) is one
payment with an id of its own; a refund or a void points to its original.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec

from bezant.core.catalogue import Line as CatalogueLine
from bezant.core.ledger import Account, Cause, Entry, Layer, Line
from bezant.core.lifecycle import Lifecycle
from bezant.core.merchants import Profile
from bezant.core.money import Currency, Money
from bezant.core.outcomes import Approved, Declined, NotSent, Reason, Unresolved
from bezant.core.payments.checks import Unwanted, Verdict
from bezant.core.payments.messages import Ask
from bezant.core.vault import Card


class Kind(StrEnum):
    """What a payment does."""

    SALE = "sale"
    AUTHORIZATION = "authorization"
    INCREMENT = "increment"
    CAPTURE = "capture"
    TIP = "tip"
    REFUND = "refund"
    VOID = "void"
    VERIFICATION = "verification"
    """Asks whether a card is good. It has no amount."""


class State(StrEnum):
    """Where a payment is."""

    SENDING = "sending"
    DECLINED = "declined"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    SETTLED = "settled"
    COMPLETING = "completing"
    """An authorization while its capture is under way."""
    COMPLETED = "completed"
    """An authorization that was captured."""
    INCREMENTING = "incrementing"
    """An authorization while it is being raised."""
    ADJUSTING = "adjusting"
    """A captured payment while its tip is being changed."""
    EXPIRED = "expired"
    VOIDING = "voiding"
    """A captured payment while its void is under way."""
    RELEASING = "releasing"
    """An authorization while its void is under way."""
    VOIDED = "voided"
    DONE = "done"
    """A void, an increment, a tip or a verification that took place."""
    IN_DOUBT = "in_doubt"
    REVERSED = "reversed"


class Event(StrEnum):
    """What happens to a payment."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    COMPLETE = "complete"
    DECLINE = "decline"
    LOSE = "lose"
    TAKE_BACK = "take_back"
    """The network said yes, and the merchant's rules say no."""
    REVERSE = "reverse"
    BEGIN_VOID = "begin_void"
    FINISH_VOID = "finish_void"
    ABANDON_VOID = "abandon_void"
    SETTLE = "settle"
    BEGIN_CAPTURE = "begin_capture"
    FINISH_CAPTURE = "finish_capture"
    ABANDON_CAPTURE = "abandon_capture"
    REOPEN = "reopen"
    BEGIN_INCREMENT = "begin_increment"
    END_INCREMENT = "end_increment"
    BEGIN_TIP = "begin_tip"
    END_TIP = "end_tip"
    EXPIRE = "expire"


PAYMENT = Lifecycle(
    name="payment",
    initial=State.SENDING,
    rows={
        (State.SENDING, Event.AUTHORIZE): State.AUTHORIZED,
        (State.SENDING, Event.CAPTURE): State.CAPTURED,
        (State.SENDING, Event.COMPLETE): State.DONE,
        (State.SENDING, Event.DECLINE): State.DECLINED,
        (State.SENDING, Event.LOSE): State.IN_DOUBT,
        (State.SENDING, Event.TAKE_BACK): State.IN_DOUBT,
        (State.IN_DOUBT, Event.REVERSE): State.REVERSED,
        (State.CAPTURED, Event.BEGIN_VOID): State.VOIDING,
        (State.VOIDING, Event.FINISH_VOID): State.VOIDED,
        (State.VOIDING, Event.ABANDON_VOID): State.CAPTURED,
        (State.AUTHORIZED, Event.BEGIN_VOID): State.RELEASING,
        (State.RELEASING, Event.FINISH_VOID): State.VOIDED,
        (State.RELEASING, Event.ABANDON_VOID): State.AUTHORIZED,
        (State.CAPTURED, Event.SETTLE): State.SETTLED,
        (State.AUTHORIZED, Event.BEGIN_CAPTURE): State.COMPLETING,
        (State.COMPLETING, Event.FINISH_CAPTURE): State.COMPLETED,
        (State.COMPLETING, Event.ABANDON_CAPTURE): State.AUTHORIZED,
        (State.COMPLETED, Event.REOPEN): State.AUTHORIZED,
        (State.AUTHORIZED, Event.BEGIN_INCREMENT): State.INCREMENTING,
        (State.INCREMENTING, Event.END_INCREMENT): State.AUTHORIZED,
        (State.CAPTURED, Event.BEGIN_TIP): State.ADJUSTING,
        (State.ADJUSTING, Event.END_TIP): State.CAPTURED,
        (State.AUTHORIZED, Event.EXPIRE): State.EXPIRED,
    },
)

SUCCESS: Mapping[Kind, Event] = {
    Kind.SALE: Event.CAPTURE,
    Kind.CAPTURE: Event.CAPTURE,
    Kind.REFUND: Event.CAPTURE,
    Kind.AUTHORIZATION: Event.AUTHORIZE,
    Kind.INCREMENT: Event.COMPLETE,
    Kind.TIP: Event.COMPLETE,
    Kind.VOID: Event.COMPLETE,
    Kind.VERIFICATION: Event.COMPLETE,
}
"""The event that an approval is, by kind."""

ASKS: Mapping[Kind, Ask] = {
    Kind.SALE: Ask.SALE,
    Kind.CAPTURE: Ask.CAPTURE,
    Kind.REFUND: Ask.REFUND,
    Kind.AUTHORIZATION: Ask.AUTHORIZE,
    Kind.INCREMENT: Ask.AUTHORIZE,
    Kind.TIP: Ask.CAPTURE,
    Kind.VOID: Ask.REVERSE,
    Kind.VERIFICATION: Ask.VERIFY,
}

FORWARD = frozenset({Kind.VOID, Kind.TIP})
"""The kinds that take place whether the network answers or not: their message is repeated until it does."""

MONEYLESS = frozenset({Kind.VERIFICATION})
"""The kinds that move and hold nothing: nothing is booked for them, and nothing has to be taken back."""

CHARGES = frozenset({Kind.SALE, Kind.CAPTURE})
"""The kinds that take money, and can give it back."""

NEW_MONEY = frozenset({Kind.SALE, Kind.AUTHORIZATION})
"""The kinds that begin something: they refer to no earlier payment."""

JUDGED = NEW_MONEY | MONEYLESS
"""The kinds that the merchant's rules about address and verification value are for."""

REFUNDABLE = frozenset({State.CAPTURED, State.SETTLED})
"""The states of a charge in which money can be given back."""


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment is made of. All in one currency, none negative."""

    base: Money
    tax: Money
    fee: Money
    tip: Money

    @classmethod
    def of(cls, base: Money) -> Amounts:
        """A base amount and nothing else."""
        zero = Money.zero(base.currency)
        return cls(base=base, tax=zero, fee=zero, tip=zero)

    @property
    def total(self) -> Money:
        """What the card pays."""
        return Money(self.base.minor + self.tax.minor + self.fee.minor + self.tip.minor, self.base.currency)

    def limited_to(self, total: Money) -> Amounts:
        """The same shares of a smaller total: a partial approval takes from the base first."""
        extras = self.total - self.base
        if total >= extras:
            return msgspec.structs.replace(self, base=total - extras)
        tax, fee, tip = total.split((self.tax.minor, self.fee.minor, self.tip.minor))
        return Amounts(base=Money.zero(total.currency), tax=tax, fee=fee, tip=tip)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says about a payment, kept and shown.

    ``purchase_order`` and ``items`` are what commercial cards want told (levels 2 and 3); the items are a
    JSON object as it came. ``lines`` are what the charge takes of the terminal's catalogue. ``echo`` is the
    dialect's own: texts it must repeat exactly as they came.
    """

    invoice: str | None = None
    description: str | None = None
    cardholder: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    reference: str | None = None
    source: str | None = None
    purchase_order: str | None = None
    items: str | None = None
    lines: tuple[CatalogueLine, ...] = ()
    echo: Mapping[str, str] = msgspec.field(default_factory=dict)


NO_ORDER = Order()


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on a card. A struct, since it is copied at every step, 30 times as fast as a data class.

    ``requested_at`` and ``answered_at`` are the merchant's time; ``sent_at`` and ``lease_until`` real
    time. ``sent_at`` has whole seconds, as the network sees it. ``amounts`` is what was asked for until
    the answer, then what was approved; ``incremented`` sums an
    authorization's approved increments. ``expiry`` is YYMM. ``refunded`` sums approved and pending
    refunds. ``reason`` is empty exactly when the payment was approved (or has no outcome yet). A payment
    that was declined here, without asking the network, has no ``audit_number``. ``address_result`` and
    ``verification_result`` are the network's letters for how address and verification value compared.
    """

    merchant_id: int
    payment_id: int
    terminal_id: int
    kind: Kind
    state: State
    profile: Profile
    amounts: Amounts
    card: Card | None
    expiry: str | None = None
    order: Order = NO_ORDER
    original_id: int | None = None
    audit_number: int | None
    retrieval_reference: str
    requested_at: datetime
    sent_at: datetime
    lease_until: datetime
    batch_number: int
    transaction_number: int | None = None
    approval_code: str | None = None
    response_code: str | None = None
    reason: Reason | None = None
    partial: bool = False
    answered_at: datetime | None = None
    refunded: Money
    refund_count: int = 0
    incremented: Money
    settled_at: datetime | None = None
    address_result: str | None = None
    verification_result: str | None = None
    revision: int = 0

    @property
    def approved(self) -> bool:
        """Whether the caller was told yes."""
        return self.answered_at is not None and self.reason is None

    @property
    def currency(self) -> Currency:
        """The currency of all its amounts."""
        return self.amounts.base.currency

    @property
    def held(self) -> Money:
        """What an authorization holds, its increments with it."""
        return self.amounts.total + self.incremented

    @property
    def refundable(self) -> Money:
        """What can still be given back."""
        return self.amounts.total - self.refunded

    def step(self, event: Event, **changes: object) -> Payment:
        """This payment after ``event``. Raises ``IllegalStep`` where the table has none."""
        return self.having(state=PAYMENT.after(self.state, event), revision=self.revision + 1, **changes)

    def changed(self, **changes: object) -> Payment:
        """This payment with other facts in the same state."""
        return self.having(revision=self.revision + 1, **changes)

    def having(self, **facts: object) -> Payment:
        """This payment, not stored yet, with other facts."""
        return msgspec.structs.replace(self, **facts)


def retrieval_reference(at: datetime, sequence: int) -> str:
    """The twelve digits by which the network finds a payment: ``YDDDHHNNNNNN``.

    Last digit of the year, day of the year and hour in UTC, then ``sequence`` modulo a million
    (layout: vendor samples).
    """
    utc = at.astimezone(UTC)
    day = utc.toordinal() - date(utc.year, 1, 1).toordinal() + 1
    return f"{utc.year % 10}{day:03d}{utc.hour:02d}{sequence % 1_000_000:06d}"


def decide(payment: Payment, answer: Verdict, *, at: datetime) -> Payment:
    """The payment after the network's answer: approved, declined, or in doubt.

    An approval that is not wanted is in doubt like one that was lost: it is taken back in the same way.
    A void whose answer is missing still takes place: the batch has already let the payment go, and
    the reversal is repeated until the network confirms it. So does a change of tip. Of what moves no money
    nothing is taken back: it is declined.
    """
    match answer:
        case Approved():
            return _approved(payment, answer, at=at)
        case Unwanted(approved=approved, reason=reason):
            return payment.step(
                Event.DECLINE if payment.kind in MONEYLESS else Event.TAKE_BACK,
                reason=reason,
                address_result=approved.avs,
                verification_result=approved.cvv,
                answered_at=at,
            )
        case Declined(reason=reason, response_code=code):
            return payment.step(Event.DECLINE, reason=reason, response_code=code, answered_at=at)
        case NotSent():
            return payment.step(Event.DECLINE, reason=Reason.NOT_REACHED, answered_at=at)
        case Unresolved() if payment.kind in FORWARD:
            return payment.step(Event.COMPLETE, response_code="00", answered_at=at)
        case Unresolved():
            lost = Event.DECLINE if payment.kind in MONEYLESS else Event.LOSE
            return payment.step(lost, reason=Reason.NO_ANSWER, answered_at=at)


def _approved(payment: Payment, answer: Approved, *, at: datetime) -> Payment:
    total = payment.amounts.total
    partial = answer.amount < total
    if payment.kind in FORWARD:
        return payment.step(Event.COMPLETE, response_code=answer.response_code, answered_at=at)
    return payment.step(
        SUCCESS[payment.kind],
        amounts=payment.amounts.limited_to(answer.amount) if partial else payment.amounts,
        # A capture goes by the code of its authorization (vendor samples).
        approval_code=payment.approval_code or answer.approval_code,
        response_code=answer.response_code,
        address_result=answer.avs,
        verification_result=answer.cvv,
        partial=partial,
        answered_at=at,
    )


def entry_of(payment: Payment, *, booked_at: datetime) -> Entry:
    """What an approved sale, authorization or refund books."""
    amounts = payment.amounts
    total = amounts.total
    match payment.kind:
        case Kind.SALE | Kind.CAPTURE:
            cause = Cause.SALE if payment.kind is Kind.SALE else Cause.CAPTURE
            layer = Layer.POSTED
            parts = (
                (Account.MERCHANT_PAYABLE, amounts.base),
                (Account.TAX, amounts.tax),
                (Account.FEES, amounts.fee),
                (Account.TIPS, amounts.tip),
            )
            lines = (
                Line(Account.CAPTURED, total),
                *(Line(account, -amount) for account, amount in parts if amount),
            )
        case Kind.AUTHORIZATION | Kind.INCREMENT:
            cause, layer = Cause.AUTHORIZATION, Layer.PENDING
            held = payment.held
            lines = (Line(Account.AUTHORIZED, held), Line(Account.AUTHORIZED_CONTRA, -held))
        case Kind.REFUND:
            cause, layer = Cause.REFUND, Layer.POSTED
            lines = (Line(Account.REFUNDS, total), Line(Account.CAPTURED, -total))
        case Kind.VOID | Kind.TIP:
            message = "voids and tips book what they change of their original"
            raise AssertionError(message)
        case Kind.VERIFICATION:
            message = "a verification books nothing"
            raise AssertionError(message)
    return Entry(
        merchant_id=payment.merchant_id,
        subject_id=payment.payment_id,
        cause=cause,
        layer=layer,
        booked_at=booked_at,
        lines=lines,
    )


def tip_entry(before: Payment, tip: Payment, *, booked_at: datetime) -> Entry:
    """What a change of tip books: the difference."""
    more = tip.amounts.tip - before.amounts.tip
    return Entry(
        merchant_id=tip.merchant_id,
        subject_id=tip.payment_id,
        cause=Cause.TIP,
        layer=Layer.POSTED,
        booked_at=booked_at,
        lines=(Line(Account.CAPTURED, more), Line(Account.TIPS, -more)),
    )


def hold_entry(authorization: Payment, follow_up: Payment, *, held: bool, booked_at: datetime) -> Entry:
    """What a follow-up books on what is held: a capture ends the hold, the void of a capture renews it."""
    total = authorization.held if held else -authorization.held
    return Entry(
        merchant_id=follow_up.merchant_id,
        subject_id=follow_up.payment_id,
        cause=Cause.AUTHORIZATION if held else Cause.RELEASE,
        layer=Layer.PENDING,
        booked_at=booked_at,
        lines=(Line(Account.AUTHORIZED, total), Line(Account.AUTHORIZED_CONTRA, -total)),
    )


def void_entry(original: Payment, void: Payment, *, booked_at: datetime) -> Entry:
    """What a void books: its original's entry, taken back."""
    taken_back = entry_of(original, booked_at=booked_at)
    held = original.kind is Kind.AUTHORIZATION
    return Entry(
        merchant_id=void.merchant_id,
        subject_id=void.payment_id,
        cause=Cause.RELEASE if held else Cause.VOID,
        layer=taken_back.layer,
        booked_at=booked_at,
        lines=taken_back.negated(),
    )
