"""The lane of PostgreSQL: blind works on the event loop itself, in one exchange a group; others in a thread.

Blind works read nothing but the open batches of their terminals, and this lane knows them: as it has last
written or read them. So a group is run at once, and all it decides is sent as one transaction, which changes
each batch only if nobody else has meanwhile. Where somebody has, or anything else goes wrong, the group is
run again in the lane behind, which locks, reads, retries and finds out who is to blame; and the terminals
of the group stay there for a while.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, cast

import psycopg
import structlog
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bezant.core.faults import fault_point
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Wanted
from bezant.storage.bulk import Row
from bezant.storage.engine import PLANS_KEPT_FOR
from bezant.storage.known import OpenBatches, Terminal
from bezant.storage.lanes import GroupUnit, Job, Lane, resolve, run_works
from bezant.storage.pipeline import Pipeline, Results
from bezant.storage.recorder import Recorder, Statement, Unprimed, Written
from bezant.storage.stores import cards, claims
from bezant.storage.stores.batches import READ_OPEN

RECONNECT_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 1.0
"""How long the terminals of a group that failed are left to the lane behind."""

_BEGIN: Final[Statement] = ("BEGIN", ())
_COMMIT: Final[Statement] = ("COMMIT", ())
_ROLLBACK: Final[Statement] = ("ROLLBACK", ())
_FORGET_PLANS: Final[Statement] = ("DISCARD PLANS", ())

_log = structlog.get_logger(__name__)


class _Terminals:
    """What is known of terminals: their open batches, and which of them are for the lane behind."""

    def __init__(self) -> None:
        self.open = OpenBatches()
        self._behind: dict[Terminal, int] = {}
        """How many works of a terminal are in the lane behind, where they change its batch."""
        self._away_until: dict[Terminal, float] = {}

    def are_here(self, terminal: Terminal, now: float) -> bool:
        """Whether blind works of the terminal may be run here."""
        if terminal in self._behind:
            return False
        until = self._away_until.get(terminal)
        if until is None:
            return True
        if now < until:
            return False
        del self._away_until[terminal]
        return True

    def send_away(self, terminal: Terminal, until: float) -> None:
        """Somebody else has changed the terminal's batch, or may have."""
        self.open.forget([terminal])
        self._away_until[terminal] = until

    def goes_behind(self, job: Job[Any, Any]) -> None:
        """A work is about to change the batch of its terminal in the lane behind."""
        terminal = job.terminal
        if terminal is not None:
            self.open.forget([terminal])
            self._behind[terminal] = self._behind.get(terminal, 0) + 1
            job.future.add_done_callback(partial(self._comes_back, terminal))

    def _comes_back(self, terminal: Terminal, _done: asyncio.Future[Any]) -> None:
        left = self._behind[terminal] - 1
        if left:
            self._behind[terminal] = left
        else:
            del self._behind[terminal]
            self.open.forget([terminal])  # what a group saw that was under way meanwhile


class PipelineLane:
    """Takes blind works; all others, and all while it has no connection, go to the lane ``behind``."""

    def __init__(
        self,
        engine: Engine,
        unit_of: Callable[[Connection], GroupUnit],
        *,
        behind: Lane,
        group_max: int,
        queue_max: int,
    ) -> None:
        self._engine = engine
        self._unit_of = unit_of
        self._behind = behind
        self._group_max = group_max
        self._queue_max = queue_max
        self._loop: asyncio.AbstractEventLoop | None = None
        """The one that the connection is bound to."""
        self._thread: int | None = None
        self._pipeline: Pipeline | None = None
        self._opening: asyncio.Task[None] | None = None
        self._opened: psycopg.Connection[Any] | None = None
        """Just now, in a thread."""
        self._lock = threading.Lock()
        """Guards this and whether it is the end: nobody else would close it then."""
        self._terminals = _Terminals()
        self._queue: deque[Job[Any, Any]] = deque()
        self._group: Sequence[Job[Any, Any]] = ()
        """What is under way."""
        self._cards: dict[Row, Row] = {}
        self._claims: dict[Row, Row] = {}
        """What was read for it, by keys."""
        self._unit: GroupUnit | None = None
        self._exchanging = False
        self._woken = False
        self._ending = False
        self._begun = 0

    def start(self) -> None:
        """Begin to take what is queued."""
        self._behind.start()

    def put(self, job: Job[Any, Any]) -> None:
        """Queue a job; on its event loop's thread. Refuses ``BUSY`` when the queue is full, or at the end."""
        if (
            not job.blind
            or job.terminal is None
            or not self._is_open_on(job.loop)
            or not self._terminals.are_here(job.terminal, job.loop.time())
        ):
            self._behind.put(job)
            self._terminals.goes_behind(job)
            return
        if len(self._queue) >= self._queue_max:
            raise Refused(Reason.BUSY)
        self._queue.append(job)
        if not self._exchanging and not self._woken:
            # In the next turn: what else this turn queues belongs to the same group.
            self._woken = True
            job.loop.call_soon(self._turn)

    def stop(self) -> None:
        """Finish what is queued, then end. In any thread."""
        with self._lock:
            self._ending = True
        loop = self._loop
        if loop is None or loop.is_closed() or self._thread == threading.get_ident():
            self._end()
        else:
            ended = threading.Event()
            loop.call_soon_threadsafe(self._end_and, ended.set)
            ended.wait()
        self._behind.stop()

    # -- the connection ---------------------------------------------------------------------------

    def _is_open_on(self, loop: asyncio.AbstractEventLoop) -> bool:
        if self._ending:
            return False
        if self._pipeline is not None and self._pipeline.is_open:
            return loop is self._loop
        if self._opening is None:
            self._opening = loop.create_task(self._open(loop))
        return False

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await asyncio.to_thread(self._connect)
        except (SQLAlchemyError, psycopg.Error) as error:
            _log.warning("no connection for blind works", kind=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            self._opening = None
        if (opened := self._take_opened()) is not None:
            self._loop, self._thread = loop, threading.get_ident()
            self._terminals = _Terminals()
            self._pipeline = Pipeline(opened, loop)

    def _connect(self) -> None:
        held = self._engine.raw_connection()
        opened = cast("psycopg.Connection[Any]", held.driver_connection)
        held.detach()  # it is nobody else's from now on
        with self._lock:
            if not self._ending:
                self._opened = opened
                return
        opened.close()

    def _take_opened(self) -> psycopg.Connection[Any] | None:
        with self._lock:
            opened, self._opened = self._opened, None
            return opened

    # -- a group ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Take the next group, unless one is under way."""
        self._woken = False
        if self._exchanging or not self._queue:
            return
        queue = self._queue
        gathered = [queue.popleft() for _ in range(min(len(queue), self._group_max))]
        self._group = [job for job in gathered if not job.given_up and self._is_here(job)]
        if not self._group:
            self._next()
            return
        self._exchanging = True
        self._cards, self._claims = {}, {}
        questions = self._questions()
        if questions:
            statements, takers = zip(*questions, strict=True)
            self._send(statements, partial(self._learn, takers))
        else:
            self._decide()

    def _is_here(self, job: Job[Any, Any]) -> bool:
        """Whether it is still to be run here; else it goes behind."""
        here = job.terminal is not None and self._terminals.are_here(job.terminal, job.loop.time())
        if not here:
            self._put_behind(job)
        return here

    def _questions(self) -> list[tuple[Statement, Callable[[Written], None]]]:
        """What has to be read for the group: what is to be sent, and what takes the rows."""
        _, unknown = self._known()
        wanted = [job.wanted for job in self._group if job.wanted is not None]
        tokens = sorted({(each.merchant_id, each.token) for each in wanted if each.token is not None})
        keys = sorted(
            {(each.merchant_id, each.terminal_id, each.key) for each in wanted if each.key is not None}
        )
        questions: list[tuple[Statement, Callable[[Written], None]]] = []
        if unknown:
            questions.append(
                (
                    READ_OPEN.statement(unknown),
                    lambda rows: self._terminals.open.know(READ_OPEN.rows(rows)),
                )
            )
        if tokens:
            questions.append(
                (cards.FIND.reading(tokens), lambda rows: self._cards.update(cards.FIND.read(rows)))
            )
        if keys:
            questions.append(
                (claims.FIND.reading(keys), lambda rows: self._claims.update(claims.FIND.read(rows)))
            )
        return questions

    def _known(self) -> tuple[list[Row], list[Terminal]]:
        return self._terminals.open.of(job.terminal for job in self._group if job.terminal is not None)

    def _send(self, statements: Sequence[Statement], heard: Callable[[Results | None], None]) -> None:
        if self._pipeline is not None and self._pipeline.is_open:
            self._pipeline.send(statements, heard)
        else:
            heard(None)

    def _learn(self, takers: Sequence[Callable[[Written], None]], results: Results | None) -> None:
        if results is None:
            self._leave_behind()
            self._next()
            return
        try:
            for take, result in zip(takers, results, strict=True):
                take(_rows(result))
        except Exception:  # noqa: BLE001 - as below
            self._leave_behind()
            self._next()
        else:
            self._decide()

    def _decide(self) -> None:
        """Run the works on what is known, and have all they decided written and committed."""
        recorder = Recorder()
        try:
            unit = self._unit_of(recorder.as_connection())
            known, _ = self._known()
            unit.know(known)
            for job in self._group:
                if job.wanted is not None:
                    self._tell_of(job.wanted, unit)
            run_works(self._group, unit)
            unit.flush()
        except Exception:  # noqa: BLE001 - the lane behind finds out whose fault it is
            self._leave_behind()
            self._next()
            return
        if any(job.given_up for job in self._group):
            self._leave_behind()
            self._next()
            return
        self._unit = unit
        fault_point("write.flushed")
        self._begun += 1
        # A plan that was made while a table was small, and so reads all of it, would be kept while it grows.
        old_plans = [_FORGET_PLANS] if self._begun % PLANS_KEPT_FOR == 0 else []
        self._send([*old_plans, _BEGIN, *recorder.statements, _COMMIT], self._committed)

    def _tell_of(self, wanted: Wanted, unit: GroupUnit) -> None:
        card = self._cards.get((wanted.merchant_id, wanted.token))
        claim = self._claims.get((wanted.merchant_id, wanted.terminal_id, wanted.key))
        unit.found(wanted, card, claim)

    def _committed(self, results: Results | None) -> None:
        if results is None:
            self._leave_behind()
            self._send([_ROLLBACK], self._undone)
            return
        fault_point("write.committed")
        group, self._group = self._group, ()
        unit, self._unit = self._unit, None
        if unit is not None:
            self._terminals.open.know(unit.opened())
            unit.committed()
        resolve([job for job in group if not isinstance(job.error, Unprimed)])
        for job in group:
            if isinstance(job.error, Unprimed):
                self._put_behind(job)
        self._next()

    def _leave_behind(self) -> None:
        """Have the group run in the lane behind."""
        group, self._group, self._unit = self._group, (), None
        for job in group:
            if not job.given_up:
                if job.terminal is not None:
                    self._terminals.send_away(job.terminal, job.loop.time() + AWAY_SECONDS)
                self._put_behind(job)

    def _undone(self, results: Results | None) -> None:
        if results is None and self._pipeline is not None:
            self._pipeline.close()
        self._next()

    def _next(self) -> None:
        self._exchanging = False
        if self._pipeline is not None and self._pipeline.is_open:
            self._turn()
            return
        while self._queue:
            self._put_behind(self._queue.popleft())

    def _put_behind(self, job: Job[Any, Any]) -> None:
        job.error = None
        try:
            self._behind.put(job)
        except Refused as refusal:
            job.error = refusal
            resolve([job])
        else:
            self._terminals.goes_behind(job)

    # -- the end ----------------------------------------------------------------------------------

    def _end_and(self, tell: Callable[[], None]) -> None:
        try:
            self._end()
        finally:
            tell()

    def _end(self) -> None:
        opening = self._opening
        if opening is not None and not (loop := opening.get_loop()).is_closed():
            loop.call_soon_threadsafe(opening.cancel)
        if (opened := self._take_opened()) is not None:
            opened.close()
        if self._pipeline is not None:
            self._turn()
            while self._exchanging:
                self._pipeline.wait()
            self._pipeline.close()


def _rows(result: PGresult) -> Written:
    columns = range(result.nfields)
    return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
