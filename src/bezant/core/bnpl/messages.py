"""What consumer finance says to a lender and hears from it, free of any wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A way to pay back in equal monthly installments, as the lender computes it.

    ``total`` is what the customer pays back in all, ``fee`` what of it the lender earns. ``installment`` is
    rounded as the lender rounds: ``months`` of them may differ from ``total`` by a few minor units.
    """

    months: int
    fee: Money
    installment: Money
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who finances what: the facts that a one-time password is bound to.

    ``phone`` is the customer's registered phone, as the customer writes it. ``wallet`` (the lender's gift
    balance) and ``cashback`` are taken from the customer's balances at the lender; they and ``down_payment``
    may together be more than ``amount`` (source: vendor sample). ``down_payment`` is None where the caller
    has not said one. All are in one currency.
    """

    phone: str
    amount: Money
    wallet: Money
    cashback: Money
    down_payment: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerQuestion:
    """Whether the lender knows a customer. ``program``: the merchant as the lender knows it."""

    program: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansQuestion:
    """Which plans a customer could have. Asking moves nothing and binds nobody."""

    program: str
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanMessage:
    """Grant a loan.

    ``reference`` names the message within its ``program``: whatever comes under the same reference again is
    the same message, and gets the answer of the first. ``deadline_at`` (UTC, real time): what could not be
    written before it must not be written.
    """

    reference: str
    program: str
    terms: Terms
    months: int
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnMessage:
    """Take ``amount`` off a loan that was granted as ``original``: the merchant gives it back.

    ``reference`` and ``deadline_at`` as in ``LoanMessage``.
    """

    reference: str
    program: str
    original: str
    loan_number: str
    amount: Money
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What became of the message with that ``reference``, a loan's or a return's."""

    reference: str
    program: str
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The lender knows the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The plans that the lender would offer, by months, ascending. Never empty."""

    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The lender has booked the loan.

    ``loan_number`` and ``transaction_number``: the lender's own names of the loan and of the message, up to
    100 characters each (source: vendor docs). ``amount`` is what it has financed.
    """

    loan_number: str
    transaction_number: str
    amount: Money
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The lender has taken ``amount`` off the loan. ``transaction_number``: its own name of that."""

    transaction_number: str
    amount: Money


CustomerAnswer = Registered | Declined | Unresolved | NotSent
PlansAnswer = Quote | Declined | Unresolved | NotSent
LoanAnswer = Granted | Declined | Unresolved | NotSent
ReturnAnswer = Returned | Declined | Unresolved | NotSent
InquiryAnswer = Granted | Returned | Declined | Unresolved | NotSent
"""To an inquiry: what the message was answered or would have been. ``Declined(Reason.NOT_BOOKED)``: the
lender had not booked it and refuses it from now on."""
