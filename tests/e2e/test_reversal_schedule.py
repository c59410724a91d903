"""When a reversal is tried again, by a clock that the test moves; link, host and database are real."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bezant import config
from bezant.app.store import open_store
from bezant.core.merchants import Directory
from bezant.core.payments import Recovery, Reversal
from bezant.rails.acquirer import AcquirerLink, AcquirerRail
from bezant.storage.ids import IdBlocks
from tests.support.books import disagreements, unfinished, violations
from tests.support.gateway import DATABASES, SWIFT, Gateway, eventually, gateway_on

pytestmark = pytest.mark.anyio

SCHEDULE = (0, 15, 60, 5 * 60, 30 * 60, 2 * 3600, 3600, 3600)
"""Seconds before each try, after the one before."""
ESCALATED_FROM_TRY = 6


class MovedClock:
    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@pytest.fixture(scope="module", params=DATABASES)
def idle_gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that reverses nothing by itself."""
    home, postgres = tmp_path_factory.mktemp("idle"), partial(request.getfixturevalue, "postgres")
    settings = {**SWIFT, "BEZANT_JOBS": "0"}
    with gateway_on(request.param, home, postgres=postgres, settings=settings) as gateway:
        yield gateway


@pytest.fixture
def gateway(idle_gateway: Gateway) -> Iterator[Gateway]:
    """The same, with all books right at the end of each test."""
    idle_gateway.restore()
    yield idle_gateway
    assert unfinished(idle_gateway) + disagreements(idle_gateway) + violations(idle_gateway) == []


@asynccontextmanager
async def recovery_of(gateway: Gateway, clock: MovedClock) -> AsyncIterator[Recovery]:
    """The gateway's recovery, with a short time-out and a clock of ours."""
    settings = config.load({"BEZANT_HOME": str(gateway.home), "BEZANT_DATABASE_URL": gateway.database_url})
    link = AcquirerLink("127.0.0.1", gateway.host.port, read_timeout_seconds=0.2, connect_timeout_seconds=0.2)
    async with open_store(settings) as store:
        await link.start()
        try:
            yield Recovery(
                units=store.units,
                acquirer=AcquirerRail(link),
                sealer=store.keys.sealer,
                callers=Directory(store.units),
                ids=IdBlocks(store.units, "payments"),
                clock=clock,
            )
        finally:
            await link.stop()


def lose_a_sale(gateway: Gateway, amount: str) -> None:
    gateway.control.script({"silent": True}, ask="sale")
    assert gateway.sale(amount).body["error_code"] == "91"


async def the_one_due(recovery: Recovery) -> Reversal:
    (reversal,) = await recovery.due()
    return reversal


def reversals_seen(gateway: Gateway) -> Counter[str]:
    """How many reversals the host has seen since its start: first messages and repeats."""
    messages = gateway.control.stats()["messages"]
    return Counter({name: messages.get(name, 0) for name in ("0400", "0401")})


class TestAReversalThatIsNotAnswered:
    async def test_is_repeated_by_the_schedule_until_it_is(self, gateway: Gateway) -> None:
        lose_a_sale(gateway, "41.01")
        gateway.control.script({"silent": True}, repeat=True, ask="reverse")
        before, clock = reversals_seen(gateway), MovedClock()
        async with recovery_of(gateway, clock) as recovery:
            for number, seconds in enumerate(SCHEDULE, start=1):
                if seconds:
                    clock.move(seconds - 1)
                    assert await recovery.due() == []
                    clock.move(1)
                reversal = await the_one_due(recovery)
                assert reversal.tries == number - 1
                assert reversal.escalated == (number > ESCALATED_FROM_TRY)
                assert not await recovery.attempt(reversal)
            gateway.control.clear_scripts()
            clock.move(3600)
            assert await recovery.attempt(await the_one_due(recovery))
            assert await recovery.due() == []
        assert reversals_seen(gateway) - before == Counter({"0400": 1, "0401": len(SCHEDULE)})
        (entry,) = gateway.control.books(ask="reverse")
        assert entry["repeats"] == len(SCHEDULE)  # all were one message to the host

    async def test_delays_no_other(self, gateway: Gateway) -> None:
        for amount in ("41.02", "41.03", "41.04"):
            lose_a_sale(gateway, amount)
        gateway.control.script({"silent": True}, ask="reverse", amount=4102)
        clock = MovedClock()
        async with recovery_of(gateway, clock) as recovery:
            due = await recovery.due()
            assert sorted(await asyncio.gather(*map(recovery.attempt, due))) == [False, True, True]
            clock.move(15)
            assert await recovery.attempt(await the_one_due(recovery))


class TestAReversal:
    async def test_whose_process_died_is_repeated_after_its_lease(self, gateway: Gateway) -> None:
        lose_a_sale(gateway, "42.01")
        gateway.control.script({"silent": True}, ask="reverse")
        before, clock = reversals_seen(gateway), MovedClock()
        async with recovery_of(gateway, clock) as recovery:
            dying = asyncio.create_task(recovery.attempt(await the_one_due(recovery)))
            await asyncio.to_thread(eventually, lambda: reversals_seen(gateway) - before)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
        async with recovery_of(gateway, clock) as recovery:
            assert await recovery.due() == []
            clock.move(45)
            assert await recovery.attempt(await the_one_due(recovery))
        assert reversals_seen(gateway) - before == Counter({"0400": 1, "0401": 1})

    async def test_that_could_not_be_sent_is_not_counted_as_a_try(self, gateway: Gateway) -> None:
        lose_a_sale(gateway, "42.02")
        gateway.host.kill()
        clock = MovedClock()
        async with recovery_of(gateway, clock) as recovery:
            for _ in range(10):
                assert not await recovery.attempt(await the_one_due(recovery))
                assert await recovery.due() == []
                clock.move(15)
        gateway.host.start()
        async with recovery_of(gateway, clock) as recovery:
            assert await recovery.attempt(await the_one_due(recovery))
        assert reversals_seen(gateway) == Counter({"0400": 1, "0401": 0})

    async def test_is_tried_by_one_process_at_a_time(self, gateway: Gateway) -> None:
        lose_a_sale(gateway, "42.03")
        before, clock = reversals_seen(gateway), MovedClock()
        async with recovery_of(gateway, clock) as one, recovery_of(gateway, clock) as other:
            reversal = await the_one_due(one)
            tried = await asyncio.gather(one.attempt(reversal), other.attempt(reversal))
        assert sorted(tried) == [False, True]
        assert reversals_seen(gateway) - before == Counter({"0400": 1})
