"""Deliveries over real storage: carried once by whoever is first, kept until taken, never lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Self

import pytest
from sqlalchemy import text

from bezant.bell import Activity, Bell
from bezant.config import Settings
from bezant.core.deliveries import (
    DELIVERY,
    Answered,
    Courier,
    Delivery,
    Fate,
    Parcel,
    Policy,
    Route,
    Senders,
    State,
    Unreachable,
    Unrouted,
)
from bezant.core.outcomes import Unavailable
from bezant.core.sensitive import Secret
from bezant.jobs import delivery_jobs
from bezant.telemetry import Metrics
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

POLICY = Policy(retries=2, pause=timedelta(seconds=10), taken=(range(200, 300), range(302, 303)))
ANSWER_WITHIN = timedelta(seconds=30)
EACH = 8
PARCEL = Parcel(url="https://shop.example.com/", content_type="text/plain", body=b"")


class Trouble(Exception):
    """A composer has a bug."""


@dataclass
class World:
    """Composes and takes parcels, as it is told."""

    shop: Shop
    fates: deque[Fate] = field(default_factory=deque)
    composed: int = 0
    taken: list[Parcel] = field(default_factory=list)
    wanted: bool = True
    broken: bool = False
    parcel: Parcel = PARCEL
    policy: Policy = POLICY
    hold: asyncio.Event | None = None
    composing: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def compose(self, delivery: Delivery) -> Parcel | None:
        """Words that are different each time."""
        self.composed += 1
        self.asked.set()
        if self.composing is not None:
            await self.composing.wait()
        if self.broken:
            raise Trouble
        body = f"{delivery.topic} {delivery.subject_id} {self.composed}".encode()
        return replace(self.parcel, body=body) if self.wanted else None

    async def post(self, parcel: Parcel) -> Fate:
        """What it was told to say, then yes."""
        self.taken.append(parcel)
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        return self.fates.popleft() if self.fates else Answered(status=200)

    @property
    def courier(self) -> Courier:
        """A process that carries."""
        return Courier(
            units=self.shop.units,
            routes={"order": Route(composer=self, policy=self.policy)},
            sender=Senders(parcels=self),
            clock=self.shop.clock,
            answer_within=ANSWER_WITHIN,
            each=EACH,
        )

    @property
    def merchant_id(self) -> int:
        """Whose deliveries they are."""
        return self.shop.caller.merchant.merchant_id

    async def announce(
        self,
        delivery_id: int = 1,
        topic: str = "order.bought",
        subject_id: int = 7,
        sequence: int = 0,
        merchant_id: int | None = None,
    ) -> None:
        """Something has happened."""
        new = Delivery.announced(
            merchant_id=merchant_id or self.merchant_id,
            delivery_id=delivery_id,
            topic=topic,
            subject_id=subject_id,
            sequence=sequence,
            real=self.shop.clock.now(),
        )
        await self.shop.units.write(lambda unit: unit.deliveries.add(new), merchant_id=new.merchant_id)

    async def kept(self, delivery_id: int = 1) -> Delivery:
        """A delivery as it is stored."""
        found = await self.shop.units.read(lambda unit: unit.deliveries.find(self.merchant_id, delivery_id))
        assert found is not None
        return found

    async def due(self, limit: int = 64) -> list[int]:
        """The ids of what is due."""
        return [delivery.delivery_id for delivery in await self.courier.due(limit)]

    async def carry_due(self) -> list[bool]:
        """Carry what is due, in turn; whether each was carried here."""
        courier = self.courier
        return [await courier.carry(delivery) is not None for delivery in await courier.due(64)]

    async def carry_in_vain(self, tries: int) -> None:
        """Carry what is due so many times, each when the pause after the last is over."""
        for _ in range(tries):
            with contextlib.suppress(Trouble, Unrouted):
                await self.carry_due()
            self.shop.clock.pass_by(seconds=10)


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
        world.fates += [Answered(status=500), Unreachable(cause="time-out")]
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
        world.fates += [Answered(status=500)] * 3
        await world.announce()
        for _ in range(4):
            await world.carry_due()
            world.shop.clock.pass_by(seconds=10)
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.GIVEN_UP, 3, "500")
        assert [
            each.delivery_id for each in await world.shop.units.read(lambda u: u.deliveries.given_up(9))
        ] == [1]
        revived = kept.revived(real=world.shop.clock.now())
        await world.shop.units.write(
            lambda unit: unit.deliveries.change(kept, revived), merchant_id=kept.merchant_id
        )
        assert await world.carry_due() == [True]
        assert (await world.kept()).state is State.DELIVERED
        assert world.composed == 1

    @pytest.mark.parametrize("taken", [True, False], ids=["taken", "given up"])
    async def test_is_forgotten_a_month_after_its_end_and_not_before(
        self, world: World, *, taken: bool
    ) -> None:
        world.fates += [Answered(status=200 if taken else 500, final=True)]
        await world.announce()
        assert await world.carry_due() == [True]
        await world.announce(delivery_id=2, subject_id=8)
        world.shop.clock.pass_by(days=30)
        assert await world.courier.forget() == 0
        assert (await world.kept()).content is not None
        world.shop.clock.pass_by(seconds=1)
        assert await world.courier.forget() == 1
        assert await world.courier.forget() == 0
        kept = await world.kept()
        assert (kept.content, kept.state) == (None, State.DELIVERED if taken else State.GIVEN_UP)
        assert (await world.kept(2)).state is State.DUE
        assert world.shop.wrong() == []
        if not taken:
            revived = kept.revived(real=world.shop.clock.now())
            await world.shop.units.write(
                lambda unit: unit.deliveries.change(kept, revived), merchant_id=kept.merchant_id
            )
            await world.carry_due()
            assert (await world.kept()).state is State.DELIVERED
            assert world.composed == 3

    async def test_that_nobody_takes_comes_ten_more_times_ten_seconds_apart(self, world: World) -> None:
        settings = Settings()
        world.policy = Policy(
            retries=settings.notice_retries, pause=timedelta(seconds=settings.notice_pause_seconds)
        )
        world.fates += [Answered(status=500)] * 11
        await world.announce()
        for _ in range(10):
            assert await world.carry_due() == [True]
            world.shop.clock.pass_by(seconds=9)
            assert await world.due() == []
            world.shop.clock.pass_by(seconds=1)
        assert await world.carry_due() == [True]
        assert len(world.taken) == 11
        assert len(set(world.taken)) == 1
        assert (await world.kept()).state is State.GIVEN_UP

    async def test_that_nobody_wants_is_over(self, world: World) -> None:
        world.wanted = False
        await world.announce()
        assert await world.carry_due() == [True]
        assert (await world.kept()).state is State.UNWANTED
        assert world.taken == []
        assert world.shop.wrong() == []

    async def test_is_carried_by_one_of_many(self, world: World) -> None:
        await world.announce()
        couriers = [world.courier for _ in range(8)]
        found = [(courier, delivery) for courier in couriers for delivery in await courier.due(64)]
        carried = await asyncio.gather(*(courier.carry(delivery) for courier, delivery in found))
        assert sum(each is not None for each in carried) == 1
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
        assert await slow is None
        kept = await world.kept()
        assert (kept.state, kept.tries) == (State.DELIVERED, 2)

    async def test_is_not_sent_by_a_process_that_was_paused_until_its_lease_was_half_over(
        self, world: World
    ) -> None:
        await world.announce()
        world.composing = composing = asyncio.Event()
        (delivery,) = await world.courier.due(64)
        paused = asyncio.create_task(world.courier.carry(delivery))
        await world.asked.wait()
        world.shop.clock.pass_by(seconds=31)
        composing.set()
        assert await paused is None
        assert world.taken == []
        world.shop.clock.pass_by(seconds=29)
        assert await world.carry_due() == [True]
        assert len(world.taken) == 1

    @pytest.mark.parametrize("statuses", [(range(200, 201),), (range(200, 300), range(404, 405))])
    async def test_is_taken_by_what_its_topic_says(self, world: World, statuses: tuple[range, ...]) -> None:
        policy = Policy(taken=statuses)
        taken = {status for status in range(100, 600) if policy.takes(Answered(status=status))}
        assert taken == {status for part in statuses for status in part}
        assert not policy.takes(Unreachable(cause="time-out"))

    async def test_keeps_its_headers_and_all_that_it_sends_sealed(self, world: World) -> None:
        headers = (("Authorization", Secret("Bearer tassel-headers")),)
        world.parcel = replace(world.parcel, url="https://shop.example.com/tassel-url", headers=headers)
        world.fates += [Answered(status=500)]
        await world.announce()
        for _ in range(2):
            assert await world.carry_due() == [True]
            world.shop.clock.pass_by(seconds=10)
        assert [parcel.headers for parcel in world.taken] == [headers] * 2
        assert (await world.kept()).content == world.taken[0]
        with world.shop.engine.connect() as connection:
            row = repr(connection.execute(text("SELECT * FROM deliveries")).one())
        for clear in ("tassel", "order.bought 7"):
            assert clear not in row
        assert "tassel" not in repr(await world.kept())

    async def test_shows_neither_where_it_goes_nor_what_it_says(self, world: World) -> None:
        await world.announce()
        await world.carry_due()
        assert "shop.example.com" not in repr(await world.kept())


class TestTheOrder:
    async def test_of_a_subject_is_kept_while_the_first_is_not_over(self, world: World) -> None:
        await world.announce(1, subject_id=7)
        await world.announce(2, subject_id=7)
        await world.announce(3, subject_id=8)
        assert await world.due() == [1, 3]
        world.fates += [Answered(status=500)]
        await world.carry_due()
        assert await world.due() == []  # the first waits for its next try, and the second for the first
        world.shop.clock.pass_by(seconds=10)
        assert await world.due() == [1]
        await world.carry_due()
        assert await world.due() == [2]

    async def test_of_a_subject_is_kept_while_the_first_is_being_sent(self, world: World) -> None:
        await world.announce(1)
        await world.announce(2)
        world.hold = asyncio.Event()
        (delivery,) = await world.courier.due(64)
        sending = asyncio.create_task(world.courier.carry(delivery))
        await world.arrived.wait()
        assert await world.due() == []
        world.hold.set()
        await sending
        assert await world.due() == [2]

    async def test_of_a_subject_goes_on_when_the_first_is_given_up(self, world: World) -> None:
        world.fates += [Answered(status=500)] * 3
        await world.announce(1)
        await world.announce(2)
        await world.carry_in_vain(3)
        assert (await world.kept(1)).state is State.GIVEN_UP
        assert await world.due() == [2]

    async def test_of_a_subject_is_that_of_its_changes_whichever_process_announced_them(
        self, world: World
    ) -> None:
        """Processes draw ids from blocks: what comes later may have the lower one."""
        await world.announce(2000, topic="order.in_doubt", sequence=1)
        await world.announce(1005, topic="order.resolved", sequence=3)
        assert await world.due() == [2000]
        await world.carry_due()
        assert await world.due() == [1005]

    async def test_holds_within_a_merchant_alone(self, world: World) -> None:
        other = await world.shop.another_caller()
        await world.announce(1)
        await world.announce(2, merchant_id=other.merchant.merchant_id)
        assert await world.due() == [1, 2]


class TestABusyMerchant:
    async def test_leaves_room_for_others(self, world: World) -> None:
        other = await world.shop.another_caller()
        for number in range(100):
            await world.announce(number, subject_id=number)
        await world.announce(500, merchant_id=other.merchant.merchant_id)
        assert await world.due(16) == [*range(EACH), 500]

    async def test_has_so_many_under_way_and_no_more_whoever_carries_them(self, world: World) -> None:
        for number in range(10):
            await world.announce(number, subject_id=number)
        world.hold = asyncio.Event()
        first = await world.courier.due(6)
        sending = [asyncio.create_task(world.courier.carry(delivery)) for delivery in first]
        await until(lambda: len(world.taken) == len(first))
        assert await world.due() == [6, 7]
        world.shop.clock.pass_by(seconds=60)  # nobody knows of those six any more
        assert await world.due() == [6, 7, 8, 9, 0, 1, 2, 3]
        world.hold.set()
        await asyncio.gather(*sending)

    async def test_with_subjects_of_many_announcements_holds_up_nobody(self, world: World) -> None:
        other = await world.shop.another_caller()
        for number in range(50):
            await world.announce(number, subject_id=7)
        await world.announce(500, merchant_id=other.merchant.merchant_id)
        assert await world.due(2) == [0, 500]


class TestABadDelivery:
    async def test_that_cannot_be_composed_is_tried_as_often_as_others(self, world: World) -> None:
        world.broken = True
        await world.announce()
        await world.carry_in_vain(4)
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.GIVEN_UP, 3, "not composed")
        assert world.composed == 3
        assert world.shop.wrong() == []

    async def test_that_nobody_composes_stays_and_is_loud(self, world: World) -> None:
        await world.announce(topic="mystery.solved")
        (delivery,) = await world.courier.due(1)
        with pytest.raises(Unrouted, match=r"mystery\.solved"):
            await world.courier.carry(delivery)
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.DUE, 1, "not composed")
        await world.carry_in_vain(11)
        kept = await world.kept()
        assert (kept.state, kept.tries) == (State.GIVEN_UP, 11)
        assert world.shop.wrong() == []

    async def test_that_brings_its_process_down_is_not_tried_for_ever(self, world: World) -> None:
        await world.announce()
        world.composing = asyncio.Event()
        for tries in range(1, 4):
            world.asked.clear()
            (delivery,) = await world.courier.due(64)
            dying = asyncio.create_task(world.courier.carry(delivery))
            await world.asked.wait()
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            assert (await world.kept()).tries == tries
            world.shop.clock.pass_by(seconds=60)
        assert await world.carry_due() == [True]
        kept = await world.kept()
        assert (kept.state, kept.tries, kept.last_word) == (State.GIVEN_UP, 3, "lost")
        assert world.composed == 3
        assert world.shop.wrong() == []

    async def test_whose_words_cannot_be_read_any_more_is_composed_anew(self, world: World) -> None:
        world.fates.append(Answered(status=500))
        await world.announce()
        await world.carry_due()
        with world.shop.engine.begin() as connection:
            connection.execute(text("UPDATE deliveries SET content = :junk"), {"junk": b"junk" * 20})
        await world.announce(2, subject_id=8)
        world.shop.clock.pass_by(seconds=10)
        await world.carry_due()
        assert [(await world.kept(each)).state for each in (1, 2)] == [State.DELIVERED] * 2
        assert (len(world.taken), world.composed) == (3, 3)

    async def test_is_tried_once_more_when_the_tries_were_made_fewer(self, world: World) -> None:
        await world.announce()
        with world.shop.engine.begin() as connection:
            connection.execute(text("UPDATE deliveries SET tries = 9"))
        world.fates += [Answered(status=500)]
        assert await world.carry_due() == [True]
        assert ((await world.kept()).state, (await world.kept()).tries) == (State.GIVEN_UP, 10)


class TestTheJob:
    """The timetable's job with a bell, on the real clock of its event loop."""

    @pytest.fixture
    async def job(self, world: World) -> AsyncIterator[Work]:
        async with Work.of(world, look_seconds=3600) as job:
            yield job

    async def test_sends_what_was_announced_here_without_waiting_for_its_next_look(
        self, world: World, job: Work
    ) -> None:
        await job.rests()
        await world.announce()
        job.bell.ring()
        await world.arrived.wait()

    async def test_looks_seldom_where_nothing_happens(self, job: Work) -> None:
        await job.rests()
        looks = job.looked
        await asyncio.sleep(0.3)
        assert job.looked == looks

    async def test_finds_what_another_process_announced(self, world: World) -> None:
        async with Work.of(world, look_seconds=0.1) as job:
            await job.looks()
            await world.announce()
            await world.arrived.wait()

    @pytest.mark.parametrize("trouble", [Unavailable("away"), OSError("gone"), ValueError("a bug")])
    async def test_goes_on_with_what_is_under_way_when_the_database_is_away(
        self, world: World, job: Work, trouble: Exception
    ) -> None:
        world.hold = asyncio.Event()
        await world.announce()
        job.bell.ring()
        await world.arrived.wait()
        job.trouble = trouble
        await job.looks(2)
        world.hold.set()
        await until(lambda: job.counted("order", "delivered") == 1)
        assert (await world.kept()).state is State.DELIVERED
        assert len(world.taken) == 1

    async def test_counts_what_became_of_each(self, world: World, job: Work) -> None:
        world.fates += [Answered(status=500)]
        await world.announce(1)
        await world.announce(2, topic="mystery.solved", subject_id=8)
        job.bell.ring()
        await until(lambda: job.counted("order", "due") == job.counted("mystery", "failed") == 1)
        world.shop.clock.pass_by(seconds=12)
        job.bell.ring()
        await until(lambda: job.counted("order", "delivered") == 1)

    async def test_tells_how_late_the_oldest_is(self, world: World) -> None:
        metrics = Metrics()
        loop = asyncio.get_running_loop()
        _, watch = delivery_jobs(world.courier, Bell(loop), Activity(loop), metrics)
        late = partial(metrics.registry.get_sample_value, "bezant_deliveries_overdue_seconds")
        await watch.run()
        assert late() == 0
        await world.announce()
        world.shop.clock.pass_by(seconds=42)
        await watch.run()
        assert late() == 42
        world.fates += [Answered(status=500)]
        await world.carry_due()
        await watch.run()
        assert late() == 0


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("that never came true")


class Work:
    """The job, running, and what can be seen of it."""

    @classmethod
    @asynccontextmanager
    async def of(cls, world: World, *, look_seconds: float) -> AsyncIterator[Self]:
        """The job, having looked once."""
        job = cls(world, look_seconds)
        await job.looks()
        try:
            yield job
        finally:
            await job.stop()

    def __init__(self, world: World, look_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.bell = Bell(loop)
        self.metrics = Metrics()
        self.looked = 0
        self.trouble: Exception | None = None
        self._courier = courier = world.courier
        self._due = courier.due
        courier.due = self._look  # type: ignore[method-assign]  # to see when it looks, and to be in the way
        deliver, _ = delivery_jobs(
            courier, self.bell, Activity(loop), self.metrics, look_seconds=look_seconds
        )
        self._task = asyncio.ensure_future(deliver.run())

    async def _look(self, limit: int) -> list[Delivery]:
        self.looked += 1
        if self.trouble is not None:
            raise self.trouble
        return await self._due(limit)

    async def looks(self, times: int = 1) -> None:
        """Wait until it has looked again, so many times."""
        wanted = self.looked + times
        while self.looked < wanted:
            self.bell.ring()
            await asyncio.sleep(0.01)

    async def rests(self) -> None:
        """Wait until it waits to be woken."""
        looked = -1
        while looked != self.looked:
            looked = self.looked
            await asyncio.sleep(0.2)

    def counted(self, topic: str, outcome: str) -> float:
        """How often that has been counted."""
        labels = {"topic": topic, "outcome": outcome}
        return self.metrics.registry.get_sample_value("bezant_deliveries_total", labels) or 0.0

    async def stop(self) -> None:
        """End it, as the timetable does."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


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
            ("state = 'given_up', next_try_at = NULL", "without a try"),
            (
                "state = 'delivered', tries = 1, next_try_at = NULL, ended_at = 4102444800000000",
                "without anything to send",
            ),
            ("state = 'sending', next_try_at = NULL, lease_until = 1", "nobody noticed"),
        ],
    )
    async def test_is_found(self, world: World, change: str, words: str) -> None:
        await world.announce()
        assert world.shop.wrong() == []
        with world.shop.engine.begin() as connection:
            connection.execute(text(f"UPDATE deliveries SET {change}"))  # noqa: S608 - our words
        found = world.shop.wrong()
        assert any(each.invariant == "I11" and words in each.message for each in found)
