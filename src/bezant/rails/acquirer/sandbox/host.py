"""The far end: an ISO 8583 host on a TCP port that answers test cards and misbehaves on request.

A real peer over a real socket: it wants a sign-on, books what it is told, and gives the same message the
same answer. What a message leads to is the desk's to say; this module listens and delivers, and where a
script or a trigger amount asks for it, delivers badly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import FrameReader, Garbled, IsoMessage, encode
from bezant.rails.acquirer.sandbox.books import Books, Record
from bezant.rails.acquirer.sandbox.control import LOOPBACK, control_session
from bezant.rails.acquirer.sandbox.desk import Desk, frame_of
from bezant.rails.acquirer.sandbox.journal import Journal
from bezant.rails.acquirer.sandbox.scripts import Scripts, Step


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SandboxHost:
    """An acquirer host for tests, demos and integrators.

    ``port`` and ``control_port`` 0 mean any free one; without ``control_port`` there is no control
    listener. Books survive a kill when a ``journal`` file is given; scripts do not. ``seed`` is the number
    before the first approval code. Each answer waits ``latency_seconds``. A ``strict`` host declines batch
    totals that differ from its books.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        control_port: int | None = None,
        journal: Path | None = None,
        seed: int = 0,
        latency_seconds: float = 0.0,
        strict: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._host = host
        self._port = port
        self._control_port = control_port
        self._journal_path = journal
        self._seed = seed
        self._latency = latency_seconds
        self._strict = strict
        self._now = now
        self._journal: Journal[Record] | None = None
        self._desk = self._new_desk()
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def start(self) -> None:
        """Read the journal and listen. Raises ``OSError`` when a port or the journal is taken."""
        loop = asyncio.get_running_loop()
        if self._journal_path is not None:
            self._journal = Journal(self._journal_path, cast("type[Record]", Record))
        try:
            self._desk = self._new_desk()
            self._servers.append(await loop.create_server(self._session, self._host, self._port))
            if self._control_port is not None:
                self._servers.append(
                    await loop.create_server(self._control_session, LOOPBACK, self._control_port)
                )
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
        if self._journal is not None:
            self._journal.close()
            self._journal = None

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
        """What it believes happened."""
        return self._desk.books

    @property
    def scripts(self) -> Scripts:
        """What it shall do with the next messages."""
        return self._desk.scripts

    def stats(self) -> Mapping[str, Any]:
        """``messages`` by type, ``connections`` since the start, ``entries`` in the books."""
        return self._desk.stats()

    def _new_desk(self) -> Desk:
        books = Books(journal=self._journal, seed=self._seed, strict=self._strict)
        return Desk(books, now=self._now)

    def _session(self) -> asyncio.Protocol:
        return _Session(self._desk, opened=self._opened, later=self._later, latency_seconds=self._latency)

    def _control_session(self) -> asyncio.Protocol:
        return control_session(self._desk, opened=self._opened)

    def _opened(self, transport: asyncio.Transport) -> None:
        self._transports = {known for known in self._transports if not known.is_closing()}
        self._transports.add(transport)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back after a while, unless the host stops before."""

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)


class _Later(Protocol):
    def __call__(self, seconds: float, call: Callable[[], None]) -> None: ...


class _Session(asyncio.Protocol):
    """One client connection. Answers that fall due together leave together, after the books are on file."""

    def __init__(
        self,
        desk: Desk,
        *,
        opened: Callable[[asyncio.Transport], None],
        later: _Later,
        latency_seconds: float,
    ) -> None:
        self._desk = desk
        self._opened = opened
        self._later = later
        self._latency = latency_seconds
        self._reader = FrameReader()
        self._signed_on = False
        self._hanging_up = False
        self._due: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._desk.connections += 1
        self._opened(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._hanging_up:
            return
        answers: list[bytes] = []
        try:
            for body in self._reader.feed(data):
                answers.append(self._take(body))
                if self._hanging_up:
                    break
        except Garbled:
            self._hanging_up = True
        self._deliver(b"".join(answers))

    def _take(self, body: bytes) -> bytes:
        """What to answer now to the body of a frame: nothing if later or never."""
        known = self._desk.read(body)
        if known is None:
            return b""
        message, step = known
        self._signed_on = self._signed_on or message.get(spec.NETWORK_CODE) == spec.SIGN_ON
        if not self._signed_on or (step is not None and step.refuse):
            self._hanging_up = True
            return b""
        if step is not None and step.delay:
            self._later(step.delay, lambda: self._deliver(self._answer(message, step)))
            return b""
        return self._answer(message, step)

    def _answer(self, message: IsoMessage, step: Step | None) -> bytes:
        reply, step = self._desk.answer(message, step)
        if step is None:
            return encode(reply)
        frame = frame_of(reply, step)
        if step.late:
            self._later(step.late, lambda: self._send(frame, hanging_up=step.hangs_up))
            return b""
        self._hanging_up = self._hanging_up or step.hangs_up
        return frame

    def _deliver(self, frames: bytes) -> None:
        """Send with whatever else falls due in this turn of the event loop."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._flush)
        self._due.append(frames)

    def _flush(self) -> None:
        """Put the books on file, then send."""
        frames, hanging_up = b"".join(self._due), self._hanging_up
        self._due.clear()
        self._desk.books.flush()
        if self._latency:
            self._later(self._latency, lambda: self._send(frames, hanging_up=hanging_up))
        else:
            self._send(frames, hanging_up=hanging_up)

    def _send(self, frames: bytes, *, hanging_up: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if frames:
            transport.write(frames)
        if hanging_up:
            transport.close()


def _address(server: asyncio.Server) -> tuple[str, int]:
    host, port = server.sockets[0].getsockname()[:2]
    return host, port
