"""The far end: a lender on an HTTP port that keeps books and misbehaves on request.

What a request leads to is the books' to say; this module listens and delivers, and where a script asks for
it, delivers badly.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from bezant.rails.lender.codec import (
    BODY_MAX,
    Booked,
    CustomerRequest,
    Garbled,
    InquiryRequest,
    LoanRequest,
    PlansReply,
    PlansRequest,
    Reply,
    Request,
    ReturnRequest,
    decode,
    encode,
)
from bezant.rails.lender.sandbox.books import Books
from bezant.rails.lender.sandbox.control import control_handler
from bezant.rails.lender.sandbox.scripts import ASKS, Scripts, Step

LOOPBACK: Final = "127.0.0.1"
_GARBAGE: Final = b"\xff\xfe{{"
_FOR_EVER_SECONDS: Final = 3600.0
_REQUESTS: Final[tuple[type[Request], ...]] = (
    CustomerRequest,
    PlansRequest,
    LoanRequest,
    ReturnRequest,
    InquiryRequest,
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LenderSandbox:
    """A lender for tests, demos and integrators.

    ``port`` and ``control_port`` 0 mean any free one; without ``control_port`` there is no control listener.
    Customers and loans survive a kill when a ``books`` file is given; scripts and plans do not.
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
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Open the books and listen. Raises ``OSError`` when a port or the books are taken."""
        self._books = Books(self._path, now=self._now)
        try:
            await self._listen(
                [web.post(kind.path, self._handler(kind)) for kind in _REQUESTS], self._host, self._port
            )
            if self._control_port is not None:
                await self._listen([web.post("/", control_handler(self))], LOOPBACK, self._control_port)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once; answers that are due later are never given."""
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.cleanup()
        if self._books is not None:
            self._books.close()
            self._books = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, while started."""
        return _address(self._runners[0])

    @property
    def url(self) -> str:
        """What a link to it is given, while started."""
        host, port = self.address
        return f"http://{host}:{port}"

    @property
    def control_address(self) -> tuple[str, int] | None:
        """Where its control listener is, while started with one."""
        return _address(self._runners[1]) if len(self._runners) > 1 else None

    @property
    def books(self) -> Books:
        """Its customers and entries, while started."""
        assert self._books is not None, "not started"
        return self._books

    async def _listen(self, routes: list[web.RouteDef], host: str, port: int) -> None:
        application = web.Application(client_max_size=BODY_MAX)
        application.add_routes(routes)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()

    def _handler(self, kind: type[Request]) -> Callable[[web.Request], asyncio.Future[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                asked = decode(await request.read(), kind)
            except Garbled:
                return web.Response(status=400)
            return await self._serve(request, asked)

        return serve  # type: ignore[return-value]  # a coroutine function is what the router takes

    async def _serve(self, request: web.Request, asked: Request) -> web.StreamResponse:
        self.seen[ASKS[type(asked)]] += 1
        step = self.scripts.step_for(asked)
        if step.refuse:
            return _hung_up(request)
        if step.delay:
            await asyncio.sleep(step.delay)
        reply = self._reply(asked, step.decline)
        if step.duplicate:
            reply = self._reply(asked, step.decline)
        if step.silent or step.late:
            await asyncio.sleep(_FOR_EVER_SECONDS if step.silent else step.late)
        if step.drop:
            return _hung_up(request)
        body = _body_of(reply, step)
        if step.half:
            return await _half(request, body)
        return web.Response(body=body, status=step.status or 200, content_type="application/json")

    def _reply(self, asked: Request, declined: str | None) -> Reply:
        books = self.books
        match asked:
            case CustomerRequest():
                return books.customer(asked, declined=declined)
            case PlansRequest():
                return books.quote(asked, declined=declined)
            case LoanRequest() | ReturnRequest():
                return books.perform(asked, declined=declined)
            case InquiryRequest():
                return books.inquire(asked)


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise a whole answer and hang up in its middle."""
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _body_of(reply: Reply, step: Step) -> bytes:
    """The bytes of a reply with the faults of a step."""
    if step.garble:
        return _GARBAGE
    if step.mismatch == "amount" and isinstance(reply, Booked | PlansReply):
        reply = msgspec.structs.replace(reply, amount=(reply.amount or 0) + 1)
    elif step.mismatch == "reference" and isinstance(reply, Booked):
        reply = msgspec.structs.replace(reply, reference=f"{reply.reference}0")
    return encode(reply)


def _address(runner: web.AppRunner) -> tuple[str, int]:
    host, port = runner.addresses[0][:2]
    return host, port
