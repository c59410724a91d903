"""Cost curves: sales a second by clients that ask at once, by payments stored, by terminals.

More clients should give more until the machine is full, and never much less. What is stored, and how many
terminals share the load, should not matter. Points that are compared are measured in turns, since a machine
in a cloud has bad minutes: each is the middle one of ``ROUNDS``. What is stored can only grow: there, turns
are taken with a second, small gateway, and points are held against what that gave in the same minutes.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import uvloop
from sqlalchemy import NullPool, create_engine, func, select

from bezant.storage.tables import payments
from bezant.storage.tables import terminals as terminal_rows
from tests.bench.databases import Database, Opened
from tests.bench.lists import CASES, list_p99
from tests.bench.load import Clients
from tests.bench.measure import ROUNDS, VALOR
from tests.bench.plot import Point, line_chart
from tests.bench.scene import TERMINALS as TERMINALS_USUAL
from tests.bench.scene import Scene, scene
from tests.bench.stored import fill

K = TypeVar("K")

CLIENTS: Final = (1, 8, 32, 128)
ROWS: Final = (10_000, 1_000_000)
ROWS_MOST: Final = 5_000_000
TERMINALS: Final = (1, 100, 10_000)
SECONDS: Final = 3.0
"""Of each point in each round."""
_WARM_UP_SECONDS: Final = 1.0
_CLIENTS_USUAL: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Sales a second by each count. ``rows`` are those that were there; ``lists`` is of the million."""

    clients: Sequence[Point]
    rows: Sequence[Point]
    terminals: Sequence[Point]
    lists: Mapping[str, float]

    @property
    def unevenness(self) -> float:
        """How far sales a second stray from the middle as rows and terminals grow, as a share of it."""
        return max(map(_unevenness, (self.rows, self.terminals)))


TITLES: Final = {
    "clients": ("Sales a second, by clients that ask at once", "clients"),
    "rows": ("Sales a second, by payments stored", "payments stored"),
    "terminals": ("Sales a second, by terminals that share the load", "terminals"),
}


def measure_curves(
    opened: Opened, *, settings: Mapping[str, str], rows_max: int = ROWS[-1], seconds: float = SECONDS
) -> Curves:
    """Measure every point, on new databases. Raises ``Wrong``, ``Failed``."""
    with contextlib.ExitStack() as stack:
        loads = {
            terminals: _load(stack.enter_context(_new(opened, settings, terminals=terminals))[0])
            for terminals in TERMINALS
        }
        for terminals, load in loads.items():
            _warm_up(load, sales_min=terminals)
        by_terminals = _in_turns({n: partial(_rate, load, seconds=seconds) for n, load in loads.items()})
    with _new(opened, settings) as (usual, _):
        load = _load(usual)
        by_clients = _in_turns(
            {clients: partial(_rate, load, clients=clients, seconds=seconds) for clients in CLIENTS}
        )
        with _new(opened, settings) as (running, database):
            by_rows, lists = _by_rows(running, database, yardstick=load, rows_max=rows_max, seconds=seconds)
    return Curves(clients=by_clients, rows=by_rows, terminals=by_terminals, lists=lists)


def _load(running: Scene) -> Clients:
    return Clients(running.address, itertools.cycle(running.sales), VALOR)


def _in_turns(points: Mapping[K, Callable[[], float]]) -> list[tuple[K, float]]:
    """Each point's middle one of several rounds."""
    rounds = [{name: measured() for name, measured in points.items()} for _ in range(ROUNDS)]
    return [(name, median(each[name] for each in rounds)) for name in points]


@contextlib.contextmanager
def _new(
    opened: Opened, settings: Mapping[str, str], *, terminals: int = TERMINALS_USUAL
) -> Iterator[tuple[Scene, Database]]:
    """A scene on a new database."""
    with tempfile.TemporaryDirectory(prefix="bezant-bench-") as name:
        folder = Path(name)
        with (
            opened(folder) as database,
            scene(folder, database.url, settings=settings, terminals=terminals) as running,
        ):
            yield running, database


def draw(folder: Path, curves: Mapping[str, Curves]) -> None:
    """Write a chart for each curve, with a line for each database."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, across) in TITLES.items():
        lines = {database: getattr(each, name) for database, each in curves.items()}
        chart = line_chart(title, across=across, up="sales a second", curves=lines)
        (folder / f"{name}.svg").write_text(chart, encoding="utf-8")


def _by_rows(
    running: Scene, database: Database, *, yardstick: Clients, rows_max: int, seconds: float
) -> tuple[list[Point], Mapping[str, float]]:
    load = _load(running)
    merchant_id, terminal_id = _till(running, database)
    found: list[tuple[int, float, float]] = []
    lists: Mapping[str, float] = {}
    first = 0
    for rows in sorted({*ROWS, rows_max}):
        fill(database.url, merchant_id=merchant_id, terminal_ids=[terminal_id], first=first, rows=rows)
        first = rows
        stored = _stored(database)
        (_, there), (_, here) = _in_turns(
            {0: partial(_rate, yardstick, seconds=seconds), 1: partial(_rate, load, seconds=seconds)}
        )
        found.append((stored, here, there))
        if rows == ROWS[-1]:
            asked = {name: partial(list_p99, running, said) for name, said in CASES.items()}
            lists = dict(_in_turns(asked))
    usual = median(there for _, _, there in found)
    return [(stored, here / there * usual) for stored, here, there in found], lists


def _warm_up(load: Clients, *, sales_min: int) -> None:
    """So many sales at least: one by each terminal."""
    uvloop.run(load.closed(clients=_CLIENTS_USUAL, seconds=_WARM_UP_SECONDS, sales_min=sales_min))


def _rate(load: Clients, *, clients: int = _CLIENTS_USUAL, seconds: float) -> float:
    """Sales a second, after all plans are made."""

    async def measured() -> float:
        await load.closed(clients=clients, seconds=_WARM_UP_SECONDS)
        return (await load.closed(clients=clients, seconds=seconds)).rate

    gc.collect()
    gc.disable()  # a pause of the clients is not the server's
    try:
        return uvloop.run(measured())
    finally:
        gc.enable()


def _till(running: Scene, database: Database) -> tuple[int, int]:
    """Merchant and terminal of the scene's till."""
    columns = terminal_rows.c.merchant_id, terminal_rows.c.terminal_id
    engine = create_engine(database.url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            query = select(*columns).where(terminal_rows.c.number == running.till["epi"])
            merchant_id, terminal_id = connection.execute(query).one()
    finally:
        engine.dispose()
    return merchant_id, terminal_id


def _stored(database: Database) -> int:
    engine = create_engine(database.url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            count: int = connection.execute(select(func.count()).select_from(payments)).scalar_one()
    finally:
        engine.dispose()
    return count


def _unevenness(curve: Sequence[Point]) -> float:
    rates = [rate for _, rate in curve]
    return (max(rates) - min(rates)) / (max(rates) + min(rates))
