"""Consumer finance over the rail and the sandbox lender that ship: books agree, whatever is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bezant.core.bnpl import Finance, FinanceRecovery, LoanState, RefundState
from bezant.core.outcomes import Reason
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.lender.sandbox import LenderSandbox
from bezant.storage.ids import IdBlocks
from tests.storage.lender_counter import Counter, egp, open_counter, terms
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def lender(anyio_backend: str) -> AsyncIterator[LenderSandbox]:
    lender = LenderSandbox()
    await lender.start()
    yield lender
    await lender.stop()


@pytest.fixture
async def counter(shop: Shop, lender: LenderSandbox) -> AsyncIterator[Counter]:
    """A counter whose lender is the sandbox."""
    link = LenderLink(lender.url, read_timeout_seconds=0.4, now=shop.clock.now)
    rail, ids = LenderRail(link), IdBlocks(shop.units, "payments")
    async with open_counter(shop) as counter:
        counter.finance = Finance(
            units=shop.units,
            lender=rail,
            texts=counter.inbox,
            passwords=shop.keys.hasher,
            ids=ids,
            clock=shop.clock,
        )
        counter.recovery = FinanceRecovery(
            units=shop.units, lender=rail, callers=shop.directory, ids=ids, clock=shop.clock
        )
        yield counter
    await link.stop()
    assert [*shop.wrong(), *lender.books.wrong()] == []


def moved(lender: LenderSandbox) -> int:
    """What the lender has lent, less what was given back."""
    signs = {"loan": 1, "return": -1}
    done = [entry for entry in lender.books.entries() if entry["code"] == "approved"]
    return sum(signs[entry["kind"]] * entry["amount"] for entry in done)


class TestAnOrder:
    async def test_is_offered_bought_and_given_back(self, counter: Counter, lender: LenderSandbox) -> None:
        offer = await counter.offer()
        loan = await counter.buy()
        assert (loan.state, loan.plan) == (LoanState.GRANTED, offer.plans[0])
        assert (await counter.give_back(300_00)).state is RefundState.DONE
        assert moved(lender) == 700_00

    @pytest.mark.parametrize("fault", ["silent", "drop", "half", "garble"])
    async def test_whose_answers_are_lost_is_found_out(
        self, counter: Counter, lender: LenderSandbox, fault: str
    ) -> None:
        lender.scripts.add({"match": {"ask": "loan"}, "steps": [{fault: True}]})
        lender.scripts.add({"match": {"ask": "return"}, "steps": [{fault: True}]})
        assert (await counter.bought()).state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        assert (await counter.order()).loan.state is LoanState.GRANTED
        assert (await counter.give_back(300_00)).state is RefundState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        assert (await counter.order()).given_back == egp(300_00)
        assert moved(lender) == 700_00

    async def test_that_never_arrived_is_declined(self, counter: Counter, lender: LenderSandbox) -> None:
        lender.scripts.add({"match": {"ask": "loan"}, "steps": [{"refuse": True}]})
        assert (await counter.bought()).state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        loan = (await counter.order()).loan
        assert (loan.state, loan.reason) == (LoanState.DECLINED, Reason.NOT_BOOKED)
        assert moved(lender) == 0

    async def test_that_arrives_after_the_inquiry_books_nothing(
        self, counter: Counter, lender: LenderSandbox
    ) -> None:
        lender.scripts.add({"match": {"ask": "loan"}, "steps": [{"delay": 0.8}]})
        assert (await counter.bought()).state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        await asyncio.sleep(0.6)
        assert (await counter.order()).loan.reason is Reason.NOT_BOOKED
        assert moved(lender) == 0

    @pytest.mark.parametrize(
        ("minor", "reason"),
        [
            (9_000_46, Reason.OVER_CUSTOMER_LIMIT),
            (9_000_47, Reason.WALLET_TOO_SMALL),
            (9_000_66, Reason.LENDER_DECLINED),
        ],
    )
    async def test_that_the_lender_declines_says_why(
        self, counter: Counter, minor: int, reason: Reason
    ) -> None:
        assert (await counter.bought(wanted=terms(minor))).reason is reason
