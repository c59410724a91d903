"""Lanes: threads with one connection each, which commit what has queued as one group.

The works of a group run in turn in one transaction and are all answered by its one commit. When a work
of the group fails, the group is rolled back and its works run one by one, so that only the guilty one
fails. A deadlock, a serialization failure or a lost connection runs the works again: a work has no
effect but through its transaction, and unique keys refuse what was stored already. A unique key that
refuses gives its work one more run, which finds what somebody else stored in the meantime. A work whose
caller has given it up is not begun, and not committed when it had begun.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from bezant.core.faults import fault_point
from bezant.core.outcomes import Conflict, Reason, Refused, Unavailable
from bezant.core.payments import Wanted
from bezant.storage.bulk import Row
from bezant.storage.known import Terminal
from bezant.storage.recorder import Unprimed
from bezant.storage.writes import Writes

U = TypeVar("U")
T = TypeVar("T")

_RETRY_SECONDS = (0.0, 0.01, 0.05, 0.2, 0.5)
_RETRIED_SQLSTATES = frozenset({"40001", "40P01", "55P03"})

_log = structlog.get_logger(__name__)


class GroupUnit(Protocol):
    """What a lane needs of a unit of work."""

    @property
    def writes(self) -> Writes:
        """How much has been written."""
        ...

    def prime(self, terminals: Iterable[Terminal]) -> None:
        """Fetch at once what the works of a group will ask for."""
        ...

    def expect(self, wanted: Wanted) -> None:
        """Fetch what a work will ask for, if that saves a round trip."""
        ...

    def found(self, wanted: Wanted, card_row: Row | None, claim_row: Row | None) -> None:
        """Take what the database has of what a work will ask for."""
        ...

    def know(self, rows: Iterable[Row]) -> None:
        """Take open batches as they were last seen, instead of fetching them."""
        ...

    def opened(self) -> Iterable[Row]:
        """The open batches that the transaction held, as they were written back."""
        ...

    def flush(self) -> None:
        """Write what is buffered."""
        ...

    def committed(self) -> None:
        """The transaction has been committed."""
        ...


class Job(Generic[U, T]):
    """A work on its way through a lane, and the future that its caller awaits.

    ``blind``: it reads nothing but the open batch of its ``terminal`` and what is ``wanted``. ``given_up``
    is set by a caller who acts from now on as if it had not been done.
    """

    __slots__ = ("blind", "error", "future", "given_up", "loop", "result", "terminal", "wanted", "work")

    def __init__(
        self,
        work: Callable[[U], T],
        terminal: Terminal | None,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[T],
        *,
        wanted: Wanted | None = None,
        blind: bool = False,
    ) -> None:
        self.work = work
        self.wanted = wanted
        self.blind = blind
        self.terminal = terminal
        self.loop = loop
        self.future = future
        self.result: T | None = None
        self.error: BaseException | None = None
        self.given_up = False


class _GivenUp(Exception):
    """A work of the group was given up by its caller while it ran: it is not to be committed."""


class Begun(NamedTuple):
    """A transaction that has written all it had to write, and waits to be committed."""

    transaction: RootTransaction
    unit: GroupUnit


def run_works(jobs: Sequence[Job[Any, Any]], unit: GroupUnit) -> None:
    """Run works in one transaction.

    A refusal that wrote nothing, or ``Unprimed``, is its work's own error; others are raised.
    """
    for job in jobs:
        written = unit.writes.count
        job.error = None
        try:
            job.result = job.work(unit)
        except (Refused, Conflict, Unprimed) as refusal:
            if unit.writes.count != written:
                raise
            job.error = refusal


class Groups:
    """One connection, one transaction at a time. ``pause`` waits between the runs of what is run again."""

    def __init__(
        self,
        engine: Engine,
        unit_of: Callable[[Connection], GroupUnit],
        *,
        writes: bool,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._unit_of = unit_of
        self._writes = writes
        self._pause = pause
        self._connection: Connection | None = None

    def run(self, group: Sequence[Job[Any, Any]]) -> None:
        """Run the works of a group; each job has its result or its error afterwards."""
        error = self._attempt(group, again=_is_away)
        if error is None:
            return
        worth_another_run = _is_passing(error) or isinstance(error, IntegrityError)
        if _is_away(error) or (len(group) == 1 and not worth_another_run):
            for job in group:
                job.error = _translated(error)
            return
        for job in group:
            if job.given_up:
                continue
            error = self._attempt((job,), again=_is_passing)
            if error is not None:
                job.error = _translated(error)

    def _attempt(
        self, jobs: Sequence[Job[Any, Any]], *, again: Callable[[Exception], bool]
    ) -> Exception | None:
        """Run works in one transaction, a few times where ``again`` says so; the error that is left."""
        delays = iter(_RETRY_SECONDS)
        while True:
            try:
                self._transact(jobs)
            except Exception as error:  # noqa: BLE001 - handed to whoever awaits the works
                delay = next(delays, None)
                if delay is None or not again(error):
                    return error
                self._pause(delay)
            else:
                return None

    def _transact(self, jobs: Sequence[Job[Any, Any]]) -> None:
        self.commit(self.begin(jobs))

    def begin(self, jobs: Sequence[Job[Any, Any]]) -> Begun:
        """Run works and write what they have to write; to be committed. Raises, and leaves nothing."""
        with self._losing():
            transaction = self.connected().begin()
            try:
                unit = self._write(transaction.connection, jobs)
            except BaseException:
                transaction.close()
                raise
        return Begun(transaction, unit)

    def _write(self, connection: Connection, jobs: Sequence[Job[Any, Any]]) -> GroupUnit:
        unit = self._unit_of(connection)
        self.prime(unit, [job.terminal for job in jobs if job.terminal is not None])
        for job in jobs:
            if job.wanted is not None:
                unit.expect(job.wanted)
        run_works(jobs, unit)
        unit.flush()
        if any(job.given_up for job in jobs):
            raise _GivenUp
        if self._writes:
            fault_point("write.flushed")
        return unit

    def commit(self, begun: Begun) -> None:
        """Commit what was begun; in any thread. Raises, and leaves nothing, so far as can be known."""
        with self._losing():
            try:
                begun.transaction.commit()
            except BaseException:
                self.abandon_connection()  # nobody knows in what state it is
                raise
            if self._writes:
                fault_point("write.committed")
                begun.unit.committed()

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """A connection that is lost in here is let go."""
        try:
            yield
        except DBAPIError as error:
            if error.connection_invalidated:
                self.drop_connection()
            raise

    def prime(self, unit: GroupUnit, terminals: Sequence[Terminal]) -> None:
        """Fetch what works of those terminals will ask for."""
        unit.prime(terminals)

    def connected(self) -> Connection:
        """The connection, opened if it is not."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(bezant_writes=self._writes)
        return self._connection

    def drop_connection(self) -> None:
        """Let go of the connection; the next group opens another."""
        if self._connection is not None:
            try:
                self._connection.close()
            except DBAPIError:
                _log.warning("database connection did not close cleanly")
            self._connection = None

    def abandon_connection(self) -> None:
        """Let go of the connection, and let nobody else have it."""
        connection = self._connection
        if connection is not None:
            if not connection.invalidated:
                # SQLAlchemy takes a transaction for over whose COMMIT failed; its locks would outlive it.
                with suppress(Exception):
                    connection.connection.rollback()
            connection.invalidate()
            Groups.drop_connection(self)


class _Signal(Enum):
    """What a lane is woken for."""

    WORK = auto()
    END = auto()


class Lane(threading.Thread):
    """Groups of works on a thread of their own."""

    def __init__(
        self,
        engine: Engine,
        unit_of: Callable[[Connection], GroupUnit],
        *,
        name: str,
        writes: bool,
        group_max: int,
        queue_max: int,
    ) -> None:
        super().__init__(name=f"bezant-{name}", daemon=True)
        self._groups = Groups(engine, unit_of, writes=writes)
        self._group_max = group_max
        self._queue_max = queue_max
        self._handing_over = threading.Lock()
        """Guards what follows: whoever stops the lane need not be on its callers' event loop."""
        self._gathered: list[Job[Any, Any]] = []
        """In this turn of the event loop."""
        self._ending = False
        self._queue: deque[Job[Any, Any]] = deque()
        self._signals: SimpleQueue[_Signal] = SimpleQueue()

    def put(self, job: Job[Any, Any]) -> None:
        """Queue a job; on its event loop's thread. Refuses ``BUSY`` when the queue is full, or the lane ends.

        What is put in one turn of the event loop is handed over together: a lane that woke for the first of
        many would commit it alone, and take the interpreter from those that are about to follow.
        """
        with self._handing_over:
            if self._ending or len(self._gathered) + len(self._queue) >= self._queue_max:
                raise Refused(Reason.BUSY)
            if not self._gathered:
                job.loop.call_soon(self._hand_over)
            self._gathered.append(job)

    def _hand_over(self) -> None:
        with self._handing_over:
            self._queue.extend(self._gathered)
            self._gathered.clear()
        self._signals.put(_Signal.WORK)

    def stop(self) -> None:
        """Finish what is queued, then end. In any thread."""
        if self.is_alive():
            with self._handing_over:
                self._ending = True
            self._hand_over()
            self._signals.put(_Signal.END)
            self.join()

    def run(self) -> None:
        """Take what has queued, run it, answer it, until told to stop."""
        while self._signals.get() is _Signal.WORK:
            while gathered := self._gather():
                if group := [job for job in gathered if not job.given_up]:
                    self._groups.run(group)
                    answer(group)
        self._groups.drop_connection()

    def _gather(self) -> list[Job[Any, Any]]:
        """The next group: nobody else takes from the queue, so what it holds now is there."""
        return [self._queue.popleft() for _ in range(min(len(self._queue), self._group_max))]


def answer(group: Sequence[Job[Any, Any]]) -> None:
    """Wake each event loop once for all its jobs of the group."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any, Any]]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(resolve, jobs)
        except RuntimeError:
            # The loop is gone, and with it whoever was waiting. What was committed stays committed.
            _log.warning("nobody waits for a committed group", works=len(jobs))


def resolve(jobs: Sequence[Job[Any, Any]]) -> None:
    """Tell whoever awaits the works of a group how they ended. Runs on their event loop."""
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _is_away(error: Exception) -> bool:
    """Whether the database was lost or could not be reached, which is no work's fault."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    return (
        isinstance(error, OperationalError)
        and getattr(error.orig, "sqlstate", None) is None
        and ("locked" in str(error.orig) or "connection" in str(error.orig))
    )


def _is_passing(error: Exception) -> bool:
    """Whether the same work may succeed when run again."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state in _RETRIED_SQLSTATES or _is_away(error)


def _translated(error: Exception) -> Exception:
    """Our own error for the database's, without its text: that may carry values."""
    if isinstance(error, IntegrityError):
        return Conflict(type(error.orig).__name__)
    if isinstance(error, DBAPIError):
        _log.error(
            "database error", kind=type(error.orig).__name__, state=getattr(error.orig, "sqlstate", None)
        )
        return Unavailable(type(error.orig).__name__)
    return error
