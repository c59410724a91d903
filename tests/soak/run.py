"""One soak: a gateway under load is killed again and again; then every book is held against the others."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.soak.findings import findings
from tests.soak.shoppers import Journal, Numbers, Request, Shopper, crowd
from tests.support.books import come_to_rest, untaken_tips
from tests.support.gateway import SWIFT, Gateway, Host, gateway_on
from tests.support.postgres import Server

HOST_LATENCY_SECONDS: Final = 0.02
"""Long enough that a kill finds payments at every stage."""
RECOVERY_SECONDS_MAX: Final = 420.0
"""A reversal that failed three times waits for five minutes."""
KILL_AFTER_SECONDS_MAX: Final = 0.1
DOWN_SECONDS_MAX: Final = 0.3
SALE_FAULTS: Final = ("drop", "silent", "duplicate", "garble", "half", "refuse")
SALES_A_FAULT: Final = 40
REVERSALS_A_FAULT: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A soak in figures. With ``stubborn``, the host fails some reversals, too, which takes longer."""

    database: str
    seed: int
    requests: int
    kills: int
    clients: int = 32
    workers: int = 1
    stubborn: bool = False

    @property
    def command(self) -> str:
        """What runs it again."""
        return (
            f"python -m tests.soak --database {self.database} --seed {self.seed} --requests {self.requests} "
            f"--kills {self.kills} --clients {self.clients} --workers {self.workers} "
            f"--{'' if self.stubborn else 'no-'}stubborn"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a soak went; good when nothing was found. Times are seconds."""

    plan: Plan
    requests: list[Request]
    kills: int
    states: Counter[str]
    batches: int
    balanced: int
    """Batches whose totals were those of the host's books."""
    untaken_tips: int
    load_seconds: float
    recovery_seconds: float
    findings: list[str]


def soak(plan: Plan, folder: Path, *, postgres: Callable[[], Server]) -> Report:
    """Carry out a plan. Its records stay in ``folder``, a PostgreSQL database excepted."""
    settings = {**SWIFT, "BEZANT_WORKERS": str(plan.workers)}
    with (
        Host(folder, latency_seconds=HOST_LATENCY_SECONDS) as host,
        gateway_on(plan.database, folder, postgres=postgres, settings=settings, host=host) as gateway,
    ):
        _script(gateway, plan)
        started = time.monotonic()
        requests, kills = _load(gateway, plan, folder)
        loaded = time.monotonic()
        gateway.control.clear_scripts()
        with contextlib.suppress(AssertionError):  # what does not come to rest is a finding
            come_to_rest(gateway, seconds=RECOVERY_SECONDS_MAX)
        recovered = time.monotonic()
        batches = gateway.control.totals()["batches"]
        return Report(
            plan=plan,
            requests=requests,
            kills=kills,
            states=_states(gateway),
            batches=len(batches),
            balanced=sum(batch["reconciled"] for batch in batches),
            untaken_tips=len(untaken_tips(gateway)),
            load_seconds=loaded - started,
            recovery_seconds=recovered - loaded,
            findings=findings(gateway, requests),
        )


def _script(gateway: Gateway, plan: Plan) -> None:
    """Have the host misbehave now and then, as the seed says."""
    chances = Random(f"{plan.seed}/host")
    faults = [*SALE_FAULTS]
    chances.shuffle(faults)
    normal: list[Mapping[str, object]] = [{}] * (SALES_A_FAULT - 1)
    steps = [step for fault in faults for step in (*normal, {fault: True})]
    gateway.control.script(*steps, repeat=True, ask="sale")
    if plan.stubborn:
        answered: list[Mapping[str, object]] = [{}] * (REVERSALS_A_FAULT - 1)
        unbooked = {"refuse": True}
        gateway.control.script(*answered, {"silent": True}, *answered, unbooked, repeat=True, ask="reverse")


def _load(gateway: Gateway, plan: Plan, folder: Path) -> tuple[list[Request], int]:
    """Let the clients work while the server is killed; all requests, and how often it was killed."""
    journal, numbers = Journal(folder / "clients.jsonl"), Numbers(plan.requests)
    clients = crowd(gateway, journal, numbers, clients=plan.clients, seed=plan.seed)
    for client in clients:
        client.start()
    try:
        kills = _kill(gateway, plan, numbers, clients)
    finally:
        for client in clients:
            client.join()
        journal.close()
    for client in clients:
        if client.trouble is not None:
            raise client.trouble
    return journal.requests, kills


def _kill(gateway: Gateway, plan: Plan, numbers: Numbers, clients: Sequence[Shopper]) -> int:
    """Kill the server at the instants that the seed picks, as long as there is work, and start it again."""
    chances = Random(f"{plan.seed}/kills")
    kills = 0
    for number in sorted(chances.choices(range(plan.requests), k=plan.kills)):
        while numbers.given < number and any(client.is_alive() for client in clients):
            time.sleep(0.001)
        time.sleep(chances.uniform(0, KILL_AFTER_SECONDS_MAX))
        gateway.kill()
        kills += 1
        time.sleep(chances.uniform(0, DOWN_SECONDS_MAX))
        gateway.start()
    return kills


def _states(gateway: Gateway) -> Counter[str]:
    rows = gateway.rows("SELECT state, count(*) AS count FROM payments GROUP BY state")
    return Counter({row["state"]: row["count"] for row in rows})
