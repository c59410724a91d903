"""What a merchant's clock brings about by itself: authorizations expire, terminals settle."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol

from bezant.core.merchants import Caller, SystemClock
from bezant.core.outcomes import Conflict
from bezant.core.payments.model import Event, Payment, hold_entry
from bezant.core.payments.ports import PaymentTx, PaymentUnits, Reversal
from bezant.core.payments.recovery import Callers
from bezant.core.payments.settlement import Settlements
from bezant.core.payments.steps import give_stock_back

AUTHORIZATION_LIFE = timedelta(days=7)
EXPIRE_MAX = 200
RETRY_AFTER = timedelta(seconds=30)
"""Between two tries to settle a terminal whose time has come."""


class Due(Protocol):
    """A terminal that settles by itself, and the last local day on which it did."""

    @property
    def merchant_id(self) -> int:
        """Whose terminal it is."""
        ...

    @property
    def terminal_id(self) -> int:
        """The terminal."""
        ...

    @property
    def settles_at(self) -> int:
        """Minutes after midnight on the store's wall clock."""
        ...

    @property
    def settled_on(self) -> date | None:
        """The last local day whose time it kept."""
        ...


def missed_day(due: Due, local: datetime) -> date | None:
    """The last local day whose settlement time has come, if it was not kept yet.

    Days that were missed before that (nobody was up, the clock was moved) are settled with it. A clock that
    was moved back to before the last day kept goes by today's time alone.
    """
    today = local.date()
    has_come = local.hour * 60 + local.minute >= due.settles_at
    last = today if has_come else today - timedelta(days=1)
    if due.settled_on is not None and due.settled_on > today:
        return today if has_come else None
    return last if due.settled_on is None or due.settled_on < last else None


class Cutoffs:
    """Keeps the times that merchants' clocks tell."""

    def __init__(
        self, *, units: PaymentUnits, settlements: Settlements, callers: Callers, clock: SystemClock
    ) -> None:
        self._units = units
        self._settlements = settlements
        self._callers = callers
        self._clock = clock
        self._retry_at: dict[tuple[int, int], datetime] = {}

    async def expire_authorizations(self) -> int:
        """Let go of what was held for seven days by the merchant's clock, here and at the network."""
        real = self._clock.now()
        expired = await self._units.read(
            lambda tx: tx.payments.held_too_long(real, AUTHORIZATION_LIFE, EXPIRE_MAX)
        )
        for payment in expired:
            caller = await self._callers.caller(payment.merchant_id, payment.terminal_id)
            try:
                await self._units.write(
                    partial(_expire, payment=payment, at=caller.now(real), real=real),
                    merchant_id=payment.merchant_id,
                    terminal_id=payment.terminal_id,
                )
            except Conflict:
                continue  # it was captured, voided or raised this very moment
        return len(expired)

    async def settle(self, due: Due) -> bool:
        """Settle a terminal whose time has come; whether that was done."""
        real = self._clock.now()
        caller = await self._callers.caller(due.merchant_id, due.terminal_id)
        day = missed_day(due, caller.local(caller.now(real)))
        if day is None or real < self._retry_at.get(caller.key, real):
            return False
        # An earlier batch that is not confirmed yet comes first: what is open is settled after it.
        await self._settlements.finish(caller)
        settlement = await self._settlements.settle(caller)
        if settlement.reason is not None:
            self._retry_at[caller.key] = real + RETRY_AFTER
            return False
        self._retry_at.pop(caller.key, None)
        await self._note(caller, day)
        return True

    async def _note(self, caller: Caller, day: date) -> None:
        merchant_id, terminal_id = caller.key
        await self._units.write(
            lambda tx: tx.merchants.note_settled(merchant_id, terminal_id, day), merchant_id=merchant_id
        )


def _expire(tx: PaymentTx, *, payment: Payment, at: datetime, real: datetime) -> None:
    tx.payments.change(payment, payment.step(Event.EXPIRE), at=at)
    give_stock_back(tx, payment, at=at)
    tx.journal.book(hold_entry(payment, payment, held=False, booked_at=at))
    tx.reversals.add(
        Reversal(
            merchant_id=payment.merchant_id,
            payment_id=payment.payment_id,
            tries=0,
            next_try_at=real,
            created_at=real,
        )
    )
