"""The far end: a gift host on a TCP port that keeps cards and misbehaves on request.

What a request leads to is the books' to say; this module listens and delivers, and where a script asks for
it, delivers badly.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import msgspec

from bezant.rails.gift.codec import LINE_MAX, Garbled, Reply, Request, line_of, request_in
from bezant.rails.gift.sandbox.books import Books
from bezant.rails.gift.sandbox.control import control_session
from bezant.rails.gift.sandbox.scripts import Scripts, Step

LOOPBACK: Final = "127.0.0.1"
_GARBAGE: Final = b"\xff\xfe{{\n"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GiftSandbox:
    """A gift host for tests, demos and integrators.

    ``port`` and ``control_port`` 0 mean any free one; without ``control_port`` there is no control listener.
    Cards survive a kill when a ``books`` file is given; scripts do not.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        control_port: int | None = None,
        books: Path | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._host = host
        self._port = port
        self._control_port = control_port
        self._path = books
        self._now = now
        self._books: Books | None = None
        self.scripts = Scripts()
        self.seen: Counter[str] = Counter()
        """Requests since the start, by what they asked."""
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def start(self) -> None:
        """Open the books and listen. Raises ``OSError`` when a port or the books are taken."""
        loop = asyncio.get_running_loop()
        self._books = Books(self._path, now=self._now)
        try:
            self._servers.append(await loop.create_server(lambda: _Session(self), self._host, self._port))
            if self._control_port is not None:
                session = control_session(self)
                self._servers.append(await loop.create_server(session, LOOPBACK, self._control_port))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once; answers that are due later are never given."""
        for server in self._servers:
            server.close()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if self._books is not None:
            self._books.close()
            self._books = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, while started."""
        return _address(self._servers[0])

    @property
    def control_address(self) -> tuple[str, int] | None:
        """Where its control listener is, while started with one."""
        return _address(self._servers[1]) if len(self._servers) > 1 else None

    @property
    def books(self) -> Books:
        """Its cards and entries, while started."""
        assert self._books is not None, "not started"
        return self._books

    def opened(self, transport: asyncio.Transport) -> None:
        """Take note of a connection, to be closed at the end."""
        self._transports = {known for known in self._transports if not known.is_closing()}
        self._transports.add(transport)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back after a while, unless the host stops before."""

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)


class _Session(asyncio.Protocol):
    """One client connection."""

    def __init__(self, host: GiftSandbox) -> None:
        self._host = host
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._host.opened(self._transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._take(request_in(line))
        except Garbled:
            self._hang_up()
        if len(self._rest) > LINE_MAX:
            self._hang_up()

    def _take(self, request: Request) -> None:
        host = self._host
        host.seen[request.ask.value] += 1
        step = host.scripts.step_for(request) or Step()
        if step.refuse:
            self._hang_up()
        elif step.delay:
            host.later(step.delay, lambda: self._answer(request, step))
        else:
            self._answer(request, step)

    def _answer(self, request: Request, step: Step) -> None:
        reply = self._host.books.perform(request, declined=step.decline)
        line = _line_of(reply, step)
        if step.late:
            self._host.later(step.late, lambda: self._send(line, hanging_up=step.hangs_up))
        else:
            self._send(line, hanging_up=step.hangs_up)

    def _send(self, line: bytes, *, hanging_up: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if line:
            transport.write(line)
        if hanging_up:
            transport.close()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _line_of(reply: Reply, step: Step) -> bytes:
    """The bytes of a reply with the faults of a step. Empty where it is not sent at all."""
    if step.silent or step.drop:
        return b""
    if step.garble:
        return _GARBAGE
    if step.mismatch == "amount":
        reply = msgspec.structs.replace(reply, amount=reply.amount + 1)
    elif step.mismatch == "reference":
        reply = msgspec.structs.replace(reply, reference=f"{reply.reference}0")
    line = line_of(reply)
    if step.half:
        return line[: len(line) // 2]
    return line * 2 if step.duplicate else line


def _address(server: asyncio.Server) -> tuple[str, int]:
    host, port = server.sockets[0].getsockname()[:2]
    return host, port
