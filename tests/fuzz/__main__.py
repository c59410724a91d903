"""Fuzz the parsers, then a running gateway: ``make fuzz``. Prints a table; the exit status tells."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.fuzz import api, engine
from tests.fuzz.targets import Target
from tests.support import postgres
from tests.support.gateway import DATABASES, Gateway, gateway_on

WIRE_SHARE = 0.5
"""Of the time, for requests to gateways."""
REQUESTS_A_SECOND = 30
WALK_REQUESTS = 25
ROW = "{:18}{:>12}{:>12}{:>10}{:>9}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 if anything was found."""
    options = _options(arguments)
    print(f"python -m tests.fuzz --seed {options.seed} --seconds {options.seconds}\n", flush=True)
    found = _parsers(options) if options.only in {None, "parsers"} else 0
    found += _gateways(options) if options.only in {None, "api"} else 0
    print(f"\n{found} findings" if found else "\nnothing found", flush=True)
    return 1 if found else 0


def _parsers(options: argparse.Namespace) -> int:
    """Each target for its share of the time."""
    targets = engine.named(tuple(options.target))
    share = options.seconds * (1.0 if options.only else 1.0 - WIRE_SHARE) / len(targets)
    print(ROW.format("target", "inputs", "answers", "corpus", "findings"), flush=True)
    found = 0
    for target in targets:
        hunt = engine.fuzz(target, seed=options.seed, examples=options.examples, seconds=share)
        if options.keep:
            _keep(hunt)
        print(
            ROW.format(
                target.name, hunt.inputs, len(hunt.words), len(engine.kept(target)), len(hunt.findings)
            )
        )
        for finding in hunt.findings.values():
            finding.path.parent.mkdir(parents=True, exist_ok=True)
            finding.path.write_bytes(finding.data)
            print(f"  {finding.trouble}: {finding.data[: engine.SHOWN_MAX]!r}\n  {finding.path}")
        sys.stdout.flush()
        found += len(hunt.findings)
    return found


def _keep(hunt: engine.Hunt) -> None:
    """Add what was answered in a new way to the repository's corpus, as small as it goes."""
    folder = engine.CORPUS / hunt.target.name
    folder.mkdir(parents=True, exist_ok=True)
    for _, data in engine.kept(hunt.target):
        hunt.words.pop(engine.outcome(hunt.target, data)[0], None)
    for number, (word, data) in enumerate(hunt.words.items(), start=len(engine.kept(hunt.target))):
        small = engine.smaller(data, partial(_says, hunt.target, word))
        (folder / f"{number:03d}").write_bytes(small)


def _says(target: Target, word: str, data: bytes) -> bool:
    return engine.outcome(target, data) == (word, None)


def _gateways(options: argparse.Namespace) -> int:
    """Both databases, each for its share of the time."""
    share = options.seconds * (1.0 if options.only else WIRE_SHARE) / len(options.database)
    requests = share * REQUESTS_A_SECOND
    examples = max(1, int(requests / 3 / api.OPERATIONS))
    walked = max(1, int(requests / 3 / WALK_REQUESTS))
    print("\n" + ROW.format("gateway", "requests", "statuses", "", "findings"), flush=True)
    found = 0
    for database in options.database:
        with _gateway(database) as gateway:
            for tally in api.rounds(gateway, examples=examples, walked=walked, seed=options.seed):
                name = f"{database[:7]} {tally.name}"
                print(
                    ROW.format(name, tally.requests, len(tally.statuses), "", len(tally.findings)), flush=True
                )
                for what, case in tally.findings.items():
                    print(f"  {what}\n    {case}")
                found += len(tally.findings)
    return found


@contextmanager
def _gateway(database: str) -> Iterator[Gateway]:
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix=f"bezant-fuzz-{database}-"))
        yield stack.enter_context(
            gateway_on(database, home, postgres=lambda: stack.enter_context(postgres.server()))
        )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long, all in all, about")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--examples", type=int, default=500, help="of each parser, by hypothesis")
    parser.add_argument("--only", choices=("parsers", "api"))
    parser.add_argument("--target", action="append", default=[], help="a parser; else all")
    parser.add_argument("--database", action="append", choices=DATABASES, help="else both")
    parser.add_argument("--keep", action="store_true", help="add new answers to the corpus")
    options = parser.parse_args(arguments)
    options.database = options.database or list(DATABASES)
    return options


if __name__ == "__main__":
    sys.exit(main())
