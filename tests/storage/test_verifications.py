"""A card is verified for nothing: no money, no doubt, and a card in the vault."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from bezant.core.merchants import CardChecks
from bezant.core.money import Money
from bezant.core.outcomes import Approved, Declined, NotSent, Reason
from bezant.core.payments import Kind, Payment, State
from bezant.core.payments.messages import Ask
from tests.storage.shop import SILENCE, Shop

pytestmark = pytest.mark.anyio

GOOD = Approved(approval_code="", response_code="85", amount=Money(0))
MISMATCH = replace(GOOD, cvv="N")
NO = Declined(reason=Reason.INVALID_CARD, response_code="14")


async def _verify(shop: Shop) -> Payment:
    return (await shop.charge(0, kind=Kind.VERIFICATION)).payment


class TestAVerification:
    async def test_asks_the_network_about_the_card_and_books_nothing(self, shop: Shop) -> None:
        shop.network.will_say(GOOD)
        verified = await _verify(shop)
        assert (verified.state, verified.reason, verified.response_code) == (State.DONE, None, "85")
        (message,) = shop.network.messages
        assert (message.ask, message.amount) == (Ask.VERIFY, Money(0))
        assert shop.count("postings") == 0
        batch = await shop.reports.open_batch(shop.caller, limit=1, offset=0)
        assert batch.totals.count == 0
        assert shop.wrong() == []

    async def test_leaves_a_card_that_can_be_charged(self, shop: Shop) -> None:
        shop.network.will_say(GOOD)
        verified = await _verify(shop)
        paid = await shop.sale()
        assert verified.card is not None
        assert paid.card == verified.card
        assert shop.wrong() == []

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [(NO, Reason.INVALID_CARD), (SILENCE, Reason.NO_ANSWER), (NotSent(cause="x"), Reason.NOT_REACHED)],
        ids=["no", "silence", "not sent"],
    )
    async def test_that_is_not_approved_leaves_nothing_to_take_back(
        self, shop: Shop, answer: Declined | NotSent, reason: Reason
    ) -> None:
        shop.network.will_say(answer)
        verified = await _verify(shop)
        assert (verified.state, verified.reason) == (State.DECLINED, reason)
        assert await shop.reversals() == []
        assert shop.wrong() == []

    async def test_goes_by_the_merchants_rules(self, shop: Shop) -> None:
        merchant = replace(shop.caller.merchant, checks=CardChecks(verification_declines=True))
        shop.caller = structs.replace(shop.caller, merchant=merchant)
        shop.network.will_say(MISMATCH)
        verified = await _verify(shop)
        assert (verified.state, verified.reason) == (State.DECLINED, Reason.CVV_MISMATCH)
        assert verified.verification_result == "N"
        assert await shop.reversals() == []
        assert shop.wrong() == []

    async def test_whose_process_died_is_declined_and_a_late_yes_changes_nothing(self, shop: Shop) -> None:
        shop.network.will_say(GOOD)
        with shop.network.silent():
            waiting = asyncio.create_task(_verify(shop))
            await shop.network.is_asked()
            assert await shop.give_up() == 1
        late = await waiting
        assert (late.state, late.reason) == (State.DECLINED, Reason.NO_ANSWER)
        assert await shop.reversals() == []
        assert shop.wrong() == []

    async def test_is_nothing_to_void_to_capture_or_to_give_back(self, shop: Shop) -> None:
        shop.network.will_say(GOOD)
        verified = await _verify(shop)
        assert (await shop.void(verified)).reason is Reason.ORIGINAL_NOT_FOUND
        assert (await shop.refund(verified, 1)).reason is Reason.ORIGINAL_NOT_FOUND
        assert (await shop.find(verified)).state is State.DONE
        assert shop.wrong() == []
