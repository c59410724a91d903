"""Use cases: make an invoice, change it, cancel it, list invoices, show one to its payer, and pay it.

The payment is one of ``core.payments``, bound to its invoice: the transaction that stores the payment takes
the invoice, and the one that stores the outcome settles it. Whatever dies or is lost in between is cleared up
by the recovery of payments; an invoice whose payment came to its end that way is settled by ``recovery``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from bezant.core.faults import fault_point
from bezant.core.invoices.commands import (
    Choices,
    Created,
    InvoiceQuery,
    Named,
    Outcome,
    Page,
    PayerCard,
    Result,
    View,
)
from bezant.core.invoices.model import (
    UID,
    Event,
    Invoice,
    Objected,
    Objection,
    State,
    Terms,
    require_pending,
)
from bezant.core.invoices.ports import Callers, Hasher, Ids, InvoiceTx, InvoiceUnits
from bezant.core.invoices.steps import Bond, PaidIds, existing, leave, made_before
from bezant.core.merchants import Caller, SystemClock, origin_of
from bezant.core.notices import LinkFacts, Notices, Stamp, Target, addressed
from bezant.core.outcomes import Conflict, Reason, Refused
from bezant.core.payments import Charge, Key, Order, Payment, Payments, Street
from bezant.core.payments import State as PaymentState

ATTEMPT_KEY_MAX: Final = 64

_REFUSALS: Final = {
    Reason.BUSY: Result.BUSY,
    Reason.KEY_IN_FLIGHT: Result.UNDERWAY,
    # The key of another attempt, with another card or tip: the form is an old one.
    Reason.KEY_REUSED: Result.CHANGED,
}
"""What a refused charge is to the payer. Any other refusal is of this card or these goods."""


class Invoices:
    """Links of one gateway. ``new_uid`` makes public ids: 32 random letters and digits."""

    def __init__(
        self,
        *,
        units: InvoiceUnits,
        payments: Payments,
        callers: Callers,
        hasher: Hasher,
        ids: Ids,
        new_uid: Callable[[], str],
        notices: Notices,
        clock: SystemClock,
    ) -> None:
        self._units = units
        self._payments = payments
        self._callers = callers
        self._hasher = hasher
        self._ids = ids
        self._new_uid = new_uid
        self._notices = notices
        self._clock = clock

    # -- for merchants ----------------------------------------------------------------------------

    async def create(
        self,
        caller: Caller,
        terms: Terms,
        *,
        as_code: bool = False,
        by_mail: bool = True,
        by_text: bool = True,
        key: Key | None = None,
    ) -> Created:
        """A new link, sent where the order says how, if that is wanted. Objects ``NUMBER_IN_USE``.

        The same ``key`` again gives the link that it made. Refuses ``NO_PROFILE`` and ``KEY_REUSED``.
        """
        if terms.profile not in caller.terminal.endpoints:
            raise Refused(Reason.NO_PROFILE)
        at = caller.now(self._clock.now())
        merchant_id, terminal_id = caller.key
        invoice = Invoice(
            merchant_id=merchant_id,
            invoice_id=await self._ids.take(),
            terminal_id=terminal_id,
            uid=self._new_uid(),
            state=State.PENDING,
            terms=terms,
            created_at=at,
            updated_at=at,
            expires_at=None if terms.life is None else at + terms.life,
            as_code=as_code,
        )
        stamp = await self._notices.stamp()
        payer = _payer(terms.order, by_mail=by_mail, by_text=by_text)

        def work(tx: InvoiceTx) -> Created:
            if key is not None and (known := made_before(tx, invoice, key)):
                return Created(invoice=known, replayed=True)
            _require_free_number(tx, invoice, at)
            tx.invoices.add(invoice)
            self._send(tx, stamp, invoice, payer)
            return Created(invoice=invoice)

        try:
            return await self._units.write(work, merchant_id=merchant_id)
        except Conflict:
            raise Refused(Reason.BUSY) from None

    async def update(
        self, caller: Caller, uid: str, change: Callable[[Terms], Terms] = lambda terms: terms
    ) -> Invoice:
        """Change what is asked, and send the link again; its time begins anew.

        Objects ``UNKNOWN``, ``NOT_PENDING``, ``NUMBER_IN_USE``, and ``NOT_OFFERED`` for an amount on a link
        that asks for none. ``change`` is pure and may run more than once.
        """
        at = caller.now(self._clock.now())
        stamp = await self._notices.stamp()

        def work(tx: InvoiceTx) -> Invoice:
            invoice = _own(tx, caller, uid)
            require_pending(invoice, at)
            terms = change(invoice.terms)
            if terms.verifies and terms.amounts.total:
                raise Objected(Objection.NOT_OFFERED, invoice.state)
            after = invoice.changed(
                terms=terms, updated_at=at, expires_at=None if terms.life is None else at + terms.life
            )
            if terms.order.invoice != invoice.terms.order.invoice:
                _require_free_number(tx, after, at)
            tx.invoices.change(invoice, after, at=at)
            self._send(tx, stamp, after, _payer(terms.order))
            return after

        return await self._write(work, caller)

    async def cancel(self, caller: Caller, uid: str) -> Invoice:
        """Nobody can pay it any more. Objects ``UNKNOWN`` and ``NOT_PENDING``."""
        at = caller.now(self._clock.now())

        def work(tx: InvoiceTx) -> Invoice:
            invoice = _own(tx, caller, uid)
            require_pending(invoice, at)
            after = invoice.step(Event.CANCEL, updated_at=at)
            tx.invoices.change(invoice, after, at=at)
            return after

        return await self._write(work, caller)

    async def may_lead_to(self, caller: Caller, url: str) -> bool:
        """Whether links may have this address: any, where the merchant has not said where its pages are."""
        merchant_id = caller.merchant.merchant_id
        origins = await self._units.read(lambda tx: tx.merchants.origins(merchant_id))
        return not origins or origin_of(url) in {origin_of(each) for each in origins}

    async def named(self, caller: Caller, key: str) -> Named | None:
        """The link that a request of this terminal with that key made, and the latest attempt to pay it."""
        merchant_id, terminal_id = caller.key

        def work(tx: InvoiceTx) -> tuple[Invoice, Payment | None] | None:
            claim = tx.claims.find(merchant_id, terminal_id, key)
            invoice = claim and tx.invoices.find(merchant_id, claim.subject_id)
            return (invoice, tx.invoices.last_attempt(merchant_id, invoice.invoice_id)) if invoice else None

        found = await self._units.read(work)
        if found is None:
            return None
        invoice, attempt = found
        return Named(invoice=invoice, state=invoice.stands(caller.now(self._clock.now())), attempt=attempt)

    async def page(self, query: InvoiceQuery) -> Page:
        """One page of a terminal's invoices, newest first."""
        return await self._units.read(lambda tx: tx.invoices.page(query))

    # -- for payers -------------------------------------------------------------------------------

    async def open(self, uid: str) -> View | None:
        """What a page shows of the link with that public id; nothing if there is none."""
        if UID.fullmatch(uid) is None:
            return None

        found = await self._units.read(lambda tx: tx.invoices.by_uid(uid))
        if found is None:
            return None
        invoice = found.invoice
        caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
        at = caller.now(self._clock.now())
        return View(
            invoice=invoice,
            state=invoice.stands(at),
            merchant=caller.merchant,
            store=caller.store,
            terminal=caller.terminal,
            at=at,
            payment=found.payment,
        )

    async def pay(self, uid: str, card: PayerCard, choices: Choices, *, attempt_key: str) -> Outcome:
        """Pay a link once, whatever is sent again, killed or answered late.

        ``attempt_key`` (1 to 64 characters) names the attempt: sent again, it is told what came of it. A new
        attempt needs a new one. Objects ``UNKNOWN``.
        """
        assert 0 < len(attempt_key) <= ATTEMPT_KEY_MAX, "an attempt has a short name"
        view = await self._open(uid)
        invoice, tip = view.invoice, choices.tip or None
        if tip is not None and not _tip_offered(invoice.terms, choices):
            return Outcome(result=Result.CHANGED, view=view)
        charge = _charge_of(invoice, card, choices)
        bond = Bond(
            merchant_id=invoice.merchant_id,
            invoice_id=invoice.invoice_id,
            agreed=choices.agreed,
            tip=tip,
            receipt=choices.receipt,
            language=choices.language,
            ids=await paid_ids(self._ids, self._notices),
            notices=self._notices,
        )
        caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
        key = self._key(uid, card, choices, attempt_key)
        try:
            made = await self._payments.charge(caller, charge, key=key, bond=bond)
        except Objected as objected:
            return await self._turned_away(uid, objected)
        except Refused as refused:
            result = _REFUSALS.get(refused.reason, Result.REFUSED)
            return Outcome(result=result, view=await self._open(uid), reason=refused.reason)
        fault_point("invoice.answered")
        payment = made.payment
        return Outcome(
            result=_result_of(payment), view=await self._open(uid), payment=payment, reason=payment.reason
        )

    async def leave(self, uid: str) -> View:
        """Its payer will not pay: nobody can any more. What the page shows then.

        Objects ``UNKNOWN``, ``NOT_OFFERED``, and ``NOT_PENDING`` with the state that it has come to instead.
        """
        view = await self._open(uid)
        caller = await self._callers.caller(view.invoice.merchant_id, view.invoice.terminal_id)
        callback_id, real = await self._ids.take(), self._clock.now()
        step = partial(leave, invoice=view.invoice, at=caller.now(real), callback_id=callback_id, real=real)
        left = await self._write(step, caller)
        return replace(view, invoice=left, state=left.state)

    async def attempted(self, uid: str, attempt_key: str) -> Payment | None:
        """The payment that an attempt made; nothing if none came so far."""

        def work(tx: InvoiceTx) -> Payment | None:
            found = tx.invoices.by_uid(uid)
            if found is None:
                return None
            invoice = found.invoice
            claim = tx.claims.find(invoice.merchant_id, invoice.terminal_id, _key_value(uid, attempt_key))
            return None if claim is None else tx.payments.find(invoice.merchant_id, claim.subject_id)

        return await self._units.read(work)

    def _send(self, tx: InvoiceTx, stamp: Stamp, invoice: Invoice, payer: tuple[Target, ...]) -> None:
        """Have the link sent to its payer, if this transaction commits and somebody is named."""
        facts = LinkFacts(invoice_id=invoice.invoice_id)
        self._notices.announce(tx, stamp, invoice.merchant_id, payer, facts, language=invoice.language)

    async def _write(self, work: Callable[[InvoiceTx], Invoice], caller: Caller) -> Invoice:
        try:
            return await self._units.write(work, merchant_id=caller.merchant.merchant_id)
        except Conflict:
            raise Refused(Reason.BUSY) from None

    async def _turned_away(self, uid: str, objected: Objected) -> Outcome:
        view = await self._open(uid)
        if objected.objection is Objection.CHANGED:
            return Outcome(result=Result.CHANGED, view=view)
        underway = objected.state is State.PAYING
        return Outcome(result=Result.UNDERWAY if underway else Result.CLOSED, view=view)

    async def _open(self, uid: str) -> View:
        view = await self.open(uid)
        if view is None:
            raise Objected(Objection.UNKNOWN)
        return view

    def _key(self, uid: str, card: PayerCard, choices: Choices, attempt_key: str) -> Key:
        """The verification value is in no hash: it is too short to hide in one."""
        number = card.pan.reveal() if card.pan else card.token
        tip = choices.tip.minor if choices.tip else 0
        said = f"invoice payment\n{number}\n{card.expiry}\n{choices.agreed.minor}\n{tip}"
        return Key(value=_key_value(uid, attempt_key), fingerprint=self._hasher.digest(said))


def _key_value(uid: str, attempt_key: str) -> str:
    return f"invoice:{uid}:{attempt_key}"


async def paid_ids(ids: Ids, notices: Notices) -> PaidIds:
    """Fresh ids for what is announced once it is known what became of an attempt."""
    return PaidIds(notice_id=await ids.take(), callback_id=await ids.take(), receipt=await notices.stamp())


def _payer(order: Order, *, by_mail: bool = True, by_text: bool = True) -> tuple[Target, ...]:
    """Where a link is sent."""
    return addressed(mail=order.email if by_mail else None, phone=order.phone if by_text else None)


def _own(tx: InvoiceTx, caller: Caller, uid: str) -> Invoice:
    """The caller's invoice with that public id, locked. Objects ``UNKNOWN``."""
    found = tx.invoices.by_uid(uid) if UID.fullmatch(uid) else None
    if found is None or (found.invoice.merchant_id, found.invoice.terminal_id) != caller.key:
        raise Objected(Objection.UNKNOWN)
    return existing(tx, found.invoice.merchant_id, found.invoice.invoice_id)


def _require_free_number(tx: InvoiceTx, invoice: Invoice, at: datetime) -> None:
    """Objects ``NUMBER_IN_USE``. What had its time and was not yet marked so is marked now."""
    number = invoice.terms.order.invoice
    if number is None:
        return
    for other in tx.invoices.open_with_number(invoice.merchant_id, invoice.terminal_id, number):
        if other.invoice_id == invoice.invoice_id:
            continue
        if other.stands(at) is not State.EXPIRED:
            raise Objected(Objection.NUMBER_IN_USE, other.state)
        tx.invoices.change(other, other.step(Event.EXPIRE, updated_at=at), at=at)


def _tip_offered(terms: Terms, choices: Choices) -> bool:
    assert choices.tip is not None, "asked of a tip"
    return terms.tips is not None and terms.tips.allows(choices.tip, terms.amounts.base)


def _charge_of(invoice: Invoice, card: PayerCard, choices: Choices) -> Charge:
    terms = invoice.terms
    amounts = terms.amounts if not choices.tip else msgspec.structs.replace(terms.amounts, tip=choices.tip)
    return Charge(
        kind=terms.kind,
        profile=terms.profile,
        amounts=amounts,
        pan=card.pan,
        token=card.token,
        expiry=card.expiry,
        cvv=card.cvv,
        street=Street(line=choices.address, postal_code=choices.postal_code),
        order=_order_of(terms.order, choices),
    )


def _order_of(order: Order, choices: Choices) -> Order:
    """What is known of the payer: what was said while paying, else what the merchant said."""
    return msgspec.structs.replace(
        order,
        cardholder=choices.name or order.cardholder,
        email=choices.email or order.email,
        phone=choices.phone or order.phone,
        address=choices.address or order.address,
        postal_code=choices.postal_code or order.postal_code,
    )


def _result_of(payment: Payment) -> Result:
    if payment.approved:
        return Result.APPROVED
    if payment.state is PaymentState.SENDING:
        return Result.UNDERWAY
    in_doubt = payment.state is PaymentState.IN_DOUBT and payment.reason is Reason.NO_ANSWER
    return Result.IN_DOUBT if in_doubt else Result.DECLINED
