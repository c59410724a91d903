"""The server: one listener for every dialect, the operators' pages, and the life of a gateway around it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request as PageRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bezant import config
from bezant.admission import Admission
from bezant.app.endpoints import Endpoints
from bezant.app.gateway import Gateway, open_gateway
from bezant.app.pages import page_routes
from bezant.app.store import NotReady, open_store
from bezant.config import Settings
from bezant.demo import Demo, first_charge, seed, write_demo_json
from bezant.dialects.wire.http import Endpoint, Receive, Scope, Send
from bezant.dialects.wire.protocol import WholeRequests
from bezant.rails.acquirer.sandbox import SandboxHost
from bezant.rails.gift.sandbox import GiftSandbox
from bezant.rails.lender.sandbox import LenderSandbox
from bezant.rails.mail.sandbox import MailSandbox
from bezant.rails.sms.sandbox import SmsSandbox
from bezant.storage.envelopes import load_iso_keys
from bezant.supervision import FINISHING_SECONDS, Supervisor, end_with_the_supervisor
from bezant.telemetry import configure_logging, say

_log = structlog.get_logger(__name__)
_NOT_STARTED = "the server could not start; the log says why"
COLLECTOR_THRESHOLDS = (20_000, 20, 20)
DOORS = 16
"""How many connections all processes together let in at each turn of their event loops."""


class Server:
    """The ASGI application of one process: it opens the gateway when served and closes it at the end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gateway: Gateway | None = None
        self._endpoints: Endpoints | None = None
        self._pages = Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "http":
            endpoint = self.find(scope["method"], scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send)
                return
        pages: Callable[[Any, Any, Any], Awaitable[None]] = self._pages
        await pages(scope, receive, send)

    def find(self, method: str, path: str) -> Endpoint | None:
        """The endpoint that a request is for; none for a page, and while the gateway is not open."""
        return None if self._endpoints is None else self._endpoints.find(method, path)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(self._settings))
            address = self._settings.acquirer_address
            if address is None:
                raise NotReady("no acquirer: set BEZANT_ACQUIRER, or serve with --demo")
            self._gateway = gateway = await stack.enter_async_context(
                open_gateway(store, address, housekeeping=self._settings.jobs)
            )
            admission = Admission(self._settings.admitted_max, waiting=gateway.waiting_for_hosts)
            self._endpoints = Endpoints(gateway, admission)
            self._pages.router.routes.extend(page_routes(gateway, admission))
            _rest_the_collector()
            _log.info("serving", host=self._settings.host, port=self._settings.port, process=os.getpid())
            yield
            self._endpoints = None

    async def _healthz(self, _request: PageRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: PageRequest) -> Response:
        gateway = self._gateway
        checks = {
            "acquirer": gateway is not None and gateway.cards.link.connected,
            "database": gateway is not None and await gateway.database_answers(),
        }
        ready = all(checks.values())
        return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503)

    async def _metrics(self, _request: PageRequest) -> Response:
        if self._gateway is None:
            return Response(status_code=503)
        metrics = self._gateway.metrics
        metrics.acquirer_up.set(self._gateway.cards.link.connected)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def create() -> Server:
    """The application of one of several server processes; its settings come from the environment."""
    settings = config.load(os.environ)
    configure_logging(settings.log_level)
    end_with_the_supervisor()
    return Server(settings)


class _Listening(uvicorn.Server):
    """A server that says when it listens: whoever is told of its address finds it there."""

    def __init__(self, serving: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(serving)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def _rest_the_collector() -> None:
    """What lives as long as the process is not looked at again, and what is new more rarely.

    Requests leave hardly any cycles behind; looking for them by the interpreter's own thresholds cost some
    hundredths of all processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def doors(listener: socket.socket, count: int) -> list[socket.socket]:
    """The listener and copies of it, ``count`` in all, for an event loop to listen on each.

    libuv lets in one connection of each listener at every turn of the loop. A server that is busy turns a
    hundred times a second, and whoever came new would wait for seconds even to be refused.
    """
    return [listener, *(listener.dup() for _ in range(count - 1))]


class _Host(Protocol):
    """A far end of the sandbox."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class _Sandbox(threading.Thread):
    """The sandbox hosts on an event loop of their own, so that the server's is free for payments."""

    def __init__(self, hosts: Sequence[_Host]) -> None:
        super().__init__(name="bezant-sandbox", daemon=True)
        self._hosts = hosts
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._trouble: BaseException | None = None

    def run(self) -> None:
        """Start the hosts and serve until stopped."""
        asyncio.set_event_loop(self._loop)
        try:
            for host in self._hosts:
                self._loop.run_until_complete(host.start())
        except OSError as trouble:
            self._trouble = trouble
            return
        finally:
            self._up.set()
        self._loop.run_forever()
        for host in self._hosts:
            self._loop.run_until_complete(host.stop())
        self._loop.close()

    def begin(self) -> None:
        """Start, and wait until the hosts listen. Raises ``NotReady``."""
        self.start()
        self._up.wait()
        if self._trouble is not None:
            raise NotReady(f"the sandbox cannot start: {type(self._trouble).__name__}")

    def end(self) -> None:
        """Stop the hosts."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join()


def run(settings: Settings, *, demo: bool) -> None:
    """Serve until stopped.

    With ``demo``: make the database and demo data, start the sandbox hosts, write ``demo.json`` and print a
    first charge.

    Raises ``NotReady`` when something is missing.
    """
    configure_logging(settings.log_level)
    load_iso_keys(settings.iso_keys)  # what is wrong with them is told now, and not by each process
    sandbox: _Sandbox | None = None
    seeded: Demo | None = None
    addresses: dict[str, str] = {}
    if demo:
        seeded = asyncio.run(_prepare(settings))
        sandbox, addresses = _start_sandbox(settings)
        settings = replace(
            settings,
            acquirer=addresses.get("acquirer", settings.acquirer),
            gift_host=addresses.get("gift", settings.gift_host),
            lender=addresses.get("lender", settings.lender),
            sms=addresses.get("sms", settings.sms),
            smtp=addresses.get("mail", settings.smtp),
            smtp_security="none" if "mail" in addresses else settings.smtp_security,
            notices_to_loopback=True,
        )
    try:
        _serve(settings, seeded, addresses)
    finally:
        if sandbox is not None:
            sandbox.end()


def _start_sandbox(settings: Settings) -> tuple[_Sandbox, dict[str, str]]:
    """The hosts that no setting names, and where they listen.

    ``acquirer`` comes with ``control``, ``gift`` with ``gift_control``, ``lender`` (a URL) with
    ``lender_control``; ``sms`` is the URL of the inbox; ``mail`` comes with ``mail_control``.
    """
    acquirer = SandboxHost(control_port=0, journal=settings.home / "acquirer.journal")
    gift = GiftSandbox(control_port=0, books=settings.home / "gift.db")
    lender = LenderSandbox(control_port=0, books=settings.home / "lender.db")
    inbox = SmsSandbox()
    mail = MailSandbox()
    wanted: list[tuple[_Host, bool]] = [
        (acquirer, settings.acquirer_address is None),
        (gift, settings.gift_address is None),
        (lender, not settings.lender),
        (inbox, not settings.sms),
        (mail, settings.smtp_address is None),
    ]
    hosts = [host for host, missing in wanted if missing]
    sandbox = _Sandbox(hosts)
    sandbox.begin()
    addresses: dict[str, str] = {}
    if acquirer in hosts:
        addresses |= {"acquirer": _joined(acquirer.address), "control": _joined(acquirer.control_address)}
    if gift in hosts:
        addresses |= {"gift": _joined(gift.address), "gift_control": _joined(gift.control_address)}
    if lender in hosts:
        addresses |= {"lender": lender.url, "lender_control": _joined(lender.control_address)}
    if inbox in hosts:
        addresses |= {"sms": inbox.url}
    if mail in hosts:
        addresses |= {"mail": _joined(mail.address), "mail_control": _joined(mail.control_address)}
    return sandbox, addresses


async def _prepare(settings: Settings) -> Demo:
    async with open_store(settings, create=True) as store:
        return await seed(store)


def _joined(address: tuple[str, int] | None) -> str:
    return "" if address is None else f"{address[0]}:{address[1]}"


def _serve(settings: Settings, seeded: Demo | None, addresses: dict[str, str]) -> None:
    def ready() -> None:
        if seeded is not None:
            write_demo_json(settings.home / "demo.json", base_url=base_url, demo=seeded, sandbox=addresses)
            say(first_charge(base_url, seeded))

    alone = settings.workers == 1
    serving = uvicorn.Config(
        "bezant.server:create",
        factory=not alone,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=WholeRequests,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=FINISHING_SECONDS,
    )
    listener = serving.bind_socket()
    port = listener.getsockname()[1]
    base_url = f"http://{settings.host}:{port}"
    # Which port it is, is known only now.
    settings = replace(settings, port=port)
    if alone:
        serving.app = Server(settings)
        server = _Listening(serving, ready)
        server.run(sockets=doors(listener, DOORS))
        if not server.started:
            raise NotReady(_NOT_STARTED)
        return
    os.environ.update(config.to_environment(settings))
    listener.listen(serving.backlog)  # whoever comes before the first process is up waits for it
    ready()
    supervisor = Supervisor(serving, doors(listener, max(1, DOORS // settings.workers)))
    supervisor.run()
    if supervisor.failed:
        raise NotReady(_NOT_STARTED)
