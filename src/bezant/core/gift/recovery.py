"""Nothing stays in doubt: leases that ran out, and cancellations until the host confirms them.

A cancellation holds whether its original has arrived, is still on its way or was lost: a host that gets the
original afterwards refuses it. The one it may not be able to make good is that of a load whose money has
been spent meanwhile: that one stays in doubt, is tried again, and is a person's to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from bezant.core.faults import fault_point
from bezant.core.gift.messages import Granted
from bezant.core.gift.model import Event, Movement, State
from bezant.core.gift.ports import Callers, GiftHost, GiftTx, GiftUnits
from bezant.core.gift.steps import cancellation_of, existing, finish, undo
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import Conflict, NotSent, Unresolved

DELAYS = (0, 15, 60, 5 * 60, 30 * 60, 2 * 60 * 60)
"""Seconds until each of the first tries; then one an hour. As for card payments."""
HOURLY = 60 * 60
NOT_REACHED_SECONDS = 5
"""Until the next try of a cancellation that never left us; it counts as none."""
SWEEP_MAX = 500


class GiftRecovery:
    """Takes back what was left in doubt.

    ``lease``: how long a try of a cancellation may be under way before it is taken to be lost.
    """

    def __init__(
        self,
        *,
        units: GiftUnits,
        host: GiftHost,
        callers: Callers,
        clock: SystemClock,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._host = host
        self._callers = callers
        self._clock = clock
        self._lease = lease

    async def sweep(self) -> int:
        """Movements whose lease ran out are in doubt from now on; how many there were."""
        real = self._clock.now()
        lost = await self._units.read(lambda tx: tx.gift.leases_run_out(real, SWEEP_MAX))
        for movement in lost:
            caller = await self._callers.caller(movement.merchant_id, movement.terminal_id)
            answer = Unresolved(cause="lease ran out")
            step = partial(finish, movement=movement, answer=answer, at=caller.now(real), real=real)
            await self._quietly(movement, step)
        return len(lost)

    async def due(self, limit: int = SWEEP_MAX) -> list[Movement]:
        """Movements in doubt to try to cancel now."""
        real = self._clock.now()
        return list(await self._units.read(lambda tx: tx.gift.to_cancel(real, limit)))

    async def cancel(self, movement: Movement) -> bool:
        """Try to cancel one; whether the host confirmed it. Two processes may race for it: one wins."""
        real = self._clock.now()
        claimed = movement.changed(tries=movement.tries + 1, next_try_at=real + self._lease)
        if not await self._quietly(movement, lambda tx: tx.gift.change(movement, claimed, at=real)):
            return False
        fault_point("gift-cancel.claimed")
        caller = await self._callers.caller(movement.merchant_id, movement.terminal_id)
        answer = await self._host.send(cancellation_of(caller, movement, deadline_at=real + self._lease))
        fault_point("gift-cancel.answered")
        answered_at = self._clock.now()
        if isinstance(answer, Granted):
            return await self._quietly(
                movement, partial(_confirm, movement=claimed, at=caller.now(answered_at))
            )
        if isinstance(answer, NotSent):
            tries, seconds = movement.tries, NOT_REACHED_SECONDS
        else:
            tries = claimed.tries
            seconds = DELAYS[tries] if tries < len(DELAYS) else HOURLY
        later = claimed.changed(tries=tries, next_try_at=answered_at + timedelta(seconds=seconds))
        await self._quietly(movement, lambda tx: tx.gift.change(claimed, later, at=answered_at))
        return False

    async def _quietly(self, movement: Movement, step: Callable[[GiftTx], object]) -> bool:
        """Run a step; whether it was this process that took it."""
        try:
            await self._units.write(step, merchant_id=movement.merchant_id, terminal_id=movement.terminal_id)
        except Conflict:
            return False
        return True


def _confirm(tx: GiftTx, *, movement: Movement, at: datetime) -> None:
    current = existing(tx, movement.merchant_id, movement.movement_id)
    if current.state is not State.IN_DOUBT:
        return
    fault_point("gift-cancel.confirming")
    tx.gift.change(current, current.step(Event.CANCEL, next_try_at=None), at=at)
    undo(tx, current, at=at)
