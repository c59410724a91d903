"""The connections to an acquirer host: sign-on, echo, reconnecting, time-outs, many messages at once.

A caller hands over one request and gets one answer, or a value that says precisely how much is known:
``NotSent`` when surely no byte left, ``Unresolved`` when one may have. Nothing here knows what a message
is about. Everything runs on one event loop, without a lock or a task per message: a request is written
straight to a transport, and one timer serves all time-outs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, cast

import structlog

from bezant.core.faults import fault_point
from bezant.core.outcomes import NotSent, Unresolved
from bezant.rails.acquirer.codec import FrameReader, Garbled, IsoMessage, decode, encode
from bezant.rails.acquirer.codes import APPROVED
from bezant.rails.acquirer.matching import InFlight, Key, Reply, Stray, expected_key
from bezant.rails.acquirer.spec import (
    ANSWER_TYPES,
    AUDIT_NUMBER,
    ECHO,
    MTI,
    NETWORK,
    NETWORK_CODE,
    RESPONSE_CODE,
    SIGN_ON,
    TRANSMITTED,
)

_AUDIT_NUMBER_MAX: Final = 999_999
_STEADY_SECONDS: Final = 5.0
"""A connection that lasted less, and carried nothing, did not work: the next waits as after a failed one."""

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: Stray) -> None:
    return None


class AcquirerLink:
    """A link to one acquirer host over one or more persistent connections.

    ``on_stray`` is called on the event loop for each answer that nobody waits for; it must be quick.
    ``jitter`` gives numbers from 0 to 1, ``now`` the real time in UTC. At most ``in_flight_max`` requests
    wait for answers at a time. Failed connection attempts follow each other after ``backoff_seconds``,
    doubled each time up to ``backoff_max_seconds``, less up to half of it by jitter.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connections: int = 1,
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 6.0,
        echo_interval_seconds: float = 30.0,
        in_flight_max: int = 2048,
        backoff_seconds: float = 0.1,
        backoff_max_seconds: float = 30.0,
        on_stray: Callable[[Stray], None] = _ignore,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._host = host
        self._port = port
        self._connections_wanted = connections
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._echo_interval = echo_interval_seconds
        self._in_flight_max = in_flight_max
        self._backoff = backoff_seconds
        self._backoff_max = backoff_max_seconds
        self._jitter = jitter
        self._now = now
        self._in_flight: InFlight[_Connection] = InFlight(on_stray=on_stray, now=now)
        self._queued = 0
        self._open: set[_Connection] = set()
        self._ready: list[_Connection] = []
        self._turn = 0
        self._audit_number = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._keepers: list[asyncio.Task[None]] = []
        # There while no connection is up and the host is not known to be away; done when either changes.
        self._news: asyncio.Future[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether a connection is up and signed on."""
        return bool(self._ready)

    @property
    def in_flight(self) -> int:
        """Requests that wait for their answers."""
        return len(self._in_flight)

    async def start(self) -> None:
        """Connect and keep connected. Returns when the first attempt has succeeded or failed."""
        assert not self._keepers, "a link is started once"
        self._news = news = asyncio.get_running_loop().create_future()
        self._keepers = [asyncio.create_task(self._keep_connected()) for _ in range(self._connections_wanted)]
        await asyncio.wait((news, *self._keepers), return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Close the connections. What still waits for an answer is unresolved."""
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for connection in list(self._open):
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._tell_news()

    async def request(
        self, message: IsoMessage, *, deadline_at: datetime | None = None
    ) -> IsoMessage | Unresolved | NotSent:
        """Send a request and wait for its answer.

        With no connection up, waits for the one being made, at most the connect time-out; when the last
        attempt failed, says ``NotSent`` at once. Past ``deadline_at`` nothing is written. Raises
        ``Unencodable``, with nothing sent.
        """
        frame = encode(message)
        key = expected_key(message)
        if len(self._in_flight) + self._queued >= self._in_flight_max:
            return NotSent(cause="overload")
        if not self._ready and self._news is not None:
            self._queued += 1
            try:
                await asyncio.wait((self._news,), timeout=self._connect_timeout)
            finally:
                self._queued -= 1
        if not self._ready:
            return NotSent(cause="link down")
        connection = self._pick()
        if connection is None:
            return NotSent(cause="overload")
        if key in self._in_flight:
            return NotSent(cause="already in flight")
        if deadline_at is not None and self._now() >= deadline_at:
            return NotSent(cause="deadline passed")
        return await self._write(connection, key, frame)

    def _pick(self) -> _Connection | None:
        """The next connection in turn whose peer keeps reading."""
        for _ in self._ready:
            self._turn += 1
            connection = self._ready[self._turn % len(self._ready)]
            if not connection.congested:
                return connection
        return None

    def _write(self, connection: _Connection, key: Key, frame: bytes) -> asyncio.Future[Reply]:
        loop = asyncio.get_running_loop()
        at = loop.time()
        future = self._in_flight.add(key, owner=connection, at=at)
        connection.write(frame)
        if self._sweep is None:
            self._sweep = loop.call_at(at + self._read_timeout, self._expire)
        return future

    def _expire(self) -> None:
        """Give up what has waited too long, and doubt the connections that were silent meanwhile."""
        loop = asyncio.get_running_loop()
        at = loop.time()
        expired = self._in_flight.expire(patience=self._read_timeout, at=at)
        silent = (owner for owner, sent_at in expired if owner.heard_at <= sent_at)
        for connection in dict.fromkeys(silent):
            self._probe(connection)
        oldest = self._in_flight.oldest_sent_at
        self._sweep = None if oldest is None else loop.call_at(oldest + self._read_timeout, self._expire)

    async def _keep_connected(self) -> None:
        """Have one connection up, for ever."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            connection = await self._dial()
            if connection is None:
                if not failures:
                    log.warning("acquirer_unreachable", host=self._host, port=self._port)
                failures += 1
                self._tell_news()
            else:
                up_at = loop.time()
                self._ready.append(connection)
                self._watch(connection)
                self._tell_news()
                log.info("acquirer_link_up", host=self._host, port=self._port)
                await asyncio.wait((connection.closed,))  # its end is not this task's to cancel
                worked = connection.useful or loop.time() - up_at >= _STEADY_SECONDS
                failures = 0 if worked else failures + 1
            if failures:
                delay = min(self._backoff * 2 ** min(failures - 1, 30), self._backoff_max)
                await asyncio.sleep(delay * (1 - self._jitter() / 2))

    async def _dial(self) -> _Connection | None:
        """A new connection, signed on, or nothing."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(self._connection, self._host, self._port)
                fault_point("link.connected")
        except OSError:  # a time-out is one
            return None
        reply = await self._ask_network(connection, SIGN_ON)
        if isinstance(reply, Unresolved) or reply.get(RESPONSE_CODE) != APPROVED:
            connection.abort()
            return None
        return None if connection.closed.done() else connection

    def _connection(self) -> _Connection:
        return _Connection(on_open=self._open.add, on_body=self._take, on_lost=self._lost)

    def _take(self, connection: _Connection, body: bytes) -> None:
        try:
            message = decode(body)
        except Garbled as garbled:
            log.warning("acquirer_answer_garbled", host=self._host, port=self._port)
            self._in_flight.garbled(garbled.remains, at=connection.heard_at)
            return
        if message[MTI] == NETWORK:  # the host looks whether we are there
            reply = {**message, MTI: ANSWER_TYPES[NETWORK], RESPONSE_CODE: APPROVED}
            connection.write(encode(reply))
            return
        connection.useful = connection.useful or message[MTI] != ANSWER_TYPES[NETWORK]
        fault_point("link.decoded")
        self._in_flight.answer(message, at=connection.heard_at)

    def _lost(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._ready:
            self._ready.remove(connection)
            if self._keepers:
                log.warning("acquirer_link_lost", host=self._host, port=self._port)
            if not self._ready and self._news is None:
                self._news = asyncio.get_running_loop().create_future()
        self._in_flight.lose(connection, at=asyncio.get_running_loop().time())

    def _tell_news(self) -> None:
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    def _ask_network(self, connection: _Connection, code: str) -> asyncio.Future[Reply]:
        self._audit_number = self._audit_number % _AUDIT_NUMBER_MAX + 1
        message = IsoMessage(
            {
                MTI: NETWORK,
                TRANSMITTED: self._now().strftime("%m%d%H%M%S"),
                AUDIT_NUMBER: f"{self._audit_number:06d}",
                NETWORK_CODE: code,
            }
        )
        return self._write(connection, expected_key(message), encode(message))

    def _watch(self, connection: _Connection) -> None:
        """Probe the connection whenever nothing was heard on it for the echo interval."""
        if connection.closed.done():
            return
        loop = asyncio.get_running_loop()
        due_at = connection.heard_at + self._echo_interval
        if due_at <= loop.time():
            self._probe(connection)
            due_at = loop.time() + self._echo_interval
        connection.watch = loop.call_at(due_at, self._watch, connection)

    def _probe(self, connection: _Connection) -> None:
        """Ask for an echo; drop a connection that gives none."""
        if connection.probing or connection.closed.done():
            return

        def heard(echo: asyncio.Future[Reply]) -> None:
            connection.probing = False
            if not echo.cancelled() and isinstance(echo.result(), Unresolved):
                connection.abort()

        connection.probing = True
        self._ask_network(connection, ECHO).add_done_callback(heard)


class _Connection(asyncio.Protocol):
    """One TCP connection: cuts frames, knows when it last heard something, tells when it is gone."""

    def __init__(
        self,
        *,
        on_open: Callable[[_Connection], None],
        on_body: Callable[[_Connection, bytes], None],
        on_lost: Callable[[_Connection], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.heard_at = loop.time()
        self.congested = False
        self.probing = False
        self.useful = False
        self.watch: asyncio.TimerHandle | None = None
        self._clock = loop.time
        self._call_soon = loop.call_soon
        self._unsent: list[bytes] = []
        self._on_open = on_open
        self._on_body = on_body
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._clock()
        fault_point("link.heard")
        try:
            for body in self._reader.feed(data):
                self._on_body(self, body)
        except Garbled:
            log.warning("acquirer_stream_garbled")
            self.abort()

    def eof_received(self) -> None:
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whatever ended it, the answers will not come
        self._lose()

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False

    def write(self, frame: bytes) -> None:
        """Send a frame. One that is written to a dying connection is reported lost soon after.

        What is written in one turn of the event loop leaves together: works that were committed as a group
        go on at the same time, and each write would be a system call of its own.
        """
        if not self._unsent:
            self._call_soon(self._flush)
        self._unsent.append(frame)

    def _flush(self) -> None:
        frames = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames)
            fault_point("link.written")

    def abort(self) -> None:
        """Close without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()
        self._lose()

    def _lose(self) -> None:
        """Tell that the connection is gone, once, as soon as that is certain."""
        if self.closed.done():
            return
        self.closed.set_result(None)
        if self.watch is not None:
            self.watch.cancel()
        self._on_lost(self)
