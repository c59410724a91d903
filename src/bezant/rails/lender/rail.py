"""The lender as consumer finance wants it: core messages in, answers out.

Fulfils the domain's ``Lender`` port. Believes a reply only as far as it fits what was asked, by reference,
amount and plan, and makes sense in itself: anything else is ``Unresolved``, as is a code that nobody knows.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from bezant.core.bnpl import (
    CustomerAnswer,
    CustomerQuestion,
    Granted,
    Inquiry,
    InquiryAnswer,
    LoanAnswer,
    LoanMessage,
    Plan,
    PlansAnswer,
    PlansQuestion,
    Quote,
    Registered,
    ReturnAnswer,
    Returned,
    ReturnMessage,
)
from bezant.core.money import CURRENCIES, Currency, Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.rails.lender import codec
from bezant.rails.lender.codes import APPROVED, NOT_BOOKED, REASONS
from bezant.rails.lender.link import LenderLink

log = structlog.get_logger()

R = TypeVar("R", bound=msgspec.Struct)


class LenderRail:
    """Asks over a link and reads the replies. The link is stopped by its owner."""

    def __init__(self, link: LenderLink) -> None:
        self._link = link

    async def customer(self, question: CustomerQuestion) -> CustomerAnswer:
        """Whether a customer is known."""
        request = _request(codec.CustomerRequest, {"program": question.program, "phone": question.phone})
        if request is None:
            return Declined(reason=Reason.UNKNOWN_CUSTOMER)
        reply = await self._asked(request, codec.CustomerReply)
        return customer_of(question, reply) if isinstance(reply, codec.CustomerReply) else reply

    async def plans(self, question: PlansQuestion) -> PlansAnswer:
        """Which plans a customer could have."""
        terms = question.terms
        request = _request(codec.PlansRequest, {"program": question.program, **_facts(question)})
        if request is None:
            return Declined(reason=Reason.UNKNOWN_CUSTOMER)
        reply = await self._asked(request, codec.PlansReply)
        return plans_of(terms.phone, terms.amount, reply) if isinstance(reply, codec.PlansReply) else reply

    async def grant(self, message: LoanMessage) -> LoanAnswer:
        """Grant a loan."""
        named = {"program": message.program, "reference": message.reference, "months": message.months}
        request = _request(codec.LoanRequest, {**named, **_facts(message)})
        if request is None:
            return NotSent(cause="unwritable")
        reply = await self._asked(request, codec.Booked, message.deadline_at)
        return loan_of(message, reply) if isinstance(reply, codec.Booked) else reply

    async def give_back(self, message: ReturnMessage) -> ReturnAnswer:
        """Take money off a loan."""
        request = _request(
            codec.ReturnRequest,
            {
                "program": message.program,
                "reference": message.reference,
                "original": message.original,
                "loan_number": message.loan_number,
                "amount": message.amount.minor,
                "currency": message.amount.currency.code,
            },
        )
        if request is None:
            return NotSent(cause="unwritable")
        reply = await self._asked(request, codec.Booked, message.deadline_at)
        return return_of(message, reply) if isinstance(reply, codec.Booked) else reply

    async def inquire(self, inquiry: Inquiry) -> InquiryAnswer:
        """What became of a message."""
        request = codec.InquiryRequest(program=inquiry.program, reference=inquiry.reference)
        reply = await self._asked(request, codec.Booked, inquiry.deadline_at)
        return inquiry_of(inquiry, reply) if isinstance(reply, codec.Booked) else reply

    async def _asked(
        self, request: codec.Request, kind: type[R], deadline_at: datetime | None = None
    ) -> R | Unresolved | NotSent:
        body = await self._link.post(request.path, codec.encode(request), deadline_at=deadline_at)
        if not isinstance(body, bytes):
            return body
        try:
            return codec.decode(body, kind)
        except codec.Garbled:
            return Unresolved(cause="garbled")


def customer_of(question: CustomerQuestion, reply: codec.CustomerReply) -> CustomerAnswer:
    """What a reply says of a customer."""
    if reply.phone != question.phone:
        return _mismatch("phone")
    return Registered() if reply.code == APPROVED else _refusal(reply.code)


def plans_of(phone: str, amount: Money, reply: codec.PlansReply) -> PlansAnswer:
    """The plans that a reply offers, by months."""
    if reply.phone != phone:
        return _mismatch("phone")
    if (reply.amount, reply.currency) != (amount.minor, amount.currency.code):
        return _mismatch("amount")
    if reply.code != APPROVED:
        return _refusal(reply.code)
    rows = sorted(reply.plans, key=lambda row: row.months)
    if not rows or len({row.months for row in rows}) != len(rows) or not all(map(_makes_sense, rows)):
        return _mismatch("plans")
    return Quote(plans=tuple(_plan(row, amount.currency) for row in rows))


def loan_of(message: LoanMessage, reply: codec.Booked) -> LoanAnswer:
    """What a reply says of a loan that was asked for."""
    answer = _booked(message.program, message.reference, "loan", reply)
    if isinstance(answer, Granted):
        if answer.amount != message.terms.amount:
            return _mismatch("amount")
        if answer.plan.months != message.months:
            return _mismatch("months")
    return Unresolved(cause="mismatch") if isinstance(answer, Returned) else answer


def return_of(message: ReturnMessage, reply: codec.Booked) -> ReturnAnswer:
    """What a reply says of money that was to be given back."""
    answer = _booked(message.program, message.reference, "return", reply)
    if isinstance(answer, Returned) and answer.amount != message.amount:
        return _mismatch("amount")
    return Unresolved(cause="mismatch") if isinstance(answer, Granted) else answer


def inquiry_of(inquiry: Inquiry, reply: codec.Booked) -> InquiryAnswer:
    """What a reply says became of a message. Whether its amount is the right one is for who knows it."""
    return _booked(inquiry.program, inquiry.reference, None, reply)


def _booked(
    program: str, reference: str, kind: codec.Kind | None, reply: codec.Booked
) -> Granted | Returned | Declined | Unresolved:
    """What a reply says of a message of that ``kind``, or of any."""
    if (reply.program, reply.reference) != (program, reference):
        return _mismatch("reference")
    if reply.kind == "none":
        return _refusal(reply.code) if reply.code == NOT_BOOKED else _mismatch("kind")
    if kind not in {None, reply.kind}:
        return _mismatch("kind")
    return _approved(reply) if reply.code == APPROVED else _refusal(reply.code)


def _approved(reply: codec.Booked) -> Granted | Returned | Unresolved:
    """What an approval grants or gives back, if it says all that belongs to it."""
    currency = CURRENCIES.get(reply.currency or "")
    if currency is None or reply.amount is None or reply.transaction_number is None:
        return _mismatch("amount")
    amount = Money(reply.amount, currency)
    if reply.kind == "return":
        return Returned(transaction_number=reply.transaction_number, amount=amount)
    if reply.loan_number is None or reply.plan is None or not _makes_sense(reply.plan):
        return _mismatch("plan")
    return Granted(
        loan_number=reply.loan_number,
        transaction_number=reply.transaction_number,
        amount=amount,
        plan=_plan(reply.plan, currency),
    )


def _refusal(code: str) -> Declined | Unresolved:
    reason = REASONS.get(code)
    if reason is None:
        return _mismatch("code")
    return Declined(reason=reason, response_code=code)


def _makes_sense(row: codec.PlanRow) -> bool:
    """Whether the installments come to the total, as well as rounding lets them."""
    return row.fee <= row.total and abs(row.installment * row.months - row.total) <= row.months


def _plan(row: codec.PlanRow, currency: Currency) -> Plan:
    return Plan(
        months=row.months,
        fee=Money(row.fee, currency),
        installment=Money(row.installment, currency),
        total=Money(row.total, currency),
    )


def _facts(message: LoanMessage | PlansQuestion) -> dict[str, object]:
    terms = message.terms
    return {
        "phone": terms.phone,
        "amount": terms.amount.minor,
        "currency": terms.amount.currency.code,
        "wallet": terms.wallet.minor,
        "cashback": terms.cashback.minor,
        "down_payment": None if terms.down_payment is None else terms.down_payment.minor,
    }


def _request(kind: type[R], facts: dict[str, object]) -> R | None:
    """A request of those facts; nothing where the protocol cannot write one of them."""
    try:
        return msgspec.convert(facts, kind)
    except msgspec.ValidationError:
        return None


def _mismatch(what: str) -> Unresolved:
    log.warning("lender_reply_mismatch", field=what)
    return Unresolved(cause="mismatch")
