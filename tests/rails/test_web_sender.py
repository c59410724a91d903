"""How notices are posted: once, with no redirect, and nowhere that they may not go. A canary listens here."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from bezant.core.deliveries import Answered, Fate, Parcel, Unreachable
from bezant.core.sensitive import Secret
from bezant.rails.web import WebSender
from tests.rails.test_guard import ADDRESSES, FORMS, HERE

pytestmark = pytest.mark.anyio


def parcel(url: str, *, sandbox: bool = True) -> Parcel:
    return Parcel(
        url=url,
        content_type="application/json",
        body=b'{"a":1}',
        headers=(("Authorization", Secret("Bearer x y")), ("X-Order", Secret("7"))),
        sandbox=sandbox,
    )


@asynccontextmanager
async def listening(*, status: int = 200, size: int = 2) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine: its port, and what was posted to it."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        headers = {"Location": "/elsewhere"} if status // 100 == 3 else {}
        return web.Response(status=status, body=b"x" * size, headers=headers)

    application = web.Application()
    application.add_routes([web.route("*", "/{path:.*}", take)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], taken
    finally:
        await runner.cleanup()


async def sent(
    url: str, *, sandbox: bool = True, loopback: bool = True, timeout_seconds: float = 5.0
) -> Fate:
    sender = WebSender(loopback_for_sandboxes=loopback, timeout_seconds=timeout_seconds)
    try:
        return await sender.post(parcel(url, sandbox=sandbox))
    finally:
        await sender.stop()


class TestASender:
    async def test_reaches_nothing_here(self) -> None:
        """The canary listens where every trick would end: at 127.0.0.1, and at every name for it."""
        async with listening() as (port, taken):
            for url in (*FORMS, *HERE, f"http://127.0.0.1:{port}/", f"https://localhost:{port}/"):
                for sandbox, loopback in ((False, True), (True, False), (False, False)):
                    fate = await sent(url, sandbox=sandbox, loopback=loopback)
                    assert fate == Unreachable(cause="not allowed"), url
            assert taken == []

    async def test_reaches_this_machine_for_a_sandbox_merchant_of_a_sandbox(self) -> None:
        async with listening() as (port, taken):
            sender = WebSender(loopback_for_sandboxes=True)
            here = f"http://127.0.0.1:{port}/"
            for sandbox in (True, False, True):
                fate = await sender.post(parcel(here, sandbox=sandbox))
                assert fate == (Answered(status=200) if sandbox else Unreachable(cause="not allowed"))
            await sender.stop()
            assert len(taken) == 2

    async def test_sends_a_parcels_headers_beside_its_own(self) -> None:
        heard: list[str] = []

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=204)
        (head,) = heard
        for line in ("Authorization: Bearer x y", "X-Order: 7", "Content-Type: application/json"):
            assert head.count(f"\r\n{line}\r\n") == 1

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00"])
    async def test_sends_no_header_of_more_than_a_line(self, value: str) -> None:
        async with listening() as (port, taken):
            sender = WebSender(loopback_for_sandboxes=True)
            sly = replace(parcel(f"http://127.0.0.1:{port}/"), headers=(("Authorization", Secret(value)),))
            assert await sender.post(sly) == Unreachable(cause="not reached")
            await sender.stop()
            assert taken == []

    @pytest.mark.parametrize("address", [each for each in ADDRESSES if "%" not in each])
    async def test_is_stopped_at_the_socket_where_a_name_leads_into_our_network(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        """As when a name is answered with a public address first, and with ours the next time."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        async def answered(_host: str, port: int, **_how: object) -> list[object]:
            place = (address, port) if family == socket.AF_INET else (address, port, 0, 0)
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answered, raising=False)
        async with listening() as (_, taken):
            fate = await sent("https://shop.example.com/", sandbox=False)
            assert fate == Unreachable(cause="not allowed")
            assert taken == []

    @pytest.mark.parametrize("status", [200, 201, 204, 299, 302])
    async def test_is_content_with_any_word_of_thanks(self, status: int) -> None:
        async with listening(status=status, size=0) as (port, taken):
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=status)
            assert taken == [b'{"a":1}']

    @pytest.mark.parametrize("status", [300, 301, 303, 307, 308, 400, 404, 410, 429, 500, 503])
    async def test_follows_no_redirect_and_takes_no_other_answer(self, status: int) -> None:
        async with listening(status=status) as (port, taken):
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=status)
            assert len(taken) == 1

    async def test_reads_no_more_than_it_has_to(self) -> None:
        async with listening(size=1 << 22) as (port, _):
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=200)

    async def test_waits_for_nobody_for_ever(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            fate = await sent(f"http://127.0.0.1:{port}/x", timeout_seconds=0.2)
            assert fate == Unreachable(cause="time-out")

    async def test_tells_when_nobody_is_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        assert await sent(f"http://127.0.0.1:{port}/x") == Unreachable(cause="not reached")


Hear = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(hear: Hear, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that does with each connection what ``hear`` does, and then closes it: its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await hear(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)  # aborted transports close in the loop's next turns


class TestAReceiver:
    """What the other side may do to us. Each costs one try and no more than its time."""

    @pytest.mark.parametrize(
        ("seconds", "fate"), [(0.0, Answered(status=200)), (5.0, Unreachable(cause="time-out"))]
    )
    async def test_may_think_for_as_long_as_we_wait(self, seconds: float, fate: Fate) -> None:
        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(seconds)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with answering(hear) as port:
            assert await sent(f"http://127.0.0.1:{port}/x", timeout_seconds=1.0) == fate

    async def test_that_never_comes_to_the_end_of_its_answer_is_not_listened_to(self) -> None:
        written = 0

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
                await writer.drain()
                written += 0x1000

        async with answering(hear) as port:
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=200)
        assert written < 64 << 20

    @pytest.mark.parametrize("drip", [b"H", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n"])
    async def test_that_answers_in_drips_is_left_in_time(self, drip: bytes) -> None:
        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(drip)
            while True:
                writer.write(b"T")
                await writer.drain()
                await asyncio.sleep(0.05)

        async with answering(hear) as port:
            fate = await sent(f"http://127.0.0.1:{port}/x", timeout_seconds=0.5)
            assert fate in {Unreachable(cause="time-out"), Unreachable(cause="not reached")}

    @pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"\x00\xff" * 100, b"HTTP/1.1 abc OK\r\n\r\n"])
    async def test_that_hangs_up_or_babbles_has_not_answered(self, said: bytes) -> None:
        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)

        async with answering(hear) as port:
            assert await sent(f"http://127.0.0.1:{port}/x") == Unreachable(cause="not reached")

    async def test_may_ask_for_time_and_gets_the_pause_that_everybody_gets(self) -> None:
        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 429 Slow down\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n")

        async with answering(hear) as port:
            assert await sent(f"http://127.0.0.1:{port}/x") == Answered(status=429)

    @pytest.mark.parametrize("trouble", ["it speaks no TLS", "a stranger's certificate", "an old version"])
    async def test_that_cannot_prove_itself_is_told_nothing(self, tmp_path: Path, trouble: str) -> None:
        heard: list[bytes] = []

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(65536))
            if trouble == "it speaks no TLS":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        context = None if trouble == "it speaks no TLS" else _certified(tmp_path)
        if context is not None and trouble == "an old version":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AES128-SHA")
        async with answering(hear, tls=context) as port:
            assert await sent(f"https://127.0.0.1:{port}/x") == Unreachable(cause="not reached")
        assert not any(b'{"a":1}' in each for each in heard)

    async def test_whose_name_is_not_known_is_not_reached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def unknown(*_place: object, **_how: object) -> list[object]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
        fate = await sent("https://shop.example.com/", sandbox=False)
        assert fate == Unreachable(cause="not reached")


def _certified(folder: Path) -> ssl.SSLContext:
    """A server's side, with a certificate that nobody knows."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run(("openssl", "req", "-x509", *kind, *name, *files), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
