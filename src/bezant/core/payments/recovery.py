"""Nothing stays in doubt: leases that ran out, and reversals until the network confirms them.

Each reversal has its own next try, so one that the network will not take delays no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from bezant.core.faults import fault_point
from bezant.core.merchants import Caller, SystemClock
from bezant.core.outcomes import Answer, Approved, Conflict, Declined, NotSent, Reason, Unresolved
from bezant.core.payments.messages import Message
from bezant.core.payments.model import FORWARD, NEW_MONEY, Event, Kind, Payment, State
from bezant.core.payments.ports import Acquirer, Ids, PaymentTx, PaymentUnits, Reversal, Stray
from bezant.core.payments.steps import (
    carry_over,
    existing,
    finish,
    give_stock_back,
    message_of,
    reversal_of,
)
from bezant.core.vault import Sealer, StoredCard

DELAYS = (0, 15, 60, 5 * 60, 30 * 60, 2 * 60 * 60)
"""Seconds until each of the first tries; then one an hour."""
ESCALATED_AFTER = timedelta(seconds=sum(DELAYS))
"""The age at which a person should look at a reversal that is not confirmed."""
HOURLY = 60 * 60
NOT_REACHED_SECONDS = 15
"""Until the next try of a reversal that never left us; it counts as none."""
SWEEP_MAX = 500


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class Recovery:
    """Takes back what was left in doubt.

    ``lease``: how long a try of a reversal may be under way before it is taken to be lost.
    """

    def __init__(
        self,
        *,
        units: PaymentUnits,
        acquirer: Acquirer,
        sealer: Sealer,
        callers: Callers,
        ids: Ids,
        clock: SystemClock,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._acquirer = acquirer
        self._sealer = sealer
        self._callers = callers
        self._ids = ids
        self._clock = clock
        self._lease = lease

    async def sweep(self) -> int:
        """Payments whose lease ran out are in doubt from now on; how many there were."""
        real = self._clock.now()
        lost = await self._units.read(lambda tx: tx.payments.leases_run_out(real, SWEEP_MAX))
        for payment in lost:
            fault_point("lease.run-out")
            caller = await self._callers.caller(payment.merchant_id, payment.terminal_id)
            step = partial(
                finish,
                payment=payment,
                answer=Unresolved(cause="lease ran out"),
                at=caller.now(real),
                real=real,
            )
            await self._quietly(payment, step)
        return len(lost)

    async def due(self, limit: int = SWEEP_MAX) -> list[Reversal]:
        """Reversals to try now."""
        real = self._clock.now()
        return list(await self._units.read(lambda tx: tx.reversals.due(real, limit)))

    async def attempt(self, reversal: Reversal) -> bool:
        """Try one reversal; whether the network confirmed it. Two processes may race for it: one wins."""
        fault_point("reversal.due")
        real = self._clock.now()
        claimed = replace(reversal, tries=reversal.tries + 1, next_try_at=real + self._lease)

        def claim(tx: PaymentTx) -> tuple[Payment, Payment | None, StoredCard | None]:
            tx.reversals.change(reversal, claimed)
            payment = existing(tx, reversal.merchant_id, reversal.payment_id)
            original = None
            if payment.kind in FORWARD and payment.original_id is not None:
                original = existing(tx, payment.merchant_id, payment.original_id)
            card = payment.card
            return payment, original, tx.cards.find(payment.merchant_id, card.token) if card else None

        try:
            payment, original, stored = await self._units.write(claim, merchant_id=reversal.merchant_id)
        except Conflict:
            return False
        fault_point("reversal.claimed")
        caller = await self._callers.caller(payment.merchant_id, payment.terminal_id)
        if payment.kind is Kind.TIP and original is not None:
            if original.state is State.ADJUSTING:
                # Another tip is on its way: told again now, this one could arrive after it.
                await self._quietly(
                    payment, partial(_postpone, reversal=claimed, tries=reversal.tries, real=real)
                )
                return False
            if original.amounts != payment.amounts:
                # A later tip took its place, and told the network the amount that counts.
                end = partial(_confirm, reversal=claimed, at=caller.now(real), real=real)
                return await self._quietly(payment, end)
        # A void was itself the first reversal of what it voids, and a tip the first message of its amount.
        repeat = reversal.tries > 0 or payment.kind in FORWARD
        answer = await self._acquirer.send(self._message(caller, payment, original, stored, repeat=repeat))
        fault_point("reversal.answered")
        answered_at = self._clock.now()
        if _settles(payment, answer, answered_at):
            end = partial(_confirm, reversal=claimed, at=caller.now(answered_at), real=answered_at)
            confirmed = await self._quietly(payment, end)
            fault_point("reversal.confirmed")
            return confirmed
        tries = reversal.tries if isinstance(answer, NotSent) else claimed.tries
        postponed = partial(_postpone, reversal=claimed, tries=tries, real=answered_at)
        await self._quietly(payment, postponed)
        return False

    async def keep_stray(self, stray: Stray) -> None:
        """Record an answer that came late, twice or for nobody."""
        stray_id = await self._ids.take()
        await self._units.write(lambda tx: tx.strays.add(stray_id, stray), merchant_id=0)

    def _message(
        self,
        caller: Caller,
        payment: Payment,
        original: Payment | None,
        stored: StoredCard | None,
        *,
        repeat: bool,
    ) -> Message:
        pan = None
        if stored is not None:
            pan = self._sealer.open(stored.merchant_id, stored.card.token, stored.sealed)
        deadline_at = self._clock.now() + self._lease
        if payment.kind is Kind.TIP:
            return message_of(
                caller, payment, original=original, pan=pan, repeat=repeat, deadline_at=deadline_at
            )
        return reversal_of(caller, payment, voided=original, pan=pan, repeat=repeat, deadline_at=deadline_at)

    async def _quietly(self, payment: Payment, step: Callable[[PaymentTx], object]) -> bool:
        """Run a step; whether it was this process that took it."""
        try:
            await self._units.write(step, merchant_id=payment.merchant_id, terminal_id=payment.terminal_id)
        except Conflict:
            return False
        return True


def _settles(payment: Payment, answer: Answer, real: datetime) -> bool:
    """Whether nothing of the payment is left at the network.

    That the network knows of nothing counts only when the payment can no longer be on its way there. A tip
    that the network will not take stays with us: it is settled by the batch's totals.
    """
    if payment.kind is Kind.TIP:
        return isinstance(answer, Approved | Declined)
    if isinstance(answer, Declined) and answer.reason is Reason.ORIGINAL_NOT_FOUND:
        return real >= payment.lease_until
    return isinstance(answer, Approved)


def _confirm(tx: PaymentTx, *, reversal: Reversal, at: datetime, real: datetime) -> None:
    fault_point("reversal.confirming")
    tx.reversals.change(reversal, replace(reversal, confirmed_at=real))
    payment = existing(tx, reversal.merchant_id, reversal.payment_id)
    if payment.state is not State.IN_DOUBT:
        return
    reversed_ = payment.step(Event.REVERSE)
    tx.payments.change(payment, reversed_, at=at)
    if payment.kind in NEW_MONEY:
        give_stock_back(tx, payment, at=at)
    carry_over(tx, reversed_, at=at)


def _postpone(tx: PaymentTx, *, reversal: Reversal, tries: int, real: datetime) -> None:
    """Let a claimed reversal wait for its next try, with ``tries`` of them made."""
    if tries < reversal.tries:
        seconds = NOT_REACHED_SECONDS
    else:
        seconds = DELAYS[tries] if tries < len(DELAYS) else HOURLY
    later = replace(
        reversal,
        tries=tries,
        next_try_at=real + timedelta(seconds=seconds),
        escalated=real - reversal.created_at >= ESCALATED_AFTER,
    )
    tx.reversals.change(reversal, later)
