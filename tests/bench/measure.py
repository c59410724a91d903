"""One measurement: phases of load on one database, with what each payment cost whom."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from sqlalchemy import NullPool, create_engine, func, select

from bezant.storage.tables import payments
from tests.bench import machine
from tests.bench.databases import Database
from tests.bench.load import Clients, Phase, Words, joined
from tests.bench.scene import Scene, scene

SHARE_OF_PEAK: Final = 0.7
SLOW_HOST_SECONDS: Final = 0.05
OVERLOAD: Final = 3
"""Times the peak."""
RECOVERY_SECONDS: Final = 10.0
"""After an overload; then all is to be as before."""
VALOR: Final = Words(approved=b'{"error_no":"S00",', before_id=b'"txnid":"')
IPOSPAYS: Final = Words(approved=b'{"iposhpresponse":{"responseCode":"200",', before_id=b'"transactionId":"')
ROUNDS: Final = 5
"""Of the phases that goals are about, and of the yardstick between them: machines have bad minutes."""
PAIRS: Final = 20
"""Of short phases by token, by one API and by the other: a machine changes less within a second."""
_WARM_UP_SECONDS: Final = 2.0
_COUNTING_SECONDS: Final = 2.0
_LOOKING_SECONDS: Final = 4.0


class BooksDiffer(Exception):
    """The clients, the gateway and the host do not agree on what was paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one sale cost, in seconds of processor time and in commits. ``None``: it cannot be told."""

    server: float
    database: float | None
    host: float
    clients: float
    commits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one database gave.

    ``peak`` is closed; ``steady`` and ``slow_host`` are open, at ``SHARE_OF_PEAK``. In ``slow_host``, the
    acquirer thinks for ``SLOW_HOST_SECONDS``. ``overload`` is open at ``OVERLOAD`` times a peak, and as many
    times as long as the others; and ``recovered`` follows ``RECOVERY_SECONDS`` later, at the share of that
    peak. Peaks are found right before they are taken shares of, since the machine changes within a minute.
    Of all these there were ``ROUNDS``, in turns with the yardstick, and each is the middle one: by its rate,
    by its p99, or, the overload, by what it is of its peak: ``overload_share``. ``pgbench`` is in
    transactions a second, ``pgbench_ratio`` the peak's share of what it reached in the same round.
    ``condition`` is the machine's at the beginning of each, and the middle one, too.
    """

    peak: Phase
    steady: Phase
    slow_host: Phase
    overload: Phase
    overload_share: float
    recovered: Phase
    costs: Costs
    statements: float | None
    """A sale."""
    by_token: Phase
    """Closed, like the peak, but in ``PAIRS`` pieces: sales on kept cards by iPOSpays' API."""
    by_token_server: float
    """Processor seconds of the server for one of those, in the middle pair."""
    valor_by_token_server: float
    """The same for a sale on a kept card by Valor's API, in turns with them."""
    payments: int
    pgbench: float | None
    pgbench_ratio: float | None
    condition: machine.Condition

    @property
    def added_p99(self) -> float:
        """What the gateway adds at the steady rate to the time of the host by which the peak was found.

        That host's own time is not taken off: it is well under a millisecond.
        """
        return self.steady.percentile(99)

    @property
    def added_to_slow_host_p99(self) -> float:
        """What it adds to the time of the slow host, at the same share of the quick host's peak."""
        return self.slow_host.percentile(99) - SLOW_HOST_SECONDS

    @property
    def by_token_ratio(self) -> float:
        """What a sale on a kept card costs the server by iPOSpays' API, as a share of one by Valor's."""
        return self.by_token_server / self.valor_by_token_server


def measure(
    database: Database,
    folder: Path,
    *,
    clients: int,
    seconds: int,
    rate: float | None,
    settings: Mapping[str, str],
) -> Measurement:
    """Run every phase on an empty database.

    The open phases run at ``rate``, or else at a share of the peak. Raises ``Wrong``, ``BooksDiffer``,
    ``Failed``.
    """
    with scene(folder, database.url, settings=settings) as running:
        gc.collect()
        gc.disable()  # a pause of the clients is not the server's
        try:
            return uvloop.run(_load(running, database, folder, clients=clients, seconds=seconds, rate=rate))
        finally:
            gc.enable()


async def _load(
    running: Scene, database: Database, folder: Path, *, clients: int, seconds: int, rate: float | None
) -> Measurement:
    load = Clients(running.address, itertools.cycle(running.sales), VALOR)
    await load.closed(clients=clients, seconds=_WARM_UP_SECONDS)

    rounds: list[_Round] = []
    conditions: list[machine.Condition] = []
    for _ in range(ROUNDS):
        conditions.append(machine.condition(folder, seconds=_LOOKING_SECONDS))
        rounds.append(await _round(load, running, database, clients=clients, seconds=seconds, rate=rate))
    middle = _middle(rounds, lambda each: each.peak.rate)
    overloaded = _middle(rounds, lambda each: each.overload_share)

    with database.counting_statements() as count:
        statements = None
        if count is not None:
            counted = await load.closed(clients=clients, seconds=_COUNTING_SECONDS)
            statements = count() / counted.answers

    callers = Clients(running.address, running.transactions(), IPOSPAYS)
    tills = Clients(running.address, running.token_sales(), VALOR)
    for each in (callers, tills):
        await each.closed(clients=clients, seconds=_WARM_UP_SECONDS)
    pairs = [
        (
            await _closed(callers, running, database, clients=clients, seconds=seconds / PAIRS),
            await _closed(tills, running, database, clients=clients, seconds=seconds / PAIRS),
        )
        for _ in range(PAIRS)
    ]
    by_token, valor_by_token = sorted(pairs, key=lambda pair: pair[0].costs.server / pair[1].costs.server)[
        PAIRS // 2
    ]

    paid = len(load.approved | callers.approved | tills.approved)
    await _compare(paid, running, database)
    return Measurement(
        peak=middle.peak,
        steady=_middle(rounds, lambda each: each.steady.percentile(99)).steady,
        slow_host=_middle(rounds, lambda each: each.slow_host.percentile(99)).slow_host,
        overload=overloaded.overload,
        overload_share=overloaded.overload_share,
        recovered=_middle(rounds, lambda each: each.recovered.percentile(99)).recovered,
        costs=middle.costs,
        statements=statements,
        by_token=joined([piece.phase for piece, _ in pairs]),
        by_token_server=by_token.costs.server,
        valor_by_token_server=valor_by_token.costs.server,
        payments=paid,
        pgbench=_middle(rounds, lambda each: each.pgbench or 0.0).pgbench,
        pgbench_ratio=_middle(rounds, lambda each: each.pgbench_ratio or 0.0).pgbench_ratio,
        condition=machine.Condition(
            work=median(each.work for each in conditions), stalled=median(each.stalled for each in conditions)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """See ``Measurement``."""

    peak: Phase
    costs: Costs
    pgbench: float | None
    steady: Phase
    slow_host: Phase
    last_peak: Phase
    overload: Phase
    recovered: Phase

    @property
    def pgbench_ratio(self) -> float | None:
        return None if self.pgbench is None else self.peak.rate / self.pgbench

    @property
    def overload_share(self) -> float:
        """The sales made under overload, as a share of the peak."""
        return self.overload.rate / self.last_peak.rate


async def _round(
    load: Clients, running: Scene, database: Database, *, clients: int, seconds: int, rate: float | None
) -> _Round:
    pgbench = await asyncio.to_thread(database.yardstick, clients=clients, seconds=seconds)
    peak = await _closed(load, running, database, clients=clients, seconds=seconds)
    steady = await load.open(rate=rate or peak.phase.rate * SHARE_OF_PEAK, seconds=seconds)
    second_peak = await load.closed(clients=clients, seconds=seconds / 2)
    await running.control.script({"delay": SLOW_HOST_SECONDS}, repeat=True)
    slow_host = await load.open(rate=rate or second_peak.rate * SHARE_OF_PEAK, seconds=seconds)
    await running.control.clear_scripts()
    last_peak = await load.closed(clients=clients, seconds=seconds / 2)
    offered = rate or last_peak.rate * SHARE_OF_PEAK
    overload = await load.overload(rate=last_peak.rate * OVERLOAD, seconds=seconds * OVERLOAD)
    await load.open(rate=offered, seconds=RECOVERY_SECONDS)
    recovered = await load.open(rate=offered, seconds=seconds)
    return _Round(
        peak=peak.phase,
        costs=peak.costs,
        pgbench=pgbench,
        steady=steady,
        slow_host=slow_host,
        last_peak=last_peak,
        overload=overload,
        recovered=recovered,
    )


def _middle(rounds: Sequence[_Round], by: Callable[[_Round], float]) -> _Round:
    return sorted(rounds, key=by)[len(rounds) // 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    """A closed phase, and what each of its sales cost."""

    phase: Phase
    costs: Costs


async def _closed(
    load: Clients, running: Scene, database: Database, *, clients: int, seconds: float
) -> _Closed:
    before = _spent(running, database)
    phase = await load.closed(clients=clients, seconds=seconds)
    return _Closed(phase=phase, costs=_per_sale(before, _spent(running, database), phase.answers))


def _spent(running: Scene, database: Database) -> Costs:
    """The costs of everything so far. A database inside the server is not the server."""
    server, of_database = machine.family_cpu_seconds(running.server), database.cpu_seconds(running.server)
    if database.is_embedded and of_database is not None:
        server -= of_database
    return Costs(
        server=server,
        database=of_database,
        host=machine.cpu_seconds(running.host),
        clients=time.process_time(),
        commits=database.commits(),
    )


def _per_sale(before: Costs, after: Costs, sales: int) -> Costs:
    database = None
    if before.database is not None and after.database is not None:
        database = (after.database - before.database) / sales
    return Costs(
        server=(after.server - before.server) / sales,
        database=database,
        host=(after.host - before.host) / sales,
        clients=(after.clients - before.clients) / sales,
        commits=(after.commits - before.commits) / sales,
    )


async def _compare(approved: int, running: Scene, database: Database) -> None:
    """Every approval that a client saw is a captured payment here, and an entry at the host; and no other."""
    engine = create_engine(database.url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            query = select(func.count()).select_from(payments)
            stored = connection.execute(query).scalar_one()
            captured = connection.execute(query.where(payments.c.state == "captured")).scalar_one()
    finally:
        engine.dispose()
    booked = (await running.control.stats())["entries"]
    if not approved == stored == captured == booked:
        raise BooksDiffer(
            f"{approved} approvals, {stored} payments, {captured} of them captured, {booked} at the host"
        )
