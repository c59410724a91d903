"""Units of work over the real stores: groups, views, and what a lost database costs."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from bezant.core.money import Money
from bezant.core.outcomes import Conflict, Refused
from bezant.core.payments import Event, Payment, State
from bezant.storage.units import Unit
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio


def _end_sessions(engine: Engine) -> int:
    """End every other session of this database, as a restarting server would."""
    aside = create_engine(engine.url, poolclass=NullPool)
    with aside.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        return int(ended.scalar_one())


class TestAGroupOfWorks:
    async def test_blames_a_stale_step_on_whoever_took_it(self, shop: Shop) -> None:
        """Not on the next in the group, whose reading is what writes the step."""
        sale = await shop.sale()
        void = await shop.void(sale)

        def refund_too_late(unit: Unit) -> None:
            unit.payments.change(sale, sale.changed(refunded=Money(1)), at=shop.clock.now())

        def look(unit: Unit) -> Payment | None:
            return unit.payments.find(void.merchant_id, void.payment_id)

        merchant_id, _ = shop.caller.key
        holding, release = threading.Event(), threading.Event()

        def hold(_unit: Unit) -> None:
            holding.set()
            assert release.wait(30)

        held = asyncio.create_task(shop.units.write(hold, merchant_id=merchant_id))
        await asyncio.to_thread(holding.wait, 30)
        works = asyncio.gather(
            shop.units.write(refund_too_late, merchant_id=merchant_id),
            shop.units.write(look, merchant_id=merchant_id),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
        release.set()
        await held
        guilty, found = await works
        assert isinstance(guilty, Conflict)
        assert found == void
        assert (await shop.find(sale)).state is State.VOIDED
        assert shop.wrong() == []

    async def test_is_of_one_lane_for_one_merchant(self, shop: Shop) -> None:
        def where(_unit: Unit) -> str:
            return threading.current_thread().name

        names = [await shop.units.write(where, merchant_id=merchant_id) for merchant_id in (4, 5, 4, 5, 4)]
        assert len(set(names[::2])) == 1
        assert len(set(names[1::2])) == 1
        assert (names[0] != names[1]) is (shop.engine.dialect.name == "postgresql")


class TestAReader:
    async def test_sees_one_state_however_long_it_looks(self, shop: Shop) -> None:
        looked, changed = threading.Event(), threading.Event()

        def look_twice(unit: Unit) -> tuple[int, int]:
            before = unit.batches.open_number(*shop.caller.key)
            looked.set()
            assert changed.wait(30)
            return before, unit.batches.open_number(*shop.caller.key)

        await shop.sale()
        looking = asyncio.create_task(shop.units.read(look_twice))
        await asyncio.to_thread(looked.wait, 30)
        await shop.settlements.settle(shop.caller)
        changed.set()
        assert await looking == (1, 1)
        assert await shop.units.read(lambda unit: unit.batches.open_number(*shop.caller.key)) == 2


class TestALostDatabase:
    async def test_costs_no_payment_that_waits_for_the_network(self, server_shop: Shop) -> None:
        shop = server_shop
        with shop.network.silent():
            waiting = [asyncio.create_task(shop.sale()) for _ in range(5)]
            await shop.network.is_asked(times=5)
            assert await asyncio.to_thread(_end_sessions, shop.engine) > 0
        assert all([(await sale).approved for sale in waiting])
        assert shop.wrong() == []

    async def test_in_the_middle_of_a_work_runs_it_again(self, server_shop: Shop) -> None:
        shop, losses = server_shop, iter([True])
        sale = await shop.sale()

        def change(unit: Unit) -> None:
            current = unit.payments.find(sale.merchant_id, sale.payment_id)
            assert current is not None
            unit.payments.change(current, current.step(Event.BEGIN_VOID), at=shop.clock.now())
            if next(losses, False):
                _end_sessions(shop.engine)

        await shop.units.write(change, merchant_id=sale.merchant_id)
        assert (await shop.find(sale)).state is State.VOIDING

    async def test_again_and_again_leaves_the_books_balanced(self, server_shop: Shop) -> None:
        shop = server_shop
        selling = [asyncio.create_task(shop.sale(1_00 + n)) for n in range(150)]
        while not all(task.done() for task in selling):
            await asyncio.to_thread(_end_sessions, shop.engine)
            await asyncio.sleep(0.02)
        outcomes = await asyncio.gather(*selling, return_exceptions=True)
        sales = [sale for sale in outcomes if isinstance(sale, Payment)]
        others = [other for other in outcomes if not isinstance(other, Payment)]
        assert [other for other in others if not isinstance(other, Refused)] == []
        for sale in sales:
            assert (await shop.find(sale)).approved is sale.approved
        await shop.give_up()
        await shop.reverse()
        assert shop.wrong() == []
