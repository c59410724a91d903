"""The only place among the dialects that knows HTTP: an ASGI endpoint around a function.

It reads bounded bodies in bounded time, tells one observer about every request, and turns what nobody
expected into the dialect's own plain answer. A query string goes to the function and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec
import structlog

from bezant.admission import Admission
from bezant.core.faults import fault_point
from bezant.dialects.wire.body import BYTES_MAX
from bezant.proxies import client_address

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BODY_SECONDS = 30.0
LINGER_SECONDS = 5.0
LINGER_BYTES_MAX = 16 * BYTES_MAX

_log = structlog.get_logger(__name__)
_FIXED_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_CLOSE = (b"connection", b"close")
_NO_CONTENT = 204
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}
_LENGTH_DIGITS_MAX = len(str(BYTES_MAX))


class _TooLarge(Exception):
    """The body is over the limit."""


class _TooSlow(Exception):
    """The body was not whole in time."""


class _Gone(Exception):
    """The client left before its request was whole."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A whole request. Printed, it shows nothing that a client may have put secrets into.

    ``headers`` are lower-cased names and values as they came, repeated ones joined by commas.
    """

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    address: str
    request_id: str

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path} {self.request_id})"

    def header(self, name: str) -> str | None:
        """A header's value, if it is there and plain ASCII."""
        value = self.headers.get(name.encode())
        if value is None or not value.isascii():
            return None
        return value.decode()


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and what may be said of it in logs and metrics."""

    status: int
    body: bytes
    operation: str
    outcome: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Response({self.status} {self.operation} {self.outcome})"


class Answer(msgspec.Struct, frozen=True):
    """A response on its way to the client."""

    response: Response
    request_id: str

    def to_bytes(self, *, last: bool) -> bytes:
        """Status line, headers and body. The ``last`` answer says that the connection is closed behind it."""
        headers = _headers_of(self.response, self.request_id, last=last)
        head = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return b"%b%b\r\n%b" % (_STATUS_LINES[self.response.status], head, self.response.body)


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came whole, as the protocol cut it: ``path`` unquoted, header names in lower case."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    client: str

    def __repr__(self) -> str:
        return f"Whole({self.method} {self.path})"


# Two answers that no dialect words: a client that is this slow or gone will not read them.
_TOO_SLOW = Response(status=408, body=b"", operation="none", outcome="too slow", headers=(_CLOSE,))
_GONE = Response(status=499, body=b"", operation="none", outcome="gone")


class Observer(Protocol):
    """Is told of every request."""

    def __call__(self, request: Request | None, response: Response, *, seconds: float) -> None:
        """A request was answered, ``seconds`` after its last byte. None: it never became whole."""
        ...


class Dialect(Protocol):
    """What an endpoint asks of a dialect."""

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        ...

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        ...

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        ...

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        ...


class Endpoint:
    """A dialect as an ASGI application, with a shorter way for requests that came whole."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        observe: Observer,
        new_request_id: Callable[[], str],
        admission: Admission | None = None,
        trusted_proxies: frozenset[str] = frozenset(),
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._dialect = dialect
        self._observe = observe
        self._new_request_id = new_request_id
        self._admission = admission or Admission(sys.maxsize, waiting=int)
        self._trusted_proxies = trusted_proxies
        self._body_seconds = body_seconds
        self._busy = dialect.busy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request: Request | None = None
        request_id = self._new_request_id()
        unread: Receive | None = None
        started = time.perf_counter()
        fault_point("request.accepted")
        try:
            request = await self._request(scope, receive, request_id)
            started = time.perf_counter()
            response = await self._answered(request)
            if response is self._busy:
                request = (
                    None  # as if it had not been looked at: those who are not let in are told of together
                )
        except _TooLarge:
            response, unread = self._dialect.too_large(), receive
        except _TooSlow:
            response = _TOO_SLOW
        except _Gone:
            response = _GONE
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may get past it
            response = self._crashed(request_id, error)
        seconds = time.perf_counter() - started
        try:
            if response is not _GONE:
                await _send(response, request_id, send, unread=unread)
        finally:
            self._observe(request, response, seconds=seconds)

    def refusal(self) -> Answer | None:
        """What to answer instead of ``serve``, when no more can be let in. Else, ``serve`` must follow."""
        if self._admission.enter():
            return None
        self._observe(None, self._busy, seconds=0.0)
        return Answer(self._busy, self._new_request_id())

    async def serve(self, whole: Whole, send: Callable[[Answer], None]) -> None:
        """Serve one request that was let in; ``send`` has its answer sent, soon."""
        request: Request | None = None
        request_id = self._new_request_id()
        started = time.perf_counter()
        fault_point("request.accepted")
        try:
            headers = _headers(whole.headers)
            request = Request(
                method=whole.method,
                path=whole.path,
                query=whole.query,
                headers=headers,
                body=whole.body,
                address=self._address(whole.client, headers),
                request_id=request_id,
            )
            response = await self._dialect.answer(request)
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may get past it
            response = self._crashed(request_id, error)
        finally:
            self._admission.leave()
        seconds = time.perf_counter() - started
        try:
            fault_point("answer.begun")
            send(Answer(response, request_id))
        finally:
            self._observe(request, response, seconds=seconds)

    async def _answered(self, request: Request) -> Response:
        if not self._admission.enter():
            return self._busy
        try:
            return await self._dialect.answer(request)
        finally:
            self._admission.leave()

    def _crashed(self, request_id: str, error: Exception) -> Response:
        _log.error(
            "request crashed", request=request_id, exception=type(error).__name__, frames=_frames(error)
        )
        return self._dialect.crashed()

    async def _request(self, scope: Scope, receive: Receive, request_id: str) -> Request:
        headers = _headers(scope["headers"])
        if _declares_too_much(headers):
            raise _TooLarge
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(receive)
        except TimeoutError:
            raise _TooSlow from None
        client = scope.get("client")
        return Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=headers,
            body=body,
            address=self._address(str(client[0]) if client else "", headers),
            request_id=request_id,
        )

    def _address(self, peer: str, headers: dict[bytes, bytes]) -> str:
        return client_address(peer, headers.get(b"x-forwarded-for", b""), trusted=self._trusted_proxies)


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """By name. A repeated credential becomes one that fits nothing, rather than the first or the last."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _declares_too_much(headers: dict[bytes, bytes]) -> bool:
    """Whether the client says that its body is over the limit. What comes is counted in any case."""
    length = headers.get(b"content-length", b"").lstrip(b"0")
    return length.isdigit() and (len(length) > _LENGTH_DIGITS_MAX or int(length) > BYTES_MAX)


def _frames(error: Exception) -> list[str]:
    """Where it came from, without its text or any variable: both may carry values."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]


async def _body(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > BYTES_MAX:
            raise _TooLarge
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)


def _headers_of(response: Response, request_id: str, *, last: bool) -> tuple[tuple[bytes, bytes], ...]:
    # An answer that by its status has no body says nothing of one.
    of_body = (*_FIXED_HEADERS, (b"content-length", b"%d" % len(response.body)))
    return (
        *(of_body if response.status != _NO_CONTENT else ()),
        (b"x-request-id", request_id.encode()),
        *response.headers,
        *((_CLOSE,) if last else ()),
    )


async def _send(response: Response, request_id: str, send: Send, *, unread: Receive | None) -> None:
    """Send an answer. A request that is not read to its end costs the client its connection."""
    headers = _headers_of(response, request_id, last=unread is not None)
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        fault_point("answer.begun")
        if unread is not None:
            await send({"type": "http.response.body", "body": response.body, "more_body": True})
            await _discard(unread)
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": response.body})
            fault_point("answer.sent")
    except OSError:
        _log.debug("client left before its answer")


async def _discard(receive: Receive) -> None:
    """Throw away what a client still sends, for a while: closing at once would take its answer from it."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while size <= LINGER_BYTES_MAX:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                size += len(message.get("body", b""))
