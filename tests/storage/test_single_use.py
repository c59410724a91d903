from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from msgspec import structs

from bezant.core.outcomes import Reason
from bezant.core.vault import SingleUseTokens
from tests.storage.shop import CARD, Shop, charge_of

EXPIRY = "3612"


def desk(shop: Shop) -> SingleUseTokens:
    return SingleUseTokens(
        units=shop.units, sealer=shop.keys.sealer, names=shop.keys.hasher, clock=shop.clock
    )


async def issued(shop: Shop) -> bytes:
    text = await desk(shop).issue(shop.caller, CARD, expiry=EXPIRY)
    return desk(shop).hash_of(text.reveal())


async def charged(shop: Shop, token: bytes) -> Reason | None:
    charge = structs.replace(charge_of(), pan=None, expiry=None, single_use=token)
    return (await shop.payments.charge(shop.caller, charge)).payment.reason


@pytest.mark.anyio
class TestASingleUseToken:
    async def test_stands_for_a_card_and_its_end(self, shop: Shop) -> None:
        assert await charged(shop, await issued(shop)) is None
        (message,) = shop.network.messages
        assert (message.pan, message.expiry, message.cvv) == (CARD, EXPIRY, None)

    async def test_is_charged_by_one_of_many_in_several_processes(self, shop: Shop) -> None:
        token = await issued(shop)
        async with AsyncExitStack() as stack:
            others = [await stack.enter_async_context(shop.other_process()) for _ in range(2)]
            told = await asyncio.gather(*(charged(each, token) for each in (shop, *others) * 5))
        assert sorted(told, key=str) == [None, *[Reason.UNKNOWN_TOKEN] * 14]
        assert shop.wrong() == []

    async def test_goes_a_day_after_its_end(self, shop: Shop) -> None:
        await issued(shop)
        shop.clock.pass_by(days=1, minutes=29)
        await issued(shop)
        assert shop.count("single_use_tokens") == 2
        shop.clock.pass_by(minutes=2)
        await issued(shop)
        assert shop.count("single_use_tokens") == 2

    async def test_is_nothing_to_another_merchant(self, shop: Shop) -> None:
        token, other = await issued(shop), await shop.another_caller()
        stolen = await shop.units.write(
            lambda unit: unit.single_use.use(*other.key, token, at=shop.clock.now()),
            merchant_id=other.merchant.merchant_id,
        )
        assert stolen is None
        assert await charged(shop, token) is None
