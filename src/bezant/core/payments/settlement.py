"""Settling a batch: freeze and open the next, tell the acquirer the totals, then close.

A batch whose totals were not confirmed stays frozen; the next settlement of its terminal, or the
timetable, tells them again, so an empty answer is only given when everything before was closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bezant.core.batches import Batch, BatchState, Totals
from bezant.core.faults import fault_point
from bezant.core.ledger import Account, Cause, Entry, Layer, Line
from bezant.core.merchants import Caller, Profile, SystemClock
from bezant.core.money import Currency, Money
from bezant.core.outcomes import Approved, Declined, NotSent, Reason, Unresolved
from bezant.core.payments.messages import BatchTotals
from bezant.core.payments.ports import (
    NOTHING_SETTLED,
    Acquirer,
    Claim,
    Ids,
    PaymentTx,
    PaymentUnits,
)
from bezant.core.payments.steps import Key, claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a settlement ended: with no members for an empty batch; ``reason`` says why it did not close."""

    batch_number: int
    totals: Totals
    currency: Currency
    settled_at: datetime
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frozen:
    """What the first unit of work left: the batch as it then was, and what the acquirer is to be told."""

    batch: Batch
    shares: Sequence[BatchTotals]


class Settlements:
    """Settles batches of one gateway."""

    def __init__(self, *, units: PaymentUnits, acquirer: Acquirer, ids: Ids, clock: SystemClock) -> None:
        self._units = units
        self._acquirer = acquirer
        self._ids = ids
        self._clock = clock

    async def settle(self, caller: Caller, *, key: Key | None = None) -> Settlement:
        """Settle what the terminal has open, or what an earlier settlement left unconfirmed.

        A settlement that is repeated with its key answers for the batch it closed, or found empty.
        """
        settlement_id = await self._ids.take()
        real = self._clock.now()
        frozen = await self._units.write(
            partial(_freeze, caller=caller, key=key, settlement_id=settlement_id, real=real),
            merchant_id=caller.merchant.merchant_id,
        )
        fault_point("settlement.frozen")
        batch = frozen.batch
        if batch.state is BatchState.SETTLING:
            return await self._end(caller, frozen, now=caller.now(real))
        totals = batch.totals if batch.state is BatchState.CLOSED else Totals()
        return _settlement(batch, totals, caller.now(real))

    async def finish(self, caller: Caller) -> None:
        """Tell the totals that an earlier settlement left unconfirmed; what is open stays open."""
        real = self._clock.now()
        frozen = await self._units.write(
            partial(_frozen_before, caller=caller, real=real),
            merchant_id=caller.merchant.merchant_id,
        )
        if frozen is not None:
            await self._end(caller, frozen, now=caller.now(real))

    async def _end(self, caller: Caller, frozen: _Frozen, *, now: datetime) -> Settlement:
        """Tell the acquirer about a frozen batch and close it, unless it has not taken the totals."""
        batch = frozen.batch
        if reason := await self._tell(frozen.shares):
            return _settlement(batch, batch.totals, now, reason)
        closed = await self._units.write(
            partial(_close, caller=caller, number=batch.number, now=now),
            merchant_id=batch.merchant_id,
        )
        fault_point("settlement.closed")
        return closed

    async def _tell(self, shares: Sequence[BatchTotals]) -> Reason | None:
        """Tell the acquirer each share; why it has not taken all of them, if it has not."""
        for share in shares:
            fault_point("settlement.telling")
            answer = await self._acquirer.close_batch(share)
            fault_point("settlement.told")
            match answer:
                case Approved():
                    pass
                case Declined(reason=reason):
                    return reason
                case Unresolved():
                    return Reason.NO_ANSWER
                case NotSent():
                    return Reason.NOT_REACHED
        return None


def _freeze(tx: PaymentTx, *, caller: Caller, key: Key | None, settlement_id: int, real: datetime) -> _Frozen:
    """Close the open batch to new members, unless an earlier one is still to be confirmed."""
    merchant_id, terminal_id = caller.key
    settling = tx.batches.settling(merchant_id, terminal_id)
    batch = settling[0] if settling else tx.batches.open(merchant_id, terminal_id)
    fault_point("settlement.locked")
    empty = not settling and batch.totals.count == 0
    if key is not None:
        subject_id = NOTHING_SETTLED if empty else batch.settlement_id or settlement_id
        claim = claimed(tx, merchant_id, terminal_id, key, subject_id, at=real)
        if claim is not None:
            return _repeated(tx, claim, caller, real=real)
    if empty:
        return _Frozen(batch=batch.copy(), shares=())
    if not settling:
        tx.batches.add(batch.freeze(settlement_id=settlement_id, at=caller.now(real)))
    shares = _shares(tx, caller, batch, real=real, repeat=bool(settling))
    fault_point("settlement.totalled")
    return _Frozen(batch=batch.copy(), shares=shares)


def _frozen_before(tx: PaymentTx, *, caller: Caller, real: datetime) -> _Frozen | None:
    """The terminal's oldest batch that is still to be confirmed, if there is one."""
    settling = tx.batches.settling(*caller.key)
    if not settling:
        return None
    batch = settling[0]
    return _Frozen(batch=batch.copy(), shares=_shares(tx, caller, batch, real=real, repeat=True))


def _close(tx: PaymentTx, *, caller: Caller, number: int, now: datetime) -> Settlement:
    """The acquirer has the totals: the batch is closed and its members are settled."""
    merchant_id, terminal_id = caller.key
    batch = tx.batches.find(merchant_id, terminal_id, number)
    if batch is None:
        message = "a batch that was frozen is gone"
        raise AssertionError(message)
    if batch.state is BatchState.SETTLING:
        batch.confirm(now)
        tx.payments.settle(merchant_id, terminal_id, number, settled_at=now)
        _book(tx, batch, booked_at=now)
        fault_point("settlement.closing")
    return _settlement(batch, batch.totals, now)


def _repeated(tx: PaymentTx, claim: Claim, caller: Caller, *, real: datetime) -> _Frozen:
    """What a settlement with the same key found."""
    if claim.subject_id == NOTHING_SETTLED:
        return _Frozen(batch=tx.batches.open(claim.merchant_id, claim.terminal_id).copy(), shares=())
    batch = tx.batches.find_settlement(claim.merchant_id, claim.terminal_id, claim.subject_id)
    if batch is None:
        message = "a batch that a key was used for is gone"
        raise AssertionError(message)
    closed = batch.state is BatchState.CLOSED
    shares = () if closed else _shares(tx, caller, batch, real=real, repeat=True)
    return _Frozen(batch=batch.copy(), shares=shares)


def _shares(
    tx: PaymentTx, caller: Caller, batch: Batch, *, real: datetime, repeat: bool
) -> Sequence[BatchTotals]:
    """The batch's totals, one message for each merchant account that has a share."""
    totals = tx.payments.totals(batch.merchant_id, batch.terminal_id, batch.number)
    return [
        _share(tx, caller, batch, profile=profile, totals=share, real=real, repeat=repeat)
        for profile, share in sorted(totals.items())
    ]


def _share(
    tx: PaymentTx,
    caller: Caller,
    batch: Batch,
    *,
    profile: Profile,
    totals: Totals,
    real: datetime,
    repeat: bool,
) -> BatchTotals:
    numbers = tx.batches.open(batch.merchant_id, batch.terminal_id)
    return BatchTotals(
        endpoint=caller.terminal.endpoints[profile],
        batch_number=batch.number,
        audit_number=numbers.next_audit_number(),
        sent_at=real.replace(microsecond=0),
        local_at=caller.local(caller.now(real)),
        debit_count=totals.sale_count,
        debits=Money(totals.sold, batch.currency),
        credit_count=totals.refund_count,
        credits=Money(totals.refunded, batch.currency),
        repeat=repeat,
    )


def _book(tx: PaymentTx, batch: Batch, *, booked_at: datetime) -> None:
    net = Money(batch.totals.net, batch.currency)
    if net and batch.settlement_id is not None:
        tx.journal.book(
            Entry(
                merchant_id=batch.merchant_id,
                subject_id=batch.settlement_id,
                cause=Cause.SETTLEMENT,
                layer=Layer.POSTED,
                booked_at=booked_at,
                lines=(Line(Account.ACQUIRER_RECEIVABLE, net), Line(Account.CAPTURED, -net)),
            )
        )


def _settlement(batch: Batch, totals: Totals, at: datetime, reason: Reason | None = None) -> Settlement:
    return Settlement(
        batch_number=batch.number,
        totals=totals,
        currency=batch.currency,
        settled_at=at,
        reason=reason,
    )
