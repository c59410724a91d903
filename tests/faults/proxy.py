"""A TCP proxy that does to a link what networks do: delay, throttle, slice, swallow, cut, reset.

It runs on an event loop in a thread of its own, so that tests may block. ``Toxic`` says what is done to one
direction; it can be changed at any time and holds for connections that are open, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Final, Self

_PIECE_BYTES: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time at all: closing sends RST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """What happens to bytes of one direction. Seconds and bytes; all zero: nothing does.

    Each piece waits ``latency`` and up to ``jitter`` more; ``rate`` is bytes a second; pieces are cut into
    ``slices``. A ``hole`` keeps everything back as long as it is there, as a network does that comes back
    before the connection is given up. After ``limit`` bytes of a connection it is reset; so it is once a
    first ``half`` of a piece has passed, and when there is a ``marker`` in what would have to pass next.
    The end of a direction is told ``linger`` late.
    """

    latency: float = 0.0
    jitter: float = 0.0
    rate: int = 0
    slices: int = 0
    hole: bool = False
    limit: int = 0
    marker: bytes = b""
    half: bool = False
    linger: float = 0.0


HEALTHY: Final = Toxic()
COMMITTED: Final = Toxic(marker=b"COMMIT\0")
"""From PostgreSQL: its answer to a COMMIT is lost (source: its protocol, CommandComplete)."""


class Proxy:
    """Forwards a port of its own to ``target``. ``up`` is towards the target, ``down`` back from it."""

    def __init__(self, target: tuple[str, int], *, seed: int = 0) -> None:
        self._target = target
        self._chances = Random(seed)
        self.up = self.down = HEALTHY
        self._refusing = False
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0
        self.cuts = 0

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    def heal(self) -> None:
        """Be a wire again."""
        self.up = self.down = HEALTHY
        self._refusing = False

    def refuse(self) -> None:
        """Accept each new connection and reset it at once."""
        self._refusing = True

    def reset(self) -> None:
        """Reset every connection that is open."""
        done = threading.Event()

        def now() -> None:
            for link in list(self._links):
                link.reset()
            done.set()

        self._loop.call_soon_threadsafe(now)
        done.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for link in list(self._links):
            link.reset()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            if self._refusing:
                return
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            link.far = far_writer
            ways = (self._pass(link, reader, far_writer, "up"), self._pass(link, far_reader, writer, "down"))
            await asyncio.gather(*ways)
        except (OSError, asyncio.CancelledError):
            pass  # it was cut, or the proxy is stopping
        finally:
            link.reset()
            self._links.discard(link)

    async def _pass(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        """Forward one direction until it ends."""
        passed = 0
        while data := await reader.read(_PIECE_BYTES):
            while getattr(self, way).hole:  # noqa: ASYNC110 - changed by other threads
                await asyncio.sleep(0.01)
            toxic: Toxic = getattr(self, way)
            await asyncio.sleep(toxic.latency + toxic.jitter * self._chances.random())
            if toxic.marker and toxic.marker in data:
                self.cuts += 1
                link.reset()
                return
            left = toxic.limit - passed if toxic.limit else len(data)
            if toxic.half:
                left = len(data) // 2
            passed += len(data)
            await self._forward(writer, data[: max(left, 0)], toxic)
            if toxic.half or left <= 0 or (toxic.limit and passed >= toxic.limit):
                self.cuts += 1
                link.reset()
                return
        await asyncio.sleep(getattr(self, way).linger)
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _forward(self, writer: asyncio.StreamWriter, data: bytes, toxic: Toxic) -> None:
        size = toxic.slices or len(data) or 1
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            if toxic.rate:
                await asyncio.sleep(len(piece) / toxic.rate)
            writer.write(piece)
            await writer.drain()
            if toxic.slices:
                await asyncio.sleep(0.0005)


class _Link:
    """Both ends of a forwarded connection."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.near = near
        self.far: asyncio.StreamWriter | None = None

    def reset(self) -> None:
        """Close both ends without a farewell."""
        for end in (self.near, self.far):
            if end is not None and not end.transport.is_closing():
                sock = end.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.transport.abort()


@contextlib.contextmanager
def hanging_port() -> Iterator[int]:
    """A port on which connecting neither succeeds nor fails: its listener's queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(("127.0.0.1", port))
        yield port
