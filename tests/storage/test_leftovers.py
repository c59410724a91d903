"""Answers of the network that cannot be stored at once, since too much waits for the database already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import Connection, text

from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Key, Outcome, State
from tests.storage.shop import QUEUE_MAX, Shop, charge_of

pytestmark = pytest.mark.anyio

KEY = Key(value="order-1", fingerprint=b"one request")


class TestAnAnswerThatFindsTheQueueFull:
    async def test_is_stored_later_and_told_to_whoever_asks_again(self, shop: Shop) -> None:
        with pytest.raises(Refused) as refused:
            await _answered_in_a_crowd(shop, KEY)
        assert refused.value.reason is Reason.BUSY
        await shop.payments.tidy()
        again = await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        assert (again.replayed, again.payment.state, len(shop.network.messages)) == (
            True,
            State.CAPTURED,
            1,
        )
        assert shop.wrong() == []

    async def test_is_taken_back_where_nobody_can_ask_again(self, shop: Shop) -> None:
        told = (await _answered_in_a_crowd(shop, None)).payment
        assert told.state is State.IN_DOUBT
        await shop.payments.tidy()
        assert await shop.find(told) == told
        assert await shop.reverse() == [True]
        assert shop.wrong() == []


async def _answered_in_a_crowd(shop: Shop, key: Key | None) -> Outcome:
    """A sale whose answer comes while no more works are let in."""
    async with AsyncExitStack() as crowd:
        with shop.network.silent():
            sale = asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=key))
            await shop.network.is_asked()
            await crowd.enter_async_context(_full_queue(shop))
        return await sale


@asynccontextmanager
async def _full_queue(shop: Shop) -> AsyncIterator[None]:
    """As many works as may wait for the lane of this shop do, behind one that waits for another process."""
    merchant_id, terminal_id = shop.caller.key
    write = partial(shop.units.write, lambda _: None, merchant_id=merchant_id, terminal_id=terminal_id)
    works = []
    try:
        with shop.engine.begin() as connection:  # takes the only lock there is on SQLite
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT 1 FROM batches FOR UPDATE"))
            works.append(asyncio.create_task(write()))
            await _is_waited_for(connection)
            works += [asyncio.create_task(write()) for _ in range(QUEUE_MAX)]
            await asyncio.sleep(0)
            yield
    finally:
        await asyncio.gather(*works, return_exceptions=True)


async def _is_waited_for(connection: Connection) -> None:
    """Until the lane has its work, and waits for this connection."""
    if connection.dialect.name == "postgresql":
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while True:
            if connection.execute(waiting).scalar_one():
                return
            await asyncio.sleep(0.01)
    for _ in range(5):  # turns of the event loop, which takes it
        await asyncio.sleep(0)
