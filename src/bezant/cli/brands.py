"""``bezant store brand``: the colour and the logo that a store shows to payers."""

from __future__ import annotations

from typing import BinaryIO

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import with_store
from bezant.cli.screen import Row, show_facts
from bezant.cli.usage import example, json_option
from bezant.cli.values import Whole
from bezant.core.merchants import LOGO_BYTES_MAX, BadFacts, Store, colour_of, logo_of


@click.command(
    "brand",
    epilog=example("bezant store brand 3 --colour '#067a57' --logo logo.png", "bezant store brand 3 --none"),
)
@click.argument("store_id", type=Whole(1, 999_999_999))
@click.option("--colour", help="#rrggbb or #rgb, dark enough for white text.")
@click.option("--logo", type=click.File("rb"), help="PNG, JPEG or WebP: 48 kB, 1024 pixels a side at most.")
@click.option("--none", "forget", is_flag=True, help="Forget the colour and the logo that it has.")
@json_option
def set_brand(
    *, store_id: int, colour: str | None, logo: BinaryIO | None, forget: bool, as_json: bool
) -> None:
    """Give the pages of STORE_ID (see bezant merchant show) a colour and a logo of its own.

    What is not named stays as it is.
    """
    if not (colour or logo or forget):
        raise click.UsageError("say what: --colour, --logo or --none")
    try:
        chosen = None if colour is None else colour_of(colour)
        # One byte more than there may be tells that there are too many.
        picture = None if logo is None else logo_of(logo.read(LOGO_BYTES_MAX + 1))
    except BadFacts as error:
        raise click.UsageError(str(error)) from None

    async def work(opened: Opened) -> Row:
        owner = await opened.units.read(lambda unit: unit.merchants.owner_of_store(store_id))
        if owner is None:
            raise click.UsageError(f"no store {store_id}: see bezant merchant show")
        store = await opened.boarding.brand_store(owner, store_id, colour=chosen, logo=picture, forget=forget)
        return {"merchant_id": owner, **store_row(store)}

    show_facts(with_store(work), as_json=as_json)


def store_row(found: Store) -> Row:
    """A store as commands show it."""
    return {
        "store_id": found.store_id,
        "store": found.name,
        "zone": found.zone.key,
        "colour": found.brand.colour,
        "logo": found.brand.logo,
    }
