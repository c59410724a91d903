"""Ids in blocks, while the database cannot give one."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bezant.core.outcomes import Unavailable
from bezant.storage.ids import IdBlocks
from bezant.storage.units import Unit, open_units
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

CALLERS = 6
TURNS = 5  # of the event loop, for all to hear of what one has heard


class TestABlockThatCannotBeHad:
    async def test_is_waited_for_once_by_all_who_need_it(self, shop: Shop) -> None:
        """Not by one after the other, each for as long as the database may take."""
        holding, release = threading.Event(), threading.Event()

        def hold(_unit: Unit) -> None:
            holding.set()
            assert release.wait(60)

        units = open_units(
            shop.engine, shop.keys, writers=1, readers=1, group_max=8, queue_max=99, patience_seconds=0.2
        )
        units.start()
        held = asyncio.create_task(units.write(hold, merchant_id=0))
        await asyncio.to_thread(holding.wait, 30)
        ids = IdBlocks(units, "payments")
        takers = [asyncio.create_task(ids.take()) for _ in range(CALLERS)]
        try:
            await asyncio.wait(takers, return_when=asyncio.FIRST_COMPLETED)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert [type(taker.exception()) for taker in takers if taker.done()] == [Unavailable] * CALLERS
        finally:
            release.set()
            await asyncio.gather(held, *takers, return_exceptions=True)
            await asyncio.to_thread(units.stop)

    async def test_is_had_by_the_others_when_who_asked_for_it_goes_away(self, shop: Shop) -> None:
        ids = IdBlocks(shop.units, "payments")
        asked, other = asyncio.create_task(ids.take()), asyncio.create_task(ids.take())
        await asyncio.sleep(0)
        asked.cancel()
        first = await other
        assert await ids.take() == first + 1
