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

AUTHORIZATION_LIFE = timedelta(days=7)
EXPIRE_MAX = 200


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
        """The last local day on which it settled by itself."""
        ...


def is_due(due: Due, local: datetime) -> bool:
    """Whether a terminal's settlement time of this local day has come and was not kept yet."""
    if local.hour * 60 + local.minute < due.settles_at:
        return False
    return due.settled_on is None or due.settled_on < local.date()


class Cutoffs:
    """Keeps the times that merchants' clocks tell."""

    def __init__(
        self, *, units: PaymentUnits, settlements: Settlements, callers: Callers, clock: SystemClock
    ) -> None:
        self._units = units
        self._settlements = settlements
        self._callers = callers
        self._clock = clock

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
        """Settle a terminal whose time has come; whether it had."""
        caller = await self._callers.caller(due.merchant_id, due.terminal_id)
        local = caller.local(caller.now(self._clock.now()))
        if not is_due(due, local):
            return False
        settlement = await self._settlements.settle(caller)
        if settlement.reason is None:
            await self._note(caller, local.date())
        return settlement.reason is None

    async def _note(self, caller: Caller, day: date) -> None:
        merchant_id, terminal_id = caller.key
        await self._units.write(
            lambda tx: tx.merchants.note_settled(merchant_id, terminal_id, day), merchant_id=merchant_id
        )


def _expire(tx: PaymentTx, *, payment: Payment, at: datetime, real: datetime) -> None:
    tx.payments.change(payment, payment.step(Event.EXPIRE), at=at)
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
