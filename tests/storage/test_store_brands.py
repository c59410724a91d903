"""A store's brand, stored: what a running gateway sees of it, and what is left of an old one."""

from __future__ import annotations

import pytest

from bezant.core.merchants import BadFacts, Brand, Directory
from bezant.core.merchants.brands import NO_BRAND, ImageKind, Logo
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio
FIRST, SECOND = (Logo(kind=ImageKind.PNG, content=content) for content in (b"one", b"two"))


class TestABrand:
    async def test_is_kept_part_by_part_and_forgotten_whole(self, shop: Shop) -> None:
        merchant_id, store_id = shop.caller.merchant.merchant_id, shop.caller.store.store_id
        directory = Directory(shop.units)
        await shop.boarding.brand_store(merchant_id, store_id, colour="#067a57")
        await shop.boarding.brand_store(merchant_id, store_id, logo=FIRST)
        await shop.boarding.brand_store(merchant_id, store_id, logo=SECOND)
        account = await directory.account(merchant_id)
        assert account is not None
        assert account.stores[store_id].brand == Brand(colour="#067a57", logo=SECOND.name)
        assert await directory.logo(merchant_id, store_id) == SECOND
        assert await directory.logo(merchant_id + 1, store_id) is None

        bare = await shop.boarding.brand_store(merchant_id, store_id, forget=True)
        assert bare.brand == NO_BRAND
        assert await directory.logo(merchant_id, store_id) is None
        assert shop.count("store_logos") == 0

    async def test_raises_the_counter_and_is_recorded(self, shop: Shop) -> None:
        merchant_id, store_id = shop.caller.merchant.merchant_id, shop.caller.store.store_id
        before = shop.count("audit_entries")
        await shop.boarding.brand_store(merchant_id, store_id, colour="#067a57")
        assert shop.count("audit_entries") == before + 1

    async def test_of_another_merchants_store_is_refused(self, shop: Shop) -> None:
        with pytest.raises(BadFacts, match="no such store"):
            await shop.boarding.brand_store(shop.caller.merchant.merchant_id, 999_999, colour="#067a57")
