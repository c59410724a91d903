"""The far end: an ISO 8583 host on a TCP port that answers test cards and misbehaves on request.

A real peer over a real socket: it wants a sign-on, books what it is told, and gives the same message the
same answer. What a message leads to is the issuer's and the books' to say; this module reads, delivers,
and, where a script or a trigger amount asks for it, delivers badly.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import FrameReader, Garbled, IsoMessage, decode, encode, unpack
from bezant.rails.acquirer.codes import APPROVED, PARTIALLY_APPROVED
from bezant.rails.acquirer.sandbox.books import Account, Books, Entry, Record, Sums
from bezant.rails.acquirer.sandbox.control import LOOPBACK, ControlSession
from bezant.rails.acquirer.sandbox.issuer import Verdict, judge
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
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._seen: Counter[str] = Counter()
        self._connections = 0
        self.books = Books(journal=None, seed=seed, strict=strict)
        self.scripts = Scripts()

    async def start(self) -> None:
        """Read the journal and listen. Raises ``OSError`` when a port or the journal is taken."""
        loop = asyncio.get_running_loop()
        if self._journal_path is not None:
            self._journal = Journal(self._journal_path, cast("type[Record]", Record))
        self.books = Books(journal=self._journal, seed=self._seed, strict=self._strict)
        try:
            self._servers.append(await loop.create_server(lambda: _Session(self), self._host, self._port))
            if self._control_port is not None:
                self._servers.append(
                    await loop.create_server(self._control_session, LOOPBACK, self._control_port)
                )
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once; answers that are due later are never given."""
        for server in self._servers:
            server.close()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for transport in tuple(self._transports):
            transport.abort()
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

    def stats(self) -> dict[str, object]:
        """Counters since the start."""
        return {
            "messages": dict(self._seen),
            "connections": self._connections,
            "entries": self.books.count,
        }

    def opened(self, transport: asyncio.Transport) -> None:
        """A connection was made; it is closed when the host stops."""
        self._transports = {known for known in self._transports if not known.is_closing()}
        self._transports.add(transport)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back after a while, unless the host stops before."""

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    def welcome(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        self._connections += 1
        self.opened(transport)

    def take(self, session: _Session, body: bytes) -> bytes:
        """What to answer now to the body of a frame; nothing if later or never."""
        try:
            message = decode(body)
        except Garbled:
            self._seen["garbled"] += 1
            return b""
        message_type = message[spec.MTI]
        self._seen[message_type] += 1
        step = self.scripts.step_for(message)
        if message_type not in spec.ANSWER_TYPES:
            return b""
        if (step is not None and step.refuse) or not session.may_send(message):
            session.hanging_up = True
            return b""
        if step is not None and step.delay:
            self.later(step.delay, lambda: session.finish(self._answer(session, message, step)))
            return b""
        return self._answer(session, message, step)

    def _control_session(self) -> ControlSession:
        return ControlSession(self, opened=self.opened)

    @property
    def latency_seconds(self) -> float:
        """How long each answer waits."""
        return self._latency

    def _answer(self, session: _Session, message: IsoMessage, step: Step | None) -> bytes:
        reply, own_step = self._decide(message, step)
        step = step or own_step
        if step is None:
            return encode(reply)
        frame = _damaged(reply, step)
        hanging_up = step.drop or step.half
        if step.late:
            self.later(step.late, lambda: session.finish(frame, hanging_up=hanging_up))
            return b""
        session.hanging_up = hanging_up
        return frame


class _Session(asyncio.Protocol):
    """One client connection. Answers of one chunk of input leave together, after the books are on file."""

    def __init__(self, host: SandboxHost) -> None:
        self.hanging_up = False
        self._signed_on = False
        self._host = host
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._host.welcome(self._transport)

    def data_received(self, data: bytes) -> None:
        answers: list[bytes] = []
        try:
            for body in self._reader.feed(data):
                answers.append(self._host.take(self, body))
                if self.hanging_up:
                    break
        except Garbled:
            self.hanging_up = True
        self._host.books.flush()
        frames, hanging_up = b"".join(answers), self.hanging_up
        if self._host.latency_seconds and (frames or hanging_up):
            self._host.later(self._host.latency_seconds, lambda: self._send(frames, hanging_up=hanging_up))
        else:
            self._send(frames, hanging_up=hanging_up)

    def may_send(self, message: IsoMessage) -> bool:
        """Whether the client has signed on, or is doing so."""
        self._signed_on = self._signed_on or message.get(spec.NETWORK_CODE) == spec.SIGN_ON
        return self._signed_on

    def finish(self, frame: bytes, *, hanging_up: bool = False) -> None:
        """Deliver an answer that was put off."""
        self._host.books.flush()
        self._send(frame, hanging_up=hanging_up or self.hanging_up)

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
