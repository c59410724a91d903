"""A walk through payments in any order, beside a model that says what each step must come to.

``Walk`` takes a step through the real services and storage and in the model, and compares the two: what the
caller is told, then (in ``check``) every batch, list and report, the invariants, and the books of the sandbox
host, to which every message goes as it would on the wire. Only the wire itself is missing: a ``Fault`` stands
for what happens on it. The model knows one payment after the other, so steps are taken one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from msgspec import structs

from bezant.core.batches import Totals
from bezant.core.merchants import Caller, Profile, move
from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Declined, NotSent, Reason, Refused
from bezant.core.payments import (
    Adjusted,
    Amounts,
    Capture,
    Increment,
    Kind,
    Outcome,
    Payment,
    PaymentQuery,
    Reference,
    Refund,
    State,
    Tip,
)
from bezant.core.payments.messages import Ask, BatchTotals, Message
from bezant.core.payments.model import CHARGES, FORWARD
from bezant.rails.acquirer.codes import APPROVED, reason_of
from bezant.rails.acquirer.rail import answer_of, reconciliation_of, request_of
from bezant.rails.acquirer.sandbox.books import Books
from bezant.rails.acquirer.sandbox.desk import Desk
from bezant.rails.acquirer.sandbox.scripts import Step
from bezant.rails.acquirer.spec import RESPONSE_CODE
from tests.storage.shop import SILENCE, START, TIPS, Network, Shop, charge_of

LEAP: Final = timedelta(days=8)
"""How far a merchant's clock is moved: more than an authorization lives."""
DECLINE: Final = "51"
MEMBERS: Final = frozenset({Kind.SALE, Kind.CAPTURE, Kind.REFUND})
LISTED_MAX: Final = 100_000


class Fault(StrEnum):
    """What becomes of the next message."""

    NONE = "none"
    DECLINED = "declined"
    UNSENT = "unsent"
    """It never left us."""
    UNSEEN = "unseen"
    """It was lost on its way to the host."""
    UNHEARD = "unheard"
    """Its answer was lost on the way back."""


LOST: Final = frozenset({Fault.UNSEEN, Fault.UNHEARD})


class Line(Network):
    """A sandbox host at the end of a line that fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(journal=None, seed=1, strict=False)
        self.fault = Fault.NONE
        self._desk = Desk(self.books, now=lambda: START)

    async def send(self, message: Message) -> Answer:
        """Pass a payment message on, and its answer back."""
        fault, step = self._next()
        if fault is Fault.UNSENT:
            return NotSent(cause="connection refused")
        if fault is Fault.UNSEEN:
            return SILENCE
        request = request_of(message)
        reply, _ = self._desk.answer(request, step)
        return SILENCE if fault is Fault.UNHEARD else answer_of(message, request, reply)

    async def close_batch(self, totals: BatchTotals) -> Answer:
        """Pass the totals of a batch on, and the answer back."""
        fault, step = self._next()
        if fault is Fault.UNSENT:
            return NotSent(cause="connection refused")
        if fault is Fault.UNSEEN:
            return SILENCE
        reply, _ = self._desk.answer(reconciliation_of(totals), step)
        if fault is Fault.UNHEARD:
            return SILENCE
        code = reply[RESPONSE_CODE]
        if code == APPROVED:
            return Approved(approval_code="", response_code=code, amount=totals.net)
        return Declined(reason=reason_of(code), response_code=code)

    def _next(self) -> tuple[Fault, Step | None]:
        fault, self.fault = self.fault, Fault.NONE
        return fault, Step(decline=DECLINE) if fault is Fault.DECLINED else None


@dataclass(kw_only=True, eq=False)
class Known:
    """A payment as the model has it. Amounts are minor units; ``day`` is its merchant's, from 0.

    ``host_settled``: the host has settled it, whatever batch it is in here. ``host_behind``: an
    authorization of which the host has not heard yet that its capture was voided.
    """

    payment_id: int
    kind: Kind
    state: State
    till: Till
    original: Known | None
    base: int = 0
    tax: int = 0
    fee: int = 0
    tip: int = 0
    refunded: int = 0
    refunds: int = 0
    raised: int = 0
    batch: int
    number: int | None = None
    day: int
    host_settled: bool = False
    host_behind: bool = False

    @property
    def total(self) -> int:
        """What the card pays or gets back."""
        return self.base + self.tax + self.fee + self.tip

    def facts(self) -> tuple[object, ...]:
        """What every list must say of it."""
        amounts = () if self.kind in FORWARD else (self.base, self.tax, self.fee, self.tip)
        follow_ups = (self.refunded, self.refunds, self.raised)
        return self.payment_id, self.kind, self.state, self.batch, self.number, amounts, follow_ups


@dataclass(kw_only=True, eq=False)
class Till:
    """A terminal of a merchant of its own, as the model has it. ``number`` is the last in its open batch."""

    caller: Caller
    known: list[Known] = field(default_factory=list)
    batch: int = 1
    number: int = 0
    frozen: int | None = None
    told_host: set[int] = field(default_factory=set)
    day: int = 0

    def members(self, batch: int) -> list[Known]:
        """What counts in a batch."""
        states = {State.CAPTURED, State.SETTLED}
        return [
            each
            for each in self.known
            if each.kind in MEMBERS and each.batch == batch and each.state in states
        ]

    def totals(self, batch: int) -> Totals:
        """What a batch must add up to."""
        totals = Totals()
        for each in self.members(batch):
            if each.kind is Kind.REFUND:
                totals += Totals(refund_count=1, refunded=each.total)
            else:
                tipped = int(each.tip > 0)
                totals += Totals(1, each.base, each.tax, each.fee, each.tip, tip_count=tipped)
        return totals


class Walk:
    """Steps over some terminals."""

    def __init__(self, shop: Shop, line: Line) -> None:
        self.tills: list[Till] = []
        self._shop = shop
        self._line = line

    async def open(self, tills: int) -> None:
        """Begin on so many new terminals."""
        self.tills = [Till(caller=await self._shop.another_caller()) for _ in range(tills)]

    # -- steps --------------------------------------------------------------------------------------

    async def charge(self, till: Till, kind: Kind, *, base: int, tax: int, fee: int, fault: Fault) -> None:
        """A sale or an authorization."""
        charge = charge_of(base, kind=kind, tax=Money(tax), fee=Money(fee))
        asked = self._shop.payments.charge(till.caller, charge)
        made = await self._sent(till, kind, asked, fault)
        made.base, made.tax, made.fee = base, tax, fee

    async def capture(self, held: Known, *, base: int, tip: int, fault: Fault) -> None:
        """Take money of an authorization, or of whatever else."""
        if held.host_behind:
            await self.recover()
        till, amounts = held.till, structs.replace(Amounts.of(Money(base)), tip=Money(tip))
        asked = self._shop.payments.capture(till.caller, Capture(original=_named(held), amounts=amounts))
        if held.state in {State.COMPLETING, State.COMPLETED}:
            await self._turned_down(held, Kind.CAPTURE, asked, Reason.ALREADY_CAPTURED, base=base, tip=tip)
        elif held.state is not State.AUTHORIZED:
            await self._refused(asked, Reason.UNKNOWN_PAYMENT)
        elif base + tip > held.total + held.raised:
            await self._turned_down(held, Kind.CAPTURE, asked, Reason.EXCEEDS_AUTHORIZED, base=base, tip=tip)
        else:
            made = await self._sent(till, Kind.CAPTURE, asked, fault, original=held)
            made.base, made.tip = base, tip
            held.state = {State.CAPTURED: State.COMPLETED, State.IN_DOUBT: State.COMPLETING}.get(
                made.state, held.state
            )

    async def increment(self, held: Known, *, minor: int, fault: Fault) -> None:
        """Raise an authorization, or whatever else."""
        increment = Increment(original=_named(held), amount=Money(minor))
        asked = self._shop.payments.increment(held.till.caller, increment)
        if held.state is not State.AUTHORIZED:
            await self._refused(asked, Reason.UNKNOWN_PAYMENT)
            return
        made = await self._sent(held.till, Kind.INCREMENT, asked, fault, original=held)
        made.base = minor
        if made.state is State.DONE:
            held.raised += minor
        elif made.state is State.IN_DOUBT:
            held.state = State.INCREMENTING

    async def tip(self, charge: Known, *, minor: int, fault: Fault) -> None:
        """Change the tip of a charge, or of whatever else."""
        till = charge.till
        asked = self._shop.payments.adjust_tip(till.caller, Tip(original=_named(charge), amount=Money(minor)))
        limit = (charge.base * TIPS.percent_max + 50) // 100
        if charge.kind not in CHARGES or charge.state is not State.CAPTURED or charge.batch != till.batch:
            await self._refused(asked, Reason.UNKNOWN_PAYMENT)
        elif minor > limit or charge.total - charge.tip + minor < charge.refunded:
            await self._refused(asked, Reason.TIP_LIMIT)
        elif minor == charge.tip:
            assert (await asked).outcome is None
        else:
            # What the host has settled it changes no more: that has to be heard.
            faults = Fault.NONE if charge.host_settled and fault in LOST else fault
            late = charge.host_settled and faults is Fault.NONE
            made = await self._sent(till, Kind.TIP, _outcome(asked), faults, original=charge, late=late)
            if made.state is State.DONE:
                charge.tip = minor

    async def refund(self, charge: Known, *, minor: int, fault: Fault) -> None:
        """Give money back of a charge, or of whatever else."""
        refund = Refund(original=_named(charge), amount=Money(minor))
        asked = self._shop.payments.refund(charge.till.caller, refund)
        if charge.kind not in CHARGES or charge.state not in {State.CAPTURED, State.SETTLED}:
            await self._turned_down(charge, Kind.REFUND, asked, Reason.ORIGINAL_NOT_FOUND, base=minor)
        elif minor > charge.total - charge.refunded:
            await self._turned_down(charge, Kind.REFUND, asked, Reason.EXCEEDS_REFUNDABLE, base=minor)
        else:
            made = await self._sent(charge.till, Kind.REFUND, asked, fault, original=charge)
            made.base = minor
            if made.state is not State.DECLINED:
                charge.refunded += minor
                charge.refunds += 1

    async def void(self, original: Known, *, fault: Fault) -> None:
        """Take back whatever it is."""
        till = original.till
        asked = self._shop.payments.void(till.caller, _named(original))
        in_batch = original.state is State.CAPTURED and original.batch == till.batch
        if original.state is State.VOIDED:
            await self._turned_down(original, Kind.VOID, asked, Reason.ALREADY_VOIDED)
        elif original.state is State.AUTHORIZED or (in_batch and not original.refunded):
            made = await self._sent(till, Kind.VOID, asked, fault, original=original)
            if made.state is State.DONE:
                original.state = State.VOIDED
                _let_go(original)
                if original.original is not None and original.kind is Kind.CAPTURE:
                    original.original.host_behind = fault is Fault.UNSEEN
        else:
            await self._turned_down(original, Kind.VOID, asked, Reason.ORIGINAL_NOT_FOUND)

    async def settle(self, till: Till, *, fault: Fault) -> None:
        """Settle what the terminal has open, or tell again what was not confirmed."""
        await self.recover()
        number = till.frozen or till.batch
        totals = till.totals(number)
        empty = till.frozen is None and not totals.count
        if till.frozen is None and not empty:
            till.frozen, till.batch, till.number = number, number + 1, 0
        if empty or (fault is Fault.DECLINED and number in till.told_host):
            fault = Fault.NONE  # nobody is asked, or the host repeats its first answer
        self._line.fault = fault
        settlement = await self._shop.settlements.settle(till.caller)
        assert (settlement.batch_number, settlement.totals) == (number, totals)
        assert (settlement.reason is None) == (fault is Fault.NONE)
        if empty:
            return
        if fault in {Fault.NONE, Fault.UNHEARD} and number not in till.told_host:
            till.told_host.add(number)
            for each in till.known:
                each.host_settled |= each.kind in MEMBERS and each.state is State.CAPTURED
        if fault is Fault.NONE:
            for each in till.members(number):
                each.state = State.SETTLED
            till.frozen = None

    async def leap(self, till: Till) -> None:
        """Move the clock of a terminal's merchant, and let go of what was held too long by any."""
        merchant_id, terminal_id = till.caller.key
        await self._shop.boarding.move_clock(merchant_id, move(LEAP))
        self._shop.directory.forget()
        till.caller = await self._shop.directory.caller(merchant_id, terminal_id)
        till.day += LEAP.days
        old = [
            each
            for other in self.tills
            for each in other.known
            if each.state is State.AUTHORIZED and each.day < other.day
        ]
        assert await self._shop.cutoffs.expire_authorizations() == len(old)
        for each in old:
            each.state = State.EXPIRED

    async def recover(self) -> None:
        """Take back what is in doubt, and tell again what the host may not have heard."""
        while confirmed := await self._shop.reverse():
            assert all(confirmed)
        for till in self.tills:
            for each in till.known:
                each.host_behind = False
                if each.state is State.IN_DOUBT:
                    each.state = State.REVERSED
                    _let_go(each)

    # -- how a step ends ------------------------------------------------------------------------------

    async def _sent(
        self,
        till: Till,
        kind: Kind,
        asked: Awaitable[Outcome],
        fault: Fault,
        *,
        original: Known | None = None,
        late: bool = False,
    ) -> Known:
        """A payment that goes to the host. ``late``: the host will not take it."""
        self._line.fault = fault
        payment = (await asked).payment
        state, reason = _end(kind, fault)
        if late:
            state, reason = State.DECLINED, Reason.INVALID_TRANSACTION
        assert (payment.state, payment.reason) == (state, reason)
        number = None
        if kind not in FORWARD and reason is None:
            till.number += 1
            number = till.number
        return self._keep(till, kind, payment, original, number=number)

    async def _turned_down(
        self,
        original: Known,
        kind: Kind,
        asked: Awaitable[Outcome],
        reason: Reason,
        *,
        base: int = 0,
        tip: int = 0,
    ) -> None:
        payment = (await asked).payment
        assert (payment.state, payment.reason) == (State.DECLINED, reason)
        made = self._keep(original.till, kind, payment, original)
        made.base, made.tip = base, tip

    async def _refused(self, asked: Awaitable[object], reason: Reason) -> None:
        try:
            await asked
        except Refused as refused:
            assert refused.reason is reason  # noqa: PT017 - pytest's way would need a function more
        else:
            message = f"not refused: {reason}"
            raise AssertionError(message)

    def _keep(
        self, till: Till, kind: Kind, payment: Payment, original: Known | None, *, number: int | None = None
    ) -> Known:
        made = Known(
            payment_id=payment.payment_id,
            kind=kind,
            state=payment.state,
            till=till,
            original=original,
            batch=till.batch,
            number=number,
            day=till.day,
        )
        till.known.append(made)
        return made

    # -- comparing ------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Once nothing is in doubt, all agree: lists and batches with the model, the host, the invariants."""
        await self.recover()
        for till in self.tills:
            await self._check_lists(till)
        assert Counter(self._held_by_host()) == Counter(self._to_be_held())
        assert self._shop.wrong() == []

    async def _check_lists(self, till: Till) -> None:
        merchant_id, terminal_id = till.caller.key
        query = PaymentQuery(merchant_id=merchant_id, terminal_id=terminal_id, limit=LISTED_MAX)
        listed = (await self._shop.reports.page(query)).payments
        wanted = [each for each in till.known if each.kind is not Kind.TIP]
        assert sorted(_facts(each) for each in listed) == sorted(each.facts() for each in wanted)
        opened = await self._shop.reports.open_batch(till.caller, limit=LISTED_MAX, offset=0)
        assert (opened.number, opened.totals) == (till.batch, till.totals(till.batch))
        assert _ids(opened.members.payments) == self._shown(till, till.batch)
        for number in range(1, till.batch):
            closed = await self._shop.reports.closed_batch(till.caller, number, limit=LISTED_MAX, offset=0)
            assert closed.totals == till.totals(number)
            assert _ids(closed.members.payments) == self._shown(till, number)

    def _shown(self, till: Till, batch: int) -> set[int]:
        voided = {
            each.payment_id
            for each in till.known
            if each.kind in MEMBERS and each.batch == batch and each.state is State.VOIDED
        }
        return voided | {each.payment_id for each in till.members(batch)}

    def _to_be_held(self) -> Iterable[tuple[str, str, int]]:
        """What must be in force at the host: terminal, what was asked, amount."""
        for till in self.tills:
            terminal = till.caller.terminal.endpoints[Profile.TRADITIONAL].terminal_number
            for each in till.known:
                if each.kind is Kind.INCREMENT:
                    held = each.original
                    if each.state is State.DONE and held is not None and held.state is State.AUTHORIZED:
                        yield terminal, Ask.AUTHORIZE.value, each.total
                elif each.state in {State.AUTHORIZED, State.CAPTURED, State.SETTLED}:
                    yield terminal, _ASKS[each.kind], each.total

    def _held_by_host(self) -> Iterable[tuple[str, str, int]]:
        for entry in self._line.books.in_force(terminal=None, settled=True):
            yield entry.terminal, entry.ask, entry.approved


_ASKS: Final = {
    Kind.SALE: Ask.SALE.value,
    Kind.AUTHORIZATION: Ask.AUTHORIZE.value,
    Kind.CAPTURE: Ask.CAPTURE.value,
    Kind.REFUND: Ask.REFUND.value,
}
_DONE: Final = {
    Kind.SALE: State.CAPTURED,
    Kind.CAPTURE: State.CAPTURED,
    Kind.REFUND: State.CAPTURED,
    Kind.AUTHORIZATION: State.AUTHORIZED,
    Kind.INCREMENT: State.DONE,
    Kind.TIP: State.DONE,
    Kind.VOID: State.DONE,
}


def _end(kind: Kind, fault: Fault) -> tuple[State, Reason | None]:
    """How a message ends. What takes place in any case does so when its answer is lost, too."""
    match fault:
        case Fault.NONE:
            return _DONE[kind], None
        case Fault.DECLINED:
            return State.DECLINED, Reason.INSUFFICIENT_FUNDS
        case Fault.UNSENT:
            return State.DECLINED, Reason.NOT_REACHED
        case Fault.UNSEEN | Fault.UNHEARD:
            return (_DONE[kind], None) if kind in FORWARD else (State.IN_DOUBT, Reason.NO_ANSWER)


def _let_go(ended: Known) -> None:
    """What a payment that did not last held of its original is free again."""
    original = ended.original
    if original is None:
        return
    if ended.kind is Kind.REFUND:
        original.refunded -= ended.total
        original.refunds -= 1
    elif ended.kind in {Kind.CAPTURE, Kind.INCREMENT}:
        original.state = State.AUTHORIZED


async def _outcome(asked: Awaitable[Adjusted]) -> Outcome:
    adjusted = await asked
    assert adjusted.outcome is not None
    return adjusted.outcome


def _named(payment: Known) -> Reference:
    return Reference(payment_id=payment.payment_id)


def _facts(payment: Payment) -> tuple[object, ...]:
    of = payment.amounts
    amounts = () if payment.kind in FORWARD else (of.base.minor, of.tax.minor, of.fee.minor, of.tip.minor)
    follow_ups = (payment.refunded.minor, payment.refund_count, payment.incremented.minor)
    number = payment.transaction_number
    return payment.payment_id, payment.kind, payment.state, payment.batch_number, number, amounts, follow_ups


def _ids(payments: Iterable[Payment]) -> set[int]:
    return {payment.payment_id for payment in payments}
