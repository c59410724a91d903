"""A merchant's whole world in one process: real storage, real services, and a network that does as told.

The network stands in for the far side only; the rail and the sandbox host have tests of their own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import Engine

from bezant.app.store import Names
from bezant.core.merchants import Boarding, Caller, Directory, Endpoint, Factors, Gate, Profile, TipRule
from bezant.core.money import USD, Currency, Money
from bezant.core.outcomes import Answer, Approved, Unresolved
from bezant.core.payments import (
    Amounts,
    Capture,
    Charge,
    Cutoffs,
    Increment,
    Kind,
    Order,
    Outcome,
    Payment,
    Payments,
    Recovery,
    Reference,
    Refund,
    Reports,
    Reversal,
    Settlements,
    Tip,
)
from bezant.core.payments.messages import BatchTotals, Message
from bezant.core.sensitive import Pan
from bezant.core.twins import Pause
from bezant.storage.crypto import Keys
from bezant.storage.ids import IdBlocks
from bezant.storage.keyring import open_keys, open_root_key
from bezant.storage.units import Units, open_units
from bezant.storage.verify import Finding, checks, snapshot, verify

CARD = Pan("4111111111111111")
OTHER_CARD = Pan("5146315000000055")
SILENCE = Unresolved(cause="time-out")
START = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
TIPS = TipRule(adjustable=True, percent_max=20)
QUEUE_MAX = 1000
PATIENCE_SECONDS = 60.0
"""For works: a machine that is busy with other tests is no database that is away."""

_numbers = count(1)


class HandClock:
    """Real time that goes on when it is told to."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        """The current instant."""
        return self._now

    def pass_by(self, **period: float) -> None:
        """Let time go by."""
        self._now += timedelta(**period)


class Network:
    """Says what it was told to say, in order, then yes to everything. It remembers what it was asked."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.totals: list[BatchTotals] = []
        self._script: deque[Answer] = deque()
        self._open = asyncio.Event()
        self._open.set()
        self._waiting = asyncio.Semaphore(0)

    def will_say(self, *answers: Answer) -> None:
        """The next answers."""
        self._script.extend(answers)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nobody gets an answer in here."""
        self._open.clear()
        self._waiting = asyncio.Semaphore(0)
        try:
            yield
        finally:
            self._open.set()

    async def is_asked(self, times: int = 1) -> None:
        """Wait until so many messages have arrived in the silence."""
        for _ in range(times):
            await self._waiting.acquire()

    async def send(self, message: Message) -> Answer:
        """Answer a payment message."""
        self.messages.append(message)
        approval_code = f"TAS{len(self.messages) % 1000:03d}"
        return await self._answer(
            Approved(approval_code=approval_code, response_code="00", amount=message.amount)
        )

    async def close_batch(self, totals: BatchTotals) -> Answer:
        """Answer the totals of a batch."""
        self.totals.append(totals)
        return await self._answer(Approved(approval_code="", response_code="00", amount=totals.net))

    async def _answer(self, otherwise: Answer) -> Answer:
        answer = self._script.popleft() if self._script else otherwise
        self._waiting.release()
        await self._open.wait()
        return answer


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


@dataclass(kw_only=True)
class Shop:
    """A merchant's terminal as its caller, and everything that serves it."""

    engine: Engine
    keys: Keys
    units: Units
    clock: HandClock
    network: Network
    boarding: Boarding
    directory: Directory
    gate: Gate
    payments: Payments
    settlements: Settlements
    recovery: Recovery
    cutoffs: Cutoffs
    reports: Reports
    caller: Caller = field(init=False)

    # -- what a till does -------------------------------------------------------------------------

    async def sale(self, minor: int = 10_00, **parts: Money) -> Payment:
        """A sale on the usual card."""
        return (await self.charge(minor, kind=Kind.SALE, **parts)).payment

    async def authorization(self, minor: int = 10_00) -> Payment:
        """An authorization on the usual card."""
        return (await self.charge(minor, kind=Kind.AUTHORIZATION)).payment

    async def charge(self, minor: int = 10_00, *, kind: Kind = Kind.SALE, **parts: Money) -> Outcome:
        """A charge on the usual card."""
        return await self.payments.charge(self.caller, charge_of(minor, kind=kind, pan=CARD, **parts))

    async def void(self, payment: Payment) -> Payment:
        """Void a payment that is named by its id."""
        outcome = await self.payments.void(self.caller, Reference(payment_id=payment.payment_id))
        return outcome.payment

    async def refund(self, payment: Payment, minor: int) -> Payment:
        """Give back some of a sale."""
        refund = Refund(original=Reference(payment_id=payment.payment_id), amount=Money(minor))
        return (await self.payments.refund(self.caller, refund)).payment

    async def capture(self, payment: Payment, minor: int) -> Payment:
        """Take some of what an authorization holds."""
        capture = Capture(original=Reference(payment_id=payment.payment_id), amounts=Amounts.of(Money(minor)))
        return (await self.payments.capture(self.caller, capture)).payment

    async def increment(self, payment: Payment, minor: int) -> Payment:
        """Raise an authorization."""
        increment = Increment(original=Reference(payment_id=payment.payment_id), amount=Money(minor))
        return (await self.payments.increment(self.caller, increment)).payment

    async def adjust_tip(self, payment: Payment, minor: int) -> Payment:
        """Change the tip of a charge; the charge after that."""
        tip = Tip(original=Reference(payment_id=payment.payment_id), amount=Money(minor))
        return (await self.payments.adjust_tip(self.caller, tip)).charge

    async def expired_authorization(self, minor: int) -> Payment:
        """An authorization that nobody captured, a week later."""
        held = await self.authorization(minor)
        self.clock.pass_by(days=8)
        await self.cutoffs.expire_authorizations()
        await self.reverse()
        return await self.find(held)

    async def find(self, payment: Payment) -> Payment:
        """The payment as it is stored now."""
        found = await self.units.read(
            lambda unit: unit.payments.find(payment.merchant_id, payment.payment_id)
        )
        assert found is not None
        return found

    def impatient(self, pause: Pause = _at_once) -> Payments:
        """The same payments by a clock on which no wait takes any time, or what ``pause`` makes of it."""
        return Payments(
            units=self.units,
            acquirer=self.network,
            sealer=self.keys.sealer,
            factors=Factors(units=self.units, hasher=self.keys.hasher, clock=self.clock),
            ids=IdBlocks(self.units, "payments"),
            clock=self.clock,
            pause=pause,
        )

    # -- what the timetable does ------------------------------------------------------------------

    async def give_up(self) -> int:
        """Let every lease run out, and look for the payments that had one."""
        self.clock.pass_by(minutes=1)
        return await self.recovery.sweep()

    async def reverse(self) -> list[bool]:
        """Try every reversal that is due; whether each was confirmed."""
        return [await self.recovery.attempt(reversal) for reversal in await self.recovery.due()]

    async def reversals(self) -> Sequence[Reversal]:
        """Every unconfirmed reversal, due or not."""
        far = self.clock.now() + timedelta(days=365)
        return await self.units.read(lambda unit: unit.reversals.due(far, 1000))

    async def reversal(self, payment: Payment) -> Reversal | None:
        """The unconfirmed reversal of a payment, due or not."""
        known = await self.reversals()
        return next((each for each in known if each.payment_id == payment.payment_id), None)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())  # noqa: S608 - our names

    def wrong(self) -> list[Finding]:
        """Whatever is wrong with the books now."""
        with snapshot(self.engine) as connection:
            return verify(connection, now=self.clock.now(), invariants=checks(self.keys))

    # -- more of everything -----------------------------------------------------------------------

    async def another_caller(self, *, merchant_id: int | None = None, currency: Currency = USD) -> Caller:
        """A new terminal, of a new merchant unless one is named."""
        if merchant_id is None:
            merchant = await self.boarding.add_merchant(
                iso_id=1, name="Shop", currency=currency, sandbox=True
            )
            merchant_id = merchant.merchant_id
        store = await self.boarding.add_store(merchant_id, name="Corner", zone=ZoneInfo("America/New_York"))
        number = next(_numbers)
        terminal = await self.boarding.add_terminal(
            merchant_id,
            store_id=store.store_id,
            number=f"2{number:09d}",
            label="Till",
            endpoints={
                profile: Endpoint(
                    merchant_number=f"82{digit}{number:09d}", terminal_number=f"{digit}{number:07d}"
                )
                for digit, profile in enumerate(Profile, 1)
            },
            tips=TIPS,
        )
        self.directory.forget()
        return await self.directory.caller(merchant_id, terminal.terminal_id)

    @asynccontextmanager
    async def other_process(self) -> AsyncIterator[Shop]:
        """The same merchant as another process serves it: lanes, caches and ids of its own."""
        async with _open(self.engine, self.keys, self.clock, self.network) as other:
            other.caller = self.caller
            yield other


@asynccontextmanager
async def open_shop(engine: Engine, folder: Path, *, network: Network | None = None) -> AsyncIterator[Shop]:
    """A gateway with one merchant on a migrated database."""
    keys = open_keys(engine, open_root_key(folder / "root.key", create=True))
    async with _open(engine, keys, HandClock(), network or Network()) as shop:
        shop.caller = await shop.another_caller()
        yield shop


@asynccontextmanager
async def _open(engine: Engine, keys: Keys, clock: HandClock, network: Network) -> AsyncIterator[Shop]:
    units = open_units(
        engine,
        keys,
        writers=2,
        readers=2,
        group_max=64,
        queue_max=QUEUE_MAX,
        patience_seconds=PATIENCE_SECONDS,
    )
    units.start()
    ids = IdBlocks(units, "payments")
    boarding = Boarding(
        units=units, names=Names(IdBlocks(units, "boarding", size=1, first=1), keys), clock=clock
    )
    directory = Directory(units)
    sealer = keys.sealer
    settlements = Settlements(units=units, acquirer=network, ids=ids, clock=clock)
    try:
        yield Shop(
            engine=engine,
            keys=keys,
            units=units,
            clock=clock,
            network=network,
            boarding=boarding,
            directory=directory,
            gate=Gate(directory=directory, units=units, hasher=keys.hasher, clock=clock),
            payments=Payments(
                units=units,
                acquirer=network,
                sealer=sealer,
                factors=Factors(units=units, hasher=keys.hasher, clock=clock),
                ids=ids,
                clock=clock,
                pause=_pause,
            ),
            settlements=settlements,
            recovery=Recovery(
                units=units, acquirer=network, sealer=sealer, callers=directory, ids=ids, clock=clock
            ),
            cutoffs=Cutoffs(units=units, settlements=settlements, callers=directory, clock=clock),
            reports=Reports(units=units),
        )
    finally:
        await asyncio.to_thread(units.stop)


def charge_of(minor: int = 10_00, *, kind: Kind = Kind.SALE, pan: Pan = CARD, **parts: Money) -> Charge:
    """A charge of a base amount; tax, fee and tip where they are given."""
    amounts = structs.replace(Amounts.of(Money(minor)), **parts)
    return Charge(
        kind=kind,
        profile=Profile.TRADITIONAL,
        amounts=amounts,
        pan=pan,
        expiry="2812",
        order=Order(invoice="INV-1"),
    )


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)
