"""The load: clients on keep-alive connections that send prepared requests and check every answer.

Two models. Closed: so many clients, each of which sends again when it has its answer; finds the peak. Open:
requests fall due at a constant rate whatever the server does, and a latency counts from when its request
fell due, so that a server that stalls is charged for all who would have come meanwhile.

Written for little cost a request, since it shares the machine with what it measures: requests are bytes
that were made beforehand, and answers are searched, not parsed.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final, cast

CONNECTIONS_MAX: Final = 256
"""Of an open phase."""
OVERLOAD_CONNECTIONS: Final = 1024
TICK_SECONDS: Final = 0.001
"""What fell due within one is sent together: a loop that is asked for less does not sleep at all."""

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_BUSY: Final = b"HTTP/1.1 503 "
_RETRY: Final = b"\r\nretry-after: "


class Wrong(Exception):
    """An answer that is no approval, an id that came twice, or a connection that the server closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one phase of load measured: a latency for each answer, in ascending order, and its length."""

    latencies: Sequence[float]
    seconds: float
    refusals: Sequence[float] = ()
    """Latencies of those that were told to try again later, in ascending order."""
    lateness: Sequence[float] = ()
    """How late the load generator itself sent what fell due while it had a connection, in ascending order."""

    @property
    def answers(self) -> int:
        """How many requests were answered, which is how many were sent."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    def percentile(self, percent: int) -> float:
        """The seconds that this share of the answers did not exceed (nearest rank)."""
        return percentile(self.latencies, percent)

    def refusal_percentile(self, percent: int) -> float | None:
        """The same of the refusals; none where nothing was refused."""
        return percentile(self.refusals, percent) if self.refusals else None


def joined(phases: Sequence[Phase]) -> Phase:
    """One closed phase out of several."""
    return Phase(
        latencies=sorted(latency for each in phases for latency in each.latencies),
        seconds=sum(each.seconds for each in phases),
    )


def percentile(ascending: Sequence[float], percent: int) -> float:
    """The value that this share of the values did not exceed (nearest rank)."""
    rank = -(-percent * len(ascending) // 100)
    return ascending[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a wire API says yes: how such an answer begins, and what stands before the payment's id."""

    approved: bytes
    before_id: bytes


class Clients:
    """Clients of one server, and the ids of all payments that were approved to them.

    Each phase has connections of its own, since a server hangs up on those that are idle for a while.
    """

    def __init__(self, address: tuple[str, int], requests: Iterator[bytes], words: Words) -> None:
        self.approved: set[bytes] = set()
        self._address = address
        self._requests = requests
        self._words = words
        self._latencies = array("d")
        self._refusals: array[float] | None = None
        """Where a refusal is an answer, too."""
        self._lateness = array("d")
        self._freed: Callable[[_Connection], None] = _nobody
        self._done: asyncio.Future[None] | None = None

    async def closed(self, *, clients: int, seconds: float, sales_min: int = 0) -> Phase:
        """Let ``clients`` send one request after the other for a while, and so many. Raises ``Wrong``."""
        busy = clients
        until = perf_counter() + seconds

        def freed(connection: _Connection) -> None:
            nonlocal busy
            now = perf_counter()
            if now < until or len(self._latencies) < sales_min:
                connection.send(next(self._requests), now)
                return
            busy -= 1
            if not busy:
                self._finish()

        def begin(connections: Sequence[_Connection]) -> None:
            for connection in connections:
                connection.send(next(self._requests), perf_counter())

        return await self._measured(clients, begin, freed)

    async def overload(self, *, rate: float, seconds: float) -> Phase:
        """Like ``open``, with more than the server can do: it may refuse, if it says when to come again.

        Clients have machines of their own in life. Here they share the server's, which has nothing to spare:
        what was sent late although a connection was free counts from when it was sent, and how late
        that was is told beside it.
        """
        self._refusals = refusals = array("d")
        try:
            phase = await self.open(rate=rate, seconds=seconds, connections_max=OVERLOAD_CONNECTIONS)
        finally:
            self._refusals = None
        return replace(phase, refusals=sorted(refusals))

    async def open(self, *, rate: float, seconds: float, connections_max: int = CONNECTIONS_MAX) -> Phase:
        """Let ``rate`` requests a second fall due for a while. Raises ``Wrong``.

        A request that finds all connections taken waits for one, and its latency counts on.
        """
        connections = min(math.ceil(rate), connections_max)
        idle: deque[_Connection] = deque()
        waiting: deque[float] = deque()
        total = max(1, round(rate * seconds))
        sent = 0
        started = 0.0
        loop = asyncio.get_running_loop()

        def freed(connection: _Connection) -> None:
            if waiting:
                connection.send(next(self._requests), waiting.popleft())
                return
            idle.append(connection)
            if sent == total and len(idle) == connections:
                self._finish()

        def send_due() -> None:
            nonlocal sent
            now = perf_counter()
            while sent < total and (due := started + sent / rate) <= now:
                sent += 1
                if idle:
                    at = perf_counter()
                    self._lateness.append(at - due)
                    idle.popleft().send(next(self._requests), due if self._refusals is None else at)
                else:
                    waiting.append(due)
            if sent < total:
                loop.call_later(max(started + sent / rate - perf_counter(), TICK_SECONDS), send_due)

        def begin(connections: Sequence[_Connection]) -> None:
            nonlocal started
            idle.extend(connections)
            started = perf_counter()
            send_due()

        return await self._measured(connections, begin, freed)

    async def _measured(
        self,
        clients: int,
        begin: Callable[[Sequence[_Connection]], None],
        freed: Callable[[_Connection], None],
    ) -> Phase:
        loop = asyncio.get_running_loop()
        self._latencies = array("d")
        self._lateness = array("d")
        self._freed = freed
        self._done = loop.create_future()
        connections: list[_Connection] = []
        try:
            for _ in range(clients):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._answered, self._fail), *self._address
                )
                connections.append(connection)
            started = perf_counter()
            begin(connections)
            await self._done
            return Phase(
                latencies=sorted(self._latencies),
                seconds=perf_counter() - started,
                lateness=sorted(self._lateness),
            )
        finally:
            for connection in connections:
                connection.close()

    def _answered(self, connection: _Connection, due: float, answer: bytes, start: int) -> None:
        at = perf_counter()
        if self._refusals is not None and answer.startswith(_BUSY) and answer.find(_RETRY, 0, start) > 0:
            self._refusals.append(at - due)
            self._freed(connection)
            return
        words = self._words
        if not answer.startswith(words.approved, start):
            self._fail(f"no approval: {answer[start : start + 120]!r}")
            return
        first = answer.index(words.before_id, start) + len(words.before_id)
        payment_id = answer[first : answer.index(b'"', first)]
        if payment_id in self.approved:
            self._fail("a payment id came twice")
            return
        self.approved.add(payment_id)
        self._latencies.append(at - due)
        self._freed(connection)

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _fail(self, problem: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(Wrong(problem))


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way at most."""

    __slots__ = ("_answered", "_due", "_failed", "_received", "_transport")

    def __init__(
        self,
        answered: Callable[[_Connection, float, bytes, int], None],
        failed: Callable[[str], None],
    ) -> None:
        self._answered = answered
        self._failed = failed
        self._due = 0.0
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._failed(f"a connection was lost: {exc!r}")

    def send(self, request: bytes, due: float) -> None:
        """Send a request that fell due at that time."""
        self._due = due
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection. That it ends then is no failure."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        head = data.find(_HEAD_END)
        if head >= 0:
            first = data.index(_LENGTH, 0, head) + len(_LENGTH)
            start = head + len(_HEAD_END)
            if len(data) >= start + int(data[first : data.index(b"\r", first)]):
                self._received = b""
                self._answered(self, self._due, data, start)
                return
        self._received = data


def _nobody(_: _Connection) -> None:
    """Before the first phase, nothing waits for an answer."""
