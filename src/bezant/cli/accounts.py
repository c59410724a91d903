"""Boarding: ``bezant iso``, ``merchant``, ``store``, ``terminal`` and ``key``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo

import click

from bezant.app.store import Store as Opened
from bezant.cli.brands import set_brand, store_row
from bezant.cli.credentials import profile_of
from bezant.cli.opening import account_named, terminal_numbered, with_store
from bezant.cli.rules import rules_row, set_origins, set_rules
from bezant.cli.screen import (
    Row,
    print_facts,
    print_table,
    show_facts,
    show_json,
    show_rows,
)
from bezant.cli.usage import example, json_option
from bezant.cli.values import Acceptor, Matching, Name, TimeOfDay, Whole, Zone
from bezant.core.merchants import (
    Account,
    Endpoint,
    IssuedKey,
    Merchant,
    Profile,
    Terminal,
    TipRule,
)
from bezant.core.merchants.boarding import APP_NAME, TERMINAL_NUMBER
from bezant.core.money import CURRENCIES, USD
from bezant.core.outcomes import Conflict
from bezant.storage.stores.merchants import CredentialRecord
from bezant.storage.units import Unit

TIP_PERCENT_MAX = 1000
ID = Whole(1, 999_999_999)
NAME = Name(100)
LABEL = Name(50)
NUMBER = Matching(TERMINAL_NUMBER, "ten digits of which the first is a 2")
APP_ID = Matching(APP_NAME, "32 letters, digits or $@%#")

_Times = Mapping[tuple[int, int], int]
"""By merchant and terminal id, the minute of the day at which a terminal settles by itself."""


@click.group()
def iso() -> None:
    """Sales organizations (ISOs), which board merchants."""


@iso.command("create", epilog=example('bezant iso create "Harbour Payments"'))
@click.argument("name", type=NAME)
@json_option
def create_iso(*, name: str, as_json: bool) -> None:
    """Add a sales organization."""

    async def work(opened: Opened) -> Row:
        added = await opened.boarding.add_iso(name)
        return {"iso_id": added.iso_id, "name": added.name}

    show_facts(with_store(work), as_json=as_json)


@iso.command("list", epilog=example("bezant iso list --json"))
@json_option
def list_isos(*, as_json: bool) -> None:
    """List every sales organization."""

    async def work(opened: Opened) -> list[Row]:
        isos = await opened.units.read(lambda unit: unit.merchants.isos())
        return [{"iso_id": found.iso_id, "name": found.name} for found in isos]

    show_rows(with_store(work), as_json=as_json, none="no sales organization yet: bezant iso create NAME")


@click.group()
def merchant() -> None:
    """Merchants, the companies that take payments."""


merchant.add_command(set_rules)
merchant.add_command(set_origins)


@merchant.command(
    "create", epilog=example('bezant merchant create "Corner Books" --iso 1 --zone America/New_York')
)
@click.argument("name", type=NAME)
@click.option("--iso", "iso_id", type=ID, required=True, help="The sales organization's id.")
@click.option("--zone", type=Zone(), required=True, help="The first store's time zone.")
@click.option("--store", "store_name", type=NAME, help="The first store's name; else the merchant's.")
@click.option("--app-id", type=APP_ID, help="32 characters; else random ones.")
@click.option(
    "--currency",
    type=click.Choice(sorted(CURRENCIES)),
    default=USD.code,
    show_default=True,
    help="What it takes.",
)
@click.option("--sandbox", is_flag=True, help="For trying things out: the clock can be moved.")
@json_option
def create_merchant(
    *,
    name: str,
    iso_id: int,
    zone: ZoneInfo,
    store_name: str | None,
    app_id: str | None,
    currency: str,
    sandbox: bool,
    as_json: bool,
) -> None:
    """Add a merchant and its first store."""

    async def work(opened: Opened) -> tuple[Account, _Times, list[str]]:
        isos = await opened.units.read(lambda unit: unit.merchants.isos())
        if all(found.iso_id != iso_id for found in isos):
            raise click.UsageError(f"no sales organization {iso_id}: see bezant iso list")
        try:
            added = await opened.boarding.add_merchant(
                iso_id=iso_id, name=name, app_id=app_id, currency=CURRENCIES[currency], sandbox=sandbox
            )
        except Conflict:
            raise click.ClickException("that app id is taken") from None
        await opened.boarding.add_store(added.merchant_id, name=store_name or name, zone=zone)
        return await opened.units.read(lambda unit: _account_with_times(unit, added.app_id))

    _show_account(*with_store(work), as_json=as_json)


@merchant.command("list", epilog=example("bezant merchant list"))
@json_option
def list_merchants(*, as_json: bool) -> None:
    """List every merchant."""

    async def work(opened: Opened) -> list[Row]:
        return [_merchant_row(found) for found in await opened.units.read(lambda unit: unit.merchants.all())]

    show_rows(with_store(work), as_json=as_json, none="no merchant yet: bezant merchant create --help")


@merchant.command("show", epilog=example("bezant merchant show 2203082193"))
@click.argument("merchant")
@json_option
def show_merchant(*, merchant: str, as_json: bool) -> None:
    """Show a merchant with its stores and terminals.

    MERCHANT is a merchant id, an app id or a terminal number.
    """

    async def work(opened: Opened) -> tuple[Account, _Times, list[str]]:
        return await opened.units.read(lambda unit: _account_with_times(unit, merchant))

    _show_account(*with_store(work), as_json=as_json)


@click.group()
def store() -> None:
    """Stores, a merchant's places of business."""


store.add_command(set_brand)


@store.command("create", epilog=example('bezant store create 1 "Harbour branch" --zone America/Chicago'))
@click.argument("merchant")
@click.argument("name", type=NAME)
@click.option("--zone", type=Zone(), required=True, help="Decides local dates and times.")
@json_option
def create_store(*, merchant: str, name: str, zone: ZoneInfo, as_json: bool) -> None:
    """Add a store to MERCHANT (its id, app id or a terminal number)."""

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        added = await opened.boarding.add_store(account.merchant.merchant_id, name=name, zone=zone)
        return {"merchant_id": account.merchant.merchant_id, **store_row(added)}

    show_facts(with_store(work), as_json=as_json)


@click.group()
def terminal() -> None:
    """Terminals, which payments are made on."""


@terminal.command(
    "create", epilog=example("bezant terminal create 1 --label Till --traditional 887000003192:75021673")
)
@click.argument("merchant")
@click.option("--number", type=NUMBER, help="Ten digits, the first a 2 (EPI); else random ones.")
@click.option("--label", type=LABEL, default="Terminal", show_default=True, help="What people call it.")
@click.option("--store", "store_id", type=ID, help="The store's id, if there are several.")
@click.option("--traditional", type=Acceptor(), help="Where payments without a surcharge run.")
@click.option("--surcharge", type=Acceptor(), help="Where payments with a surcharge run.")
@click.option(
    "--tips",
    "tip_percent_max",
    type=Whole(0, TIP_PERCENT_MAX),
    help="Tips may be adjusted up to this percentage; else not at all.",
)
@json_option
def create_terminal(
    *,
    merchant: str,
    number: str | None,
    label: str,
    store_id: int | None,
    traditional: Endpoint | None,
    surcharge: Endpoint | None,
    tip_percent_max: int | None,
    as_json: bool,
) -> None:
    """Add a terminal to MERCHANT (its id, app id or a terminal number).

    It needs at least one of --traditional and --surcharge: the merchant and terminal numbers
    that the acquirer gave it. Then give it a key: bezant key create.
    """
    if traditional is None and surcharge is None:
        raise click.UsageError("say where its payments run: --traditional, --surcharge or both")

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        endpoints = {Profile.TRADITIONAL: traditional, Profile.SURCHARGE: surcharge}
        try:
            added = await opened.boarding.add_terminal(
                account.merchant.merchant_id,
                store_id=_chosen_store(account, store_id),
                number=number or _random_number(),
                label=label,
                endpoints={profile: endpoint for profile, endpoint in endpoints.items() if endpoint},
                tips=TipRule(adjustable=tip_percent_max is not None, percent_max=tip_percent_max or 0),
            )
        except Conflict:
            raise click.ClickException("that terminal number is taken") from None
        return _terminal_row(account.merchant, added, {})

    show_facts(with_store(work), as_json=as_json)


@terminal.command("list", epilog=example("bezant terminal list 1"))
@click.argument("merchant", required=False)
@json_option
def list_terminals(*, merchant: str | None, as_json: bool) -> None:
    """List the terminals of MERCHANT (its id, app id or a terminal number), or all."""

    def accounts(unit: Unit) -> list[Account]:
        if merchant is not None:
            return [account_named(unit, merchant)]
        found = (unit.merchants.account(each.merchant_id) for each in unit.merchants.all())
        return [account for account in found if account is not None]

    def rows(unit: Unit) -> list[Row]:
        times = _settlement_times(unit)
        return [
            _terminal_row(account.merchant, each, times)
            for account in accounts(unit)
            for each in account.terminals.values()
        ]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none="no terminal yet: bezant terminal create --help")


@terminal.command(
    "settle-at",
    epilog=example("bezant terminal settle-at 2203082193 19:00", "bezant terminal settle-at 2203082193 off"),
)
@click.argument("terminal")
@click.argument("time", type=TimeOfDay())
@json_option
def settle_at(*, terminal: str, time: int | Literal["off"], as_json: bool) -> None:
    """Let TERMINAL (its number) settle by itself every day at TIME (HH:MM, or off).

    The time is that of the terminal's store and of its merchant's clock.
    """
    minute = None if time == "off" else time

    async def work(opened: Opened) -> Row:
        owner, _ = await opened.units.read(lambda unit: terminal_numbered(unit, terminal))
        found = await opened.boarding.settle_daily(owner.merchant_id, terminal, minute)
        return {"number": found.number, "label": found.label, "settles_at": _clock_time(minute)}

    show_facts(with_store(work), as_json=as_json)


@click.group()
def key() -> None:
    """App keys, which terminals call Valor's API with, and TPNs, their numbers in iPOSpays' API."""


@key.command("create", epilog=example("bezant key create 2203082193"))
@click.argument("terminal")
@json_option
def create_key(*, terminal: str, as_json: bool) -> None:
    """Give TERMINAL (its number) one more key and print it. Its other keys go on working."""
    _issue(terminal, keep_others=True, as_json=as_json)


@key.command("rotate", epilog=example("bezant key rotate 2203082193"))
@click.argument("terminal")
@json_option
def rotate_key(*, terminal: str, as_json: bool) -> None:
    """Give TERMINAL (its number) a new key, print it, and end its other keys at once."""
    _issue(terminal, keep_others=False, as_json=as_json)


@key.command("list", epilog=example("bezant key list 1"))
@click.argument("merchant")
@json_option
def list_keys(*, merchant: str, as_json: bool) -> None:
    """List the keys of MERCHANT (its id, app id or a terminal number), masked, ended ones too."""

    def rows(unit: Unit) -> list[Row]:
        account = account_named(unit, merchant)
        records = unit.merchants.credentials(account.merchant.merchant_id)
        return [_key_row(account, record, reveal=False) for record in records]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none="no key yet: bezant key create TERMINAL")


@key.command("show", epilog=example("bezant key show 2203082193 --reveal"))
@click.argument("terminal")
@click.option("--reveal", is_flag=True, help="Print the keys in clear.")
@json_option
def show_key(*, terminal: str, reveal: bool, as_json: bool) -> None:
    """Show the live keys of TERMINAL (its number), masked unless --reveal is given."""

    def rows(unit: Unit) -> list[Row]:
        owner, found = terminal_numbered(unit, terminal)
        account = account_named(unit, owner.app_id)
        return [
            _key_row(account, record, reveal=reveal)
            for record in unit.merchants.credentials(owner.merchant_id)
            if record.terminal_id == found.terminal_id and record.revoked_at is None
        ]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none=f"no live key: bezant key create {terminal}")


@key.command("tpn", epilog=example("bezant key tpn 2203082193"))
@click.argument("terminal")
@json_option
def show_tpn(*, terminal: str, as_json: bool) -> None:
    """Print the TPN of TERMINAL (its number): the twelve digits that iPOSpays' API knows it by.

    It is made when it is first asked for, and stays.
    """

    async def work(opened: Opened) -> Row:
        profile = await profile_of(opened, terminal)
        return {"terminal": terminal, "merchant_id": profile.merchant_id, "tpn": profile.number}

    show_facts(with_store(work), as_json=as_json)


def _issue(number: str, *, keep_others: bool, as_json: bool) -> None:
    async def work(opened: Opened) -> IssuedKey:
        owner, _ = await opened.units.read(lambda unit: terminal_numbered(unit, number))
        return await opened.boarding.issue_key(owner.merchant_id, number, keep_others=keep_others)

    issued = with_store(work)
    facts = {
        "key_id": issued.credential_id,
        "terminal": issued.terminal.number,
        "app_id": issued.app_id,
        "app_key": issued.key.reveal(),
    }
    show_facts(facts, as_json=as_json)


def _chosen_store(account: Account, store_id: int | None) -> int:
    if store_id is None and len(account.stores) == 1:
        return next(iter(account.stores))
    if store_id in account.stores:
        assert store_id is not None
        return store_id
    known = ", ".join(f"{each.store_id} ({each.name})" for each in account.stores.values())
    raise click.UsageError(f"say which store with --store: {known or 'there is none yet'}")


def _random_number() -> str:
    return f"2{secrets.randbelow(10**9):09d}"


def _account_with_times(unit: Unit, name: str) -> tuple[Account, _Times, list[str]]:
    account = account_named(unit, name)
    return account, _settlement_times(unit), unit.merchants.origins(account.merchant.merchant_id)


def _settlement_times(unit: Unit) -> _Times:
    return {
        (each.merchant_id, each.terminal_id): each.settles_at for each in unit.merchants.settling_terminals()
    }


def _show_account(account: Account, times: _Times, origins: list[str], *, as_json: bool) -> None:
    facts = {
        **_merchant_row(account.merchant),
        **rules_row(account.merchant),
        "origins": ", ".join(origins) or None,
    }
    stores = [store_row(each) for each in account.stores.values()]
    terminals = [_terminal_row(account.merchant, each, times) for each in account.terminals.values()]
    if as_json:
        show_json({**facts, "stores": stores, "terminals": terminals})
        return
    print_facts(facts)
    for rows in (stores, terminals):
        if rows:
            click.echo()
            print_table(rows)


def _merchant_row(found: Merchant) -> Row:
    return {
        "merchant_id": found.merchant_id,
        "iso_id": found.iso_id,
        "name": found.name,
        "app_id": found.app_id,
        "currency": found.currency.code,
        "sandbox": found.sandbox,
    }


def _terminal_row(owner: Merchant, found: Terminal, times: _Times) -> Row:
    endpoints = {
        profile.value: f"{endpoint.merchant_number}:{endpoint.terminal_number}"
        for profile, endpoint in found.endpoints.items()
    }
    return {
        "number": found.number,
        "label": found.label,
        "merchant_id": owner.merchant_id,
        "store_id": found.store_id,
        "traditional": endpoints.get(Profile.TRADITIONAL.value),
        "surcharge": endpoints.get(Profile.SURCHARGE.value),
        "tip_percent_max": found.tips.percent_max if found.tips.adjustable else None,
        "settles_at": _clock_time(times.get((owner.merchant_id, found.terminal_id))),
    }


def _clock_time(minute: int | None) -> str | None:
    return None if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"


def _key_row(account: Account, record: CredentialRecord, *, reveal: bool) -> Row:
    owner = account.terminal_by_id(record.terminal_id)
    return {
        "key_id": record.credential_id,
        "terminal": owner.number if owner else None,
        "app_id": account.merchant.app_id,
        "app_key": record.key.reveal() if reveal else record.key.mask(),
        "created_at": record.created_at,
        "ended_at": record.revoked_at,
    }
