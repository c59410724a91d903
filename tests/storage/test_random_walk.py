"""Payments in any order, with any fault, over several terminals: the books are right after every walk."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from bezant.core.payments import Kind
from bezant.storage.engine import open_engine
from tests.storage.shop import open_shop
from tests.storage.walk import Fault, Known, Line, Till, Walk

SEED: Final = 20260324
STEPS: Final = 2_000
TILLS: Final = 20

AMOUNTS: Final = st.integers(1, 40_00)
SHARES: Final = st.integers(0, 3_00)
FAULTS: Final = st.sampled_from([*[Fault.NONE] * 6, *Fault])
PLACES: Final = st.integers(0, 10_000)


class Machine(RuleBasedStateMachine):
    """Rules that draw a step. What a step is about is drawn from all there is, whatever its state."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self._closing = AsyncExitStack()
        self._loop.run(self._open())

    async def _open(self) -> None:
        folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory()))
        shutil.copyfile(self.template, folder / "bezant.db")
        engine = open_engine(f"sqlite:///{folder / 'bezant.db'}")
        self._closing.callback(engine.dispose)
        line = Line()
        self.walk = Walk(
            await self._closing.enter_async_context(open_shop(engine, folder, network=line)), line
        )
        await self.walk.open(3)

    def teardown(self) -> None:
        """Compare everything with the model."""
        try:
            self._loop.run(self.walk.check())
        finally:
            self._loop.run(self._closing.aclose())
            self._loop.close()

    def _till(self, place: int) -> Till:
        return self.walk.tills[place % len(self.walk.tills)]

    def _known(self, place: int) -> Known:
        """Some payment, the newest first."""
        known = sorted(
            (each for till in self.walk.tills for each in till.known), key=lambda each: -each.payment_id
        )
        return known[place % len(known)]

    def _has_payments(self) -> bool:
        return any(till.known for till in self.walk.tills)

    @rule(
        at=PLACES,
        kind=st.sampled_from([Kind.SALE, Kind.AUTHORIZATION]),
        base=AMOUNTS,
        extra=SHARES,
        fault=FAULTS,
    )
    def charge(self, at: int, kind: Kind, base: int, extra: int, fault: Fault) -> None:
        self._loop.run(self.walk.charge(self._till(at), kind, base=base, tax=extra, fee=extra, fault=fault))

    @precondition(_has_payments)
    @rule(at=PLACES, base=AMOUNTS, tip=SHARES, fault=FAULTS)
    def capture(self, at: int, base: int, tip: int, fault: Fault) -> None:
        self._loop.run(self.walk.capture(self._known(at), base=base, tip=tip, fault=fault))

    @precondition(_has_payments)
    @rule(at=PLACES, minor=AMOUNTS, fault=FAULTS)
    def increment(self, at: int, minor: int, fault: Fault) -> None:
        self._loop.run(self.walk.increment(self._known(at), minor=minor, fault=fault))

    @precondition(_has_payments)
    @rule(at=PLACES, minor=st.integers(1, 8_00), fault=FAULTS)
    def tip(self, at: int, minor: int, fault: Fault) -> None:
        self._loop.run(self.walk.tip(self._known(at), minor=minor, fault=fault))

    @precondition(_has_payments)
    @rule(at=PLACES, minor=AMOUNTS, fault=FAULTS)
    def refund(self, at: int, minor: int, fault: Fault) -> None:
        self._loop.run(self.walk.refund(self._known(at), minor=minor, fault=fault))

    @precondition(_has_payments)
    @rule(at=PLACES, fault=FAULTS)
    def void(self, at: int, fault: Fault) -> None:
        self._loop.run(self.walk.void(self._known(at), fault=fault))

    @rule(at=PLACES, fault=FAULTS)
    def settle(self, at: int, fault: Fault) -> None:
        self._loop.run(self.walk.settle(self._till(at), fault=fault))

    @rule(at=PLACES)
    def leap(self, at: int) -> None:
        self._loop.run(self.walk.leap(self._till(at)))

    @rule()
    def recover(self) -> None:
        self._loop.run(self.walk.recover())


class Wanderer:
    """Steps drawn from a seed. Most are about a payment that they suit, and a recent one."""

    def __init__(self, walk: Walk, seed: int) -> None:
        self._walk = walk
        self._random = random.Random(seed)

    async def step(self) -> None:
        """Take one."""
        roll = self._random
        till = roll.choice(self._walk.tills)
        fault = roll.choice(list(Fault)) if roll.random() < 0.2 else Fault.NONE
        amount, share = roll.randint(1, 40_00), roll.choice([0, 0, roll.randint(1, 3_00)])
        walk = self._walk
        steps: list[tuple[int, Kind | None, Callable[..., Awaitable[None]]]] = [
            (24, None, partial(walk.charge, till, Kind.SALE, base=amount, tax=share, fee=share)),
            (14, None, partial(walk.charge, till, Kind.AUTHORIZATION, base=amount, tax=share, fee=0)),
            (12, Kind.AUTHORIZATION, partial(walk.capture, base=amount, tip=share)),
            (8, Kind.AUTHORIZATION, partial(walk.increment, minor=amount)),
            (14, Kind.SALE, partial(walk.tip, minor=roll.randint(1, 3_00))),
            (12, Kind.SALE, partial(walk.refund, minor=roll.randint(1, 15_00))),
            (10, roll.choice([Kind.SALE, Kind.CAPTURE, Kind.REFUND, Kind.AUTHORIZATION]), walk.void),
            (5, None, partial(walk.settle, till)),
        ]
        ((_, about, act),) = roll.choices(steps, [weight for weight, _, _ in steps])
        if about is None:
            await act(fault=fault)
        elif found := self._about(till, about):
            await act(found, fault=fault)
        if roll.random() < 0.01:
            await walk.leap(till)
        if roll.random() < 0.03:
            await walk.recover()

    def _about(self, till: Till, kind: Kind) -> Known | None:
        suitable = [each for each in till.known if each.kind is kind]
        among = suitable[-6:] if suitable and self._random.random() < 0.9 else till.known
        return self._random.choice(among) if among else None


@pytest.fixture
def template(_sqlite_template: Path) -> Path:
    """A migrated database that is only copied."""
    return _sqlite_template


class TestAWalk:
    def test_of_any_steps_leaves_the_books_right(self, template: Path) -> None:
        Machine.template = template
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )

    @pytest.mark.anyio
    async def test_of_two_thousand_steps_leaves_the_books_right(self, template: Path, tmp_path: Path) -> None:
        print(f"seed {SEED}")
        shutil.copyfile(template, tmp_path / "bezant.db")
        engine = open_engine(f"sqlite:///{tmp_path / 'bezant.db'}")
        line = Line()
        async with open_shop(engine, tmp_path, network=line) as shop:
            walk = Walk(shop, line)
            await walk.open(TILLS)
            wanderer = Wanderer(walk, SEED)
            for number in range(1, STEPS + 1):
                await wanderer.step()
                if number % 500 == 0:
                    await walk.check()
        engine.dispose()
