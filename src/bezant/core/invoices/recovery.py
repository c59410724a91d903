"""What becomes of invoices by themselves: those past their time, and those whose payment ended elsewhere.

A payment whose process died, or whose outcome could be stored only later, comes to its end by the recovery of
payments. Its invoice is in ``PAYING`` until then and is settled here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from bezant.core.faults import fault_point
from bezant.core.invoices.model import Event, Invoice, State
from bezant.core.invoices.ports import Callers, Ids, InvoiceTx, InvoiceUnits
from bezant.core.invoices.service import paid_ids
from bezant.core.invoices.steps import PaidIds, existing, settle
from bezant.core.merchants import SystemClock
from bezant.core.notices import Notices
from bezant.core.outcomes import Conflict

SWEEP_MAX = 500


class InvoiceRecovery:
    """Settles and expires invoices. Several processes may do so at once: each step is one's alone."""

    def __init__(
        self, *, units: InvoiceUnits, callers: Callers, ids: Ids, notices: Notices, clock: SystemClock
    ) -> None:
        self._units = units
        self._callers = callers
        self._ids = ids
        self._notices = notices
        self._clock = clock

    async def settle(self) -> int:
        """Invoices whose payment has come to its end are paid, or can be paid anew; how many there were."""
        found = await self._units.read(lambda tx: tx.invoices.unsettled(SWEEP_MAX))
        for invoice in found:
            fault_point("invoice.unsettled")
            caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
            at, ids = caller.now(self._clock.now()), await paid_ids(self._ids, self._notices)
            step = partial(_settle, invoice=invoice, at=at, ids=ids, notices=self._notices)
            await self._quietly(invoice, step)
        return len(found)

    async def expire(self) -> int:
        """Pending invoices that are past their time are expired from now on; how many there were."""
        real = self._clock.now()
        found = await self._units.read(lambda tx: tx.invoices.overdue(real, SWEEP_MAX))
        for invoice in found:
            fault_point("invoice.overdue")
            caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
            await self._quietly(invoice, partial(_expire, invoice=invoice, at=caller.now(real)))
        return len(found)

    async def _quietly(self, invoice: Invoice, step: Callable[[InvoiceTx], None]) -> None:
        """Run a step; whoever comes second finds that there is nothing to do."""
        try:
            await self._units.write(step, merchant_id=invoice.merchant_id)
        except Conflict:
            return


def _settle(tx: InvoiceTx, *, invoice: Invoice, at: datetime, ids: PaidIds, notices: Notices) -> None:
    current = existing(tx, invoice.merchant_id, invoice.invoice_id)
    if current.payment_id is None:
        return
    payment = tx.payments.find(current.merchant_id, current.payment_id)
    assert payment is not None, "a payment that was stored is there"
    settle(tx, current, payment, at=at, ids=ids, notices=notices)


def _expire(tx: InvoiceTx, *, invoice: Invoice, at: datetime) -> None:
    current = existing(tx, invoice.merchant_id, invoice.invoice_id)
    if current.state is State.PENDING and current.stands(at) is State.EXPIRED:
        tx.invoices.change(current, current.step(Event.EXPIRE, updated_at=at), at=at)
