"""``bezant audit``: who did what, and whether the log of it is whole."""

from __future__ import annotations

from typing import Final

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import with_store
from bezant.cli.owners import OwnerOption, owner_options
from bezant.cli.screen import Row, print_table, show_json, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Whole
from bezant.core.people import Entry
from bezant.storage.stores.audit import ChainEnd
from bezant.storage.units import Unit
from bezant.storage.verify import AuditCheck, Verdict, snapshot

LIMIT: Final = Whole(1, 10_000)
SEQUENCE: Final = Whole(1, 10**15)


@click.group()
def audit() -> None:
    """Audit logs: who did what to whom, one for each organization and one of the gateway's own."""


@audit.command(
    "list", epilog=example("bezant audit list --merchant 2203082193", "bezant audit list --limit 5 --json")
)
@owner_options
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="How many entries.")
@click.option("--before", type=SEQUENCE, help="Those before the entry with this number.")
@json_option
def list_entries(*, owner: OwnerOption, limit: int, before: int | None, as_json: bool) -> None:
    """List the newest entries of an organization's log, or of the gateway's own, the newest first."""

    def rows(unit: Unit) -> list[Row]:
        whose = owner.find(unit) if owner.given else None
        return [_entry_row(entry) for entry in unit.audit.entries(whose, limit=limit, before=before)]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none="nothing is recorded there")


@audit.command("verify", epilog=example("bezant audit verify --json > ends.json"))
@json_option
@click.pass_context
def verify_logs(context: click.Context, *, as_json: bool) -> None:
    """Say how every log ends, and whether an entry was changed, left out, re-ordered or cut off.

    The exit status is 1 when one was. Keep the ends somewhere else: a log that is put back to what
    it was earlier, with the whole database, is found by them alone.
    """

    async def work(opened: Opened) -> tuple[list[ChainEnd], Verdict]:
        with snapshot(opened.engine) as connection:
            verdict = AuditCheck(chain=opened.keys.chain).run(connection, now=opened.clock.now())
        return await opened.units.read(lambda unit: unit.audit.ends()), verdict

    ends, verdict = with_store(work)
    logs = [_end_row(end) for end in ends]
    findings = [{"log": found.subject, "finding": found.message} for found in verdict.findings]
    if as_json:
        show_json({"logs": logs, "findings": findings})
    else:
        for rows in (logs, findings):
            if rows:
                print_table(rows)
                click.echo()
        click.echo(f"{verdict.count} found wrong" if verdict.count else "every log is whole")
    context.exit(1 if verdict.count else 0)


def _entry_row(entry: Entry) -> Row:
    return {
        "entry": entry.sequence,
        "at": entry.at,
        "actor_kind": entry.actor_kind.value,
        "actor": entry.actor,
        "origin": entry.origin,
        "action": entry.action,
        "outcome": entry.outcome.value,
        "facts": entry.facts,
    }


def _end_row(end: ChainEnd) -> Row:
    return {
        "owner_kind": end.owner_kind,
        "owner_id": end.owner_id,
        "entries": end.sequence,
        "end": end.link.hex(),
    }
