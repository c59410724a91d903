"""The database's upkeep: ``bezant migrate``, ``bezant verify`` and ``bezant demo``."""

from __future__ import annotations

import asyncio

import click

from bezant.app import open_store
from bezant.cli.opening import settings
from bezant.cli.screen import print_table, show_facts, show_json
from bezant.cli.usage import example, json_option
from bezant.config import Settings
from bezant.demo import demo_json, first_charge, read_demo_json, seed, write_demo_json
from bezant.storage import migrate as schema
from bezant.storage.engine import open_engine
from bezant.storage.keyring import open_keys, open_root_key


@click.command(epilog=example("BEZANT_DATABASE_URL=postgresql://... bezant migrate"))
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to the schema that this program speaks.

    An empty database gets a root key, too, unless there is one. Keep it: without it, nothing
    that is stored can be read.
    """
    chosen = settings()
    chosen.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(chosen.database)
    try:
        before = schema.version(engine)
        schema.upgrade(engine)
        after = schema.version(engine)
        # A root key made for a database that has another would open nothing.
        open_keys(engine, open_root_key(chosen.root_key, create=before is None))
    finally:
        engine.dispose()
    show_facts({"before": before, "after": after, "root_key": str(chosen.root_key)}, as_json=as_json)


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
