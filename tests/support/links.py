"""Payment links as merchants make them, in a running gateway's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bezant import config
from bezant.app import Store, open_store
from bezant.app.sides import InvoiceSide, access_side, card_side, invoice_side
from bezant.core.invoices import Invoice, Terms
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Order
from bezant.jobs import StrayBox
from bezant.storage.ids import IdBlocks
from bezant.telemetry import Metrics
from tests.support.gateway import Gateway

T = TypeVar("T")
Desk = Callable[[InvoiceSide, Caller], Awaitable[T]]


def terms(
    base: int = 2000, *, tax: int = 0, fee: int = 0, order: Order | None = None, **more: object
) -> Terms:
    """What a link asks for, in minor units; a fee is for the surcharge profile."""
    zero = Money(0)
    return Terms(
        profile=Profile.SURCHARGE if fee else Profile.TRADITIONAL,
        amounts=Amounts(base=Money(base), tax=Money(tax), fee=Money(fee), tip=zero),
        order=order or Order(description="Two tickets"),
        **more,  # type: ignore[arg-type]  # fields of Terms, named at each call
    )


def make_link(gateway: Gateway, asked: Terms) -> Invoice:
    """A new link of the demo's first terminal."""

    async def create(side: InvoiceSide, caller: Caller) -> Invoice:
        return (await side.invoices.create(caller, asked)).invoice

    return at_desk(gateway, create)


def cancel_link(gateway: Gateway, uid: str) -> Invoice:
    """Cancel it."""
    return at_desk(gateway, lambda side, caller: side.invoices.cancel(caller, uid))


def at_desk(gateway: Gateway, work: Desk[T]) -> T:
    """What a merchant's own process does on the gateway's database; nothing of it reaches an acquirer."""

    async def run() -> T:
        environment = {
            "BEZANT_HOME": str(gateway.home),
            "BEZANT_DATABASE_URL": gateway.database_url,
        }
        async with open_store(config.load(environment)) as store:
            return await work(*await _side(store, str(gateway.demo["valor"]["epi"])))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


async def _side(store: Store, number: str) -> tuple[InvoiceSide, Caller]:
    access = access_side(store)
    ids = IdBlocks(store.units, "payments")
    nowhere = ("127.0.0.1", 9)
    cards = card_side(store, nowhere, access=access, ids=ids, strays=StrayBox(Metrics()), jitter=lambda: 0.0)
    account = await access.directory.by_terminal_number(number)
    assert account is not None
    terminal = account.terminals[number]
    caller = Caller(merchant=account.merchant, store=account.stores[terminal.store_id], terminal=terminal)
    return invoice_side(store, access.directory, cards.payments, ids), caller
