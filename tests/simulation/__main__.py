"""``make simulate``: many universes, a summary, and an exit status that tells.

make simulate N=1000            so many universes, from seed 0 on
make simulate SEED=123          one universe, its trace and its findings
make simulate ARGS=--bugs       how soon each planted bug is found
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.simulation.bugs import BUGS, Bug
from tests.simulation.cellar import Cellar
from tests.simulation.universe import Outcome, Universe

SHOWN_MAX: Final = 10
_cellars: list[Cellar] = []


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for a while, in memory where the machine has one there."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def found_in(bug: Bug, cellar: Cellar, seeds: Iterable[int]) -> tuple[int, Outcome] | None:
    """The first universe that notices a bug, and how many were looked at."""
    with bug.planted():
        for count, seed in enumerate(seeds, 1):
            outcome = Universe(seed, cellar).run()
            if outcome.findings:
                return count, outcome
    return None


def _prepare(folder: Path) -> None:
    """Give this process a cellar of its own."""
    own = folder / str(os.getpid())
    own.mkdir()
    _cellars.append(Cellar(own))
    gc.freeze()  # what is here now stays, and need not be looked through again and again


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    with _folder() as folder, ProcessPoolExecutor(jobs, initializer=_prepare, initargs=(folder,)) as pool:
        yield pool


def _live(seed: int) -> Outcome:
    return Universe(seed, _cellars[0]).run()


def _hunt(number: int) -> tuple[int, tuple[int, Outcome] | None]:
    return number, found_in(BUGS[number], _cellars[0], range(BUGS[number].within))


def _many(first: int, count: int, jobs: int, console: Console) -> bool:
    began, faults, failed = time.monotonic(), Counter[str](), list[Outcome]()
    sent = answered = 0
    with _workers(jobs) as pool:
        for outcome in pool.map(_live, range(first, first + count), chunksize=4):
            sent += outcome.operations
            answered += outcome.answered
            faults += outcome.faults
            if outcome.findings:
                failed.append(outcome)
                console.print(f"seed {outcome.seed}: {outcome.findings[0]}", soft_wrap=True, markup=False)
    table = Table("what", "how many", show_header=False)
    table.add_row("universes", f"{count}")
    table.add_row("operations", f"{answered} ({sent} requests)")
    for fault, times in sorted(faults.items()):
        table.add_row(fault, f"{times}")
    table.add_row("universes with findings", f"{len(failed)}")
    table.add_row("seconds", f"{time.monotonic() - began:.0f}")
    console.print(table)
    for outcome in failed[:SHOWN_MAX]:
        console.print(f"make simulate SEED={outcome.seed}", markup=False)
    return not failed


def _one(seed: int, console: Console) -> bool:
    with _folder() as folder:
        cellar = Cellar(folder)
        outcome = Universe(seed, cellar, keep_trace=True).run()
        cellar.close()
    for line in outcome.lines or ():
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    for finding in outcome.findings:
        console.print(f"FOUND {finding}", soft_wrap=True, markup=False)
    console.print(f"trace {outcome.digest}")
    return not outcome.findings


def _bugs(jobs: int, console: Console) -> bool:
    table = Table("planted bug", "found after", "may take", "as")
    well = True
    with _workers(jobs) as pool:
        for number, found in pool.map(_hunt, range(len(BUGS))):
            bug = BUGS[number]
            well = well and found is not None
            after, what = ("never", "") if found is None else (f"{found[0]}", found[1].findings[0][:60])
            table.add_row(bug.name, after, f"{bug.within}", what)
    console.print(table)
    return well


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("-n", type=int, default=1000, help="universes")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one universe, with its trace")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--bugs", action="store_true", help="look for the planted bugs")
    chosen = parser.parse_args()
    console = Console()
    if chosen.seed is not None:
        well = _one(chosen.seed, console)
    elif chosen.bugs:
        well = _bugs(chosen.jobs, console)
    else:
        well = _many(chosen.first, chosen.n, chosen.jobs, console)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
