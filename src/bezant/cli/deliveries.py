"""What merchants' servers and people are told: ``bezant deliveries``."""

from __future__ import annotations

from datetime import datetime

import click

from bezant.app.store import Store as Opened
from bezant.cli.accounts import ID
from bezant.cli.opening import with_store
from bezant.cli.screen import Row, show_facts, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Whole
from bezant.core.deliveries import Parcel, State
from bezant.storage.units import Unit

LISTED_MAX = 1000


@click.group()
def deliveries() -> None:
    """Notices to servers and people: what is under way, and what nobody took."""


@deliveries.command("count", epilog=example("bezant deliveries count"))
@json_option
def count(*, as_json: bool) -> None:
    """Count the deliveries in each state."""

    async def work(opened: Opened) -> Row:
        found = await opened.units.read(lambda unit: unit.deliveries.counts())
        return {state.value: found.get(state.value, 0) for state in State}

    show_facts(with_store(work), as_json=as_json)


@deliveries.command("list", epilog=example("bezant deliveries list --limit 20"))
@click.option("--limit", type=Whole(1, LISTED_MAX), default=100, show_default=True, help="At most so many.")
@json_option
def list_given_up(*, limit: int, as_json: bool) -> None:
    """List the deliveries that nobody took, the latest first."""

    async def work(opened: Opened) -> list[Row]:
        found = await opened.units.read(lambda unit: unit.deliveries.given_up(limit))
        return [
            {
                "merchant_id": delivery.merchant_id,
                "delivery_id": delivery.delivery_id,
                "topic": delivery.topic,
                "subject_id": delivery.subject_id,
                "tries": delivery.tries,
                "last": delivery.last_word,
                "url": delivery.content.url if isinstance(delivery.content, Parcel) else None,
            }
            for delivery in found
        ]

    show_rows(with_store(work), as_json=as_json, none="everything was taken")


@deliveries.command("retry", epilog=example("bezant deliveries retry 12 10000431"))
@click.argument("merchant_id", type=ID)
@click.argument("delivery_id", type=ID)
def retry(*, merchant_id: int, delivery_id: int) -> None:
    """Send one anew that nobody took: DELIVERY_ID of MERCHANT_ID, as `bezant deliveries list` has them."""

    def revive(unit: Unit, real: datetime) -> None:
        found = unit.deliveries.find(merchant_id, delivery_id)
        if found is None or found.state is not State.GIVEN_UP:
            raise click.UsageError("no such delivery is given up: see bezant deliveries list")
        unit.deliveries.change(found, found.revived(real=real))

    async def work(opened: Opened) -> None:
        real = opened.clock.now()
        await opened.units.write(lambda unit: revive(unit, real), merchant_id=merchant_id)

    with_store(work)
