"""The timetable: what a gateway does by itself, whoever calls or does not call.

Each job runs on its own and may run in several processes at once: the rows it works on are claimed by a
conditional update, so that one process wins. A job that fails is logged and comes round again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bezant.bell import Activity, Bell
from bezant.core.bnpl import FinanceRecovery
from bezant.core.deliveries import Courier, Delivery
from bezant.core.gift import GiftRecovery
from bezant.core.invoices import InvoiceRecovery
from bezant.core.merchants import Directory, Gate
from bezant.core.outcomes import Refused, Unavailable
from bezant.core.payments import Cutoffs, Due, Payments, Recovery, Settlements, Stray
from bezant.telemetry import Metrics

_log = structlog.get_logger(__name__)

REVERSALS_AT_ONCE = 64
INQUIRIES_AT_ONCE = 64
DELIVERIES_AT_ONCE = 64
DELIVERIES_LOOK_SECONDS = 1.0
"""How long nobody looks for what is due, unless something was announced in this process."""
DELIVERIES_PAUSE_SECONDS = 0.05
"""The least pause between two looks."""
STRAYS_MAX = 10_000
REST = 5
"""How many times longer the pauses are where nothing was stored for a while."""


class Watched(Protocol):
    """Facts of the database that the timetable looks at."""

    async def accounts_version(self) -> int:
        """How often accounts, credentials or clocks have changed."""
        ...

    async def settling_terminals(self) -> Sequence[Due]:
        """Terminals that settle by themselves."""
        ...

    async def unconfirmed_batches(self) -> list[tuple[int, int]]:
        """Terminals (merchant id, terminal id) with a batch that the acquirer has not confirmed."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """A job and the pause between its runs."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[None]]
    rests: bool = True
    """Whether it may come seldom where nothing was stored for a while."""


class StrayBox:
    """Stray answers on their way from the link to the database."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._queue: asyncio.Queue[Stray] = asyncio.Queue(STRAYS_MAX)

    def put(self, stray: Stray) -> None:
        """Take note of a stray answer. Called on the event loop; never waits."""
        self._metrics.strays.labels(stray.kind).inc()
        self.put_back(stray)

    def put_back(self, stray: Stray) -> None:
        """One that was taken could not be kept: it comes again."""
        try:
            self._queue.put_nowait(stray)
        except asyncio.QueueFull:
            _log.warning("stray answers come faster than they can be kept")

    async def get(self) -> Stray:
        """The next stray."""
        return await self._queue.get()


def gift_jobs(recovery: GiftRecovery) -> tuple[Job, ...]:
    """What a gateway does by itself about gift cards."""

    async def sweep() -> None:
        if found := await recovery.sweep():
            _log.warning("leases ran out", gift_movements=found)

    async def cancel() -> None:
        due = await recovery.due(REVERSALS_AT_ONCE)
        await asyncio.gather(*(recovery.cancel(movement) for movement in due))

    return Job("sweep gift leases", 1, sweep), Job("cancel gift movements", 0.5, cancel)


def invoice_jobs(recovery: InvoiceRecovery) -> tuple[Job, ...]:
    """What a gateway does by itself about invoices."""

    async def settle() -> None:
        if found := await recovery.settle():
            _log.info("invoices settled after their payments", invoices=found)

    async def expire() -> None:
        await recovery.expire()

    return Job("settle invoices", 0.5, settle), Job("expire invoices", 5, expire)


def finance_jobs(recovery: FinanceRecovery) -> tuple[Job, ...]:
    """What a gateway does by itself about loans and their refunds."""

    async def sweep() -> None:
        if found := await recovery.sweep():
            _log.warning("leases ran out", loans_and_refunds=found)

    async def inquire() -> None:
        due = await recovery.due(INQUIRIES_AT_ONCE)
        await asyncio.gather(*(recovery.resolve(asked) for asked in due))

    return Job("sweep loan leases", 1, sweep), Job("inquire of the lender", 0.5, inquire)


def delivery_jobs(
    courier: Courier,
    announced: Bell,
    activity: Activity,
    metrics: Metrics,
    *,
    look_seconds: float = DELIVERIES_LOOK_SECONDS,
) -> tuple[Job, ...]:
    """What a gateway does by itself about what the outside is to be told.

    It looks for that when something was ``announced``, and every ``look_seconds``.
    """

    async def carry(delivery: Delivery, under_way: set[tuple[int, int]]) -> None:
        count = metrics.deliveries.labels
        try:
            if (carried := await courier.carry(delivery)) is not None:
                count(delivery.family, carried.state.value).inc()
        except Exception:  # noqa: BLE001 - the others go on, and this one has lost a try
            count(delivery.family, "failed").inc()
            _log.exception("delivery failed", topic=delivery.topic, delivery=delivery.delivery_id)
        finally:
            under_way.discard((delivery.merchant_id, delivery.delivery_id))
            announced.ring()  # there is room again, and what came after it is due

    async def deliver() -> None:
        """Goes on until it is stopped: a server that is slow to answer holds up nobody else's."""
        under_way: set[tuple[int, int]] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                room = DELIVERIES_AT_ONCE - len(under_way)
                try:
                    due = await courier.due(room) if room else []
                except Exception:  # noqa: BLE001 - whatever ails the database, those under way go on
                    _log.exception("nobody knows what is to be delivered")
                    due = []
                for delivery in due:
                    key = delivery.merchant_id, delivery.delivery_id
                    if key not in under_way:
                        under_way.add(key)
                        tasks.create_task(carry(delivery, under_way))
                await asyncio.sleep(DELIVERIES_PAUSE_SECONDS)
                await announced.wait(look_seconds * (REST if activity.rests else 1))

    async def watch() -> None:
        metrics.deliveries_overdue.set((await courier.overdue()).total_seconds())

    return Job("deliver", 1, deliver), Job("watch deliveries", 5, watch)


def forgetting(courier: Courier) -> Job:
    """Forgets what was delivered long ago."""

    async def forget() -> None:
        if found := await courier.forget():
            _log.info("what was delivered is forgotten", deliveries=found)

    return Job("forget deliveries", 600, forget)


class Timetable:
    """Runs the jobs until stopped. ``more`` are those of other domains, done with the ``housekeeping``.

    ``pace`` stretches the pauses between runs: where nobody waits, twice as long is half the work. So does
    a lack of ``activity``, since nothing falls due then but what others have stored.
    """

    def __init__(
        self,
        *,
        payments: Payments,
        recovery: Recovery,
        settlements: Settlements,
        cutoffs: Cutoffs,
        directory: Directory,
        gate: Gate,
        on_change: Callable[[], Awaitable[None]],
        watched: Watched,
        strays: StrayBox,
        metrics: Metrics,
        acquirer_up: Callable[[], bool],
        housekeeping: bool,
        more: Sequence[Job] = (),
        activity: Activity,
        pace: float = 1.0,
    ) -> None:
        self._activity = activity
        self._pace = pace
        self._recovery = recovery
        self._settlements = settlements
        self._cutoffs = cutoffs
        self._directory = directory
        self._gate = gate
        self._on_change = on_change
        self._watched = watched
        self._metrics = metrics
        self._acquirer_up = acquirer_up
        self._version = -1
        self._strays = strays
        self._tasks: list[asyncio.Task[None]] = []
        self._jobs = [
            Job("follow changes", 0.4, self._follow_changes, rests=False),
            Job("keep strays", 0, self._keep_stray, rests=False),
            Job("store what was left", 0.5, payments.tidy),
        ]
        if housekeeping:
            self._jobs += [
                Job("sweep leases", 1, self._sweep),
                Job("reverse", 0.25, self._reverse),
                Job("finish settlements", 30, self._finish_settlements),
                Job("forget failures", 60, self._gate.forget_failures),
                *more,
                Job("expire authorizations", 2, self._expire),
                Job("settle by the clock", 1, self._settle_by_clock),
            ]

    def start(self) -> None:
        """Start every job."""
        self._tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._jobs]

    async def stop(self) -> None:
        """Stop every job. What was under way is found again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        while True:
            try:
                await job.run()
            except Exception:  # noqa: BLE001 - a job goes on whatever happens to one of its runs
                _log.exception("job failed", job=job.name)
                await asyncio.sleep(1)
            pause = job.every_seconds * self._pace
            if job.rests and self._activity.rests:
                await self._activity.wait(pause * REST)
            else:
                await asyncio.sleep(pause)

    async def _follow_changes(self) -> None:
        version = await self._watched.accounts_version()
        if version != self._version:
            self._version = version
            self._activity.note()  # by another process, and clocks are among what changes
            await self._on_change()
        await self._gate.refresh_locks()

    async def _keep_stray(self) -> None:
        stray = await self._strays.get()
        try:
            await self._recovery.keep_stray(stray)
        except (Refused, Unavailable):
            self._strays.put_back(stray)
            raise

    async def _sweep(self) -> None:
        found = await self._recovery.sweep()
        if found:
            self._metrics.swept.inc(found)
            _log.warning("leases ran out", payments=found)

    async def _reverse(self) -> None:
        due = await self._recovery.due(REVERSALS_AT_ONCE)
        self._metrics.reversals_due.set(len(due))
        if due and self._acquirer_up():  # else they stay due, to be tried as soon as it is back
            tries = (self._recovery.attempt(reversal) for reversal in due)
            for trouble in await asyncio.gather(*tries, return_exceptions=True):
                if isinstance(trouble, Exception):
                    _log.error("reversal failed", kind=type(trouble).__name__)

    async def _finish_settlements(self) -> None:
        for merchant_id, terminal_id in await self._watched.unconfirmed_batches():
            caller = await self._directory.caller(merchant_id, terminal_id)
            await self._settlements.finish(caller)

    async def _expire(self) -> None:
        await self._cutoffs.expire_authorizations()

    async def _settle_by_clock(self) -> None:
        for due in await self._watched.settling_terminals():
            await self._cutoffs.settle(due)
