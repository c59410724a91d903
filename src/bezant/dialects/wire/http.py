"""The only place among the dialects that knows HTTP: an ASGI endpoint around a function.

It reads bounded bodies in bounded time, tells one observer about every request, and turns what nobody
expected into the dialect's own plain answer. A query string goes to the function and nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from bezant.dialects.wire.body import BYTES_MAX

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BODY_SECONDS = 30.0

_log = structlog.get_logger(__name__)
_FIXED_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class TooLarge(Exception):
    """The body is over the limit."""


class Gone(Exception):
    """The client left before its request was whole, or was too slow with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole request. ``headers`` are lower-cased names and values as they came."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    address: str
    request_id: str

    def header(self, name: str) -> str | None:
        """A header's value, if it is there and plain ASCII."""
        value = self.headers.get(name.encode())
        if value is None or not value.isascii():
            return None
        return value.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, and what may be said of it in logs and metrics."""

    status: int
    body: bytes
    operation: str
    outcome: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Observer(Protocol):
    """Is told of every request."""

    def __call__(self, request: Request | None, response: Response, *, seconds: float) -> None:
        """A request was answered, ``seconds`` after its last byte."""
        ...


class Dialect(Protocol):
    """What an endpoint asks of a dialect."""

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        ...

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        ...

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        ...


class Endpoint:
    """A dialect as an ASGI application."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        observe: Observer,
        new_request_id: Callable[[], str],
        trusted_proxies: frozenset[str] = frozenset(),
    ) -> None:
        self._dialect = dialect
        self._observe = observe
        self._new_request_id = new_request_id
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request: Request | None = None
        started = time.perf_counter()
        try:
            request = await self._request(scope, receive)
            started = time.perf_counter()
            response = await self._dialect.answer(request)
        except TooLarge:
            response = self._dialect.too_large()
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may get past it
            # No values: a traceback's lines show code, not what it worked on.
            _log.exception("request crashed", kind=type(error).__name__)
            response = self._dialect.crashed()
        request_id = request.request_id if request else self._new_request_id()
        await self._send(response, request_id, send)
        self._observe(request, response, seconds=time.perf_counter() - started)

    async def _request(self, scope: Scope, receive: Receive) -> Request:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length is not None and int(length) > BYTES_MAX:
            raise TooLarge
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            raise Gone from None
        return Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=headers,
            body=body,
            address=self._address(scope, headers),
            request_id=self._new_request_id(),
        )

    def _address(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The client's address; a proxy's word is taken only from proxies that are trusted."""
        client = scope.get("client")
        address = str(client[0]) if client else ""
        if address not in self._trusted_proxies:
            return address
        for hop in reversed(headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
            named = hop.strip()
            if named and named not in self._trusted_proxies:
                return named
        return address

    async def _send(self, response: Response, request_id: str, send: Send) -> None:
        headers = (
            *_FIXED_HEADERS,
            (b"content-length", b"%d" % len(response.body)),
            (b"x-request-id", request_id.encode()),
            *response.headers,
        )
        try:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        except OSError:
            _log.debug("client left before its answer")


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > BYTES_MAX:
            raise TooLarge
        return body
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > BYTES_MAX:
            raise TooLarge
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)
        message = await receive()
