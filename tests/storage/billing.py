"""A shop that asks for money by links: real storage and services, over a network that does as told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bezant.core.invoices import (
    Choices,
    Invoice,
    InvoiceRecovery,
    Invoices,
    Outcome,
    PayerCard,
    Receipts,
    Terms,
    View,
)
from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Order
from bezant.core.sensitive import Pan
from bezant.storage.ids import IdBlocks
from tests.storage.notices import notices_of
from tests.storage.shop import CARD, Shop


@dataclass(kw_only=True)
class Billing:
    """What a merchant and the payers do with links."""

    shop: Shop
    invoices: Invoices
    receipts: Receipts
    recovery: InvoiceRecovery

    async def ask(self, minor: int = 20_00, *, number: str | None = None, **terms: Any) -> str:
        """A new link's uid."""
        order = Order(invoice=number, email=terms.pop("email", None))
        asked = Terms(profile=Profile.TRADITIONAL, amounts=Amounts.of(Money(minor)), order=order, **terms)
        return (await self.invoices.create(self.shop.caller, asked)).invoice.uid

    async def view(self, uid: str) -> View:
        """What its page shows."""
        view = await self.invoices.open(uid)
        assert view is not None
        return view

    async def find(self, uid: str) -> Invoice:
        """An invoice as it is stored."""
        return (await self.view(uid)).invoice

    async def pay(self, uid: str, *, attempt: str = "1", card: Pan = CARD, **choices: Any) -> Outcome:
        """Try to pay what the page shows."""
        agreed = (await self.find(uid)).total(choices.get("tip"))
        return await self.invoices.pay(
            uid,
            PayerCard(pan=card, expiry="2812"),
            Choices(**{"agreed": agreed, **choices}),
            attempt_key=attempt,
        )

    async def recover(self) -> None:
        """What the timetable does until nothing is left to do: leases, reversals, invoices."""
        await self.shop.give_up()
        await self.shop.reverse()
        while await self.recovery.settle():
            pass

    def count_charges(self) -> int:
        """How many charges stand."""
        with self.shop.engine.connect() as connection:
            return int(
                connection.exec_driver_sql(
                    "SELECT COUNT(*) FROM payments WHERE state IN ('captured', 'authorized', 'settled')"
                ).scalar_one()
            )


def billing_of(shop: Shop) -> Billing:
    """The links of a shop, as its process serves them."""
    ids = IdBlocks(shop.units, "payments")
    notices = notices_of(shop, ids=ids)
    return Billing(
        shop=shop,
        invoices=Invoices(
            units=shop.units,
            payments=shop.payments,
            callers=shop.directory,
            hasher=shop.keys.hasher,
            ids=ids,
            new_uid=shop.keys.hasher.app_name,
            notices=notices,
            clock=shop.clock,
        ),
        receipts=Receipts(units=shop.units, callers=shop.directory, hasher=shop.keys.hasher, notices=notices),
        recovery=InvoiceRecovery(
            units=shop.units, callers=shop.directory, ids=ids, notices=notices, clock=shop.clock
        ),
    )


@asynccontextmanager
async def another_process(billing: Billing) -> AsyncIterator[Billing]:
    """The same links as another process serves them."""
    async with billing.shop.other_process() as shop:
        yield billing_of(shop)
