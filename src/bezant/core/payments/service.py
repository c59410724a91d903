"""Use cases: charge, void, refund.

Each is the same walk: store the intent and commit, ask the network with no transaction open, decide,
store the outcome and commit. What the network left unsaid is taken back by ``recovery``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import msgspec

from bezant.core.faults import fault_point
from bezant.core.merchants import Caller, Factors, Profile, SystemClock
from bezant.core.merchants.factors import USED_ONCE
from bezant.core.money import Money
from bezant.core.outcomes import Conflict, Reason, Refused, Unavailable, Unresolved
from bezant.core.payments.checks import judged
from bezant.core.payments.commands import (
    Adjusted,
    Capture,
    Charge,
    Increment,
    Outcome,
    Reference,
    Refund,
    Tip,
)
from bezant.core.payments.leftovers import Left, Leftovers
from bezant.core.payments.messages import Message, Street
from bezant.core.payments.model import (
    CHARGES,
    JUDGED,
    MONEYLESS,
    NO_ORDER,
    Amounts,
    Event,
    Kind,
    Order,
    Payment,
    State,
    decide,
    retrieval_reference,
)
from bezant.core.payments.originals import is_held, look_up, referring, refund_refusal, void_refusal
from bezant.core.payments.ports import Acquirer, Bond, Claim, Ids, PaymentTx, PaymentUnits, Wanted
from bezant.core.payments.steps import (
    Key,
    claimed,
    earlier_claim,
    existing,
    finish,
    leave,
    message_of,
    numbered,
    take_stock,
    turn_down,
)
from bezant.core.sensitive import Cvv, Pan
from bezant.core.twins import Pause, TwinWait
from bezant.core.vault import Card, Sealer, StoredCard, seal

DUPLICATE_WINDOW = timedelta(minutes=10)


class _Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What unit 1 stored: the payment, and what the message needs beside it."""

    payment: Payment
    stored_card: StoredCard | None = None
    original: Payment | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``lease``: how long a payment may be under way before it is taken to be lost.

    In the last third of it nothing is sent any more: by then somebody may be about to take it back.
    """

    lease: timedelta = timedelta(seconds=45)


class Payments:
    """Card payments of one gateway."""

    def __init__(
        self,
        *,
        units: PaymentUnits,
        acquirer: Acquirer,
        sealer: Sealer,
        factors: Factors,
        ids: Ids,
        clock: SystemClock,
        pause: Pause,
        settings: Settings | None = None,
    ) -> None:
        self._units = units
        self._acquirer = acquirer
        self._sealer = sealer
        self._factors = factors
        self._ids = ids
        self._clock = clock
        self._pause = pause
        self._settings = settings or Settings()
        self._leftovers = Leftovers(units=units, clock=clock, void=self._take_back)

    async def tidy(self) -> None:
        """Store outcomes that could not be stored when they came; to be called again and again."""
        await self._leftovers.tidy()

    # -- use cases --------------------------------------------------------------------------------

    async def charge(
        self, caller: Caller, charge: Charge, *, key: Key | None = None, bond: Bond | None = None
    ) -> Outcome:
        """A sale, an authorization or a verification; what it is made for, if anything, is its ``bond``.

        Refuses ``NO_PROFILE``, ``VERIFICATION_REQUIRED``, ``UNKNOWN_ITEM``, ``OUT_OF_STOCK`` and what a key
        may be refused for.
        """
        assert charge.kind not in MONEYLESS or not charge.amounts.total, "a verification has no amount"
        if charge.profile not in caller.terminal.endpoints:
            raise Refused(Reason.NO_PROFILE)
        if caller.merchant.checks.verification_required and charge.pan is not None and charge.cvv is None:
            raise Refused(Reason.VERIFICATION_REQUIRED)
        kept = None if charge.pan is None else seal(self._sealer, caller.merchant.merchant_id, charge.pan)
        draft = await self._draft(
            caller,
            kind=charge.kind,
            profile=charge.profile,
            amounts=charge.amounts,
            card=kept.card if kept else None,
            expiry=charge.expiry,
            order=charge.order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            if bond is not None:
                bond.begin(tx, draft)
            intent = _stored(tx, draft, charge, kept)
            if bond is not None and intent.payment.state is State.DECLINED:
                bond.end(tx, intent.payment, at=draft.requested_at)
            return intent

        wanted = None
        if key is not None or charge.token is not None:
            wanted = Wanted(*caller.key, key=key.value if key else None, token=charge.token)
        reads = charge.single_use or bond or charge.once or charge.order.lines
        intent = await self._begin(begin, draft, key, wanted=wanted, blind=not reads)
        if intent.payment.state is not State.SENDING:
            return Outcome(payment=intent.payment, replayed=intent.replayed)
        message = self._message(caller, intent, pan=charge.pan, cvv=charge.cvv, street=charge.street)
        return await self._send(caller, intent, message, key, bond)

    async def capture(self, caller: Caller, capture: Capture, *, key: Key | None = None) -> Outcome:
        """Take money that an authorization of this terminal holds. What is not taken is released.

        Refuses ``UNKNOWN_PAYMENT`` for what is no open authorization, and, as a void does, numbers that
        are not the authorization's.
        """
        draft = await self._draft(
            caller,
            kind=Kind.CAPTURE,
            profile=Profile.TRADITIONAL,
            amounts=capture.amounts,
            order=capture.order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = look_up(tx, draft, capture.original)
            if original is None or original.kind is not Kind.AUTHORIZATION:
                raise Refused(Reason.UNKNOWN_PAYMENT)
            named = referring(draft, original)
            if original.state in {State.COMPLETING, State.COMPLETED}:
                return _Intent(payment=turn_down(tx, named, Reason.ALREADY_CAPTURED))
            if original.state is not State.AUTHORIZED:
                raise Refused(Reason.UNKNOWN_PAYMENT)
            if not is_held(capture, original, caller.terminal.tips):
                return _Intent(payment=turn_down(tx, named, Reason.EXCEEDS_AUTHORIZED))
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            payment = numbered(
                named,
                batch,
                card=original.card,
                retrieval_reference=original.retrieval_reference,
                approval_code=original.approval_code,
            )
            tx.payments.add(payment)
            tx.payments.change(original, original.step(Event.BEGIN_CAPTURE), at=draft.requested_at)
            return _Intent(payment=payment, stored_card=_stored_card(tx, original), original=original)

        return await self._follow_up(caller, begin, draft, key)

    async def increment(self, caller: Caller, increment: Increment, *, key: Key | None = None) -> Outcome:
        """Raise what an open authorization of this terminal holds. Refuses ``UNKNOWN_PAYMENT`` for others."""
        draft = await self._draft(
            caller,
            kind=Kind.INCREMENT,
            profile=Profile.TRADITIONAL,
            amounts=Amounts.of(increment.amount),
            order=increment.order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = look_up(tx, draft, increment.original)
            if original is None or original.state is not State.AUTHORIZED:
                raise Refused(Reason.UNKNOWN_PAYMENT)
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            payment = numbered(referring(draft, original), batch, card=original.card)
            tx.payments.add(payment)
            tx.payments.change(original, original.step(Event.BEGIN_INCREMENT), at=draft.requested_at)
            return _Intent(payment=payment, stored_card=_stored_card(tx, original), original=original)

        return await self._follow_up(caller, begin, draft, key)

    async def adjust_tip(self, caller: Caller, tip: Tip, *, key: Key | None = None) -> Adjusted:
        """Change the tip of a charge in the open batch. The same tip again changes nothing and uses no key.

        Refuses ``UNKNOWN_PAYMENT`` for what is no such charge, ``TIP_NOT_ALLOWED`` on a terminal without
        tips, ``TIP_LIMIT`` above its limit or below what was refunded.
        """
        rule = caller.terminal.tips
        if not rule.adjustable:
            raise Refused(Reason.TIP_NOT_ALLOWED)
        draft = await self._draft(
            caller,
            kind=Kind.TIP,
            profile=Profile.TRADITIONAL,
            amounts=Amounts.of(tip.amount),
            order=tip.order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _made_before(tx, draft, key):
                return known
            original = look_up(tx, draft, tip.original)
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            if original is None or original.kind not in CHARGES or original.state is not State.CAPTURED:
                raise Refused(Reason.UNKNOWN_PAYMENT)
            if original.batch_number != batch.number:
                raise Refused(Reason.UNKNOWN_PAYMENT)
            amounts = msgspec.structs.replace(original.amounts, tip=tip.amount)
            limit = original.amounts.base.percent_half_up(rule.percent_max * 100)
            if tip.amount > limit or amounts.total < original.refunded:
                raise Refused(Reason.TIP_LIMIT)
            if amounts == original.amounts:
                return _Intent(payment=original)
            _replayed(tx, draft, key)
            payment = numbered(
                referring(draft, original, amounts=amounts),
                batch,
                card=original.card,
                retrieval_reference=original.retrieval_reference,
                approval_code=original.approval_code,
            )
            tx.payments.add(payment)
            tx.payments.change(original, original.step(Event.BEGIN_TIP), at=draft.requested_at)
            leave(batch, original)
            return _Intent(payment=payment, stored_card=_stored_card(tx, original), original=original)

        outcome = await self._follow_up(caller, begin, draft, key)
        if outcome.payment.kind is not Kind.TIP:
            return Adjusted(charge=outcome.payment)
        charge = await self._units.read(
            lambda tx: existing(tx, draft.merchant_id, _original_id(outcome.payment))
        )
        return Adjusted(charge=charge, outcome=outcome)

    async def refund(self, caller: Caller, refund: Refund, *, key: Key | None = None) -> Outcome:
        """Money back on a captured or settled sale of this terminal, up to what is left of it.

        Refuses ``WRONG_FACTOR`` and what a key may be refused for.
        """
        asked = refund.amount or Money.zero(caller.merchant.currency)
        await self._factors.prove(caller, refund.proof, asked, used_by=key.fingerprint if key else USED_ONCE)
        draft = await self._draft(
            caller,
            kind=Kind.REFUND,
            profile=Profile.TRADITIONAL,
            amounts=Amounts.of(asked),
            order=refund.order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = look_up(tx, draft, refund.original)
            if original is None or original.kind not in CHARGES:
                return _Intent(payment=turn_down(tx, draft, Reason.ORIGINAL_NOT_FOUND))
            amount = original.refundable if refund.amount is None else refund.amount
            named = referring(draft, original, amounts=Amounts.of(amount))
            if refusal := refund_refusal(original, amount, settled_only=refund.settled_only):
                return _Intent(payment=turn_down(tx, named, refusal))
            token = refund.token or (original.card.token if original.card else "")
            stored = tx.cards.find(draft.merchant_id, token)
            if stored is None:
                return _Intent(payment=turn_down(tx, named, Reason.UNKNOWN_TOKEN))
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            payment = numbered(named, batch, card=stored.card)
            tx.payments.add(payment)
            tx.payments.change(
                original,
                original.changed(
                    refunded=original.refunded + amount,
                    refund_count=original.refund_count + 1,
                ),
                at=draft.requested_at,
            )
            return _Intent(payment=payment, stored_card=stored, original=original)

        return await self._follow_up(caller, begin, draft, key)

    async def void(
        self, caller: Caller, reference: Reference, *, order: Order = NO_ORDER, key: Key | None = None
    ) -> Outcome:
        """Take back an authorization, a sale or a refund that is not settled.

        Refuses ``WRONG_TRANSACTION_NUMBER`` and ``WRONG_AUDIT_NUMBER`` when the payment named by id
        has others than those given.
        """
        draft = await self._draft(
            caller,
            kind=Kind.VOID,
            profile=Profile.TRADITIONAL,
            amounts=Amounts.of(reference.base or Money.zero(caller.merchant.currency)),
            order=order,
        )

        def begin(tx: PaymentTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = look_up(tx, draft, reference)
            if original is None:
                return _Intent(payment=turn_down(tx, draft, Reason.ORIGINAL_NOT_FOUND))
            # A void of an authorization takes its increments with it.
            held = msgspec.structs.replace(
                original.amounts, base=original.amounts.base + original.incremented
            )
            named = referring(draft, original, amounts=held)
            if refusal := void_refusal(tx, original):
                return _Intent(payment=turn_down(tx, named, refusal))
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            payment = numbered(
                named,
                batch,
                card=original.card,
                retrieval_reference=original.retrieval_reference,
                approval_code=original.approval_code,
            )
            tx.payments.add(payment)
            voiding = original.step(Event.BEGIN_VOID)
            tx.payments.change(original, voiding, at=draft.requested_at)
            if original.state is State.CAPTURED:
                leave(batch, original)
            return _Intent(payment=payment, stored_card=_stored_card(tx, original), original=voiding)

        return await self._follow_up(caller, begin, draft, key)

    # -- the walk ---------------------------------------------------------------------------------

    async def _follow_up(
        self, caller: Caller, begin: Callable[[PaymentTx], _Intent], draft: Payment, key: Key | None
    ) -> Outcome:
        """The walk of a payment that refers to an earlier one."""
        intent = await self._begin(begin, draft, key)
        if intent.payment.state is not State.SENDING:
            return Outcome(payment=intent.payment, replayed=intent.replayed)
        return await self._send(caller, intent, self._message(caller, intent), key)

    async def _draft(
        self,
        caller: Caller,
        *,
        kind: Kind,
        profile: Profile,
        amounts: Amounts,
        card: Card | None = None,
        expiry: str | None = None,
        order: Order,
    ) -> Payment:
        real = self._clock.now()
        payment_id = await self._ids.take()
        requested_at = caller.now(real)
        merchant_id, terminal_id = caller.key
        return Payment(
            merchant_id=merchant_id,
            payment_id=payment_id,
            terminal_id=terminal_id,
            kind=kind,
            state=State.SENDING,
            profile=profile,
            amounts=amounts,
            card=card,
            expiry=expiry,
            order=order,
            audit_number=None,
            retrieval_reference=retrieval_reference(requested_at, payment_id),
            requested_at=requested_at,
            sent_at=real.replace(microsecond=0),
            lease_until=real + self._settings.lease,
            batch_number=0,
            refunded=Money.zero(amounts.base.currency),
            incremented=Money.zero(amounts.base.currency),
        )

    async def _begin(
        self,
        begin: Callable[[PaymentTx], _Intent],
        draft: Payment,
        key: Key | None,
        *,
        wanted: Wanted | None = None,
        blind: bool = False,
    ) -> _Intent:
        """Run unit 1. A twin with the same key that is still under way is waited for, then refused.

        When it is not known to be stored, nothing is sent: the caller may try again, and what was stored
        after all is found when its lease has run out.
        """
        twin = TwinWait(self._clock.now, self._pause)
        while True:
            try:
                intent = await self._units.write(
                    begin,
                    merchant_id=draft.merchant_id,
                    terminal_id=draft.terminal_id,
                    wanted=wanted,
                    blind=blind,
                )
            except (Conflict, Unavailable):
                raise Refused(Reason.BUSY) from None
            fault_point("payment.stored")
            if key is None or not intent.replayed or intent.payment.state is not State.SENDING:
                return intent
            await twin.go_on()

    async def _send(
        self, caller: Caller, intent: _Intent, message: Message, key: Key | None, bond: Bond | None = None
    ) -> Outcome:
        said = await self._acquirer.send(message)
        fault_point("payment.answered")
        payment, real = intent.payment, self._clock.now()
        at_least = None if bond is None else payment.amounts.total
        by_rules = payment.kind in JUDGED
        answer = judged(said, caller.merchant.checks, at_least=at_least) if by_rules else said
        try:
            finished = await self._units.write(
                partial(finish, payment=payment, answer=answer, at=caller.now(real), real=real, bond=bond),
                merchant_id=payment.merchant_id,
                terminal_id=payment.terminal_id,
                blind=bond is None and payment.original_id is None and not payment.order.lines,
            )
        except Conflict:
            # The lease ran out while we waited: the payment is in doubt and is being taken back, and
            # this answer, whatever it says, came too late to change that.
            finished = await self._units.read(
                lambda tx: existing(tx, payment.merchant_id, payment.payment_id)
            )
        except (Unavailable, Refused):
            # Refused: more works wait for the database than may. The network's answer is kept all the same.
            left = Left(caller=caller, payment=payment, answer=answer, told_no=key is None)
            self._leftovers.add(left)
            if key is not None:
                raise Refused(Reason.BUSY) from None
            finished = decide(payment, Unresolved(cause="not stored"), at=caller.now(real))
        fault_point("payment.finished")
        return Outcome(payment=finished)

    async def _take_back(self, caller: Caller, payment_id: int) -> None:
        await self.void(caller, Reference(payment_id=payment_id))

    def _message(
        self,
        caller: Caller,
        intent: _Intent,
        *,
        pan: Pan | None = None,
        cvv: Cvv | None = None,
        street: Street | None = None,
    ) -> Message:
        payment, stored = intent.payment, intent.stored_card
        if pan is None and stored is not None:
            pan = self._sealer.open(stored.merchant_id, stored.card.token, stored.sealed)
        return message_of(
            caller,
            payment,
            original=intent.original,
            pan=pan,
            cvv=cvv,
            street=street,
            deadline_at=payment.lease_until - self._settings.lease / 3,
        )


def _stored(tx: PaymentTx, draft: Payment, charge: Charge, kept: StoredCard | None) -> _Intent:
    """Store a charge with its card: ready to be sent, or turned down."""
    stored = kept
    if kept is not None:
        tx.cards.keep(kept)
    elif charge.single_use is not None:
        used = tx.single_use.use(
            draft.merchant_id, draft.terminal_id, charge.single_use, at=draft.requested_at
        )
        if used is not None:
            stored = tx.cards.find(draft.merchant_id, used.card_token)
            draft = draft.having(expiry=used.expiry)
    elif charge.token is not None:
        stored = tx.cards.find(draft.merchant_id, charge.token)
    if stored is None:
        return _Intent(payment=turn_down(tx, draft, Reason.UNKNOWN_TOKEN))
    # The open batch is locked from here on: of two twins at once, the second sees the first.
    batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
    since = draft.requested_at - DUPLICATE_WINDOW
    if charge.once and tx.payments.has_twin(draft, stored.card.token, since=since):
        twin = draft.having(card=stored.card)
        return _Intent(payment=turn_down(tx, twin, Reason.DUPLICATE))
    take_stock(tx, draft)
    payment = numbered(draft, batch, card=stored.card)
    tx.payments.add(payment)
    return _Intent(payment=payment, stored_card=stored)


def _stored_card(tx: PaymentTx, payment: Payment) -> StoredCard | None:
    return tx.cards.find(payment.merchant_id, payment.card.token) if payment.card else None


def _original_id(payment: Payment) -> int:
    if payment.original_id is None:
        message = "a follow-up without an original"
        raise AssertionError(message)
    return payment.original_id


def _replayed(tx: PaymentTx, draft: Payment, key: Key | None) -> _Intent | None:
    """What an earlier request with this key made; or none, and the key is now used."""
    if key is None:
        return None
    known = claimed(tx, draft.merchant_id, draft.terminal_id, key, draft.payment_id, at=draft.sent_at)
    return _known(tx, known)


def _made_before(tx: PaymentTx, draft: Payment, key: Key | None) -> _Intent | None:
    """What an earlier request with this key made, if there was one. The key is not used by asking."""
    return None if key is None else _known(tx, earlier_claim(tx, draft.merchant_id, draft.terminal_id, key))


def _known(tx: PaymentTx, claim: Claim | None) -> _Intent | None:
    if claim is None:
        return None
    return _Intent(payment=existing(tx, claim.merchant_id, claim.subject_id), replayed=True)
