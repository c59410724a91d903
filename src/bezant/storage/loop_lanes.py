"""The lane of SQLite: short works run on the event loop itself, and a thread waits for the disk.

SQLite is embedded. A thread that calls it gives the interpreter away with every statement and has to win
it back from a busy event loop, which cost more than the statements do. So a group of short works is run and
written right on the event loop; only its commit, which waits for the disk, is left to a thread, while the
event loop goes on. Works that may take long run in that thread as a whole. Either way there is one
transaction at a time, and works are taken in the order in which they came.

Both sides are to be at work at once: the disk with one group, the event loop with the answers to the group
before and with what will be the next. So the thread is let in as soon as it has a commit to make, and a group
is begun only when the event loop has got through what the last answers led to.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from sqlalchemy import Connection, Engine

from bezant.core.outcomes import Reason, Refused
from bezant.storage.driver import execute
from bezant.storage.engine import BUSY_SECONDS
from bezant.storage.known import OpenBatches, Terminal
from bezant.storage.lanes import Begun, Groups, GroupUnit, Job, answer

TURNS_MAX: Final = 3
"""How many turns of the event loop a group may go on growing before it is begun."""
_STEP_ASIDE_SECONDS: Final = 0.000_05
"""Enough for a thread to wake up, take the interpreter, and give it back within the database."""

Jobs = Sequence[Job[Any, Any]]


class LoopLane:
    """A lane for SQLite. A work is short when it names a terminal."""

    def __init__(
        self,
        engine: Engine,
        unit_of: Callable[[Connection], GroupUnit],
        *,
        name: str,
        group_max: int,
        queue_max: int,
    ) -> None:
        self._groups = _Groups(engine, unit_of)
        self._group_max = group_max
        self._queue_max = queue_max
        self._hand = _Hand(f"bezant-{name}")
        self._lock = threading.Lock()
        """Guards what follows: whoever stops the lane need not be on its callers' event loop."""
        self._queue: deque[Job[Any, Any]] = deque()
        self._waking: asyncio.AbstractEventLoop | None = None
        """The event loop that will look at the queue in its next turn."""
        self._busy = False
        """A transaction is under way."""
        self._growth = _Growth()
        self._ending = False

    def start(self) -> None:
        """Begin to take what is queued."""
        self._hand.start()

    def put(self, job: Job[Any, Any]) -> None:
        """Queue a job; on its event loop's thread. Refuses ``BUSY`` when the queue is full, or at the end."""
        with self._lock:
            if self._ending or len(self._queue) >= self._queue_max:
                raise Refused(Reason.BUSY)
            self._queue.append(job)
            if not self._busy and self._waking is not job.loop:
                # In its next turn: what else this turn queues belongs to the same group.
                self._waking = job.loop
                job.loop.call_soon(self._turn)

    def stop(self) -> None:
        """Finish what is queued, then end. In any thread."""
        if not self._hand.is_alive():
            return
        with self._lock:
            self._ending = True
            if not self._busy:
                self._hand.do(self._drain)
        self._hand.join()

    def _turn(self) -> None:
        """Take a group, unless one is under way; on an event loop's thread."""
        with self._lock:
            self._waking = None
            if self._busy or self._ending:
                return
            if self._growth.goes_on(min(len(self._queue), self._group_max)):
                self._waking = asyncio.get_running_loop()
                self._waking.call_soon(self._turn)
                return
            group = self._gather()
            self._busy = bool(group)
        if group:
            self._run(group)

    def _run(self, group: Jobs) -> None:
        if any(job.terminal is None for job in group):
            self._hand.do(partial(self._finish, group))
            return
        try:
            begun = self._groups.try_to_begin(group)
        except Exception:  # noqa: BLE001 - what is wrong is found out, and told, by running it in the thread
            self._hand.do(partial(self._finish, group))
        else:
            self._hand.do(partial(self._finish, group, begun))
            # Else the thread would get the interpreter only when all that is due here has been done.
            time.sleep(_STEP_ASIDE_SECONDS)

    def _finish(self, group: Jobs, begun: Begun | None = None) -> None:
        """Commit what was begun, or run a group as a whole; in the thread."""
        if begun is None or not self._groups.try_to_commit(begun):
            self._groups.run_patiently(group)
        answer(group)
        with self._lock:
            self._busy = False
            if not self._ending:
                self._wake()
                return
        self._drain()

    def _wake(self) -> None:
        """Have an event loop look at the queue; under the lock, in any thread."""
        while self._queue:
            loop = self._queue[0].loop
            if self._waking is loop:
                return
            try:
                loop.call_soon_threadsafe(self._turn)
            except RuntimeError:
                self._queue.popleft()  # its event loop is gone, and with it whoever was waiting
            else:
                self._waking = loop
                return

    def _drain(self) -> None:
        """Run what is left in the queue, and end; in the thread."""
        while group := self._gather():
            self._groups.run_patiently(group)
            answer(group)
        self._groups.drop_connection()
        self._hand.end()

    def _gather(self) -> Jobs:
        """The next group; none only where nothing is left to do."""
        group: list[Job[Any, Any]] = []
        while self._queue and len(group) < self._group_max:
            job = self._queue.popleft()
            if not job.given_up:
                group.append(job)
        return group


class _Growth:
    """Whether a queue still grows from one turn of the event loop to the next."""

    def __init__(self) -> None:
        self._length = 0
        self._turns = 0

    def goes_on(self, length: int) -> bool:
        """Whether to look again in the next turn; at the end, all begins anew."""
        if length > self._length and self._turns < TURNS_MAX:
            self._length = length
            self._turns += 1
            return True
        self._length = self._turns = 0
        return False


class _Groups(Groups):
    """Groups of two ways: at once, which may fail, and in a thread that can wait for other processes."""

    def __init__(self, engine: Engine, unit_of: Callable[[Connection], GroupUnit]) -> None:
        super().__init__(engine, unit_of, writes=True)
        self._open = OpenBatches()
        self._patience_ms = 0
        self._waits_ms: int | None = None
        """How long the connection waits for a lock."""

    def try_to_begin(self, group: Jobs) -> Begun:
        """Run and write a group at once. Raises, and leaves nothing: also when another process is writing."""
        self._patience_ms = 0
        return self.begin(group)

    def prime(self, unit: GroupUnit, terminals: Sequence[Terminal]) -> None:
        """Fetch what is not known, where nobody waits."""
        if not self._patience_ms:
            known, terminals = self._open.of(terminals)
            unit.know(known)
        super().prime(unit, terminals)

    def try_to_commit(self, begun: Begun) -> bool:
        """Commit; whether that is certain to have worked."""
        try:
            self.commit(begun)
        except Exception:  # noqa: BLE001 - the group is run again, and what is wrong is found out then
            return False
        self._open.know(begun.unit.opened())
        return True

    def run_patiently(self, group: Jobs) -> None:
        """Run a group; each job has its result or its error afterwards."""
        self._patience_ms = BUSY_SECONDS * 1000
        self._open.forget(job.terminal for job in group if job.terminal is not None)
        self.run(group)

    def connected(self) -> Connection:
        """The connection, with the patience of the group that is to run."""
        is_new = self._connection is None
        connection = super().connected()
        if is_new:
            # What a statement would take back if it failed; in a file, it was half of all that is written.
            execute(connection, "PRAGMA temp_store = MEMORY", ())
            self._waits_ms = None
        if self._waits_ms != self._patience_ms:
            execute(connection, f"PRAGMA busy_timeout = {self._patience_ms}", ()).fetchone()
            self._waits_ms = self._patience_ms
        return connection

    def drop_connection(self) -> None:
        """Let go of the connection. How it is set is not for others."""
        self.abandon_connection()


class _Hand(threading.Thread):
    """Does what must not be done on an event loop, one thing after the other."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._things: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def do(self, thing: Callable[[], None]) -> None:
        """Have it done."""
        self._things.put(thing)

    def end(self) -> None:
        """Do nothing that comes after this."""
        self._things.put(None)

    def run(self) -> None:
        """Do what comes, until the end."""
        while (thing := self._things.get()) is not None:
            thing()
