"""What was paid: lists of payments and the open batch, for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bezant.core.batches import Batch, Totals
from bezant.core.merchants import Caller
from bezant.core.payments.model import Kind, Payment, State
from bezant.core.payments.ports import PaymentTx, PaymentUnits
from bezant.core.payments.queries import Page, PaymentQuery

MEMBER_KINDS = (Kind.SALE, Kind.CAPTURE, Kind.REFUND)
IN_OPEN_BATCH = (State.CAPTURED, State.VOIDING, State.VOIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A terminal's open batch: its totals, and a page of what it holds, voided members among them."""

    number: int
    totals: Totals
    members: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedBatch:
    """A batch that was settled: its totals, and a page of its members, voided ones among them."""

    totals: Totals
    members: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledBatch:
    """A batch that the acquirer has confirmed, and what was settled with it, newest first."""

    batch: Batch
    members: Page


class Reports:
    """Reads, never writes."""

    def __init__(self, *, units: PaymentUnits) -> None:
        self._units = units

    async def page(self, query: PaymentQuery) -> Page:
        """One page of a list, newest first."""
        return await self._units.read(lambda tx: tx.payments.page(query))

    async def open_batch(self, caller: Caller, *, limit: int, offset: int) -> OpenBatch:
        """What the terminal has captured since its last settlement."""
        merchant_id, terminal_id = caller.key

        def work(tx: PaymentTx) -> OpenBatch:
            number = tx.batches.open_number(merchant_id, terminal_id)
            by_profile = tx.payments.totals(merchant_id, terminal_id, number)
            members = tx.payments.page(
                PaymentQuery(
                    merchant_id=merchant_id,
                    terminal_id=terminal_id,
                    batch_number=number,
                    kinds=MEMBER_KINDS,
                    states=IN_OPEN_BATCH,
                    limit=limit,
                    offset=offset,
                )
            )
            totals = sum(by_profile.values(), Totals())
            return OpenBatch(number=number, totals=totals, members=members)

        return await self._units.read(work)

    async def closed_batch(self, caller: Caller, number: int, *, limit: int, offset: int) -> ClosedBatch:
        """What a settled batch holds: nothing, when the terminal has settled no batch of that number."""
        merchant_id, terminal_id = caller.key

        def work(tx: PaymentTx) -> ClosedBatch:
            totals = tx.batches.settled_totals(merchant_id, terminal_id, number)
            if totals is None:
                return ClosedBatch(totals=Totals(), members=Page(payments=(), total=0))
            members = tx.payments.page(
                PaymentQuery(
                    merchant_id=merchant_id,
                    terminal_id=terminal_id,
                    batch_number=number,
                    kinds=MEMBER_KINDS,
                    states=(State.SETTLED, State.CAPTURED, State.VOIDED),
                    limit=limit,
                    offset=offset,
                )
            )
            return ClosedBatch(totals=totals, members=members)

        return await self._units.read(work)

    async def settled_batches(
        self,
        caller: Caller,
        *,
        closed_from: datetime | None = None,
        closed_to: datetime | None = None,
        number: int | None = None,
        limit: int,
        members_max: int,
    ) -> Sequence[SettledBatch]:
        """Batches that were closed in a period of the merchant's time, newest first, with their members."""
        merchant_id, terminal_id = caller.key

        def work(tx: PaymentTx) -> list[SettledBatch]:
            return [
                SettledBatch(
                    batch=batch,
                    members=tx.payments.page(
                        PaymentQuery(
                            merchant_id=merchant_id,
                            terminal_id=terminal_id,
                            batch_number=batch.number,
                            kinds=MEMBER_KINDS,
                            states=(State.SETTLED,),
                            limit=members_max,
                        )
                    ),
                )
                for batch in tx.batches.closed(
                    merchant_id,
                    terminal_id,
                    closed_from=closed_from,
                    closed_to=closed_to,
                    number=number,
                    limit=limit,
                )
            ]

        return await self._units.read(work)

    async def keyed(self, caller: Caller, key: str) -> Payment | None:
        """The payment that a request of this terminal with that idempotency key made, in any state."""
        merchant_id, terminal_id = caller.key

        def work(tx: PaymentTx) -> Payment | None:
            claim = tx.claims.find(merchant_id, terminal_id, key)
            return None if claim is None else tx.payments.find(merchant_id, claim.subject_id)

        return await self._units.read(work)
