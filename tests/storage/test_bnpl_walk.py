"""Many customers, a lender that fails in every way it can, and books that agree in the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Tally
from collections.abc import Awaitable, Callable

import pytest

from bezant.core.bnpl import LoanState, RefundState
from bezant.core.outcomes import Refused
from bezant.core.sensitive import Secret
from tests.storage.lender_counter import Counter, open_counter
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

FAULTS = ("lose", "drop", "garble", "halve", "lender_declined")
ROUNDS = 12
AT_ONCE = 10


class TestARandomWalk:
    @pytest.mark.parametrize("seed", range(3))
    async def test_ends_with_books_that_agree(self, shop: Shop, seed: int) -> None:
        chance = random.Random(seed)
        async with open_counter(shop) as counter:
            for _ in range(ROUNDS):
                for kind in ("grant", "return", "inquire"):
                    if chance.random() < 0.5:
                        counter.bank.will(chance.choice(FAULTS[:4] if kind == "inquire" else FAULTS), to=kind)
                await asyncio.gather(*(_act(counter, chance) for _ in range(AT_ONCE)))
                counter.shop.clock.pass_by(seconds=chance.choice((1, 30, 61)))
                await counter.recovery.sweep()
                await counter.resolve_due()
                assert shop.wrong() == []
            await _settle(counter)
            assert counter.wrong() == []
            assert counter.bank.booked
            assert _bought_once(counter)


async def _act(counter: Counter, chance: random.Random) -> None:
    """One thing that a shop or its customer does."""
    reference = f"order-{chance.randrange(6)}"
    refund_reference = chance.choice((None, "back-1", "back-2"))
    password = Secret(chance.choice(("123456",) * 4 + ("000000",)))
    minor = chance.choice((1, 300_00))
    acts: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: counter.offer(reference),
        lambda: counter.buy(reference, password=password),
        lambda: counter.give_back(minor, reference, refund_reference=refund_reference),
    )
    try:
        await chance.choice(acts)()
    except Refused:
        return


async def _settle(counter: Counter) -> None:
    """Let the lender recover, and ask it until nothing is in doubt."""
    for _ in range(10):
        counter.shop.clock.pass_by(hours=1)
        await counter.recovery.sweep()
        await counter.resolve_due()
    with counter.shop.engine.connect() as connection:
        loans = connection.exec_driver_sql("SELECT DISTINCT state FROM loans").scalars().all()
        refunds = connection.exec_driver_sql("SELECT DISTINCT state FROM loan_refunds").scalars().all()
    assert set(loans) <= {LoanState.GRANTED, LoanState.DECLINED}
    assert set(refunds) <= {RefundState.DONE, RefundState.DECLINED}


def _bought_once(counter: Counter) -> bool:
    """Whether the lender has booked no more than one loan for each order."""
    with counter.shop.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT loan_id, reference FROM loans").all()
    order_of = {str(loan_id): reference for loan_id, reference in rows}
    booked = Tally(
        order_of[name.split("-")[0]]
        for name, entry in counter.bank.booked.items()
        if entry["answer"]["yes"] == "granted"
    )
    return all(count == 1 for count in booked.values())
