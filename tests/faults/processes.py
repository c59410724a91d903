"""What becomes of a gateway of several processes when some of them die or stand still, under a crowd.

A supervisor starts server processes, looks after them and ends them. Whoever is killed or suspended, clients
are answered in time, nothing is charged twice, no process goes on without a supervisor, and a new start takes
over at once. PostgreSQL alone: on SQLite a gateway is one process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from tests.faults.crash import Result
from tests.faults.crowd import Crowd
from tests.faults.proxy import Proxy
from tests.support.books import disagreements, unfinished, violations
from tests.support.gateway import SWIFT, Gateway, Host, database_on, eventually
from tests.support.postgres import Server

WORKERS: Final = 2
SETTINGS: Final = {**SWIFT, "BEZANT_WORKERS": str(WORKERS)}
HOST_LATENCY_SECONDS: Final = 0.05
"""Long enough that whoever dies has payments in its hands."""
REST_SECONDS_MAX: Final = 60.0
YES_SECONDS_MAX: Final = 40.0
REPLACED_SECONDS_MAX: Final = 20.0
"""Within which a process that died or stands still is replaced, or has ended."""
STOPPED_SECONDS_MAX: Final = 25.0
AWAY_SECONDS: Final = 6.0
"""How long the database is away: longer than a server process takes to give up its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway of several processes, and its wire to PostgreSQL."""

    gateway: Gateway
    store: Proxy

    def serves(self) -> bool:
        """Whether all its processes do."""
        return len(self.gateway.workers()) == WORKERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``breaks`` does it, and gives what was wrong meanwhile. ``short``: part of every test run."""

    name: str
    breaks: Callable[[Stage], Iterator[str]]
    short: bool = False

    @property
    def title(self) -> str:
        """How it is shown."""
        return f"processes: {self.name}"


def run(scenario: Scenario, home: Path, *, postgres: Callable[[], Server]) -> Result:
    """Play a scenario on a gateway of its own."""
    home.mkdir(parents=True, exist_ok=True)
    findings: list[str] = []
    with _stage_on(home, postgres=postgres) as stage:
        gateway = stage.gateway
        eventually(stage.serves)
        eventually(gateway.is_ready)
        with Crowd(gateway) as crowd:
            crowd.wait_for_yes(seconds=YES_SECONDS_MAX)
            started = time.monotonic()
            try:
                findings += scenario.breaks(stage)
                eventually(stage.serves, seconds=REPLACED_SECONDS_MAX)
            except AssertionError as trouble:
                findings.append(str(trouble))
            if not crowd.wait_for_yes(seconds=YES_SECONDS_MAX):
                findings.append("no sale was approved any more")
        deadline = time.monotonic() + REST_SECONDS_MAX
        while (left := unfinished(gateway)) and time.monotonic() < deadline:
            time.sleep(0.1)
        recovered = time.monotonic() - started
        findings += [*left, *disagreements(gateway), *violations(gateway), *crowd.findings()]
    return Result(
        case=scenario,
        database="postgresql",
        recovered_seconds=recovered,
        answers=(f"{len(crowd.asked)}", "sales"),
        findings=list(dict.fromkeys(findings)),
    )


@contextlib.contextmanager
def _stage_on(home: Path, *, postgres: Callable[[], Server]) -> Iterator[Stage]:
    server = postgres()
    with (
        database_on("postgresql", postgres=lambda: server) as url,
        Host(home, latency_seconds=HOST_LATENCY_SECONDS) as host,
        Proxy(("127.0.0.1", int(server.url.port or 0))) as store,
    ):
        through = make_url(url).set(host="127.0.0.1", port=store.port)
        settings = {**SETTINGS, "BEZANT_DATABASE_URL": through.render_as_string(hide_password=False)}
        gateway = Gateway(home, database_url=url, settings=settings, host=host)
        with gateway, contextlib.ExitStack() as stack:
            stage = Stage(gateway=gateway, store=store)
            stack.callback(_end, stage)
            yield stage


def _end(stage: Stage) -> None:
    """Leave nobody behind who lost its supervisor, whatever was found."""
    for process in stage.gateway.workers():
        os.kill(process, signal.SIGKILL)


def _ended(processes: list[int], gateway: Gateway) -> bool:
    return not set(processes) & set(gateway.workers())


def _supervisor_killed(stage: Stage) -> Iterator[str]:
    gateway = stage.gateway
    orphans = gateway.workers()
    os.kill(gateway.process_id, signal.SIGKILL)
    gateway.leave()
    gateway.start()
    eventually(lambda: _ended(orphans, gateway), seconds=REPLACED_SECONDS_MAX)
    yield from ()


def _supervisor_killed_beside_a_suspended(stage: Stage) -> Iterator[str]:
    """One that stands still hears of nothing by itself."""
    os.kill(stage.gateway.workers()[0], signal.SIGSTOP)
    yield from _supervisor_killed(stage)


def _killed(stage: Stage, *, all_of_them: bool = False) -> Iterator[str]:
    dying = stage.gateway.workers()[: WORKERS if all_of_them else 1]
    for process in dying:
        os.kill(process, signal.SIGKILL)
    eventually(lambda: _ended(dying, stage.gateway))
    yield from ()


def _suspended(stage: Stage) -> Iterator[str]:
    process = stage.gateway.workers()[0]
    os.kill(process, signal.SIGSTOP)
    eventually(lambda: _ended([process], stage.gateway), seconds=REPLACED_SECONDS_MAX)
    yield from ()


def _told_to_stop(stage: Stage) -> Iterator[str]:
    """One of its processes cannot hear it."""
    gateway = stage.gateway
    processes = gateway.workers()
    os.kill(processes[0], signal.SIGSTOP)
    began = time.monotonic()
    os.kill(gateway.process_id, signal.SIGTERM)
    status = gateway.leave()
    if (seconds := time.monotonic() - began) > STOPPED_SECONDS_MAX:
        yield f"to stop took {seconds:.1f} s"
    if not _ended(processes, gateway):
        yield "a process goes on after its supervisor has stopped"
    if status not in {0, -signal.SIGTERM}:
        yield f"it ended with status {status}"
    gateway.start()


def _killed_without_a_database(stage: Stage) -> Iterator[str]:
    """Its successor cannot start before the database is back; the others have to wait for that, too."""
    stage.store.refuse()
    stage.store.reset()
    os.kill(stage.gateway.workers()[0], signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    stage.store.heal()
    yield from ()


SCENARIOS: Final = (
    Scenario(name="the supervisor is killed", breaks=_supervisor_killed),
    Scenario(name="the supervisor is killed, one suspended", breaks=_supervisor_killed_beside_a_suspended),
    Scenario(name="one is killed", breaks=_killed),
    Scenario(name="all but the supervisor are killed", breaks=partial(_killed, all_of_them=True)),
    Scenario(name="one is suspended", breaks=_suspended),
    Scenario(name="told to stop, one suspended", breaks=_told_to_stop),
    Scenario(name="one is killed, no database", breaks=_killed_without_a_database, short=True),
)
