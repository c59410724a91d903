"""The inbox that the sandbox's phones share: it takes texts as a gateway would, and shows them.

Texts are kept in memory, the newest of them, for whoever runs the sandbox to read. They are taken at ``POST
/messages`` and read at ``GET /messages``, both on loopback unless another host is named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

import aiohttp
import msgspec
from aiohttp import web

LOOPBACK: Final = "127.0.0.1"
PATH: Final = "/messages"
KEPT_MAX: Final = 1000
_BODY_MAX: Final = 1 << 14
_SECONDS_MAX: Final = 30.0


class _Received(msgspec.Struct, frozen=True):
    to: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class TextMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a phone has got. ``at`` is when, UTC."""

    to: str
    text: str
    at: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SmsSandbox:
    """An inbox for tests, demos and integrators. ``port`` 0 means any free one.

    With ``refusing`` set to true it takes nothing, as a gateway that is out of order.
    """

    def __init__(
        self, host: str = LOOPBACK, port: int = 0, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._host = host
        self._port = port
        self._now = now
        self._runner: web.AppRunner | None = None
        self.messages: deque[TextMessage] = deque(maxlen=KEPT_MAX)
        """What was taken, oldest first."""
        self.refusing = False

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when the port is taken."""
        application = web.Application(client_max_size=_BODY_MAX)
        application.add_routes(
            [web.post(PATH, self._take), web.get(PATH, self._show), web.delete(PATH, self._forget)]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._port).start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, while started."""
        assert self._runner is not None, "not started"
        host, port = self._runner.addresses[0][:2]
        return host, port

    @property
    def url(self) -> str:
        """What a sender is given, while started."""
        host, port = self.address
        return f"http://{host}:{port}{PATH}"

    async def _take(self, request: web.Request) -> web.Response:
        try:
            received = msgspec.json.decode(await request.read(), type=_Received)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return web.Response(status=400)
        if self.refusing:
            return web.Response(status=503)
        self.messages.append(TextMessage(to=received.to, text=received.text, at=self._now()))
        return web.Response(status=202)

    async def _show(self, request: web.Request) -> web.Response:
        wanted = request.query.get("to")
        found = [message for message in self.messages if wanted in {None, message.to}]
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _forget(self, _request: web.Request) -> web.Response:
        self.messages.clear()
        return web.Response(status=204)


class SmsInbox:
    """Reads a running inbox. Raises ``OSError`` when nobody answers."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._url = f"http://{address[0]}:{address[1]}{PATH}"

    async def messages(self, phone: str | None = None) -> list[TextMessage]:
        """What was taken, oldest first, for one phone or for all."""
        query = {} if phone is None else {"to": phone}
        return msgspec.json.decode(await self._ask("GET", query), type=list[TextMessage])

    async def clear(self) -> None:
        """Forget all."""
        await self._ask("DELETE", {})

    async def _ask(self, method: str, query: dict[str, str]) -> bytes:
        timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
                session.request(method, self._url, params=query) as answer,
            ):
                return await answer.read()
        except aiohttp.ClientError as trouble:
            raise ConnectionError("no inbox answered") from trouble
