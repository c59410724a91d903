"""``python -m tests.bench``: measure, print, and tell by the exit status whether the goals were met."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench import machine
from tests.bench.databases import Database, Sqlite, postgresql
from tests.bench.lists import CASES
from tests.bench.load import Phase, Wrong
from tests.bench.measure import SHARE_OF_PEAK, SLOW_HOST_SECONDS, BooksDiffer, Measurement, measure
from tests.bench.scene import Failed
from tests.support import postgres

RATIO_MIN: Final = 0.20
SQLITE_RATE_MIN: Final = 1000.0
ADDED_P99_SECONDS_MAX: Final = 0.150
LIST_P99_SECONDS_MAX: Final = 0.300
BY_TOKEN_RATIO_MAX: Final = 1.20
DATABASES: Final = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. ``value`` gives ``None`` for what a database cannot tell."""

    key: str
    label: str
    value: Callable[[Measurement], float | None]
    digits: int = 0

    def shown(self, measured: Measurement) -> str:
        """The value as text."""
        value = self.value(measured)
        return "-" if value is None else f"{value:,.{self.digits}f}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _latency(
    key: str, label: str, phase: Callable[[Measurement], Phase], percent: int, *, less: float = 0.0
) -> Figure:
    return Figure(
        f"{key}_p{percent}_ms",
        f"{label}, p{percent}, ms",
        lambda measured: _ms(phase(measured).percentile(percent) - less),
        digits=1,
    )


def _of_list(name: str) -> Callable[[Measurement], float | None]:
    return lambda measured: _ms(measured.lists[name])


_SLOW_HOST = f"added to a host of {SLOW_HOST_SECONDS * 1000:.0f} ms, steady"


FIGURES: Final = (
    Figure("peak_per_second", "peak, closed, sales/s", lambda m: m.peak.rate),
    _latency("peak", "latency at the peak", lambda m: m.peak, 50),
    _latency("peak", "latency at the peak", lambda m: m.peak, 99),
    Figure("steady_per_second", "steady, open, sales/s", lambda m: m.steady.rate),
    _latency("steady", "latency, steady", lambda m: m.steady, 50),
    _latency("steady", "latency, steady", lambda m: m.steady, 99),
    _latency("slow_host", _SLOW_HOST, lambda m: m.slow_host, 50, less=SLOW_HOST_SECONDS),
    _latency("slow_host", _SLOW_HOST, lambda m: m.slow_host, 99, less=SLOW_HOST_SECONDS),
    Figure("by_token_per_second", "peak, closed, sales/s by token", lambda m: m.by_token.rate),
    _latency("by_token", "latency at the peak, by token", lambda m: m.by_token, 50),
    _latency("by_token", "latency at the peak, by token", lambda m: m.by_token, 99),
    Figure(
        "by_token_cpu_ms",
        "processor ms a sale by token: server",
        lambda m: _ms(m.by_token_server),
        digits=3,
    ),
    Figure(
        "valor_by_token_cpu_ms",
        "the same by Valor's API",
        lambda m: _ms(m.valor_by_token_server),
        digits=3,
    ),
    Figure(
        "by_token_ratio",
        f"a sale by token / the same by Valor's API (goal: {BY_TOKEN_RATIO_MAX:.2f} at most)",
        lambda m: m.by_token_ratio,
        digits=2,
    ),
    Figure("server_cpu_ms", "processor ms a sale: server", lambda m: _ms(m.costs.server), digits=3),
    Figure("database_cpu_ms", "processor ms a sale: database", lambda m: _ms(m.costs.database), digits=3),
    Figure("host_cpu_ms", "processor ms a sale: acquirer host", lambda m: _ms(m.costs.host), digits=3),
    Figure("clients_cpu_ms", "processor ms a sale: load generator", lambda m: _ms(m.costs.clients), digits=3),
    Figure("commits", "durable commits a sale", lambda m: m.costs.commits, digits=3),
    Figure("statements", "statements a sale", lambda m: m.statements, digits=2),
    Figure("pgbench_per_second", "pgbench -N, transactions/s", lambda m: m.pgbench),
    Figure("pgbench_ratio", "peak / pgbench -N", lambda m: m.pgbench_ratio, digits=2),
    *(
        Figure(f"list_{name.replace(' ', '_')}_p99_ms", f"list of 1,000,000: {name}, p99, ms", _of_list(name))
        for name in CASES
    ),
    Figure("payments", "sales made and compared", lambda m: m.payments),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 when every goal was met, 1 when one was missed or an answer was wrong."""
    options = _options(arguments)
    console = Console()
    measured: dict[str, Measurement] = {}
    try:
        for name in DATABASES if options.database == "both" else (options.database,):
            with tempfile.TemporaryDirectory(prefix="bezant-bench-") as folder:
                console.print(f"{name} ...", style="dim")
                measured[name] = _measure(name, Path(folder), options)
    except (Wrong, BooksDiffer, Failed, postgres.Unavailable) as failure:
        console.print(f"{type(failure).__name__}: {failure}", style="red", markup=False)
        return 1
    about = machine.describe(Path(tempfile.gettempdir()))
    console.print(_table(measured, about, clients=options.clients))
    if options.json:
        options.json.write_text(json.dumps(_report(measured, about), indent=2) + "\n", encoding="utf-8")
    missed = list(_missed(measured))
    for goal in missed:
        console.print(f"missed: {goal}", style="red", markup=False)
    return 1 if missed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure payments a second, their latencies and their costs.",
    )
    parser.add_argument("--seconds", type=int, default=10, help="length of each phase (default: 10)")
    parser.add_argument("--clients", type=int, default=32, help="clients that find the peak (default: 32)")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument(
        "--rate",
        type=float,
        help=f"sales a second in the open phases (default: {SHARE_OF_PEAK:.0%} of the peak)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file, too")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the server, as write_lanes=2",
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("not NAME=VALUE")
    return f"BEZANT_{name.upper()}", value


def _measure(name: str, folder: Path, options: argparse.Namespace) -> Measurement:
    with contextlib.ExitStack() as stack:
        database: Database = Sqlite(folder) if name == "sqlite" else stack.enter_context(postgresql())
        return measure(
            database,
            folder,
            clients=options.clients,
            seconds=options.seconds,
            rate=options.rate,
            settings=dict(options.set),
        )


def _table(measured: Mapping[str, Measurement], about: str, *, clients: int) -> Table:
    table = Table(title=f"{clients} clients", caption=about)
    table.add_column("")
    for name in measured:
        table.add_column(name, justify="right")
    for figure in FIGURES:
        table.add_row(figure.label, *(figure.shown(each) for each in measured.values()))
    return table


def _report(measured: Mapping[str, Measurement], about: str) -> dict[str, object]:
    """The figures by database and key, as JSON takes them."""
    return {
        "machine": about,
        **{name: {figure.key: figure.value(each) for figure in FIGURES} for name, each in measured.items()},
    }


def _missed(measured: Mapping[str, Measurement]) -> Iterator[str]:
    """The goals that were not met, in words."""
    for name, each in measured.items():
        if each.added_p99 > ADDED_P99_SECONDS_MAX:
            yield (
                f"{name}: 99 % of sales within {ADDED_P99_SECONDS_MAX * 1000:.0f} ms beside the host's time, "
                f"not {each.added_p99 * 1000:.0f} ms"
            )
        if name == "postgresql" and (slowest := max(each.lists.values())) > LIST_P99_SECONDS_MAX:
            yield f"{name}: a page within {LIST_P99_SECONDS_MAX * 1000:.0f} ms, not {slowest * 1000:.0f} ms"
        if name == "sqlite" and each.peak.rate < SQLITE_RATE_MIN:
            yield f"{name}: {SQLITE_RATE_MIN:,.0f} sales/s, not {each.peak.rate:,.0f}"
        if each.by_token_ratio > BY_TOKEN_RATIO_MAX:
            yield (
                f"{name}: {BY_TOKEN_RATIO_MAX:.2f} of the processor time of a Valor sale by token, "
                f"not {each.by_token_ratio:.2f}"
            )
        if each.pgbench_ratio is not None and each.pgbench_ratio < RATIO_MIN:
            yield f"{name}: {RATIO_MIN:.2f} of pgbench -N, not {each.pgbench_ratio:.2f}"


if __name__ == "__main__":
    sys.exit(main())
