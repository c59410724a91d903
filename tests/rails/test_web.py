"""Where notices may go: many ways to our own network, and a canary there that nothing reaches."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bezant.core.deliveries import Accepted, Fate, Parcel, Refused, Unreachable
from bezant.rails.web import Guard, WebSender
from bezant.rails.web.guard import NotAllowed

pytestmark = pytest.mark.anyio

STRICT, SANDBOX = Guard(), Guard(allow_loopback=True)

ADDRESSES = (
    *("127.0.0.1", "127.1.2.3", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:1::1"),
    *("2001::1", "2001:0:7f00:1::", "192.88.99.1", "100::1"),
)
"""What no socket may be connected to."""
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1")

HOSTS = (
    *(address if ":" not in address else f"[{address.replace('%', '%25')}]" for address in ADDRESSES),
    *("8.8.8.8", "[2606:4700::1111]", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("127.1", "127.0.1", "0", "1", "localhost", "localhost.", "LOCALHOST", "127.0.0.1.", "shop", "intranet"),
    *("a..b", ".example.com", "-a.example.com", "a-.example.com", "shop.example.com.", "a_b.example.com"),
    *("\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "ex\u0430mple.com"),
    *("example.1", "1.2.3.4.5", "999.999.999.999", "x" * 64 + ".com", "*.example.com", "%31%32%37.0.0.1"),
)
FORMS = (
    *(f"https://{host}/" for host in HOSTS),
    *(
        "http://shop.example.com/",
        "HTTP://shop.example.com/",
        "ftp://shop.example.com/",
        "file:///etc/passwd",
    ),
    *("gopher://shop.example.com/", "ws://shop.example.com/", "javascript:alert(1)", "data:text/plain,x"),
    *("//shop.example.com/", "shop.example.com", "/hook", "", "https:", "https://", "https:///x"),
    *("https:/shop.example.com", "https:shop.example.com", "https://shop.example.com:80/"),
    *("https://shop.example.com:8443/", "https://shop.example.com:0/", "https://shop.example.com:99999/"),
    *("https://shop.example.com:x/", "https://user@shop.example.com/", "https://u:p@shop.example.com/"),
    *("https://shop.example.com@127.0.0.1/", "https://127.0.0.1#@shop.example.com/"),
    *("https://127.0.0.1\\@shop.example.com/", "https://shop.example.com\\.evil.com/", "https://\\\\x.com/"),
    *("https://shop.example.com/ x", "https://shop.example.com/\r\nX: y", "https://shop.example.com/\t"),
    *("https://shop.example.com/\x00", " https://shop.example.com/", "https://shop.example.com/\u0660"),
    *("https://[::1", "https://::1/", "https://[shop.example.com]/", "https://" + "a" * 2100 + ".com/"),
    *("unix:///var/run/x", "https+unix://x/", "jar:https://x.com!/", "https://?x", "https://#x"),
)
GOOD = (
    *("https://shop.example.com/", "https://shop.example.com", "https://shop.example.com:443/paid"),
    *(
        "HTTPS://Shop.Example.com/paid?x=1&y=%20",
        "https://a-b.c1.example.co/",
        "https://xn--e1afmkfd.xn--p1ai/",
    ),
)
HERE = ("http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:9/", "https://127.0.0.1:8443/")


def parcel(url: str) -> Parcel:
    return Parcel(url=url, content_type="application/json", body=b'{"a":1}')


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


async def sent(url: str, guard: Guard, *, timeout_seconds: float = 5.0) -> Fate:
    sender = WebSender(guard, timeout_seconds=timeout_seconds)
    try:
        return await sender.post(parcel(url))
    finally:
        await sender.stop()


class TestAnAddress:
    @pytest.mark.parametrize("address", [*ADDRESSES, "", "shop.example.com", "127.0.0.1.1"])
    async def test_of_our_own_or_of_nobody_is_vetoed(self, address: str) -> None:
        with pytest.raises(NotAllowed):
            STRICT.check_address(address)

    @pytest.mark.parametrize("address", PUBLIC)
    async def test_of_the_internet_is_not(self, address: str) -> None:
        STRICT.check_address(address)

    @pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.1.2.3"])
    async def test_that_is_not_this_machine_is_vetoed_in_a_sandbox_too(self, address: str) -> None:
        SANDBOX.check_address("127.0.0.1")
        SANDBOX.check_address("::1")
        with pytest.raises(NotAllowed):
            SANDBOX.check_address(address)


class TestAUrl:
    async def test_has_many_bad_forms(self) -> None:
        assert len({*FORMS, *HERE, *ADDRESSES}) >= 150
        assert len(set(FORMS)) == len(FORMS)

    @pytest.mark.parametrize("number", range(len(FORMS)))
    async def test_of_a_bad_form_is_refused(self, number: int) -> None:
        with pytest.raises(NotAllowed):
            STRICT.check_url(FORMS[number])

    @pytest.mark.parametrize("url", GOOD)
    async def test_of_a_good_form_is_not(self, url: str) -> None:
        STRICT.check_url(url)
        SANDBOX.check_url(url)

    @pytest.mark.parametrize("url", HERE)
    async def test_to_this_machine_is_for_sandboxes(self, url: str) -> None:
        SANDBOX.check_url(url)
        with pytest.raises(NotAllowed):
            STRICT.check_url(url)


class TestASender:
    async def test_reaches_nothing_here(self) -> None:
        """The canary listens where every trick would end: at 127.0.0.1, and at every name for it."""
        async with listening() as (port, taken):
            for url in (*FORMS, *HERE, f"http://127.0.0.1:{port}/", f"https://localhost:{port}/"):
                assert await sent(url, STRICT) == Unreachable(cause="not allowed")
            assert taken == []

    async def test_is_stopped_at_the_socket_where_a_name_leads_here(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when a name is answered with a public address first, and with ours the next time."""
        asked = asyncio.get_running_loop().getaddrinfo

        async def answered(host: str, port: int, **how: object) -> object:
            return await asked("127.0.0.1" if host == "shop.example.com" else host, port, **how)  # type: ignore[arg-type]  # handed on as they came

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answered, raising=False)
        async with listening() as (_, taken):
            assert await sent("https://shop.example.com/", STRICT) == Unreachable(cause="not allowed")
            assert taken == []

    @pytest.mark.parametrize("status", [200, 201, 204, 299, 302])
    async def test_is_content_with_any_word_of_thanks(self, status: int) -> None:
        async with listening(status=status, size=0) as (port, taken):
            assert await sent(f"http://127.0.0.1:{port}/x", SANDBOX) == Accepted(status=status)
            assert taken == [b'{"a":1}']

    @pytest.mark.parametrize("status", [300, 301, 303, 307, 308, 400, 404, 410, 429, 500, 503])
    async def test_follows_no_redirect_and_takes_no_other_answer(self, status: int) -> None:
        async with listening(status=status) as (port, taken):
            assert await sent(f"http://127.0.0.1:{port}/x", SANDBOX) == Refused(status=status)
            assert len(taken) == 1

    async def test_reads_no_more_than_it_has_to(self) -> None:
        async with listening(size=1 << 22) as (port, _):
            assert await sent(f"http://127.0.0.1:{port}/x", SANDBOX) == Accepted(status=200)

    async def test_waits_for_nobody_for_ever(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            fate = await sent(f"http://127.0.0.1:{port}/x", SANDBOX, timeout_seconds=0.2)
            assert fate == Unreachable(cause="time-out")

    async def test_tells_when_nobody_is_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        assert await sent(f"http://127.0.0.1:{port}/x", SANDBOX) == Unreachable(cause="not reached")
