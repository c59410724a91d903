"""A running gateway: everything wired, connected and on its timetable."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bezant.app.sides import (
    AccessSide,
    CardSide,
    FinanceSide,
    GiftSide,
    InvoiceSide,
    access_side,
    card_side,
    delivery_side,
    finance_side,
    gift_side,
    invoice_side,
    notices_of,
    texts_of,
)
from bezant.app.store import Store
from bezant.config import Settings
from bezant.core.outcomes import Refused, Unavailable
from bezant.core.payments import Cutoffs
from bezant.core.vault import Bins
from bezant.jobs import (
    Job,
    StrayBox,
    Timetable,
    delivery_jobs,
    finance_jobs,
    forgetting,
    gift_jobs,
    invoice_jobs,
)
from bezant.storage.ids import IdBlocks
from bezant.storage.watch import Watch
from bezant.telemetry import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway: its use cases, its link, its timetable."""

    store: Store
    access: AccessSide
    cards: CardSide
    invoices: InvoiceSide
    gift: GiftSide
    finance: FinanceSide
    timetable: Timetable
    metrics: Metrics
    bins: Bins

    def waiting_for_hosts(self) -> int:
        """Requests that wait for an answer of the acquirer, the gift host or the lender."""
        return self.cards.link.in_flight + self.gift.link.in_flight + self.finance.link.in_flight

    async def database_answers(self) -> bool:
        """Whether the database can be read within a second."""
        try:
            async with asyncio.timeout(1):
                await self.store.units.read(lambda unit: unit.system.accounts_version())
        except (TimeoutError, Unavailable, Refused):
            return False
        return True


@asynccontextmanager
async def open_gateway(
    store: Store,
    acquirer: tuple[str, int],
    *,
    housekeeping: bool,
    pace: float = 1.0,
    jitter: Callable[[], float] = random.random,
) -> AsyncIterator[Gateway]:
    """Wire everything, connect to the acquirer, start the timetable; undo all of it at the end.

    ``pace`` stretches the pauses of the timetable; ``jitter`` gives numbers from 0 to 1.
    """
    units, clock = store.units, store.clock
    metrics = Metrics()
    strays = StrayBox(metrics)
    ids = IdBlocks(units, "payments")
    notices = notices_of(store, ids)
    access = access_side(store, notices)
    cards = card_side(store, acquirer, access=access, ids=ids, strays=strays, jitter=jitter)
    invoices = invoice_side(store, access.directory, cards.payments, notices, ids)
    gift = gift_side(store, access.directory, ids)
    texts = texts_of(store.settings)
    finance = finance_side(store, access.directory, texts, ids)
    deliveries = delivery_side(store, access, invoices.receipts, texts)
    bins = Bins()

    async def take_changes_over() -> None:
        access.forget()
        bins.replace(await units.read(lambda unit: unit.system.bins()))

    timetable = Timetable(
        payments=cards.payments,
        recovery=cards.recovery,
        settlements=cards.settlements,
        cutoffs=Cutoffs(units=units, settlements=cards.settlements, callers=access.directory, clock=clock),
        directory=access.directory,
        gate=access.gate,
        on_change=take_changes_over,
        watched=Watch(units, clock),
        strays=strays,
        metrics=metrics,
        acquirer_up=lambda: cards.link.connected,
        housekeeping=housekeeping,
        pace=pace,
        activity=store.activity,
        more=_more_jobs(store.settings, invoices, gift, finance)
        + delivery_jobs(deliveries.courier, store.announced, store.activity, metrics)
        + (forgetting(deliveries.courier),),
    )
    await take_changes_over()
    await access.gate.refresh_locks()
    await cards.link.start()
    timetable.start()
    try:
        yield Gateway(
            store=store,
            access=access,
            cards=cards,
            invoices=invoices,
            gift=gift,
            finance=finance,
            timetable=timetable,
            metrics=metrics,
            bins=bins,
        )
    finally:
        for running in (timetable, cards.link, gift.link, finance.link, deliveries):
            await running.stop()


def _more_jobs(
    settings: Settings, invoices: InvoiceSide, gift: GiftSide, finance: FinanceSide
) -> tuple[Job, ...]:
    """Where the gift host or the lender is not known, others are left to clear up with it."""
    return (
        *invoice_jobs(invoices.recovery),
        *(gift_jobs(gift.recovery) if settings.gift_address else ()),
        *(finance_jobs(finance.recovery) if settings.lender else ()),
    )
