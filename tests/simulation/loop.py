"""An event loop of its own time: nothing waits, everything happens in an order that a seed decides.

Time stands still while callbacks run, and jumps to the next timer when none is left. Callbacks that are due
in the same turn run in the order in which they were queued, as asyncio promises, but the steps of different
tasks change places at random among themselves: no code may lean on which of two tasks wakes first.

Everything that runs belongs to a ``Process``, by the context it was started in. A process can vanish (what it
had queued never runs, and no ``finally`` of it does) and be halted (what it had queued waits).
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

CLOSINGS_MAX: Final = 50
TURNS_MAX: Final = 3_000_000


class PowerCut(BaseException):
    """The process that this is raised in is gone, in the middle of whatever it did."""


class Stuck(Exception):
    """Nothing will ever happen any more, or what happens has no end."""


class Process:
    """What vanishes, or stops for a while, together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.halted = False
        self.tasks: list[asyncio.Task[Any]] = []
        self.held: list[_Due] = []
        self.context = contextvars.copy_context()
        self.context.run(_PROCESS.set, self)

    def __repr__(self) -> str:
        return self.name


_PROCESS: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


def own_process() -> Process:
    """The process that this is called in."""
    return _PROCESS.get()


_Due = tuple[float, int, Process | None, asyncio.Handle]


class Trace:
    """What happened, as a running hash; kept as lines only where somebody wants to read them."""

    def __init__(self, *, keep: bool = False) -> None:
        self._hash = sha256()
        self.lines: list[str] | None = [] if keep else None

    def note(self, at: float, what: str) -> None:
        """Something happened."""
        line = f"{at:.6f} {what}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        """The hash of everything so far."""
        return self._hash.hexdigest()


class Wires(Protocol):
    """Where connections come from."""

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to whoever listens there."""
        ...

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> None:
        """Listen there."""
        ...


class Server:
    """What ``create_server`` gives: nothing here is ever closed but by its process."""

    def __init__(self) -> None:
        self.sockets: tuple[()] = ()

    def close(self) -> None:
        """Nothing to close."""

    async def wait_closed(self) -> None:
        """Nothing to wait for."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """The loop. ``chances`` decides which of several tasks goes first."""

    def __init__(self, chances: Random, trace: Trace) -> None:
        self.wires: Wires | None = None
        self.complaints: list[str] = []
        self._chances = chances
        self._trace = trace
        self._now = 0.0
        self._numbers = itertools.count()
        self._ready: deque[_Due] = deque()
        self._timers: list[_Due] = []
        self._closed = False
        self._processes: list[Process] = []
        self.current: Process | None = None
        """Whose callback is being run."""
        self._turns = 0

    # -- processes ----------------------------------------------------------------------------------

    def process(self, name: str) -> Process:
        """A new process with nothing to do yet."""
        process = Process(name)
        self._processes.append(process)
        return process

    def spawn(self, process: Process, work: Coroutine[Any, Any, T], *, name: str = "") -> asyncio.Task[T]:
        """Start a task in a process."""
        context = process.context.copy()
        return context.run(lambda: self.create_task(work, name=name or process.name))

    def cut(self, process: Process) -> None:
        """Let a process vanish."""
        self._trace.note(self._now, f"{process} is gone")
        process.alive = False
        process.held.clear()

    def halt(self, process: Process) -> None:
        """Let a process stand still."""
        process.halted = True

    def resume(self, process: Process) -> None:
        """Let it go on with all that it has missed."""
        process.halted = False
        held, process.held = process.held, []
        self._ready.extend(held)

    # -- running ------------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - meant for loops
        try:
            yield
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - meant for loops

    def run_until(self, task: asyncio.Future[T]) -> T:
        """Run until something is done. Raises ``Stuck`` when it never will be."""
        with self.running():
            while not task.done():
                self._turn()
        return task.result()

    def _turn(self) -> None:
        """Everything that is due now, once."""
        self._turns += 1
        if self._turns > TURNS_MAX:
            raise Stuck("there is no end")
        if not self._ready:
            self._advance()
        due, self._ready = self._shuffled(self._ready), deque()
        for item in due:
            _, _, process, handle = item
            if handle.cancelled() or (process is not None and not process.alive):
                continue
            if process is not None and process.halted:
                process.held.append(item)
                continue
            self.current = process
            handle._run()  # noqa: SLF001 - loops run handles
        self.current = None

    def _advance(self) -> None:
        """Jump to the next timer, and take all that are due then."""
        while self._timers and self._timers[0][3].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            raise Stuck("nothing is left to happen")
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers))

    def _shuffled(self, ready: deque[_Due]) -> list[_Due]:
        """The same callbacks; those that are steps of tasks in another order."""
        due = list(ready)
        if len(due) == 1:
            return due
        places = [place for place, (_, _, _, handle) in enumerate(due) if _is_step(handle)]
        if len(places) > 1:
            others = places.copy()
            self._chances.shuffle(others)
            for place, item in zip(places, [due[other] for other in others], strict=True):
                due[place] = item
        return due

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Somebody's callback failed."""
        error = context.get("exception")
        if isinstance(error, PowerCut):
            return
        if self.current is None or self.current.alive:
            self.complaints.append(f"{context.get('message')}: {type(error).__name__} {error}")

    # -- what asyncio asks of a loop -----------------------------------------------------------------

    def time(self) -> float:
        """Seconds since the beginning."""
        return self._now

    def call_soon(  # type: ignore[override]  # a loop's own signature has overloads by type variables
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Call in the next turn."""
        context = context or contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((self._now, next(self._numbers), context.get(_PROCESS), handle))
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there are no threads

    def call_at(  # type: ignore[override]  # the same
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call at an instant."""
        context = context or contextvars.copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), context.get(_PROCESS), handle))
        return handle

    def call_later(  # type: ignore[override]  # the same
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call after a while."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is left where it is: a cancelled handle is passed over."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the same
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        """A task of the process that this is called in, or of the one in ``context``."""
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        process = (context or contextvars.copy_context()).get(_PROCESS)
        if process is not None:
            process.tasks.append(task)
        return task

    async def create_connection(  # type: ignore[override]  # only what the link uses
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect through the wires."""
        assert self.wires is not None
        return await self.wires.connect(protocol_factory, host, port)

    async def create_server(  # type: ignore[override]  # only what the host uses
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> Server:
        """Listen on the wires."""
        assert self.wires is not None
        self.wires.listen(protocol_factory, host, port)
        return Server()

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """As far as anybody can ask."""
        return not self._closed

    def is_closed(self) -> bool:
        """Whether it was buried."""
        return self._closed

    def bury(self) -> None:
        """End whatever is left, in order and in silence: nothing of it may be heard of later."""
        with self.running():
            for process in self._processes:
                process.alive = False
                for task in process.tasks:
                    _bury(task)
        self._ready.clear()
        self._timers.clear()
        self._closed = True


def _is_step(handle: asyncio.Handle) -> bool:
    callback = getattr(handle, "_callback", None)
    return isinstance(getattr(callback, "__self__", None), asyncio.Task)


def _bury(task: asyncio.Task[Any]) -> None:
    """Close a task's coroutine, which may try to go on several times."""
    if task.done():
        if not task.cancelled():
            task.exception()
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - as asyncio.gather does
    coroutine = task.get_coro()
    assert coroutine is not None
    for _ in range(CLOSINGS_MAX):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112 - whatever a dead process has to say
            continue
        return
