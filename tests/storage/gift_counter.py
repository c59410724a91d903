"""A shop's gift card counter: real storage, the real service, and the sandbox host over a real link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bezant.core.gift import Card, GiftCards, GiftRecovery, Movement
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.payments import Key
from bezant.core.sensitive import Pan, Secret
from bezant.core.twins import Pause
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.gift.sandbox import TEST_CARDS, GiftSandbox
from bezant.storage.ids import IdBlocks
from tests.storage.shop import Shop

LOW = TEST_CARDS["low"].number
"""Holds 10.00."""
STOCK = TEST_CARDS["inactive"].number


@dataclass(kw_only=True)
class Counter:
    """What a till does with gift cards, and the other side of it."""

    shop: Shop
    host: GiftSandbox
    cards: GiftCards
    recovery: GiftRecovery

    @property
    def caller(self) -> Caller:
        return self.shop.caller

    async def redeem(
        self, minor: int, number: str = LOW, *, pin: str | None = None, key: Key | None = None
    ) -> Movement:
        return (await self.cards.redeem(self.caller, card(number, pin), Money(minor), key=key)).movement

    async def load(self, minor: int, number: str = LOW) -> Movement:
        return (await self.cards.load(self.caller, card(number), Money(minor))).movement

    async def activate(self, minor: int, number: str = STOCK) -> Movement:
        return (await self.cards.activate(self.caller, card(number), Money(minor))).movement

    async def deactivate(self, number: str = LOW) -> Movement:
        return (await self.cards.deactivate(self.caller, card(number))).movement

    async def refund(self, original: Movement, minor: int) -> Movement:
        return (await self.cards.refund(self.caller, original.movement_id, Money(minor))).movement

    async def void(self, original: Movement) -> Movement:
        return (await self.cards.void(self.caller, original.movement_id)).movement

    async def find(self, movement: Movement) -> Movement:
        """The movement as it is stored now."""
        found = await self.shop.units.read(
            lambda unit: unit.gift.find(movement.merchant_id, movement.movement_id)
        )
        assert found is not None
        return found

    async def cancel_due(self) -> list[bool]:
        """Try to cancel what is due; whether each was confirmed."""
        return [await self.recovery.cancel(movement) for movement in await self.recovery.due()]

    def script(self, *steps: dict[str, object], repeat: bool = False, **match: object) -> None:
        """What the host shall do next."""
        self.host.scripts.add({"steps": list(steps), "match": match, "repeat": repeat})

    def balance(self, number: str = LOW) -> int:
        """What the host says a card holds."""
        found = self.host.books.card(self.caller.merchant.app_id, number)
        assert found is not None
        balance: int = found["balance"]
        return balance

    def wrong(self) -> list[object]:
        """Whatever is wrong with the books of either side, or between them."""
        return [*self.shop.wrong(), *self.host.books.wrong(), *self._disagreements()]

    def _disagreements(self) -> list[str]:
        """Where the host holds another sum to have been moved than the ledger has booked."""
        with self.shop.engine.connect() as connection:
            owed: int = connection.exec_driver_sql(
                "SELECT COALESCE(SUM(minor), 0) FROM postings WHERE account = 'gift_liability'"
            ).scalar_one()
        moved = sum(entry["movement"] for entry in self.host.books.entries())
        return [] if -owed == moved else [f"booked {-owed}, moved at the host {moved}"]


def card(number: str = LOW, pin: str | None = None) -> Card:
    """A card as it is presented."""
    return Card(number=Pan(number), pin=Secret(pin) if pin else None)


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def open_counter(shop: Shop, *, pause: Pause = _at_once) -> AsyncIterator[Counter]:
    """A gift host, and the service over it. ``pause`` is how a request waits for its twin."""
    host = GiftSandbox()
    await host.start()
    link = GiftLink(host.address, read_timeout_seconds=0.4, now=shop.clock.now)
    rail = GiftRail(link)
    try:
        yield Counter(
            shop=shop,
            host=host,
            cards=GiftCards(
                units=shop.units,
                host=rail,
                tokens=shop.keys.sealer,
                ids=IdBlocks(shop.units, "payments"),
                clock=shop.clock,
                pause=pause,
            ),
            recovery=GiftRecovery(units=shop.units, host=rail, callers=shop.directory, clock=shop.clock),
        )
    finally:
        await link.stop()
        await host.stop()
