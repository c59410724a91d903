"""``python -m tests.faults crash``, ``... links``: all of it; exit status 1 when anything was found."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random

from tests.faults import crash, far, finance, kept, keys, links, machine, pages, processes, stores
from tests.faults.desk import desk_on
from tests.support import loopback, postgres
from tests.support.gateway import DATABASES, swift_starts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names; the exit status."""
    options = _options(arguments)
    loopback.confine()
    databases = DATABASES if options.database == "both" else (options.database,)
    with contextlib.ExitStack() as stack:
        stack.enter_context(swift_starts())
        server = cache(lambda: stack.enter_context(postgres.server()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bezant-faults-")))
        folder.chmod(0o755)  # PostgreSQL's account passes through it
        if options.what == "links":
            return _links(databases, folder, options)
        return _crash(databases, folder, server, options)


def _links(databases: Sequence[str], folder: Path, options: argparse.Namespace) -> int:
    results: list[links.Result] = []
    for database in databases:
        with links.stage_on(database, folder / database) as stage:
            results += [
                _played(stage, scenario)
                for scenario in (*links.ACQUIRER, *stores.POSTGRESQL, *stores.HOST, *machine.MEMORY)
                if database in scenario.on and options.only in scenario.name
            ]
        for name, shimmed in (("shims", machine.SHIMMED), ("calendar", machine.CALENDAR)):
            chosen = [each for each in shimmed if database in each.on and options.only in each.name]
            results += _shimmed(database, folder / f"{database}-{name}", chosen)
        if scenarios := [each for each in far.FAR if database in each.on and options.only in each.name]:
            with far.far_stage_on(database, folder / f"{database}-far") as stage:
                results += [_played(stage, scenario) for scenario in scenarios]
        results += _on_volumes(database, folder, options)
    print(links.table(results))
    return 1 if any(each.findings for each in results) else 0


def _on_volumes(database: str, folder: Path, options: argparse.Namespace) -> Iterator[links.Result]:
    data, logs = (
        [each for each in scenarios if database in each.on and options.only in each.name]
        for scenarios in (stores.VOLUME, stores.LOGS)
    )
    if (data or logs) and os.geteuid() != 0:
        print("volumes that are full: skipped, only root can mount one", file=sys.stderr)
        return
    if data:
        with stores.volume(folder / f"{database}-volume", megabytes=256) as volume:
            home = volume if database == "sqlite" else folder / f"{database}-on-volume"
            with links.stage_on(database, home, volume=volume) as stage:
                yield from (_played(stage, scenario) for scenario in data)
    if logs:
        with stores.volume(folder / f"{database}-log-volume", megabytes=8) as volume:
            home = folder / f"{database}-logged-apart"
            with links.stage_on(database, home, log_volume=volume) as stage:
                yield from (_played(stage, scenario) for scenario in logs)


def _shimmed(database: str, home: Path, scenarios: Sequence[links.Scenario]) -> list[links.Result]:
    if not scenarios:
        return []
    if machine.compiler() is None:
        print("slow disks and wrong clocks: skipped, there is no C compiler", file=sys.stderr)
        return []
    home.mkdir(mode=0o755)
    shims = {whose: machine.shim(home, whose) for whose in ("server", "database")}
    with links.stage_on(database, home, shims=shims) as stage:
        return [_played(stage, scenario) for scenario in scenarios]


def _played(stage: links.Stage, scenario: links.Scenario) -> links.Result:
    """Tell at once how it went."""
    result = links.run(stage, scenario)
    told = "; ".join(result.findings[:5]) or "good"
    print(f"{stage.database} {scenario.name}: {told}", file=sys.stderr, flush=True)
    return result


def _crash(
    databases: Sequence[str],
    folder: Path,
    server: Callable[[], postgres.Server],
    options: argparse.Namespace,
) -> int:
    results: list[crash.Result] = []
    for database in databases:
        for case in crash.starts():
            if options.only in case.title:
                home = folder / f"{database}-start-{len(results)}"
                results.append(_shown(crash.run_start(case, database, home, postgres=server)))
        if database == "postgresql":
            results += _several(folder, server, only=options.only)
        for seed in range(options.seed, options.seed + options.seeds):
            home = folder / f"{database}-{seed}"
            results += _killed(database, home, server, Random(seed), only=options.only)
    print(crash.table(sorted(results, key=lambda each: each.case.title)))
    return 1 if any(each.findings for each in results) else 0


def _several(folder: Path, server: Callable[[], postgres.Server], *, only: str) -> Iterator[crash.Result]:
    """What becomes of several processes on one database."""
    for module in (crash, finance):
        for case in module.stops():
            if only in case.title:
                home = folder / f"{module.__name__}-stop-{case.order.point}"
                yield _shown(module.run_stop(case, home, postgres=server))
    for scenario in processes.SCENARIOS:
        if only in scenario.title:
            yield _shown(processes.run(scenario, folder / scenario.name, postgres=server))


def _killed(
    database: str, home: Path, server: Callable[[], postgres.Server], chances: Random, *, only: str
) -> Iterator[crash.Result]:
    """Every matrix, each in some order."""
    cases = [case for case in crash.matrix() if only in case.title]
    loans = [case for case in finance.matrix() if only in case.title]
    dealings = [
        (module.run, case) for module in (pages, kept) for case in module.matrix() if only in case.title
    ]
    commands = [(keys.run, case) for case in keys.matrix() if only in case.title]
    for every in (cases, loans, dealings, commands):
        chances.shuffle(every)
    dealings += commands  # one of which ends all tokens
    if cases:
        with crash.bench_on(database, home / "payments", postgres=server) as bench:
            for case in cases:
                yield _shown(crash.run(bench, case, database=database))
    if loans:
        with finance.counter_on(database, home / "finance", postgres=server) as counter:
            for case in loans:
                yield _shown(finance.run(counter, case, database=database))
    if dealings:
        with desk_on(database, home / "pages", postgres=server) as desk:
            for play, case in dealings:
                yield _shown(play(desk, case, database=database))


def _shown(result: crash.Result) -> crash.Result:
    """Tell at once how it went: a run takes long."""
    told = "; ".join(result.findings) or "good"
    print(f"{result.database} {result.case.title}: {told}", file=sys.stderr, flush=True)
    return result


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", choices=("crash", "links"))
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how often, each time in another order")
    parser.add_argument("--only", default="", help="cases with this in their title")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
