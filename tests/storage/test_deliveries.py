"""Deliveries over real storage: carried once by whoever is first, kept until taken, never lost."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import text

from bezant.core.deliveries import (
    DELIVERY,
    Accepted,
    Courier,
    Delivery,
    Fate,
    Parcel,
    Policy,
    Refused,
    State,
    Unreachable,
)
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

POLICY = Policy(retries=2, pause=timedelta(seconds=10))
LEASE = timedelta(seconds=60)


@dataclass
class World:
    """Composes and takes parcels, as it is told."""

    shop: Shop
    fates: deque[Fate] = field(default_factory=deque)
    composed: int = 0
    taken: list[Parcel] = field(default_factory=list)
    wanted: bool = True
    hold: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def compose(self, delivery: Delivery) -> Parcel | None:
        """Words that are different each time."""
        self.composed += 1
        body = f"{delivery.topic} {delivery.subject_id} {self.composed}".encode()
        return (
            Parcel(url="https://shop.example.com/", content_type="text/plain", body=body)
            if self.wanted
            else None
        )

    async def post(self, parcel: Parcel) -> Fate:
        """What it was told to say, then yes."""
        self.taken.append(parcel)
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        return self.fates.popleft() if self.fates else Accepted(status=200)

    @property
    def courier(self) -> Courier:
        """A process that carries."""
        return Courier(
            units=self.shop.units,
            composers={"loan": self},
            sender=self,
            clock=self.shop.clock,
            policy=POLICY,
            lease=LEASE,
        )

    async def announce(self, delivery_id: int = 1, topic: str = "loan.bought", subject_id: int = 7) -> None:
        """Something has happened."""
        merchant_id = self.shop.caller.merchant.merchant_id
        new = Delivery(merchant_id=merchant_id, delivery_id=delivery_id, topic=topic, subject_id=subject_id)
        await self.shop.units.write(lambda unit: unit.deliveries.add(new), merchant_id=merchant_id)

    async def kept(self, delivery_id: int = 1) -> Delivery:
        """A delivery as it is stored."""
        merchant_id = self.shop.caller.merchant.merchant_id
        found = await self.shop.units.read(lambda unit: unit.deliveries.find(merchant_id, delivery_id))
        assert found is not None
        return found

    async def carry_due(self) -> list[bool]:
        """Carry what is due, in turn; whether each was carried here."""
        courier = self.courier
        return [await courier.carry(delivery) for delivery in await courier.due(64)]


@pytest.fixture
def world(shop: Shop) -> World:
    return World(shop)


class TestADelivery:
    async def test_is_sent_at_once_and_then_no_more(self, world: World) -> None:
        await world.announce()
        assert await world.carry_due() == [True]
        assert await world.carry_due() == []
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.DELIVERED, 1, "200")
        assert world.shop.wrong() == []

    async def test_says_the_same_each_time(self, world: World) -> None:
        world.fates += [Refused(status=500), Unreachable(cause="time-out")]
        await world.announce()
        for _ in range(3):
            assert await world.carry_due() == [True]
            assert await world.carry_due() == []
            world.shop.clock.pass_by(seconds=10)
        assert world.composed == 1
        assert len(world.taken) == 3
        assert len(set(world.taken)) == 1
        assert (await world.kept()).state is State.DELIVERED

    async def test_is_given_up_and_may_be_revived(self, world: World) -> None:
        world.fates += [Refused(status=500)] * 3
        await world.announce()
        for _ in range(4):
            await world.carry_due()
            world.shop.clock.pass_by(seconds=10)
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.GIVEN_UP, 3, "500")
        assert [
            each.delivery_id for each in await world.shop.units.read(lambda u: u.deliveries.given_up(9))
        ] == [1]
        await world.shop.units.write(
            lambda unit: unit.deliveries.change(kept, kept.revived()), merchant_id=kept.merchant_id
        )
        assert await world.carry_due() == [True]
        assert (await world.kept()).state is State.DELIVERED
        assert world.composed == 1

    @pytest.mark.parametrize("topic", ["loan.bought", "mystery"])
    async def test_that_nobody_wants_is_over(self, world: World, topic: str) -> None:
        world.wanted = False
        await world.announce(topic=topic)
        assert await world.carry_due() == [True]
        assert (await world.kept()).state is State.UNWANTED
        assert world.taken == []
        assert world.shop.wrong() == []

    async def test_is_carried_by_one_of_many(self, world: World) -> None:
        await world.announce()
        couriers = [world.courier for _ in range(8)]
        found = [(courier, delivery) for courier in couriers for delivery in await courier.due(64)]
        carried = await asyncio.gather(*(courier.carry(delivery) for courier, delivery in found))
        assert sorted(carried) == [False] * 7 + [True]
        assert len(world.taken) == 1

    async def test_of_a_lost_process_is_taken_over_when_its_lease_is_over(self, world: World) -> None:
        await world.announce()
        world.hold = asyncio.Event()
        (delivery,) = await world.courier.due(64)
        lost = asyncio.create_task(world.courier.carry(delivery))
        await world.arrived.wait()
        lost.cancel()
        await asyncio.gather(lost, return_exceptions=True)
        world.hold = None
        assert await world.carry_due() == []
        world.shop.clock.pass_by(seconds=60)
        assert await world.carry_due() == [True]
        assert len(set(world.taken)) == 1
        assert (await world.kept()).state is State.DELIVERED

    async def test_whose_lease_ran_out_changes_nothing_any_more(self, world: World) -> None:
        await world.announce()
        world.hold = held = asyncio.Event()
        (delivery,) = await world.courier.due(64)
        slow = asyncio.create_task(world.courier.carry(delivery))
        await world.arrived.wait()
        world.shop.clock.pass_by(seconds=60)
        world.hold = None
        assert await world.carry_due() == [True]
        held.set()
        assert await slow is False
        kept = await world.kept()
        assert (kept.state, kept.tries) == (State.DELIVERED, 1)

    async def test_waits_for_the_one_before_it_of_the_same_subject(self, world: World) -> None:
        await world.announce(1, subject_id=7)
        await world.announce(2, subject_id=7)
        await world.announce(3, subject_id=8)
        assert [each.delivery_id for each in await world.courier.due(64)] == [1, 3]
        await world.carry_due()
        assert [each.delivery_id for each in await world.courier.due(64)] == [2]

    async def test_shows_neither_where_it_goes_nor_what_it_says(self, world: World) -> None:
        await world.announce()
        await world.carry_due()
        assert "shop.example.com" not in repr(await world.kept())


class TestEveryState:
    async def test_can_be_reached(self) -> None:
        reached = {DELIVERY.initial, *DELIVERY.rows.values()}
        assert reached == set(State)


class TestDamage:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ("next_try_at = NULL", "which its times do not fit"),
            ("state = 'sending'", "which its times do not fit"),
            ("state = 'given_up', next_try_at = NULL", "without anything to send"),
        ],
    )
    async def test_is_found(self, world: World, change: str, words: str) -> None:
        await world.announce()
        assert world.shop.wrong() == []
        with world.shop.engine.begin() as connection:
            connection.execute(text(f"UPDATE deliveries SET {change}"))  # noqa: S608 - our words
        found = world.shop.wrong()
        assert any(each.invariant == "I11" and words in each.message for each in found)
