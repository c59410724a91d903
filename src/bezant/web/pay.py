"""Payment links: the form, what becomes of it, and the page that says so.

A form carries one attempt, sealed. Whatever a browser does with it (sends it twice, goes back, reloads, opens
two tabs), the attempt is carried out once, and every answer to it leads to the same result page. A payment is
answered by a redirect, so that no reload sends a card again. What is not for everybody with the link is shown
only to the browser that paid.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request

from bezant.core.faults import fault_point
from bezant.core.invoices import (
    Choices,
    Invoices,
    Objected,
    Outcome,
    PayerCard,
    Receipts,
    Result,
    State,
    View,
)
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Payment
from bezant.core.payments import State as PaymentState
from bezant.web import forms
from bezant.web.answers import PageResponse
from bezant.web.form_page import asked_of, pay_page
from bezant.web.forms import Mistakes, Typed
from bezant.web.languages import Language, english
from bezant.web.limits import ATTEMPTS_MAX, Limits
from bezant.web.links import onward
from bezant.web.seals import Ended, FormState, Memory, Seals, known_browser, new_browser
from bezant.web.site import EXPIRED, Site
from bezant.web.views import ApprovedPage, CancelledPage, CheckingPage, DeclinedPage, GonePage, Values
from bezant.web.wording import card_text, decline_of

CHECK_SECONDS: Final = 3
ONWARD_SECONDS: Final = 8
BROWSER_COOKIE: Final = "bezant-browser"
MEMORY_COOKIE: Final = "bezant-last"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A payer's request for a link that exists. ``browser`` is none where it keeps no cookie of this link.

    With ``untold``, what became of its last attempt is known here, and it never saw the answer to that.
    """

    request: Request
    view: View
    language: Language
    browser: str | None
    memory: Memory | None
    untold: bool

    @property
    def uid(self) -> str:
        return self.view.invoice.uid

    @property
    def path(self) -> str:
        return f"/pay/{self.uid}"

    @property
    def payee(self) -> str:
        return self.view.invoice.terms.look.name or self.view.store.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """The fields of a form of ours, with its state as text and as what that says."""

    fields: Mapping[str, str]
    text: str
    state: FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """A form that is right, as it was sent: the attempt's key, and the state to send it again with."""

    attempt: str
    state: str
    agreed: Money
    typed: Typed
    values: Values


class PaymentPages:
    """The pages of payment links."""

    def __init__(
        self, site: Site, *, invoices: Invoices, receipts: Receipts, seals: Seals, limits: Limits
    ) -> None:
        self._site = site
        self._invoices = invoices
        self._receipts = receipts
        self._seals = seals
        self._limits = limits

    # -- what is asked for ------------------------------------------------------------------------

    async def form(self, request: Request) -> PageResponse:
        """GET: the form, or why there is none."""
        visit = await self._visit(request)
        if visit is None:
            return self._site.missing(request)
        if visit.view.state is State.PENDING:
            return self._used_up(visit) if _is_used_up(visit.view) else self._form(visit)
        if visit.memory is not None and (visit.untold or visit.memory.ended not in _OVER):
            return self._to_result(visit, outcome="again", memory=visit.memory)
        return self._checking(visit) if visit.view.state is State.PAYING else self._gone(visit)

    async def pay(self, request: Request) -> PageResponse:
        """POST: pay. Answered by a redirect to the result, or by the form with what is wrong."""
        return await self._posted(request, self._paid)

    async def cancel(self, request: Request) -> PageResponse:
        """POST: this payer will not pay. Answered by a redirect to the result, whatever came first."""
        return await self._posted(request, self._left)

    async def result(self, request: Request) -> PageResponse:
        """GET: what came of this browser's last attempt."""
        visit = await self._visit(request)
        return self._site.missing(request) if visit is None else self._outcome(visit)

    async def _posted(
        self, request: Request, carry_out: Callable[[_Visit, _Sent], Awaitable[PageResponse]]
    ) -> PageResponse:
        """Have a form of ours carried out. It is read before it is let in: it may come slowly."""
        try:
            fields = await forms.read_form(request)
        except forms.Unreadable:
            fields = None
        fault_point("request.parsed")

        async def let_in(request: Request) -> PageResponse:
            visit = await self._visit(request)
            if visit is None:
                return self._site.missing(request)
            if fields is None:
                return self._problem(visit, 400, "unreadable")
            text = fields.get("state", "")
            state = self._seals.form(text, visit.uid, visit.browser) if visit.browser else None
            if state is None or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return self._problem(visit, 403, "forged")
            fault_point("request.authenticated")
            return await carry_out(visit, _Sent(fields=fields, text=text, state=state))

        return await self._site.admitted(let_in)(request)

    async def _paid(self, visit: _Visit, sent: _Sent) -> PageResponse:
        typed = forms.read_payment(sent.fields, asked_of(visit.view))
        if isinstance(typed, Mistakes):
            return self._mistaken(visit, sent.text, typed)
        return await self._pay(
            visit,
            _Try(
                attempt=sent.state.attempt,
                state=sent.text,
                agreed=Money(sent.state.agreed_minor, visit.view.invoice.total().currency),
                typed=typed,
                values=forms.typed_before(sent.fields),
            ),
        )

    async def _left(self, visit: _Visit, _sent: _Sent) -> PageResponse:
        left = Memory(ended=Ended.CANCELLED)
        try:
            await self._invoices.leave(visit.uid)
        except Objected as objected:
            # Pressed twice: the answer to the first never came to be seen.
            again = objected.state is State.CANCELLED and not visit.view.invoice.attempts
            return self._to_result(visit, outcome=objected.objection.value, memory=left if again else None)
        except Refused:
            return self._problem(visit, 503, "unavailable")
        return self._to_result(visit, outcome="cancelled", memory=left)

    def _outcome(self, visit: _Visit) -> PageResponse:
        memory, payment = visit.memory, visit.view.payment
        match visit.view.state:
            case State.PAYING:
                return self._checking(visit)
            case State.PAID if payment and memory and memory.payment_id == payment.payment_id:
                return self._approved(visit, payment)
            case State.PENDING:
                return self._open_again(visit)
            case State.EXPIRED | State.CANCELLED if memory and memory.ended in _NOT_CHARGED:
                return self._declined(visit, _why(memory), again=False)
            case State.CANCELLED if memory and memory.ended is Ended.CANCELLED:
                return self._cancelled(visit)
            case _:
                return self._gone(visit)

    def _open_again(self, visit: _Visit) -> PageResponse:
        """What this browser tried on a link that can still be paid."""
        memory = visit.memory
        if memory is None:
            path = self._site.within(visit.request, visit.path)
            return self._site.redirect(path, outcome="nothing tried")
        return self._declined(visit, _why(memory))

    # -- paying -----------------------------------------------------------------------------------

    async def _pay(self, visit: _Visit, attempt: _Try) -> PageResponse:
        view, typed = visit.view, attempt.typed
        address, merchant_id = self._site.address(visit.request), view.merchant.merchant_id
        if view.state is State.PENDING:
            if _is_used_up(view):
                return self._used_up(visit)
            wait = self._limits.wait_seconds(
                link=visit.uid, address=address, merchant_id=merchant_id, number_range=typed.pan.bin
            )
            if wait:
                return self._problem(visit, 429, "limited", headers={"retry-after": str(math.ceil(wait))})
            self._limits.tried(link=visit.uid, address=address)
        outcome = await self._invoices.pay(
            visit.uid,
            PayerCard(pan=typed.pan, expiry=typed.expiry, cvv=typed.cvv),
            Choices(
                agreed=attempt.agreed + typed.tip if typed.tip else attempt.agreed,
                tip=typed.tip,
                name=typed.holder,
                email=typed.email or None,
                address=typed.street or None,
                postal_code=typed.postal_code or None,
                receipt=bool(typed.email),
                language=visit.language.core,
            ),
            attempt_key=attempt.attempt,
        )
        if outcome.result is Result.DECLINED:
            self._limits.declined(merchant_id=merchant_id, number_range=typed.pan.bin)
        return self._answered(visit, attempt, outcome)

    def _answered(self, visit: _Visit, attempt: _Try, outcome: Outcome) -> PageResponse:
        """Results lead to the result page; where nothing was tried, the form says why."""
        word = outcome.result.value
        match outcome.result:
            case Result.APPROVED | Result.DECLINED | Result.IN_DOUBT | Result.UNDERWAY | Result.CLOSED:
                return self._to_result(visit, outcome=word, memory=_memory_of(outcome))
            case Result.CHANGED if outcome.view.state is State.PENDING:
                notice = english("This form was out of date. Please check the amount and pay again.")
                visit = replace(visit, view=outcome.view)
                return self._form(visit, status=409, outcome=word, values=attempt.values, notice=notice)
            case Result.CHANGED:
                return self._to_result(visit, outcome=word)
            case Result.BUSY:
                notice = english("We could not finish. Please try again: you will not be charged twice.")
                return self._form(
                    visit, status=503, outcome=word, values=attempt.values, notice=notice, state=attempt.state
                )
            case Result.REFUSED:
                notice = english("This cannot be paid for right now. Please ask the merchant.")
                return self._form(visit, status=422, outcome=word, values=attempt.values, notice=notice)

    # -- pages ------------------------------------------------------------------------------------

    def _form(
        self,
        visit: _Visit,
        *,
        status: int = 200,
        outcome: str = "form",
        values: Values | None = None,
        errors: Mapping[str, str] | None = None,
        notice: str = "",
        state: str = "",
    ) -> PageResponse:
        """The form, of a new attempt unless the ``state`` of one is given; what it says comes in English."""
        language = visit.language
        browser = visit.browser or new_browser()
        agreed = visit.view.invoice.total()
        state = state or self._seals.new_form(visit.uid, browser, agreed_minor=agreed.minor)
        page = pay_page(
            visit.view,
            language,
            action=self._site.within(visit.request, visit.path),
            cancel=self._site.within(visit.request, f"{visit.path}/cancel"),
            state=state,
            values=values or Values(),
            errors={name: language.text(text) for name, text in (errors or {}).items()},
            notice=language.text(notice) if notice else "",
        )
        response = self._site.draw("pay.html", page, language=language, status=status, outcome=outcome)
        if visit.browser is None:
            self._keep(response, visit, BROWSER_COOKIE, browser)
        # Should the answer to this form be lost, the link itself tells this browser what came of it.
        sent = self._seals.form(state, visit.uid, browser)
        if sent is not None:
            memory = Memory(ended=Ended.UNKNOWN, attempt=sent.attempt)
            self._keep(response, visit, MEMORY_COOKIE, self._seals.memory(memory, visit.uid, browser))
        return response

    def _mistaken(self, visit: _Visit, state: str, mistakes: Mistakes) -> PageResponse:
        if visit.view.state is not State.PENDING:
            return self._to_result(visit, outcome="closed")
        return self._form(
            visit,
            status=422,
            outcome="mistakes",
            values=mistakes.values,
            errors=mistakes.errors,
            notice=english("Please check what is marked. Nothing was charged."),
            state=state,
        )

    def _to_result(self, visit: _Visit, *, outcome: str, memory: Memory | None = None) -> PageResponse:
        path = self._site.within(visit.request, f"{visit.path}/result")
        response = self._site.redirect(path, outcome=outcome)
        if memory is not None and visit.browser is not None:
            text = self._seals.memory(memory, visit.uid, visit.browser)
            self._keep(response, visit, MEMORY_COOKIE, text)
        return response

    def _approved(self, visit: _Visit, payment: Payment) -> PageResponse:
        terms = visit.view.invoice.terms
        goal = onward(terms.success_url, terms.redirect_url)
        receipt = f"/r/{self._receipts.uid(payment)}"
        page = ApprovedPage(
            payee=visit.payee,
            amount=None if terms.verifies else payment.amounts.total,
            card=card_text(payment.card),
            approval_code=payment.approval_code or "",
            receipt="" if terms.verifies else self._site.within(visit.request, receipt),
            onward=goal,
        )
        return self._site.draw(
            "approved.html", page, language=visit.language, outcome="approved", headers=_sent_on(goal)
        )

    def _declined(self, visit: _Visit, reason: str, *, again: bool = True) -> PageResponse:
        """``again``: whether the link can still be paid; if not, the payer is sent on, as after paying."""
        terms = visit.view.invoice.terms
        goal = onward(terms.failure_url, terms.redirect_url)
        decline = decline_of(reason)
        told = (decline.why, decline.advice) if again else (decline.why,)
        page = DeclinedPage(
            payee=visit.payee,
            reason=" ".join(visit.language.text(text) for text in told if text),
            retry=self._site.within(visit.request, visit.path) if again else "",
            onward=goal,
        )
        return self._site.draw(
            "declined.html",
            page,
            language=visit.language,
            outcome="declined",
            headers=None if again else _sent_on(goal),
        )

    def _cancelled(self, visit: _Visit) -> PageResponse:
        """Its payer knows what it did, and goes back at once where there is somewhere to go."""
        goal = onward(visit.view.invoice.terms.cancel_url)
        return self._site.draw(
            "cancelled.html",
            CancelledPage(payee=visit.payee, onward=goal),
            language=visit.language,
            outcome="cancelled",
            headers={"refresh": f"0; url={goal}"} if goal else None,
        )

    def _checking(self, visit: _Visit) -> PageResponse:
        """Asks for itself again: at once when it is pressed, else after a while."""
        again = self._site.within(visit.request, f"{visit.path}/result")
        return self._site.draw(
            "checking.html",
            CheckingPage(again=again),
            language=visit.language,
            outcome="checking",
            headers={"refresh": f"{CHECK_SECONDS}; url={again}"},
        )

    def _gone(self, visit: _Visit) -> PageResponse:
        """What the link was for is over; to whom it was not said, nothing of the payment is."""
        language, state = visit.language, visit.view.state
        title, text = _GONE[state]
        return self._site.draw(
            "paid.html" if state is State.PAID else "gone.html",
            GonePage(title=language.text(title), text=language.text(text)),
            language=language,
            status=410,
            outcome=state.value,
        )

    def _used_up(self, visit: _Visit) -> PageResponse:
        """A link that cards were tried out on."""
        language = visit.language
        page = GonePage(
            title=language.text(EXPIRED),
            text=language.text("This link takes no more cards. Please ask the merchant for a new one."),
        )
        return self._site.draw("gone.html", page, language=language, status=410, outcome="suspended")

    def _problem(
        self, visit: _Visit, status: int, outcome: str, *, headers: Mapping[str, str] | None = None
    ) -> PageResponse:
        retry = self._site.within(visit.request, visit.path)
        return self._site.problem(visit.request, status, outcome, retry=retry, headers=headers)

    # -- browsers ---------------------------------------------------------------------------------

    async def _visit(self, request: Request) -> _Visit | None:
        view = await self._invoices.open(request.path_params["uid"])
        if view is None:
            return None
        uid = view.invoice.uid
        browser = known_browser(request.cookies.get(self._cookie(BROWSER_COOKIE)))
        memory = self._seals.remembered(request.cookies.get(self._cookie(MEMORY_COOKIE)), uid, browser)
        untold = memory is not None and bool(memory.attempt)
        if memory is not None and untold:
            payment = await self._invoices.attempted(uid, memory.attempt)
            memory = _memory_of_payment(payment) if payment is not None else None
        return _Visit(
            request=request,
            view=view,
            language=self._site.language(request),
            browser=browser,
            memory=memory,
            untold=untold,
        )

    def _keep(self, response: PageResponse, visit: _Visit, name: str, value: str) -> None:
        """A cookie of this link alone, gone with the browser's session."""
        response.set_cookie(
            self._cookie(name),
            value,
            path=visit.path,
            secure=self._site.secure,
            httponly=True,
            # Not strict: a payer comes from a mail, and is to be known then.
            samesite="lax",
        )

    def _cookie(self, name: str) -> str:
        return f"__Secure-{name}" if self._site.secure else name


_GONE: Final[Mapping[State, tuple[str, str]]] = {
    State.PAID: (english("PAID"), english("This link has been paid already. Nothing more is due.")),
    State.EXPIRED: (
        EXPIRED,
        english("It is no longer valid. Please contact the merchant for a new payment link."),
    ),
    State.CANCELLED: (
        EXPIRED,
        english("It was cancelled. Please contact the merchant for a new payment link."),
    ),
}


_OVER: Final = frozenset({Ended.DECLINED, Ended.CANCELLED})
"""What a browser that comes to a closed link again need not be told once more."""
_NOT_CHARGED: Final = frozenset({Ended.DECLINED, Ended.UNKNOWN})
"""How an attempt has ended that did not pay its link. The unknown is settled once no payment is under way."""


def _why(memory: Memory) -> str:
    """Why an attempt that has not paid has not."""
    return memory.reason if memory.ended is Ended.DECLINED else Reason.NO_ANSWER.value


def _sent_on(goal: str) -> Mapping[str, str] | None:
    return {"refresh": f"{ONWARD_SECONDS}; url={goal}"} if goal else None


def _is_used_up(view: View) -> bool:
    return view.invoice.attempts >= ATTEMPTS_MAX


def _memory_of_payment(payment: Payment) -> Memory:
    """What a browser learns of a payment whose answer it has not seen."""
    if payment.approved:
        return Memory(ended=Ended.APPROVED, payment_id=payment.payment_id)
    if payment.state is PaymentState.DECLINED:
        reason = payment.reason.value if payment.reason else ""
        return Memory(ended=Ended.DECLINED, payment_id=payment.payment_id, reason=reason)
    return Memory(ended=Ended.UNKNOWN, payment_id=payment.payment_id)


def _memory_of(outcome: Outcome) -> Memory | None:
    """What the browser shall remember. What is known of another attempt is not for this one."""
    payment, under_way = outcome.payment, outcome.view.payment
    match outcome.result:
        case Result.APPROVED if payment is not None:
            return Memory(ended=Ended.APPROVED, payment_id=payment.payment_id)
        case Result.DECLINED if payment is not None:
            return Memory(ended=Ended.DECLINED, payment_id=payment.payment_id, reason=outcome.reason or "")
        case Result.IN_DOUBT if payment is not None:
            return Memory(ended=Ended.UNKNOWN, payment_id=payment.payment_id)
        case Result.UNDERWAY if outcome.reason is Reason.KEY_IN_FLIGHT and under_way is not None:
            # The same form was sent twice, and the browser waits for this answer alone.
            return Memory(ended=Ended.UNKNOWN, payment_id=under_way.payment_id)
        case _:
            return None
