"""A unit of work: every store over one transaction; and the front that services await.

Inserts and updates of the hot path are buffered and written as one statement a table when the group of
works commits; a read that could miss them writes them first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from bezant.core.faults import fault_point
from bezant.core.outcomes import Unavailable
from bezant.core.payments import Wanted
from bezant.storage.bulk import Row
from bezant.storage.checkpoints import Checkpointer
from bezant.storage.crypto import Keys
from bezant.storage.driver import pipelined
from bezant.storage.lanes import Job, Lane
from bezant.storage.lookup import JointLookup
from bezant.storage.loop_lanes import LoopLane
from bezant.storage.pipeline_lanes import PipelineLane
from bezant.storage.stores import cards, claims
from bezant.storage.stores.audit import AuditRows
from bezant.storage.stores.batches import Batches
from bezant.storage.stores.bnpl import FinanceRows
from bezant.storage.stores.cards import Cards
from bezant.storage.stores.catalogue import CatalogueRows
from bezant.storage.stores.claims import Claims, Place
from bezant.storage.stores.credentials import CredentialRows
from bezant.storage.stores.customers import CustomerRows
from bezant.storage.stores.deliveries import DeliveryRows
from bezant.storage.stores.devices import Devices
from bezant.storage.stores.factors import FactorRows
from bezant.storage.stores.gift import Gifts
from bezant.storage.stores.invoices import InvoiceRows
from bezant.storage.stores.ledger import Journal
from bezant.storage.stores.merchants import Failures, Merchants
from bezant.storage.stores.notices import NoticeRows
from bezant.storage.stores.payments import PaymentRows, Reversals
from bezant.storage.stores.people import PeopleRows
from bezant.storage.stores.signing import SigningRows
from bezant.storage.stores.single_use import SingleUseRows
from bezant.storage.stores.strays import Strays
from bezant.storage.stores.system import System
from bezant.storage.writes import Writes

T = TypeVar("T")

PATIENCE_SECONDS = 5.0
"""How long a work may take from being queued to being committed: clients give up from eight seconds on."""


_KEPT_CARD = JointLookup(cards.FIND, claims.FIND)


def _unheard(_announced: bool) -> None:  # noqa: FBT001 - what a committed transaction tells
    """Nobody listens: what is announced is found by whoever looks."""


class Unit:
    """All stores of one transaction. Written by hand in the order in which rows depend on each other.

    ``on_stored`` is called, in any thread, when a transaction that wrote has been committed: with whether it
    announced something.
    """

    def __init__(
        self, connection: Connection, keys: Keys, on_stored: Callable[[bool], None] = _unheard
    ) -> None:
        self._connection = connection
        self._on_stored = on_stored
        self.writes = Writes()
        self.system = System(connection, self.writes)
        self.merchants = Merchants(connection, self.writes, self.system, keys)
        self.devices = Devices(connection)
        self.signing = SigningRows(connection, self.writes, keys)
        self.people = PeopleRows(connection, self.writes)
        self.audit = AuditRows(connection, self.writes, keys.chain)
        self.credentials = CredentialRows(connection, self.writes, keys)
        self.failures = Failures(connection, self.writes)
        self.factors = FactorRows(connection, self.writes)
        self.cards = Cards(connection, self.writes)
        self.single_use = SingleUseRows(connection, self.writes, self.cards)
        self.customers = CustomerRows(connection, self.writes, self.cards)
        self.catalogue = CatalogueRows(connection, self.writes)
        self.batches = Batches(connection, self.writes)
        self.payments = PaymentRows(connection, self.writes)
        self.reversals = Reversals(connection, self.writes)
        self.journal = Journal(connection, self.writes)
        self.claims = Claims(connection, self.writes)
        self.gift = Gifts(connection, self.writes, self.claims)
        self.finance = FinanceRows(connection, self.writes)
        self.deliveries = DeliveryRows(connection, self.writes, keys)
        self.notices = NoticeRows(connection, self.writes, keys)
        self.invoices = InvoiceRows(connection, self.writes, keys)
        self.strays = Strays(connection, self.writes)

    @property
    def boarding(self) -> Merchants:
        """Accounts, to be changed."""
        return self.merchants

    def prime(self, terminals: Iterable[tuple[int, int]]) -> None:
        """Fetch at once what the works of a group will ask for."""
        self.batches.prime(terminals)

    def know(self, rows: Iterable[Row]) -> None:
        """Take open batches as they were last seen, instead of fetching them."""
        self.batches.know(rows)

    def opened(self) -> Iterable[Row]:
        """The open batches that the transaction held, as they were written back."""
        return self.batches.opened()

    def expect(self, wanted: Wanted) -> None:
        """Fetch what a work will ask for, if that saves a round trip."""
        if wanted.key is not None and wanted.token is not None:
            card, claim = _places(wanted)
            self.found(wanted, *_KEPT_CARD.find(self._connection, card, claim))

    def found(self, wanted: Wanted, card_row: Row | None, claim_row: Row | None) -> None:
        """Take what the database has of what a work will ask for."""
        card, claim = _places(wanted)
        if card_row is not None:  # whether there is none, another work of the group may change
            self.cards.expect(card, card_row)
        if wanted.key is not None:
            self.claims.expect(claim, claim_row)

    def flush(self) -> None:
        """Write what is buffered. Raises ``Conflict`` when an update did not find its rows as expected."""
        with pipelined(self._connection):
            self.batches.flush()  # first, since whoever reads locks batches before payments
            self.cards.flush()
            self.payments.flush()
            self.reversals.flush()
            self.gift.flush()
            self.finance.flush()
            self.journal.flush()
            if self.writes.count:
                fault_point("write.half-flushed")
            self.claims.flush()
            self.deliveries.flush()
        self.writes.check()

    def committed(self) -> None:
        """The transaction has been committed."""
        if self.writes.count:
            self._on_stored(self.deliveries.announced)


def _places(wanted: Wanted) -> tuple[tuple[int, str], Place]:
    """Where the card and the idempotency key are."""
    return (
        (wanted.merchant_id, wanted.token or ""),
        (wanted.merchant_id, wanted.terminal_id, wanted.key or ""),
    )


class Runner(Protocol):
    """What runs works: a lane."""

    def start(self) -> None:
        """Begin to take what is queued."""
        ...

    def put(self, job: Job[Any, Any]) -> None:
        """Queue a job. Refuses ``BUSY`` when the queue is full."""
        ...

    def stop(self) -> None:
        """Finish what is queued, then end."""
        ...


class _Patience:
    """Gives up works that take too long. All may take equally long, so one timer serves them in turn."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._queued: deque[tuple[float, Job[Any, Any]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_set = False

    def watch(self, job: Job[Any, Any]) -> None:
        """Look after a job that was queued just now."""
        if job.loop is not self._loop:
            self._loop, self._is_set = job.loop, False
            self._queued.clear()
        at = job.loop.time()
        self._forget_done()
        self._queued.append((at, job))
        if not self._is_set:
            self._set(at)

    def _forget_done(self) -> None:
        queued = self._queued
        while queued and queued[0][1].future.done():
            queued.popleft()

    def _set(self, at: float) -> None:
        assert self._loop is not None
        self._is_set = True
        self._loop.call_at(at + self._seconds, self._give_up)

    def _give_up(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        # The same sum as the timer was set to: a difference may be rounded to just before it, for ever.
        while self._queued and self._queued[0][0] + self._seconds <= now:
            _, job = self._queued.popleft()
            if not job.future.done():
                job.given_up = True
                job.future.set_exception(Unavailable("no answer in time"))
        self._forget_done()
        self._is_set = False
        if self._queued:
            self._set(self._queued[0][0])


class Units:
    """Hands works to lanes. The works of one merchant go to one lane."""

    def __init__(
        self,
        writers: Sequence[Runner],
        readers: Sequence[Runner],
        checkpointer: Checkpointer | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = _Patience(patience_seconds)
        self._writers = writers
        self._readers = readers
        self._checkpointer = checkpointer
        self._turn = 0

    def start(self) -> None:
        """Start the lanes."""
        for lane in (*self._writers, *self._readers):
            lane.start()
        if self._checkpointer is not None:
            self._checkpointer.start()

    def stop(self) -> None:
        """Let the lanes finish what they have, then end them."""
        for lane in (*self._writers, *self._readers):
            lane.stop()
        if self._checkpointer is not None:
            self._checkpointer.stop()

    async def write(
        self,
        work: Callable[[Unit], T],
        *,
        merchant_id: int,
        terminal_id: int | None = None,
        wanted: Wanted | None = None,
        blind: bool = False,
    ) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind.

        See ``core.payments.PaymentUnits`` for what else it may be told.
        Raises ``Unavailable`` when the database was lost or did not answer in time. Of what was just being
        committed then, it is not known whether it was.
        """
        lane = self._writers[merchant_id % len(self._writers)]
        terminal = None if terminal_id is None else (merchant_id, terminal_id)
        return await self._run(lane, work, terminal, wanted=wanted, blind=blind)

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` on a consistent view."""
        self._turn = (self._turn + 1) % len(self._readers)
        return await self._run(self._readers[self._turn], work, None)

    async def _run(
        self,
        lane: Runner,
        work: Callable[[Unit], T],
        terminal: tuple[int, int] | None,
        *,
        wanted: Wanted | None = None,
        blind: bool = False,
    ) -> T:
        loop = asyncio.get_running_loop()
        job: Job[Unit, T] = Job(work, terminal, loop, loop.create_future(), wanted=wanted, blind=blind)
        lane.put(job)
        self._patience.watch(job)
        return await job.future


def open_units(
    engine: Engine,
    keys: Keys,
    *,
    writers: int,
    readers: int,
    group_max: int,
    queue_max: int,
    on_stored: Callable[[bool], None] = _unheard,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Units:
    """The lanes that suit a database: SQLite has one writer, and its readers see one state as they are.

    ``on_stored``: see ``Unit``. ``patience_seconds``: how long a work may take from being queued.
    """
    unit_of = partial(Unit, keys=keys, on_stored=on_stored)
    lane = partial(Lane, unit_of=unit_of, queue_max=queue_max)
    snapshots = engine
    writing: Sequence[Runner]
    checkpointer = None
    if engine.dialect.name == "sqlite":
        writing = [LoopLane(engine, unit_of, name="write-0", group_max=group_max, queue_max=queue_max)]
        checkpointer = Checkpointer(engine)
    else:
        writing = [
            PipelineLane(
                engine,
                unit_of,
                behind=lane(engine, name=f"write-{n}", writes=True, group_max=group_max),
                group_max=group_max,
                queue_max=queue_max,
            )
            for n in range(writers)
        ]
        snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    return Units(
        writing,
        [lane(snapshots, name=f"read-{n}", writes=False, group_max=1) for n in range(readers)],
        checkpointer,
        patience_seconds=patience_seconds,
    )
