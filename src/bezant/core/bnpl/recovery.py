"""Nothing stays in doubt: leases that ran out, and inquiries until the lender says what it has booked.

An inquiry fences: a message that the lender had not booked by then is refused if it arrives later. So what
the lender says of a message in doubt is final, and a loan that the caller was told to be uncertain of may
still become granted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from bezant.core.bnpl.messages import Inquiry, InquiryAnswer
from bezant.core.bnpl.model import Loan, LoanRefund, settles
from bezant.core.bnpl.ports import Callers, FinanceTx, FinanceUnits, Ids, Lender
from bezant.core.bnpl.steps import finish_loan, finish_refund
from bezant.core.faults import fault_point
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import Conflict, NotSent, Unresolved

DELAYS = (0, 2, 5, 15, 60, 5 * 60, 30 * 60)
"""Seconds until each of the first inquiries; then one an hour."""
HOURLY = 60 * 60
NOT_REACHED_SECONDS = 5
"""Until the next try of an inquiry that never left us; it counts as none."""
SWEEP_MAX = 500


class FinanceRecovery:
    """Finds out what became of loans and refunds that were left in doubt.

    ``lease``: how long an inquiry may be under way before it is taken to be lost.
    """

    def __init__(
        self,
        *,
        units: FinanceUnits,
        lender: Lender,
        callers: Callers,
        ids: Ids,
        clock: SystemClock,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._lender = lender
        self._callers = callers
        self._ids = ids
        self._clock = clock
        self._lease = lease

    async def sweep(self) -> int:
        """Loans and refunds whose lease ran out are in doubt from now on; how many there were."""
        real = self._clock.now()
        lost = await self._units.read(lambda tx: tx.finance.leases_run_out(real, SWEEP_MAX))
        for asked in lost:
            caller = await self._callers.caller(asked.merchant_id, asked.terminal_id)
            answer = Unresolved(cause="lease ran out")
            await self._quietly(asked, await self._finishing(asked, answer, at=caller.now(real), real=real))
        return len(lost)

    async def due(self, limit: int = SWEEP_MAX) -> list[Loan | LoanRefund]:
        """What is in doubt and to be asked about now."""
        real = self._clock.now()
        return list(await self._units.read(lambda tx: tx.finance.to_inquire(real, limit)))

    async def resolve(self, asked: Loan | LoanRefund) -> bool:
        """Ask the lender what became of one; whether it said. Two processes may race for it: one wins."""
        real = self._clock.now()
        claimed = asked.changed(tries=asked.tries + 1, next_try_at=real + self._lease)
        if not await self._quietly(asked, _changing(asked, claimed, at=real)):
            return False
        fault_point("inquiry.claimed")
        caller = await self._callers.caller(asked.merchant_id, asked.terminal_id)
        answer = await self._lender.inquire(
            Inquiry(
                reference=asked.message_reference,
                program=caller.merchant.app_id,
                deadline_at=real + self._lease,
            )
        )
        fault_point("inquiry.answered")
        answered_at = self._clock.now()
        if settles(asked, answer):
            at = caller.now(answered_at)
            finish = await self._finishing(claimed, answer, at=at, real=answered_at)
            settled = await self._quietly(asked, finish)
            fault_point("inquiry.settled")
            return settled
        if isinstance(answer, NotSent):
            tries, seconds = asked.tries, NOT_REACHED_SECONDS
        else:
            tries = claimed.tries
            seconds = DELAYS[tries] if tries < len(DELAYS) else HOURLY
        later = claimed.changed(tries=tries, next_try_at=answered_at + timedelta(seconds=seconds))
        await self._quietly(asked, _changing(claimed, later, at=answered_at))
        return False

    async def _finishing(
        self, asked: Loan | LoanRefund, answer: InquiryAnswer, *, at: datetime, real: datetime
    ) -> Callable[[FinanceTx], object]:
        """The step that ends ``asked`` with an answer."""
        delivery_id = await self._ids.take()
        if isinstance(asked, Loan):
            return partial(finish_loan, loan=asked, answer=answer, delivery_id=delivery_id, at=at, real=real)
        return partial(finish_refund, refund=asked, answer=answer, delivery_id=delivery_id, at=at, real=real)

    async def _quietly(self, asked: Loan | LoanRefund, step: Callable[[FinanceTx], object]) -> bool:
        """Run a step; whether it was this process that took it."""
        try:
            await self._units.write(step, merchant_id=asked.merchant_id)
        except Conflict:
            return False
        return True


def _changing(
    before: Loan | LoanRefund, after: Loan | LoanRefund, *, at: datetime
) -> Callable[[FinanceTx], object]:
    """The step that stores another time of the next inquiry."""
    if isinstance(before, Loan) and isinstance(after, Loan):
        return lambda tx: tx.finance.change_loan(before, after, at=at)
    assert isinstance(before, LoanRefund)
    assert isinstance(after, LoanRefund)
    return lambda tx: tx.finance.change_refund(before, after, at=at)
