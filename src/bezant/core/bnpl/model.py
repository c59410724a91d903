"""Loans that pay for orders, their refunds and passwords: types, lifecycle tables, decisions, all pure.

An order is a merchant's and has the merchant's reference. A password is asked for it, a purchase uses the
password, and refunds give back what was bought. One reference buys once: after a declined purchase it may
be tried again, after a granted one it is used up for ever. Plans, limits and balances are the lender's.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bezant.core.bnpl.messages import (
    Granted,
    InquiryAnswer,
    LoanAnswer,
    Plan,
    ReturnAnswer,
    Returned,
    Terms,
)
from bezant.core.ledger import Account, Cause, Entry, Layer, Line
from bezant.core.lifecycle import Lifecycle
from bezant.core.money import Currency, Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.core.sensitive import Secret

PASSWORD_LIFE = timedelta(minutes=5)
TRIES_MAX = 5
"""After so many wrong tries a password is dead."""
RESEND_AFTER = timedelta(seconds=60)
"""A password that is not used yet is not replaced before."""
WRONG_MAX = 30
WRONG_WINDOW = timedelta(hours=1)
"""With ``WRONG_MAX`` wrong tries in this time, no password of a phone is right any more at that merchant."""
MONTHS_MAX = 120
"""No lender has longer plans."""


class LoanState(StrEnum):
    """Where a loan is."""

    SENDING = "sending"
    GRANTED = "granted"
    DECLINED = "declined"
    IN_DOUBT = "in_doubt"
    """The lender may have granted it; it is asked until it says."""


class LoanEvent(StrEnum):
    """What happens to a loan."""

    GRANT = "grant"
    DECLINE = "decline"
    LOSE = "lose"


LOAN = Lifecycle(
    name="loan",
    initial=LoanState.SENDING,
    rows={
        (LoanState.SENDING, LoanEvent.GRANT): LoanState.GRANTED,
        (LoanState.SENDING, LoanEvent.DECLINE): LoanState.DECLINED,
        (LoanState.SENDING, LoanEvent.LOSE): LoanState.IN_DOUBT,
        (LoanState.IN_DOUBT, LoanEvent.GRANT): LoanState.GRANTED,
        (LoanState.IN_DOUBT, LoanEvent.DECLINE): LoanState.DECLINED,
    },
)


class RefundState(StrEnum):
    """Where a loan's refund is."""

    SENDING = "sending"
    DONE = "done"
    DECLINED = "declined"
    IN_DOUBT = "in_doubt"


class RefundEvent(StrEnum):
    """What happens to a loan's refund."""

    FINISH = "finish"
    DECLINE = "decline"
    LOSE = "lose"


REFUND = Lifecycle(
    name="loan refund",
    initial=RefundState.SENDING,
    rows={
        (RefundState.SENDING, RefundEvent.FINISH): RefundState.DONE,
        (RefundState.SENDING, RefundEvent.DECLINE): RefundState.DECLINED,
        (RefundState.SENDING, RefundEvent.LOSE): RefundState.IN_DOUBT,
        (RefundState.IN_DOUBT, RefundEvent.FINISH): RefundState.DONE,
        (RefundState.IN_DOUBT, RefundEvent.DECLINE): RefundState.DECLINED,
    },
)


class Topic(StrEnum):
    """What the outside hears of, for core.deliveries. The subject is the loan's or the refund's id."""

    BOUGHT = "loan.bought"
    FAILED = "loan.failed"
    """A purchase was declined, by the lender or by us."""
    IN_DOUBT = "loan.in_doubt"
    """A purchase got no answer that can be trusted; RESOLVED follows."""
    RESOLVED = "loan.resolved"
    """What was in doubt is granted or declined, as the loan says, for ever."""
    REFUNDED = "loan.refunded"
    REFUND_FAILED = "loan.refund_failed"
    REFUND_IN_DOUBT = "loan.refund_in_doubt"
    REFUND_RESOLVED = "loan.refund_resolved"


class Language(StrEnum):
    """What language a customer is written to in."""

    ENGLISH = "en"
    ARABIC = "ar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A merchant's settings for consumer finance; a merchant without them has none.

    ``currency``: the only one that is financed.
    ``months``: the plans that the merchant offers of those that the lender has; all where it is empty.
    ``down_payment_basis_points``: hundredths of a percent of the amount that are asked for as down payment
    where the caller does not say one. ``amount_min`` and ``amount_max`` include themselves.
    """

    merchant_id: int
    currency: Currency
    enabled: bool = True
    months: frozenset[int] = frozenset()
    amount_min: Money | None = None
    amount_max: Money | None = None
    down_payment_basis_points: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.down_payment_basis_points <= 10_000:  # noqa: PLR2004 - a share of the whole
            message = "a down payment is between nothing and the whole amount"
            raise ValueError(message)
        if not all(0 < months <= MONTHS_MAX for months in self.months):
            message = f"a plan has 1 to {MONTHS_MAX} months"
            raise ValueError(message)
        for bound in (self.amount_min, self.amount_max):
            if bound is not None and bound.currency != self.currency:
                message = "bounds are in the program's currency"
                raise ValueError(message)

    def refusal(self, amount: Money) -> Reason | None:
        """Why the merchant does not finance ``amount``, if it does not."""
        if amount.currency != self.currency:
            return Reason.CURRENCY_DIFFERS
        if self.amount_min is not None and amount < self.amount_min:
            return Reason.BELOW_MINIMUM
        if self.amount_max is not None and amount > self.amount_max:
            return Reason.ABOVE_MAXIMUM
        return None

    def offers(self, months: int) -> bool:
        """Whether the merchant offers plans of so many months."""
        return 0 < months <= MONTHS_MAX and (not self.months or months in self.months)

    def down_payment(self, terms: Terms) -> Money:
        """The down payment of an order: the one that was said, or the required one (halves up)."""
        if terms.down_payment is not None:
            return terms.down_payment
        return terms.amount.percent_half_up(self.down_payment_basis_points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """The one-time password of an order, by its keyed hash; the last that was made for it.

    ``password_id`` is new with each password, and increasing. ``made_at`` is the merchant's time. ``wrong``
    counts the tries at this one; ``wrong_before`` those at all that it has replaced.
    ``used``: a purchase has brought it to the lender.
    """

    merchant_id: int
    reference: str
    password_id: int
    terms: Terms
    password_hash: bytes = field(repr=False)
    made_at: datetime
    wrong: int = 0
    wrong_before: int = 0
    used: bool = False
    revision: int = 0

    def too_soon(self, at: datetime) -> bool:
        """Whether it is too early, by the merchant's time, to replace this one."""
        return not self.used and self.made_at <= at < self.made_at + RESEND_AFTER

    def refusal(self, guess_hash: bytes, *, at: datetime) -> Reason | None:
        """Why that guess does not open this order at the merchant's time ``at``; nothing when it does."""
        if self.used:
            return Reason.NO_PASSWORD
        if self.wrong >= TRIES_MAX:
            return Reason.TOO_MANY_TRIES
        if not self.made_at <= at < self.made_at + PASSWORD_LIFE:
            return Reason.PASSWORD_EXPIRED
        if hmac.compare_digest(self.password_hash, guess_hash):
            return None
        return Reason.WRONG_PASSWORD

    def covers(self, terms: Terms) -> bool:
        """Whether it was made for these terms. A down payment that was not said then is free now."""
        if self.terms.down_payment is None:
            return replace(terms, down_payment=None) == self.terms
        return terms == self.terms

    def missed(self) -> Password:
        """After one more wrong try."""
        return replace(self, wrong=self.wrong + 1, revision=self.revision + 1)

    def spent(self) -> Password:
        """After a purchase has brought it to the lender."""
        return replace(self, used=True, revision=self.revision + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """One purchase of an order: asked of the lender, or declined by us before that.

    ``requested_at`` and ``answered_at`` are the merchant's time; ``sent_at`` (whole seconds), ``lease_until``
    and ``next_try_at`` real time. ``loan_number``, ``transaction_number`` (the lender's names) and ``plan``
    are there exactly when it was granted. ``reason`` is empty exactly when it was granted or has no answer
    yet. ``refunded`` sums the refunds that are done, under way or in doubt. ``next_try_at`` is set while it
    is in doubt: when the lender is asked next, after ``tries`` times. ``asked``: whether it went to the
    lender at all. ``echo`` is the dialect's own: texts of the request that later notices must repeat; never
    a password.
    """

    merchant_id: int
    loan_id: int
    terminal_id: int
    reference: str
    state: LoanState
    terms: Terms
    months: int
    echo: Mapping[str, str] = field(default_factory=dict)
    requested_at: datetime
    sent_at: datetime
    lease_until: datetime
    asked: bool = True
    reason: Reason | None = None
    loan_number: str | None = None
    transaction_number: str | None = None
    plan: Plan | None = None
    answered_at: datetime | None = None
    refunded: Money
    tries: int = 0
    next_try_at: datetime | None = None
    revision: int = 0

    @property
    def amount(self) -> Money:
        """What was bought for."""
        return self.terms.amount

    @property
    def message_reference(self) -> str:
        """The name of its message at the lender: unique among all that this gateway ever sends."""
        return f"{self.loan_id}-{self.sent_at:%Y%m%d%H%M%S}"

    @property
    def refundable(self) -> Money:
        """What can still be given back."""
        return self.amount - self.refunded

    def step(self, event: LoanEvent, **changes: object) -> Loan:
        """This loan after ``event``. Raises ``IllegalStep`` where the table has none."""
        return self.changed(state=LOAN.after(self.state, event), **changes)

    def changed(self, **changes: object) -> Loan:
        """This loan with other facts."""
        return replace(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]  # named and typed at each call


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRefund:
    """Money of a granted loan that the merchant gives back; fields as those of ``Loan``.

    ``refund_reference`` is the merchant's own, where it has given one: it names one refund that is done,
    under way or in doubt, and is free again when that was declined.
    """

    merchant_id: int
    refund_id: int
    loan_id: int
    terminal_id: int
    refund_reference: str | None
    state: RefundState
    amount: Money
    echo: Mapping[str, str] = field(default_factory=dict)
    requested_at: datetime
    sent_at: datetime
    lease_until: datetime
    reason: Reason | None = None
    transaction_number: str | None = None
    answered_at: datetime | None = None
    tries: int = 0
    next_try_at: datetime | None = None
    revision: int = 0

    @property
    def message_reference(self) -> str:
        """The name of its message at the lender: unique among all that this gateway ever sends."""
        return f"{self.refund_id}-{self.sent_at:%Y%m%d%H%M%S}"

    def step(self, event: RefundEvent, **changes: object) -> LoanRefund:
        """This refund after ``event``. Raises ``IllegalStep`` where the table has none."""
        return self.changed(state=REFUND.after(self.state, event), **changes)

    def changed(self, **changes: object) -> LoanRefund:
        """This refund with other facts."""
        return replace(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]  # named and typed at each call


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is known of one reference: the loan that counts, and its refunds in the order they were asked.

    The loan that counts is the one that is granted, under way or in doubt; else the last that was declined.
    """

    loan: Loan
    refunds: tuple[LoanRefund, ...]

    @property
    def last(self) -> Loan | LoanRefund:
        """The last operation on the order."""
        return self.refunds[-1] if self.refunds else self.loan

    @property
    def given_back(self) -> Money:
        """The sum of the refunds that are done."""
        done = Money.zero(self.loan.amount.currency)
        for refund in self.refunds:
            if refund.state is RefundState.DONE:
                done = done + refund.amount
        return done


def decide_loan(loan: Loan, answer: LoanAnswer | InquiryAnswer, *, at: datetime, real: datetime) -> Loan:
    """The loan after the lender's answer to its message, or, while it is in doubt, to an inquiry.

    An answer that does not fit what was asked (another amount, another plan) is as good as none. Raises
    ``IllegalStep`` for a loan in doubt and an answer that says nothing: that is for whoever asks again.
    """
    match answer:
        case Granted(amount=amount, plan=plan) if (amount, plan.months) == (loan.amount, loan.months):
            return loan.step(
                LoanEvent.GRANT,
                reason=None,
                loan_number=answer.loan_number,
                transaction_number=answer.transaction_number,
                plan=plan,
                answered_at=at,
                next_try_at=None,
            )
        case Declined(reason=reason):
            return loan.step(LoanEvent.DECLINE, reason=reason, answered_at=at, next_try_at=None)
        case NotSent():
            return loan.step(LoanEvent.DECLINE, reason=Reason.NOT_REACHED, answered_at=at)
        case Granted() | Returned() | Unresolved():
            return loan.step(LoanEvent.LOSE, reason=Reason.NO_ANSWER, answered_at=at, next_try_at=real)


def decide_refund(
    refund: LoanRefund, answer: ReturnAnswer | InquiryAnswer, *, at: datetime, real: datetime
) -> LoanRefund:
    """The refund after the lender's answer; as ``decide_loan``."""
    match answer:
        case Returned(amount=amount) if amount == refund.amount:
            return refund.step(
                RefundEvent.FINISH,
                reason=None,
                transaction_number=answer.transaction_number,
                answered_at=at,
                next_try_at=None,
            )
        case Declined(reason=reason):
            return refund.step(RefundEvent.DECLINE, reason=reason, answered_at=at, next_try_at=None)
        case NotSent():
            return refund.step(RefundEvent.DECLINE, reason=Reason.NOT_REACHED, answered_at=at)
        case Granted() | Returned() | Unresolved():
            return refund.step(RefundEvent.LOSE, reason=Reason.NO_ANSWER, answered_at=at, next_try_at=real)


def settles(asked: Loan | LoanRefund, answer: InquiryAnswer) -> bool:
    """Whether an inquiry's answer says what became of ``asked``."""
    match answer:
        case Declined():
            return True
        case Granted(amount=amount, plan=plan):
            return isinstance(asked, Loan) and (amount, plan.months) == (asked.amount, asked.months)
        case Returned(amount=amount):
            return isinstance(asked, LoanRefund) and amount == asked.amount
        case Unresolved() | NotSent():
            return False


LOAN_TOPICS: Mapping[LoanState, Topic] = {
    LoanState.GRANTED: Topic.BOUGHT,
    LoanState.DECLINED: Topic.FAILED,
    LoanState.IN_DOUBT: Topic.IN_DOUBT,
}
REFUND_TOPICS: Mapping[RefundState, Topic] = {
    RefundState.DONE: Topic.REFUNDED,
    RefundState.DECLINED: Topic.REFUND_FAILED,
    RefundState.IN_DOUBT: Topic.REFUND_IN_DOUBT,
}


def loan_entry(loan: Loan, *, booked_at: datetime) -> Entry:
    """What a granted loan books: the lender owes its amount, and the merchant is owed it."""
    return Entry(
        merchant_id=loan.merchant_id,
        subject_id=loan.loan_id,
        cause=Cause.LOAN,
        layer=Layer.POSTED,
        booked_at=booked_at,
        lines=(
            Line(Account.LENDER_RECEIVABLE, loan.amount),
            Line(Account.MERCHANT_PAYABLE, -loan.amount),
        ),
    )


def refund_entry(refund: LoanRefund, *, booked_at: datetime) -> Entry:
    """What a refund that is done books: as much of the loan as it gives back, the other way round."""
    return Entry(
        merchant_id=refund.merchant_id,
        subject_id=refund.refund_id,
        cause=Cause.LOAN_REFUND,
        layer=Layer.POSTED,
        booked_at=booked_at,
        lines=(
            Line(Account.MERCHANT_PAYABLE, refund.amount),
            Line(Account.LENDER_RECEIVABLE, -refund.amount),
        ),
    )


WORDS: Mapping[Language, str] = {
    Language.ENGLISH: "{password} is your one-time password to pay {amount} {currency} in installments. "
    "It is good for 5 minutes. Tell it to nobody but the shop.",
    Language.ARABIC: "{password} هو رمز التحقق لدفع {amount} {currency} بالتقسيط. صالح لمدة 5 دقائق.",
}


def wording(password: Secret, amount: Money, language: Language) -> Secret:
    """The text message that carries a password."""
    return Secret(
        WORDS[language].format(
            password=password.reveal(), amount=amount.decimal(), currency=amount.currency.code
        )
    )
