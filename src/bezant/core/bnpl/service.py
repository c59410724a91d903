"""Use cases: verify a customer, send a password, show plans, buy, give back, look up.

Buying and giving back are the walk of a card payment: store the intent and commit, ask the lender with no
transaction open, decide, store the outcome and commit. All of a merchant's use cases want a terminal as their
caller, for what is booked; an order belongs to the merchant, whichever terminal asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bezant.core.bnpl.messages import (
    CustomerQuestion,
    LoanMessage,
    Plan,
    PlansQuestion,
    Quote,
    Registered,
    ReturnMessage,
    Terms,
)
from bezant.core.bnpl.model import (
    WRONG_MAX,
    WRONG_WINDOW,
    Language,
    Loan,
    LoanRefund,
    LoanState,
    Order,
    Password,
    Program,
    RefundState,
    Topic,
    wording,
)
from bezant.core.bnpl.ports import FinanceTx, FinanceUnits, Ids, Lender, PasswordMaker, Texts
from bezant.core.bnpl.steps import announce, existing_loan, existing_refund, finish_loan, finish_refund
from bezant.core.faults import fault_point
from bezant.core.merchants import SANDBOX_PASSWORD, Caller, SystemClock
from bezant.core.money import Money
from bezant.core.outcomes import Conflict, Declined, NotSent, Reason, Refused, Unresolved
from bezant.core.sensitive import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRequest:
    """A password is wanted for an order, to be sent to the customer's phone in ``language``."""

    reference: str
    terms: Terms
    language: Language = Language.ENGLISH


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A password was sent. ``offer_id`` is new with each; ``plans`` are by months, ascending, never empty.

    ``down_payment`` is the one that was said, or the required one.
    """

    offer_id: int
    plans: tuple[Plan, ...]
    down_payment: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """A password to be tried without being used."""

    reference: str
    terms: Terms
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """An order to be bought on a plan. ``echo``: see ``Loan``."""

    reference: str
    terms: Terms
    months: int
    password: Secret
    echo: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Money of an order to be given back.

    The order is named by its reference, its loan's id, or both. ``refund_reference``: see ``LoanRefund``.
    """

    reference: str | None = None
    loan_id: int | None = None
    amount: Money
    refund_reference: str | None = None
    echo: Mapping[str, str] = field(default_factory=dict)


class Finance:
    """Consumer finance of one gateway.

    ``lease``: how long a loan or refund may be under way before it is taken to be lost. In the last third of
    it nothing is sent any more: by then somebody may be asking what became of it.
    ``sandbox_password``: the password of every order of a sandbox merchant.
    """

    def __init__(
        self,
        *,
        units: FinanceUnits,
        lender: Lender,
        texts: Texts,
        passwords: PasswordMaker,
        ids: Ids,
        clock: SystemClock,
        sandbox_password: Secret = SANDBOX_PASSWORD,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._lender = lender
        self._texts = texts
        self._passwords = passwords
        self._ids = ids
        self._clock = clock
        self._sandbox_password = sandbox_password
        self._lease = lease

    # -- before buying ----------------------------------------------------------------------------

    async def verify(self, caller: Caller, phone: str) -> None:
        """See that the lender knows a customer.

        Refuses ``FINANCE_DISABLED``, whatever the lender says (``UNKNOWN_CUSTOMER``), ``NOT_REACHED`` and
        ``NO_ANSWER``.
        """
        await self._program(caller)
        answer = await self._lender.customer(CustomerQuestion(program=caller.merchant.app_id, phone=phone))
        if not isinstance(answer, Registered):
            raise Refused(_no(answer))

    async def plans(self, caller: Caller, terms: Terms) -> tuple[Plan, ...]:
        """The plans that a customer could have at this merchant, by months, ascending, never empty.

        Refuses ``FINANCE_DISABLED``, ``CURRENCY_DIFFERS``, ``BELOW_MINIMUM``, ``ABOVE_MAXIMUM``,
        ``PLAN_NOT_OFFERED`` where none is left, whatever the lender says (``UNKNOWN_CUSTOMER``,
        ``OVER_CUSTOMER_LIMIT``, ``WALLET_TOO_SMALL``, ...), ``NOT_REACHED`` and ``NO_ANSWER``.
        """
        return await self._quote(caller, await self._program(caller), terms)

    async def offer(self, caller: Caller, request: OfferRequest) -> Offer:
        """Send the customer a new password for an order; the one before is no longer right.

        Refuses what ``plans`` refuses, ``ALREADY_BOUGHT``, ``PURCHASE_IN_FLIGHT``, ``PASSWORD_TOO_SOON``,
        ``TOO_MANY_TRIES`` (at all passwords of that phone), and ``PASSWORD_NOT_SENT``: then no password is
        live, and another may be asked for at once.
        """
        program = await self._program(caller)
        terms = replace(request.terms, down_payment=program.down_payment(request.terms))
        plans = await self._quote(caller, program, terms)
        secret = self._sandbox_password if caller.merchant.sandbox else self._passwords.one_time_password()
        password_id = await self._ids.take()
        draft = Password(
            merchant_id=caller.merchant.merchant_id,
            reference=request.reference,
            password_id=password_id,
            terms=request.terms,
            password_hash=self._hash(caller, request.reference, password_id, secret),
            made_at=caller.now(self._clock.now()),
        )
        kept = await self._write(caller, partial(_replace_password, draft=draft, caller=caller))
        fault_point("password.stored")
        text = wording(secret, terms.amount, request.language)
        if not await self._texts.send(phone=terms.phone, text=text):
            await self._write(caller, lambda tx: tx.finance.drop_password(kept))
            raise Refused(Reason.PASSWORD_NOT_SENT)
        fault_point("password.sent")
        return Offer(offer_id=password_id, plans=plans, down_payment=program.down_payment(terms))

    async def check_password(self, caller: Caller, check: PasswordCheck) -> tuple[Plan, ...]:
        """Try a password without using it; the plans of its order. A wrong one counts as a try.

        Refuses ``NO_PASSWORD``, ``WRONG_PASSWORD``, ``TOO_MANY_TRIES``, ``PASSWORD_EXPIRED``,
        ``PARAMETERS_DIFFER``, and what ``plans`` refuses.
        """
        program = await self._program(caller)
        at = caller.now(self._clock.now())

        def work(tx: FinanceTx) -> Reason | None:
            return self._try_password(tx, caller, check, at=at)[1]

        # The refusal is raised outside, so that a wrong try is kept.
        if reason := await self._write(caller, work):
            raise Refused(reason)
        return await self._quote(caller, program, check.terms)

    # -- buying and giving back -------------------------------------------------------------------

    async def buy(self, caller: Caller, purchase: Purchase) -> Loan:
        """Buy an order with its password: the loan as it ended, which may be in doubt (``NO_ANSWER``).

        A declined loan has its reason: one of the password's (``NO_PASSWORD``, ``WRONG_PASSWORD``,
        ``TOO_MANY_TRIES``, ``PASSWORD_EXPIRED``, ``PARAMETERS_DIFFER``), the merchant's
        (``PLAN_NOT_OFFERED``, ``BELOW_MINIMUM``, ``ABOVE_MAXIMUM``), the lender's, or ``NOT_REACHED``.

        Refuses, with nothing stored, ``FINANCE_DISABLED``, ``CURRENCY_DIFFERS``, ``ALREADY_BOUGHT``, and
        ``PURCHASE_IN_FLIGHT`` while another purchase of the order is under way or in doubt.
        """
        draft = await self._loan_draft(caller, purchase)
        delivery_id = await self._ids.take()
        begin = partial(
            self._begin_purchase, caller=caller, purchase=purchase, draft=draft, delivery_id=delivery_id
        )
        loan = await self._claim(caller, begin, otherwise=Reason.PURCHASE_IN_FLIGHT)
        if loan.state is not LoanState.SENDING:
            return loan
        fault_point("finance.stored")
        answer = await self._lender.grant(
            LoanMessage(
                reference=loan.message_reference,
                program=caller.merchant.app_id,
                terms=loan.terms,
                months=loan.months,
                deadline_at=self._deadline(loan.lease_until),
            )
        )
        fault_point("finance.answered")
        real = self._clock.now()
        finish = partial(
            finish_loan, loan=loan, answer=answer, delivery_id=delivery_id, at=caller.now(real), real=real
        )
        try:
            finished = await self._write(caller, finish)
        except Conflict:
            # The lease ran out while we waited: the loan is in doubt, or the lender has been asked and has
            # settled it. An inquiry tells what this answer could have told.
            return await self._units.read(lambda tx: existing_loan(tx, loan.merchant_id, loan.loan_id))
        fault_point("finance.finished")
        return finished

    async def give_back(self, caller: Caller, wanted: Return) -> LoanRefund:
        """Give back some or all of what was bought: the refund as it ended, which may be in doubt.

        A declined refund has the lender's reason or ``NOT_REACHED``. Refuses, with nothing stored,
        ``UNKNOWN_ORDER``, ``NOT_BOUGHT``, ``CURRENCY_DIFFERS``, ``EXCEEDS_REFUNDABLE``,
        ``REFUND_REFERENCE_USED`` by a refund that is done, and ``REFUND_IN_FLIGHT`` while one with the same
        reference is under way or in doubt.
        """
        draft = await self._refund_draft(caller, wanted)
        loan, refund = await self._claim(
            caller,
            partial(_begin_refund, wanted=wanted, draft=draft),
            otherwise=Reason.REFUND_IN_FLIGHT,
        )
        assert loan.loan_number is not None, "a granted loan without its number"
        fault_point("finance.stored")
        answer = await self._lender.give_back(
            ReturnMessage(
                reference=refund.message_reference,
                program=caller.merchant.app_id,
                original=loan.message_reference,
                loan_number=loan.loan_number,
                amount=refund.amount,
                deadline_at=self._deadline(refund.lease_until),
            )
        )
        fault_point("finance.answered")
        delivery_id = await self._ids.take()
        real = self._clock.now()
        finish = partial(
            finish_refund,
            refund=refund,
            answer=answer,
            delivery_id=delivery_id,
            at=caller.now(real),
            real=real,
        )
        try:
            finished = await self._write(caller, finish)
        except Conflict:  # as for a loan
            return await self._units.read(
                lambda tx: existing_refund(tx, refund.merchant_id, refund.refund_id)
            )
        fault_point("finance.finished")
        return finished

    async def order(
        self, caller: Caller, *, reference: str | None = None, loan_id: int | None = None
    ) -> Order:
        """What is known of an order of this merchant, by its reference, a loan's id, or both.

        Refuses ``UNKNOWN_ORDER``, also where the two name different orders.
        """
        merchant_id = caller.merchant.merchant_id

        def work(tx: FinanceTx) -> Order:
            loan = _find(tx, merchant_id, reference=reference, loan_id=loan_id)
            return Order(loan=loan, refunds=tuple(tx.finance.refunds_of(merchant_id, loan.loan_id)))

        return await self._units.read(work)

    # -- the lender's plans -----------------------------------------------------------------------

    async def _program(self, caller: Caller) -> Program:
        program = await self._units.read(lambda tx: tx.finance.program(caller.merchant.merchant_id))
        return _enabled(program)

    async def _quote(self, caller: Caller, program: Program, terms: Terms) -> tuple[Plan, ...]:
        if reason := program.refusal(terms.amount):
            raise Refused(reason)
        said = replace(terms, down_payment=program.down_payment(terms))
        answer = await self._lender.plans(PlansQuestion(program=caller.merchant.app_id, terms=said))
        if not isinstance(answer, Quote):
            raise Refused(_no(answer))
        plans = tuple(plan for plan in answer.plans if program.offers(plan.months))
        if not plans:
            raise Refused(Reason.PLAN_NOT_OFFERED)
        return plans

    # -- passwords --------------------------------------------------------------------------------

    def _hash(self, caller: Caller, reference: str, password_id: int, secret: Secret) -> bytes:
        place = f"loan\n{caller.merchant.merchant_id}\n{reference}\n{password_id}"
        return self._passwords.digest(f"{place}\n{secret.reveal()}")

    def _try_password(
        self, tx: FinanceTx, caller: Caller, guess: PasswordCheck | Purchase, *, at: datetime
    ) -> tuple[Password | None, Reason | None]:
        """The order's password, and why the guess does not open the order, if it does not."""
        merchant_id = caller.merchant.merchant_id
        password = tx.finance.password(merchant_id, guess.reference)
        if password is None:
            return None, Reason.NO_PASSWORD
        guess_hash = self._hash(caller, guess.reference, password.password_id, guess.password)
        reason = password.refusal(guess_hash, at=at)
        if reason is Reason.WRONG_PASSWORD:
            tx.finance.keep_password(password, password.missed())
        if reason is None and _worn_out(tx, caller, password.terms.phone, at):
            reason = Reason.TOO_MANY_TRIES
        if reason is None and not password.covers(guess.terms):
            reason = Reason.PARAMETERS_DIFFER
        return password, reason

    # -- the walk ---------------------------------------------------------------------------------

    def _begin_purchase(
        self, tx: FinanceTx, *, caller: Caller, purchase: Purchase, draft: Loan, delivery_id: int
    ) -> Loan:
        """Store the loan as being sent, with its password used up; or as declined by us."""
        program = _enabled(tx.finance.program(draft.merchant_id))
        if draft.amount.currency != program.currency:
            raise Refused(Reason.CURRENCY_DIFFERS)
        # The password's lock is what makes simultaneous purchases of one order come one after the other.
        password, reason = self._try_password(tx, caller, purchase, at=draft.requested_at)
        _refuse_bought(tx.finance.loan_of(draft.merchant_id, draft.reference))
        if reason is None:
            reason = program.refusal(draft.amount)
        if reason is None and not program.offers(draft.months):
            reason = Reason.PLAN_NOT_OFFERED
        if reason is not None:
            declined = replace(
                draft,
                state=LoanState.DECLINED,
                asked=False,
                reason=reason,
                answered_at=draft.requested_at,
            )
            tx.finance.add_loan(declined)
            announce(tx, declined, Topic.FAILED, delivery_id=delivery_id, real=draft.sent_at)
            return declined
        assert password is not None, "a purchase without its password"
        tx.finance.keep_password(password, password.spent())
        said = replace(draft.terms, down_payment=program.down_payment(draft.terms))
        loan = replace(draft, terms=said)
        tx.finance.add_loan(loan)
        return loan

    async def _loan_draft(self, caller: Caller, purchase: Purchase) -> Loan:
        loan_id = await self._ids.take()
        real = self._clock.now()
        merchant_id, terminal_id = caller.key
        return Loan(
            merchant_id=merchant_id,
            loan_id=loan_id,
            terminal_id=terminal_id,
            reference=purchase.reference,
            state=LoanState.SENDING,
            terms=purchase.terms,
            months=purchase.months,
            echo=purchase.echo,
            requested_at=caller.now(real),
            sent_at=real.replace(microsecond=0),
            lease_until=real + self._lease,
            refunded=Money.zero(purchase.terms.amount.currency),
        )

    async def _refund_draft(self, caller: Caller, wanted: Return) -> LoanRefund:
        refund_id = await self._ids.take()
        real = self._clock.now()
        merchant_id, terminal_id = caller.key
        return LoanRefund(
            merchant_id=merchant_id,
            refund_id=refund_id,
            loan_id=0,  # known when its order is found
            terminal_id=terminal_id,
            refund_reference=wanted.refund_reference,
            state=RefundState.SENDING,
            amount=wanted.amount,
            echo=wanted.echo,
            requested_at=caller.now(real),
            sent_at=real.replace(microsecond=0),
            lease_until=real + self._lease,
        )

    def _deadline(self, lease_until: datetime) -> datetime:
        return lease_until - self._lease / 3

    async def _write(self, caller: Caller, work: Callable[[FinanceTx], T]) -> T:
        return await self._units.write(work, merchant_id=caller.merchant.merchant_id)

    async def _claim(self, caller: Caller, work: Callable[[FinanceTx], T], *, otherwise: Reason) -> T:
        """Run unit 1. Who comes second is refused ``otherwise``."""
        try:
            return await self._write(caller, work)
        except Conflict:
            raise Refused(otherwise) from None


def _no(answer: Declined | Unresolved | NotSent) -> Reason:
    """Why a question to the lender has no answer of use."""
    match answer:
        case Declined(reason=reason):
            return reason
        case NotSent():
            return Reason.NOT_REACHED
        case Unresolved():
            return Reason.NO_ANSWER


def _enabled(program: Program | None) -> Program:
    if program is None or not program.enabled:
        raise Refused(Reason.FINANCE_DISABLED)
    return program


def _refuse_bought(loan: Loan | None) -> None:
    """Refuse whatever an order that is bought, or may be, does not allow."""
    if loan is None or loan.state is LoanState.DECLINED:
        return
    raise Refused(Reason.ALREADY_BOUGHT if loan.state is LoanState.GRANTED else Reason.PURCHASE_IN_FLIGHT)


def _worn_out(tx: FinanceTx, caller: Caller, phone: str, at: datetime) -> bool:
    """Whether a phone's passwords have been guessed at too often. A sandbox has nothing to be guessed."""
    if caller.merchant.sandbox:
        return False
    wrong = tx.finance.wrong_since(caller.merchant.merchant_id, phone, at - WRONG_WINDOW)
    return wrong >= WRONG_MAX


def _replace_password(tx: FinanceTx, *, draft: Password, caller: Caller) -> Password:
    """Store an order's new password instead of the one before."""
    before = tx.finance.password(draft.merchant_id, draft.reference)
    _refuse_bought(tx.finance.loan_of(draft.merchant_id, draft.reference))
    if _worn_out(tx, caller, draft.terms.phone, draft.made_at):
        raise Refused(Reason.TOO_MANY_TRIES)
    after = draft
    if before is not None:
        if before.too_soon(draft.made_at):
            raise Refused(Reason.PASSWORD_TOO_SOON)
        after = replace(draft, wrong_before=before.wrong_before + before.wrong, revision=before.revision + 1)
    tx.finance.keep_password(before, after)
    return after


def _find(tx: FinanceTx, merchant_id: int, *, reference: str | None, loan_id: int | None) -> Loan:
    """The loan that counts for the order that is named."""
    if loan_id is not None:
        named = tx.finance.loan(merchant_id, loan_id)
        if named is None or reference not in {None, named.reference}:
            raise Refused(Reason.UNKNOWN_ORDER)
        reference = named.reference
    found = None if reference is None else tx.finance.loan_of(merchant_id, reference)
    if found is None:
        raise Refused(Reason.UNKNOWN_ORDER)
    return found


def _begin_refund(tx: FinanceTx, *, wanted: Return, draft: LoanRefund) -> tuple[Loan, LoanRefund]:
    """Store the refund as being sent, with its amount claimed of its loan."""
    loan = _find(tx, draft.merchant_id, reference=wanted.reference, loan_id=wanted.loan_id)
    if draft.refund_reference is not None:
        twin = tx.finance.refund_named(draft.merchant_id, draft.refund_reference)
        if twin is not None:
            done = twin.state is RefundState.DONE
            raise Refused(Reason.REFUND_REFERENCE_USED if done else Reason.REFUND_IN_FLIGHT)
    if loan.state is not LoanState.GRANTED:
        raise Refused(Reason.NOT_BOUGHT)
    if draft.amount.currency != loan.amount.currency:
        raise Refused(Reason.CURRENCY_DIFFERS)
    if draft.amount > loan.refundable:
        raise Refused(Reason.EXCEEDS_REFUNDABLE)
    refund = replace(draft, loan_id=loan.loan_id)
    claimed = loan.changed(refunded=loan.refunded + refund.amount)
    tx.finance.change_loan(loan, claimed, at=draft.requested_at)
    tx.finance.add_refund(refund)
    return loan, refund
