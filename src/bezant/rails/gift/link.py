"""The connection to a gift host: made when it is needed, shared by many requests at once.

A caller hands over one request and gets one reply, or a value that says precisely how much is known:
``NotSent`` when surely no byte left, ``Unresolved`` when one may have. Nothing here knows what a request is
about. A reply that nobody waits for any more is dropped: what it would have answered is being cancelled.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from bezant.core.outcomes import NotSent, Unresolved
from bezant.rails.gift.codec import LINE_MAX, Garbled, Reply, Request, line_of, reply_in

_IN_FLIGHT_MAX: Final = 2048

log = structlog.get_logger()

_Answer = Reply | Unresolved


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class _Connection:
    """One connection, and who waits for what on it. ``heard`` counts the lines that came."""

    writer: asyncio.StreamWriter
    waiting: dict[int, asyncio.Future[_Answer]] = field(default_factory=dict)
    heard: int = 0
    reading: asyncio.Task[None] | None = None


class GiftLink:
    """A link to one gift host. Without an ``address`` there is none, and nothing is ever sent."""

    def __init__(
        self,
        address: tuple[str, int] | None,
        *,
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 6.0,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._address = address
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._now = now
        self._numbers = itertools.count(1)
        self._connection: _Connection | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._queued = 0

    @property
    def in_flight(self) -> int:
        """Requests that wait for their replies."""
        return self._queued

    async def stop(self) -> None:
        """Close the connection. What still waits for a reply is unresolved."""
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait((self._dialling,))
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.writer.transport.abort()
            if connection.reading is not None:
                await connection.reading

    async def request(self, request: Request, *, deadline_at: datetime) -> Reply | Unresolved | NotSent:
        """Send a request and wait for its reply. Past ``deadline_at`` (UTC) nothing is written.

        The request gets an id of this link's own.
        """
        if self._queued >= _IN_FLIGHT_MAX:
            return NotSent(cause="too many in flight")
        self._queued += 1
        try:
            connection = await self._connected()
            if connection is None:
                return NotSent(cause="no connection")
            if self._now() >= deadline_at:
                return NotSent(cause="too late")
            return await self._exchange(connection, request)
        finally:
            self._queued -= 1

    async def _exchange(self, connection: _Connection, request: Request) -> _Answer:
        number = next(self._numbers)
        waiter: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        connection.waiting[number] = waiter
        heard = connection.heard
        connection.writer.write(line_of(msgspec.structs.replace(request, id=number)))
        try:
            async with asyncio.timeout(self._read_timeout):
                return await waiter
        except TimeoutError:
            if connection.heard == heard:
                # Not a word in all that time: a connection that died without saying so looks like this.
                connection.writer.transport.abort()
            return Unresolved(cause="time-out")
        finally:
            connection.waiting.pop(number, None)

    async def _connected(self) -> _Connection | None:
        """The connection, made now if there is none; nothing when the host cannot be reached.

        Whoever comes while one is being made waits for that, and not for a turn to try: a host that never
        takes the call costs each of many no more than the time to connect.
        """
        if self._open_connection is None and self._address is not None:
            if self._dialling is None or self._dialling.done():
                self._dialling = asyncio.create_task(self._dial(*self._address))
            await asyncio.wait((self._dialling,))
        return self._open_connection

    @property
    def _open_connection(self) -> _Connection | None:
        connection = self._connection
        return None if connection is None or connection.writer.is_closing() else connection

    async def _dial(self, host: str, port: int) -> None:
        """Make a connection, if that is possible."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                reader, writer = await asyncio.open_connection(host, port, limit=LINE_MAX)
        except OSError as trouble:  # a time-out is one
            log.warning("gift_host_not_reached", trouble=type(trouble).__name__)
            return
        self._connection = connection = _Connection(writer)
        connection.reading = asyncio.create_task(self._read(reader, connection))

    async def _read(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        """Hand replies to who waits for them, until the connection ends."""
        cause = "link lost"
        try:
            while line := await reader.readline():
                if not line.endswith(b"\n"):
                    break
                connection.heard += 1
                reply = reply_in(line)
                waiter = connection.waiting.get(reply.id)
                if waiter is None or waiter.done():
                    log.warning("gift_reply_unexpected", code=reply.code, reference=reply.reference)
                    continue
                waiter.set_result(reply)
        except Garbled:
            cause = "garbled"
        except (OSError, ValueError):
            # A reset, or a line longer than any of ours.
            pass
        finally:
            connection.writer.transport.abort()
            for waiter in connection.waiting.values():
                if not waiter.done():
                    waiter.set_result(Unresolved(cause=cause))
