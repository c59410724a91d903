"""The endpoint over a real server: bodies that are too large, too slow or broken off, and addresses."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bezant.admission import Admission
from bezant.dialects.wire.body import BYTES_MAX
from bezant.dialects.wire.http import Endpoint, Receive, Request, Response, Scope, Send
from bezant.dialects.wire.protocol import WholeRequests

pytestmark = pytest.mark.anyio

CARD = "4111111111111111"
REFUSALS = 20_000
"""More than fit into the buffers of a connection."""
PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class Parrot:
    """A dialect that answers what it was told, and what it noticed of itself."""

    heard: list[Request] = field(default_factory=list)

    resting: asyncio.Event = field(default_factory=asyncio.Event)
    rested: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        self.heard.append(request)
        if request.path == "/rest":
            self.resting.set()
            await self.rested.wait()
        if request.path == "/crash":
            secret = request.query.decode()
            raise ValueError(secret)
        return _response(200, request.body, ((b"idempotency-replayed", b"true"),))

    def too_large(self) -> Response:
        return _response(413, b'"too large"')

    def busy(self) -> Response:
        return _response(503, b'"busy"', ((b"retry-after", b"1"),))

    def crashed(self) -> Response:
        return _response(500, b'"crashed"')


def _response(status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(status=status, body=body, operation="parrot", outcome=str(status), headers=headers)


class _Ways:
    """The protocol that the servers of a test speak HTTP with."""

    protocol: type[HttpToolsProtocol] = HttpToolsProtocol


@pytest.fixture(params=[HttpToolsProtocol, WholeRequests], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request by ASGI, or those that come whole by the shorter way: nobody can tell."""
    monkeypatch.setattr(_Ways, "protocol", request.param)


class Application:
    """The endpoint as a server finds it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(scope, receive, send)

    def find(self, _method: str, _path: str) -> Endpoint | None:
        return self._endpoint


@dataclass(frozen=True, slots=True)
class Served:
    """A server with the parrot behind it."""

    port: int
    parrot: Parrot
    observed: list[tuple[Request | None, Response]]
    noted: asyncio.Event

    async def until_observed(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.noted.wait()


@contextlib.asynccontextmanager
async def serving(
    *,
    trusted_proxies: frozenset[str] = frozenset(),
    body_seconds: float = PATIENCE_SECONDS,
    admission: Admission | None = None,
) -> AsyncIterator[Served]:
    parrot = Parrot()
    observed: list[tuple[Request | None, Response]] = []
    noted = asyncio.Event()

    def observe(request: Request | None, response: Response, *, seconds: float) -> None:
        assert seconds >= 0
        observed.append((request, response))
        noted.set()

    endpoint = Endpoint(
        parrot,
        observe=observe,
        new_request_id=map("id-{}".format, itertools.count(1)).__next__,
        admission=admission,
        trusted_proxies=trusted_proxies,
        body_seconds=body_seconds,
    )
    config = uvicorn.Config(
        Application(endpoint),
        http=_Ways.protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield Served(listener.getsockname()[1], parrot, observed, noted)
        server.should_exit = True
        await task


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """A connection to it, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def hear(self) -> Answer:
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)

    async def ends(self) -> bool:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.read() == b""


@contextlib.asynccontextmanager
async def line(served: Served) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def post(body: bytes, *headers: str, path: str = "/?sale", length: int | None = None) -> bytes:
    said = [f"POST {path} HTTP/1.1", "Host: gateway", *headers]
    if length != -1:
        said.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*said, "", ""]).encode() + body


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


CHUNKED = post(b"", "Transfer-Encoding: chunked", length=-1)


class TestAClient:
    async def test_is_answered_by_the_dialect(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b'{"a":1}', "Valor-App-ID: x", path="//?sale&uid=7"))
            answer = await client.hear()
        assert (answer.status, answer.body) == (200, b'{"a":1}')
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"] == "id-1"
        assert answer.headers["idempotency-replayed"] == "true"
        (request,) = served.parrot.heard
        assert (request.method, request.path, request.query) == ("POST", "//", b"sale&uid=7")
        assert (request.address, request.request_id) == ("127.0.0.1", "id-1")
        assert request.header("valor-app-id") == "x"
        assert [(r, response.status) for r, response in served.observed] == [(request, 200)]

    async def test_may_ask_again_on_the_same_connection(self, served: Served) -> None:
        async with line(served) as client:
            for number in range(3):
                await client.say(post(b"%d" % number))
                assert (await client.hear()).body == b"%d" % number
        assert len(served.observed) == 3

    async def test_may_send_its_body_in_pieces(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(CHUNKED)
            for piece in (b"am", b"ou", b"nt=1"):
                await client.say(chunk(piece))
                await asyncio.sleep(0.01)
            await client.say(chunk(b""))
            assert (await client.hear()).body == b"amount=1"

    async def test_may_send_nothing(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b"", length=-1))
            assert (await client.hear()).body == b""

    @pytest.mark.parametrize("size", [0, 1], ids=["at the limit", "over it"])
    @pytest.mark.parametrize("chunked", [True, False], ids=["in chunks", "at once"])
    async def test_may_send_a_mebibyte_and_no_more(self, served: Served, size: int, *, chunked: bool) -> None:
        body = b"x" * (BYTES_MAX + size)
        async with line(served) as client:
            if chunked:
                await client.say(CHUNKED, chunk(body[:-500_000]), chunk(body[-500_000:]), chunk(b""))
            else:
                await client.say(post(body))
            answer = await client.hear()
        assert (answer.status, len(answer.body)) == ((413, 11) if size else (200, BYTES_MAX))

    async def test_may_write_a_length_with_leading_zeros(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b"12", "Content-Length: 0000000000002", length=-1))
            assert (await client.hear()).body == b"12"

    @pytest.mark.parametrize("more", [(), ("Expect: 100-continue",)], ids=["at once", "when asked to"])
    @pytest.mark.parametrize("length", [BYTES_MAX + 1, 10**18])
    async def test_is_refused_by_the_length_it_declares(
        self, served: Served, more: tuple[str, ...], length: int
    ) -> None:
        async with line(served) as client:
            await client.say(post(b"", *more, length=length))
            answer = await client.hear()
            assert (answer.status, answer.body) == (413, b'"too large"')
            assert answer.headers["connection"] == "close"
        await served.until_observed()
        assert [(request, response.status) for request, response in served.observed] == [(None, 413)]

    async def test_reads_its_refusal_after_sending_everything(self, served: Served) -> None:
        """The connection is not torn down under a client that writes first and reads then."""
        async with line(served) as client:
            await client.say(post(b"", length=8 * BYTES_MAX), *[b"x" * BYTES_MAX] * 8)
            assert (await client.hear()).status == 413
            assert await client.ends()

    async def test_cannot_send_for_ever(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(CHUNKED)
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not client.reader.at_eof():
                        await client.say(chunk(b"x" * BYTES_MAX))
        await served.until_observed()
        assert [response.status for _, response in served.observed] == [413]

    async def test_is_not_waited_for_too_long(self) -> None:
        async with serving(body_seconds=0.1) as served, line(served) as client:
            await client.say(post(b"am", length=8))
            answer = await client.hear()
            assert (answer.status, answer.body) == (408, b"")
            assert await client.ends()
            assert [(request, response.outcome) for request, response in served.observed] == [
                (None, "too slow")
            ]
            assert served.parrot.heard == []

    @pytest.mark.parametrize(
        "half",
        [post(b"am", length=8), CHUNKED + chunk(b"am"), CHUNKED + b"ff\r\nam"],
        ids=["sized", "chunk", "cut"],
    )
    async def test_may_leave_before_it_has_said_all(self, served: Served, half: bytes) -> None:
        async with line(served) as client:
            await client.say(half)
            await asyncio.sleep(0.05)
        await served.until_observed()
        assert [(request, response.outcome) for request, response in served.observed] == [(None, "gone")]
        assert served.parrot.heard == []
        async with line(served) as client:
            await client.say(post(b"next"))
            assert (await client.hear()).body == b"next"

    async def test_cannot_declare_two_lengths(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b"0\r\n\r\n", "Transfer-Encoding: chunked"))
            assert (await client.hear()).status == 400
        assert served.parrot.heard == []

    async def test_gains_nothing_by_a_repeated_header(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b"", "Valor-App-Key: right", "valor-app-key: wrong"))
            await client.hear()
        assert served.parrot.heard[0].header("valor-app-key") == "right, wrong"

    async def test_has_no_header_of_foreign_letters(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(b"", "Token: \u0661"))
            await client.hear()
        assert served.parrot.heard[0].header("token") is None
        assert served.parrot.heard[0].header("absent") is None


class TestACrash:
    async def test_is_answered_plainly(self, served: Served) -> None:
        async with line(served) as client:
            with capture_logs():
                await client.say(post(b"", path="/crash?a=1"))
                answer = await client.hear()
        assert (answer.status, answer.body) == (500, b'"crashed"')
        assert [response.status for _, response in served.observed] == [500]

    async def test_is_logged_without_any_value(self, served: Served) -> None:
        async with line(served) as client:
            with capture_logs() as logs:
                await client.say(post(f"cvv={CARD}".encode(), f"Token: {CARD}", path=f"/crash?card={CARD}"))
                await client.hear()
        (entry,) = logs
        assert (entry["log_level"], entry["exception"], entry["request"]) == ("error", "ValueError", "id-1")
        assert any(re.search(r"test_http\.py:[0-9]+ answer$", frame) for frame in entry["frames"])
        assert CARD not in str(logs)


class TestARequest:
    async def test_shows_no_secret_when_printed(self, served: Served) -> None:
        async with line(served) as client:
            await client.say(post(f"cvv={CARD}".encode(), f"Token: {CARD}", path=f"/?card={CARD}"))
            await client.hear()
        ((request, response),) = served.observed
        assert CARD not in f"{request!r} {response!r}"

    @pytest.mark.parametrize(
        ("trusted", "forwarded", "address"),
        [
            ((), ["203.0.113.7"], "127.0.0.1"),
            (("10.0.0.1",), ["203.0.113.7"], "127.0.0.1"),
            (("127.0.0.1",), [], "127.0.0.1"),
            (("127.0.0.1",), ["203.0.113.7"], "203.0.113.7"),
            (("127.0.0.1",), ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            (("127.0.0.1",), ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            (("127.0.0.1", "10.0.0.1"), ["198.51.100.1, 203.0.113.7,10.0.0.1"], "203.0.113.7"),
            (("127.0.0.1", "10.0.0.1"), ["10.0.0.1"], "10.0.0.1"),
            (("127.0.0.1",), ["2001:DB8::0:7"], "2001:db8::7"),
            (("127.0.0.1",), ["203.0.113.7, unknown"], "127.0.0.1"),
            (("127.0.0.1",), [f"fe80::1%{CARD}"], "127.0.0.1"),
            (("127.0.0.1",), ["", "\u00b2\u00b2"], "127.0.0.1"),
        ],
        ids=str,
    )
    async def test_comes_from_where_trusted_proxies_say(
        self, trusted: tuple[str, ...], forwarded: list[str], address: str
    ) -> None:
        async with serving(trusted_proxies=frozenset(trusted)) as served, line(served) as client:
            await client.say(post(b"", *[f"X-Forwarded-For: {hops}" for hops in forwarded]))
            await client.hear()
            assert served.parrot.heard[0].address == address


class TestAFullServer:
    async def test_tells_more_to_come_later_and_looks_at_none_of_it(self) -> None:
        admission = Admission(1, waiting=int)
        async with serving(admission=admission) as served, line(served) as first, line(served) as second:
            await first.say(post(b"1", path="/rest"))
            await served.parrot.resting.wait()
            await second.say(post(b"2"))
            answer = await second.hear()
            assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b'"busy"', "1")
            assert [request.body for request in served.parrot.heard] == [b"1"]
            served.parrot.rested.set()
            assert (await first.hear()).status == 200
            await second.say(post(b"3"))
            assert (await second.hear()).body == b"3"
        assert (admission.under_way, admission.refused) == (0, 1)

    async def test_answers_whoever_sends_on_without_listening(self) -> None:
        async with serving(admission=Admission(0, waiting=int)) as served, line(served) as client:
            saying = asyncio.create_task(client.say(*[post(b"")] * REFUSALS))
            assert [(await client.hear()).status for _ in range(REFUSALS)] == [503] * REFUSALS
            await saying

    async def test_logs_those_it_refuses_together(self) -> None:
        with capture_logs() as lines:
            door = Admission(0, waiting=int)
            assert not any(door.enter() for _ in range(100))
        assert [line["event"] for line in lines] == ["too many requests"]
        assert door.refused == 100

    async def test_does_not_count_those_who_wait_for_a_host(self) -> None:
        admission = Admission(1, waiting=lambda: 1)
        async with serving(admission=admission) as served, line(served) as first, line(served) as second:
            await first.say(post(b"1", path="/rest"))
            await served.parrot.resting.wait()
            await second.say(post(b"2"))
            assert (await second.hear()).status == 200
            served.parrot.rested.set()
            assert (await first.hear()).status == 200

    async def test_has_room_again_after_a_crash(self) -> None:
        async with serving(admission=Admission(1, waiting=int)) as served, line(served) as client:
            for _ in range(2):
                await client.say(post(b"", path="/crash"))
                assert (await client.hear()).status == 500
