"""Outcomes that could not be stored when they came, since the database was away: stored when it is back.

Whether the last try took place is not known: the database may have committed it and not been able to say so.
A caller with a key is told to ask again, and hears then what was stored. A caller without one was told no,
and that is made true: what was stored as approved after all is voided.

This is memory of one process. Should that die first, leases take back what is still stored as being sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bezant.core.merchants import Caller, SystemClock
from bezant.core.outcomes import Conflict, Refused, Unavailable, Unresolved
from bezant.core.payments.checks import Verdict
from bezant.core.payments.model import Payment, State
from bezant.core.payments.ports import PaymentUnits
from bezant.core.payments.steps import existing, finish

LEFT_MAX = 10_000
_STANDING = frozenset({State.AUTHORIZED, State.CAPTURED})

Void = Callable[[Caller, int], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A payment as it was sent, and what was made of the answer; ``told_no``: so was its caller."""

    caller: Caller
    payment: Payment
    answer: Verdict
    told_no: bool


class Leftovers:
    """Stores what was left. ``void`` takes the payment with an id back."""

    def __init__(self, *, units: PaymentUnits, clock: SystemClock, void: Void) -> None:
        self._units = units
        self._clock = clock
        self._void = void
        self._left: deque[Left] = deque(maxlen=LEFT_MAX)

    def add(self, left: Left) -> None:
        """Keep one for later."""
        self._left.append(left)

    async def tidy(self) -> None:
        """Store what was left, as far as the database is there."""
        for _ in range(len(self._left)):
            left = self._left.popleft()
            try:
                await self._store(left)
            except (Unavailable, Refused):
                self._left.append(left)
                return

    async def _store(self, left: Left) -> None:
        payment, real = left.payment, self._clock.now()
        answer = Unresolved(cause="not stored") if left.told_no else left.answer
        step = partial(finish, payment=payment, answer=answer, at=left.caller.now(real), real=real)
        try:
            await self._units.write(step, merchant_id=payment.merchant_id, terminal_id=payment.terminal_id)
        except Conflict:
            # It had been stored, or its lease ran out.
            stored = await self._units.read(lambda tx: existing(tx, payment.merchant_id, payment.payment_id))
            if left.told_no and stored.state in _STANDING:
                await self._void(left.caller, payment.payment_id)
