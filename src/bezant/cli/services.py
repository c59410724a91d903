"""What runs until it is told to stop: ``bezant serve`` and ``bezant work``."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

import click
import structlog

from bezant.app.gateway import open_gateway
from bezant.app.store import open_store
from bezant.cli.opening import settings
from bezant.cli.usage import example
from bezant.cli.values import PORT, Name, Whole
from bezant.config import BadSettings, Settings
from bezant.telemetry import configure_logging

WORKERS_MAX = 256

_log = structlog.get_logger(__name__)


@click.command(
    epilog=example("bezant serve --demo", "BEZANT_DATABASE_URL=postgresql://... bezant serve --workers 4")
)
@click.option("--host", type=Name(255), help="The address to listen on.")
@click.option("--port", type=PORT, help="The port to listen on; 0 takes a free one.")
@click.option("--workers", type=Whole(1, WORKERS_MAX), help="Server processes; several need PostgreSQL.")
@click.option("--demo", is_flag=True, help="With demo merchants, test cards and a sandbox acquirer.")
def serve(*, host: str | None, port: int | None, workers: int | None, demo: bool) -> None:
    """Serve payments over HTTP until stopped."""
    given = {"host": host, "port": port, "workers": workers}
    chosen = replace(settings(), **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # the options above fit their settings
    if problems := chosen.problems():
        raise BadSettings("; ".join(problems))
    from bezant import server  # noqa: PLC0415 - no other command needs a web server

    server.run(chosen, demo=demo)


@click.command(epilog=example("BEZANT_ACQUIRER=127.0.0.1:8583 bezant work"))
def work() -> None:
    """Run the timetable alone until stopped.

    The timetable is what a gateway does by itself: reversals, settlements, whatever falls due.
    `bezant serve` runs it, too, unless BEZANT_JOBS is 0. BEZANT_ACQUIRER names the acquirer.
    """
    chosen = settings()
    address = chosen.acquirer_address
    if address is None:
        raise BadSettings("BEZANT_ACQUIRER does not say where the acquirer is (host:port)")
    configure_logging(chosen.log_level)
    asyncio.run(_work(chosen, address))


async def _work(chosen: Settings, acquirer: tuple[str, int]) -> None:
    stop = stop_signal()
    async with open_store(chosen) as store, open_gateway(store, acquirer, housekeeping=True):
        _log.info("timetable started")
        await stop.wait()
        _log.info("timetable stopping")


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
