"""``bezant clock``: a sandbox merchant's own time, frozen, moved and released."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import account_named, with_store
from bezant.cli.screen import Row, show_facts
from bezant.cli.usage import example, json_option
from bezant.cli.values import EARLIEST, LATEST, Duration, Instant
from bezant.core.merchants import (
    Account,
    BadFacts,
    MerchantClock,
    freeze,
    move,
    release,
)
from bezant.core.merchants.boarding import ClockChange


@click.group(epilog=example("bezant clock move 2203082193 +2d"))
def clock() -> None:
    """A sandbox merchant's own time.

    MERCHANT is a merchant id, an app id or a terminal number.
    """


@clock.command("show", epilog=example("bezant clock show 2203082193"))
@click.argument("merchant")
@json_option
def show_clock(*, merchant: str, as_json: bool) -> None:
    """Show what time it is for MERCHANT."""

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        kept = account.merchant.clock
        return _row(account, kept, kept.at(opened.clock.now()))

    show_facts(with_store(work), as_json=as_json)


@clock.command(
    "freeze",
    epilog=example(
        "bezant clock freeze 2203082193 2027-01-31T23:59:00-05:00", "bezant clock freeze 2203082193"
    ),
)
@click.argument("merchant")
@click.argument("instant", required=False)
@json_option
def freeze_clock(*, merchant: str, instant: str | None, as_json: bool) -> None:
    """Stop MERCHANT's clock at INSTANT, or where it stands ("now", or nothing)."""
    at = None
    if instant not in {None, "now"}:
        at = Instant().convert(instant, None, click.get_current_context())
    _change(merchant, freeze(at), as_json=as_json)


# What is unknown as an option is an argument: -3h.
@clock.command(
    "move",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    epilog=example(
        "bezant clock move 2203082193 +2d",
        "bezant clock move 2203082193 -3h",
        "bezant clock move 2203082193 1h30m",
    ),
)
@click.argument("merchant")
@click.argument("by", type=Duration())
@json_option
def move_clock(*, merchant: str, by: timedelta, as_json: bool) -> None:
    """Move MERCHANT's clock forward or back BY a duration. A frozen clock stays frozen."""
    _change(merchant, _within_bounds(move(by)), as_json=as_json)


@clock.command("release", epilog=example("bezant clock release 2203082193"))
@click.argument("merchant")
@json_option
def release_clock(*, merchant: str, as_json: bool) -> None:
    """Give MERCHANT real time again."""
    _change(merchant, release, as_json=as_json)


def _change(merchant: str, change: ClockChange, *, as_json: bool) -> None:
    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        changed, now = await opened.boarding.move_clock(account.merchant.merchant_id, change)
        return _row(account, changed, now)

    show_facts(with_store(work), as_json=as_json)


def _within_bounds(change: ClockChange) -> ClockChange:
    def changed(kept: MerchantClock, real: datetime) -> MerchantClock:
        try:
            new = change(kept, real)
            fits = EARLIEST <= new.at(real) < LATEST
        except OverflowError:
            fits = False
        if not fits:
            raise BadFacts("a clock shows a time from 2000 to 2099")
        return new

    return changed


def _row(account: Account, kept: MerchantClock, now: datetime) -> Row:
    moved = "moved" if kept.offset else "real"
    return {
        "merchant_id": account.merchant.merchant_id,
        "clock": "frozen" if kept.frozen_at is not None else moved,
        "now": now,
        "local": {each.zone.key: now.astimezone(each.zone) for each in account.stores.values()},
        "offset_seconds": kept.offset // timedelta(seconds=1),
    }
