"""``python -m tests.soak``: kill a loaded gateway on each database; exit status 1 when anything was lost."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.soak.run import Plan, Report, soak
from tests.support import loopback, postgres
from tests.support.gateway import DATABASES, swift_starts

FINDINGS_SHOWN_MAX = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak as told by the command line; the exit status."""
    options = _options(arguments)
    loopback.confine()
    databases = DATABASES if options.database == "both" else (options.database,)
    good = True
    with contextlib.ExitStack() as stack:
        stack.enter_context(swift_starts())
        server = cache(lambda: stack.enter_context(postgres.server()))
        for database in databases:
            plan = Plan(
                database=database,
                seed=options.seed,
                requests=options.requests,
                kills=options.kills,
                clients=options.clients,
                workers=options.workers if database == "postgresql" else 1,
                stubborn=options.stubborn,
            )
            print(f"\n{plan.command}", flush=True)
            folder = Path(tempfile.mkdtemp(prefix=f"bezant-soak-{database}-"))
            report = soak(plan, folder, postgres=server)
            print(table(report), flush=True)
            good = good and not report.findings
            if report.findings:
                print(f"what was left is in {folder}; to run it again:\n  {plan.command}", flush=True)
    return 0 if good else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Kill a gateway under load; then check every book."
    )
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--requests", type=int, default=1600)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2, help="server processes on PostgreSQL")
    parser.add_argument(
        "--stubborn", action=argparse.BooleanOptionalAction, default=True, help="fail reversals, too"
    )
    return parser.parse_args(arguments)


def table(report: Report) -> str:
    """A report to be read."""
    requests = report.requests
    lines = [f"{'':12}{'asked':>8}{'yes':>8}{'no':>8}{'given up':>10}{'lost answers':>14}"]
    for kind in sorted({request.kind for request in requests}):
        of_kind = [request for request in requests if request.kind == kind]
        yes = sum(request.approved for request in of_kind)
        given_up = sum(request.answer is None for request in of_kind)
        lost = sum(request.lost for request in of_kind)
        no = len(of_kind) - yes - given_up
        lines.append(f"{kind:12}{len(of_kind):8}{yes:8}{no:8}{given_up:10}{lost:14}")
    lines += [
        f"payments by state: {_told(report.states)}",
        f"{report.batches} batches settled, {report.balanced} of them in balance with the host",
        f"{report.untaken_tips} tips that the host would not take",
        f"{report.kills} kills; {report.load_seconds:.1f} s of load, {report.recovery_seconds:.1f} s to rest",
        *report.findings[:FINDINGS_SHOWN_MAX],
        f"{len(report.findings)} findings" if report.findings else "all books agree",
    ]
    return "\n".join(lines)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
