"""Where a merchant's dealings are tried out on a gateway that dies: links, what is kept, what is charged.

The acquirer's host, the shop's own server, phones and mailboxes outlive the gateway.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.ipospays.merchant import Bureau, Merchant
from tests.faults.crash import LAUNCHER, REST_SECONDS_MAX, SETTINGS, Bench, Case, Result
from tests.faults.launcher import VARIABLE
from tests.faults.proxy import Proxy, Toxic
from tests.support.aps import Receiver
from tests.support.books import at_host
from tests.support.far import FarEnds
from tests.support.gateway import Host, NoAnswer, gateway_on
from tests.support.postgres import Server

NOTICES: Final = {
    "BEZANT_NOTICE_SECONDS": "1",
    "BEZANT_NOTICE_PAUSE_SECONDS": "0.5",
    "BEZANT_MESSAGE_PAUSE_SECONDS": "0.5",
    "BEZANT_TRUSTED_PROXIES": "127.0.0.1",
}

_UNDER_WAY: Final = """
    SELECT 'link' AS what, state FROM invoices WHERE state = 'paying'
    UNION ALL SELECT 'delivery', state FROM deliveries WHERE state IN ('due', 'sending')
"""
_UNDELIVERED: Final = "SELECT topic, state FROM deliveries WHERE state NOT IN ('delivered', 'unwanted')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A merchant on a gateway that dies on demand, and all who are told of what it does."""

    bench: Bench
    bureau: Bureau
    merchant: Merchant
    receiver: Receiver
    far: FarEnds

    def rest(self) -> list[str]:
        """Wait until nothing is under way; what still is."""
        deadline = time.monotonic() + REST_SECONDS_MAX
        while time.monotonic() < deadline:
            left = self.bench.rest()
            rows = self.bench.gateway.rows(_UNDER_WAY)
            if not left and not rows:
                return []
            time.sleep(0.05)
        return [*left, *(f"a {row['what']} is {row['state']}" for row in rows)]

    def findings(self) -> list[str]:
        """What is wrong in any book, and what nobody was told of."""
        untold = [f"{row['topic']} is {row['state']}" for row in self.bench.gateway.rows(_UNDELIVERED)]
        return [*self.bench.findings(), *untold]

    def standing(self, minor: int) -> int:
        """How many charges of that amount the host holds to be good."""
        return sum(count for each, count in at_host(self.bench.gateway).items() if each.minor == minor)

    def number(self) -> str:
        """What nothing else here is called."""
        return f"L{next(self.bench.marks):04d}"


@contextlib.contextmanager
def desk_on(database: str, home: Path, *, postgres: Callable[[], Server]) -> Iterator[Desk]:
    """A running one."""
    with (
        FarEnds(home / "far") as far,
        Receiver().serving() as receiver,
        Host(home) as host,
        Proxy(("127.0.0.1", host.port)) as wire,
    ):
        settings = {**SETTINGS, **NOTICES, **far.settings, VARIABLE: str(home / "fault")}
        settings["BEZANT_ACQUIRER"] = wire.address
        with (
            gateway_on(
                database, home, postgres=postgres, settings=settings, host=host, module=LAUNCHER
            ) as gateway,
            Bureau(gateway) as bureau,
        ):
            receiver.latency_seconds = 0.4
            yield Desk(
                bench=Bench(gateway, wire, gift_elsewhere=far.gift_control),
                bureau=bureau,
                merchant=bureau.open(),
                receiver=receiver,
                far=far,
            )


Again = Callable[[], tuple[str, Sequence[str]]]
"""Asks once more, when all is at rest: the last word, and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is done while the server dies, what is wrong after that, and what is done then."""

    call: Callable[[], str]
    wrong: Callable[[], Sequence[str]]
    again: Again


def play(
    desk: Desk, case: Case, act: Act, *, database: str, died: Callable[[], None] = lambda: None
) -> Result:
    """Carry out a case; ``died`` is called when the server has. Afterwards it runs and is at rest."""
    bench = desk.bench
    desk.rest()
    if case.step is not None:
        bench.gateway.control.script(case.step, ask=case.ask)
    if case.half and bench.wire is not None:
        bench.wire.up = Toxic(half=True)
    bench.arm(case.order)
    first: str | None = None
    with contextlib.suppress(NoAnswer):
        first = act.call()
    findings = [] if bench.hit() else ["the step was not reached"]
    if bench.wire is not None:
        bench.wire.heal()
    died()
    started = time.monotonic()
    if not bench.gateway.runs:
        bench.gateway.start()
    findings += desk.rest()
    recovered = time.monotonic() - started
    bench.gateway.control.clear_scripts()
    findings += [*desk.findings(), *act.wrong()]
    last, trouble = act.again()
    findings += [*trouble, *desk.rest(), *desk.findings(), *act.wrong()]
    return Result(
        case=case,
        database=database,
        recovered_seconds=recovered,
        answers=(first or "-", last),
        findings=list(dict.fromkeys(findings)),
    )
