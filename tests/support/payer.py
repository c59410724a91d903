"""Who pays links: a process of its own beside a running gateway, on the same database and the same host.

In a test it pays as the gateway's other workers would. Run as a program
(``python -m tests.support.payer UID AGREED POINT``) it dies by SIGKILL at a fault point.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self

from anyio.from_thread import start_blocking_portal

from bezant.app.gateway import Gateway as Running
from bezant.app.gateway import open_gateway
from bezant.app.store import open_store
from bezant.config import Settings, load, to_environment
from bezant.core.faults import observe_fault_points
from bezant.core.invoices import Choices, Outcome, PayerCard, View
from bezant.core.money import Money
from bezant.core.sensitive import Cvv, Pan
from tests.support.gateway import Gateway
from tests.support.tree import ROOT

GOOD: Final = "4111111111111111"
BAD: Final = "4000000000000002"
"""The host declines it."""
QUIET: Final = 1_000_000.0
"""How much slower than usual the timetable goes: its work is left to the gateway."""


class Payer:
    """Pays links of a running gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._closing.enter_context(start_blocking_portal())
        self._running = self._closing.enter_context(
            self._portal.wrap_async_context_manager(_open(_settings(self._gateway)))
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def view(self, uid: str) -> View:
        """What the page of a link shows."""
        view = self._portal.call(self._running.invoices.invoices.open, uid)
        assert view is not None
        return view

    def pay(self, uid: str, number: str = GOOD, *, attempt: str = "1", **choices: Any) -> Outcome:
        """Try to pay what the page shows."""
        outcome: Outcome = self._portal.call(_pay, self._running, uid, number, attempt, choices)
        return outcome

    def pay_at_once(self, uid: str, times: int) -> list[Outcome]:
        """So many payers, all at the same time."""

        async def all_of_them() -> list[Outcome]:
            return await asyncio.gather(
                *(_pay(self._running, uid, GOOD, f"payer {number}", {}) for number in range(times))
            )

        return self._portal.call(all_of_them)

    def die_paying(self, uid: str, point: str) -> None:
        """Pay in a process that is killed when it comes to a fault point."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEZANT_")}
        environment = {
            **inherited,
            **to_environment(_settings(self._gateway)),
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        }
        died = subprocess.run(
            (sys.executable, "-m", "tests.support.payer", uid, point),
            env=environment,
            capture_output=True,
            check=False,
        )
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()


def _settings(gateway: Gateway) -> Settings:
    return Settings(
        home=gateway.home,
        database_url=gateway.database_url,
        acquirer=gateway.host.address,
        acquirer_connect_seconds=0.5,
        acquirer_read_seconds=1,
        lease_seconds=2,
    )


@contextlib.asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Running]:
    address = settings.acquirer_address
    assert address is not None, "a gateway has a host"
    async with (
        open_store(settings) as store,
        open_gateway(store, address, housekeeping=False, pace=QUIET) as running,
    ):
        while not running.cards.link.connected:  # noqa: ASYNC110 - nothing tells when it is
            await asyncio.sleep(0.01)
        yield running


async def _pay(running: Running, uid: str, number: str, attempt: str, choices: dict[str, Any]) -> Outcome:
    running.access.forget()
    view = await running.invoices.invoices.open(uid)
    assert view is not None
    tip: Money | None = choices.get("tip")
    return await running.invoices.invoices.pay(
        uid,
        PayerCard(pan=Pan(number), expiry="3612", cvv=Cvv("999")),
        Choices(**{"agreed": view.invoice.total(tip), **choices}),
        attempt_key=attempt,
    )


async def _die(uid: str, point: str) -> None:
    def observe(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    async with _open(load(os.environ)) as running:
        observe_fault_points(observe)
        await _pay(running, uid, GOOD, "1", {})


if __name__ == "__main__":
    asyncio.run(_die(*sys.argv[1:3]))
