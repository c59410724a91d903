"""The database's upkeep: ``bezant migrate``, ``bezant verify`` and ``bezant demo``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import click
from rich.console import Console
from rich.progress import Progress

from bezant.app.store import Store as Opened
from bezant.app.store import open_store
from bezant.cli.opening import settings, with_store
from bezant.cli.screen import Row, print_table, show_facts, show_json
from bezant.cli.usage import example, json_option
from bezant.config import Settings
from bezant.demo import demo_json, first_charge, read_demo_json, seed, write_demo_json
from bezant.storage import schema
from bezant.storage.engine import open_engine
from bezant.storage.keyring import has_keys, open_keys, open_root_key
from bezant.storage.verify import Finding, Invariant, Verdict, checks, snapshot


@click.command(epilog=example("BEZANT_DATABASE_URL=postgresql://... bezant migrate"))
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to the schema that this program speaks.

    A new database gets a root key, too, unless there is one. Keep it: without it, no card number
    or key that is stored can be read.
    """
    from bezant.storage.migrate import upgrade  # noqa: PLC0415 - slow to load, and other commands need none of it

    chosen = settings()
    chosen.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(chosen.database)
    try:
        before = schema.version(engine)
        upgrade(engine)
        after = schema.version(engine)
        # A new root key would open nothing of a database that was sealed under another.
        open_keys(engine, open_root_key(chosen.root_key, create=not has_keys(engine)))
    finally:
        engine.dispose()
    show_facts({"before": before, "after": after, "root_key": str(chosen.root_key)}, as_json=as_json)


@click.command(epilog=example("bezant verify && echo all is well"))
@json_option
@click.pass_context
def verify(context: click.Context, *, as_json: bool) -> None:
    """Recompute every invariant and say what is wrong.

    Nothing is changed, and payments may go on meanwhile. The exit status is 1 when something is
    wrong. Amounts are minor units.
    """

    async def work(opened: Opened) -> list[tuple[Invariant, Verdict]]:
        now, every = opened.clock.now(), checks(opened.keys)
        with snapshot(opened.engine) as connection:
            return [(check, check.run(connection, now=now)) for check in _with_progress(every)]

    verdicts = with_store(work)
    ran = [
        {"invariant": check.invariant, "title": check.title, "wrong": verdict.count}
        for check, verdict in verdicts
    ]
    findings = [_finding_row(finding) for _, verdict in verdicts for finding in verdict.findings]
    if as_json:
        show_json({"checks": ran, "findings": findings})
    else:
        print_table(ran)
        if findings:
            click.echo()
            print_table(findings)
    context.exit(1 if any(verdict.count for _, verdict in verdicts) else 0)


def _with_progress(invariants: Sequence[Invariant]) -> Iterator[Invariant]:
    """The checks, with a bar on standard error while each is run, if a person may be watching."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("", total=len(invariants))
        for check in invariants:
            progress.update(task, description=check.title)
            yield check
            progress.advance(task)


def _finding_row(finding: Finding) -> Row:
    return {
        "invariant": finding.invariant,
        "merchant_id": finding.merchant_id,
        "subject": finding.subject,
        "finding": finding.message,
    }


@click.command(epilog=example("bezant demo"))
@json_option
def demo(*, as_json: bool) -> None:
    """Add what is missing of the demo, and write demo.json.

    The demo is merchants, terminals and keys to try the gateway with. Its keys are known to
    everybody: not for a database that takes real payments.
    """
    asyncio.run(_demo(settings(), as_json=as_json))


async def _demo(chosen: Settings, *, as_json: bool) -> None:
    async with open_store(chosen, create=True) as store:
        seeded = await seed(store)
    path = chosen.home / "demo.json"
    # Where a gateway runs with this demo, only that gateway knows its addresses.
    known = read_demo_json(path)
    base_url = str(known.get("base_url") or f"http://{chosen.host}:{chosen.port}")
    sandbox = known.get("sandbox") or {}
    write_demo_json(path, base_url=base_url, demo=seeded, sandbox=sandbox)
    if as_json:
        show_json(demo_json(base_url=base_url, demo=seeded, sandbox=sandbox))
        return
    named = {"first": seeded.first, "first, surcharge only": seeded.surcharge_only, "second": seeded.second}
    rows = [
        {"merchant": name, "app_id": each.app_id, "app_key": each.app_key.reveal(), "terminal": each.number}
        for name, each in named.items()
    ]
    print_table(rows)
    click.echo(f"\nAll of it stands in {path}. A first charge, once `bezant serve --demo` runs:\n")
    click.echo(first_charge(base_url, seeded))
