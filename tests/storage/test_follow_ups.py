"""Captures, increments and tips whose answer is lost: what they held is freed, or told again until heard."""

from __future__ import annotations

import asyncio

import pytest

from bezant.core.money import Money
from bezant.core.outcomes import Declined, Reason, Refused
from bezant.core.payments import State
from bezant.core.payments.messages import Ask
from tests.storage.shop import SILENCE, Shop

pytestmark = pytest.mark.anyio

TOO_LATE = Declined(reason=Reason.INVALID_TRANSACTION, response_code="12")


class TestACapture:
    async def test_in_doubt_keeps_its_authorization_until_it_is_reversed(self, shop: Shop) -> None:
        held = await shop.authorization()
        shop.network.will_say(SILENCE)
        lost = await shop.capture(held, 10_00)
        assert (lost.state, (await shop.find(held)).state) == (State.IN_DOUBT, State.COMPLETING)
        assert (await shop.capture(held, 10_00)).reason is Reason.ALREADY_CAPTURED
        assert (await shop.void(held)).reason is Reason.ORIGINAL_NOT_FOUND
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        assert (await shop.find(held)).state is State.AUTHORIZED
        assert (await shop.capture(held, 10_00)).approved
        assert shop.wrong() == []


class TestAnIncrement:
    async def test_in_doubt_raises_nothing(self, shop: Shop) -> None:
        held = await shop.authorization()
        shop.network.will_say(SILENCE)
        lost = await shop.increment(held, 5_00)
        assert (lost.state, (await shop.find(held)).state) == (State.IN_DOUBT, State.INCREMENTING)
        with pytest.raises(Refused) as refusal:
            await shop.capture(held, 10_00)
        assert refusal.value.reason is Reason.UNKNOWN_PAYMENT
        assert await shop.reverse() == [True]
        assert (await shop.find(held)).held == Money(10_00)
        assert (await shop.capture(held, 10_01)).reason is Reason.EXCEEDS_AUTHORIZED
        assert shop.wrong() == []


class TestAVoid:
    async def test_of_a_raised_authorization_is_repeated_as_it_was(self, shop: Shop) -> None:
        held = await shop.authorization()
        await shop.increment(held, 5_00)
        shop.network.will_say(SILENCE)
        await shop.void(held)
        assert await shop.reverse() == [True]
        first, again = shop.network.messages[-2:]
        assert (first.ask, first.amount) == (again.ask, again.amount) == (Ask.REVERSE, Money(15_00))
        assert (first.repeat, again.repeat) == (False, True)
        assert shop.wrong() == []


class TestATip:
    async def test_without_an_answer_takes_place_and_is_told_again(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.network.will_say(SILENCE)
        tipped = await shop.adjust_tip(sale, 2_00)
        assert (tipped.state, tipped.amounts.tip) == (State.CAPTURED, Money(2_00))
        assert await shop.reverse() == [True]
        first, again = shop.network.messages[-2:]
        assert (first.ask, first.amount) == (again.ask, again.amount) == (Ask.CAPTURE, Money(12_00))
        assert (first.audit_number, first.repeat, again.repeat) == (again.audit_number, False, True)
        assert shop.wrong() == []

    async def test_that_the_network_has_no_use_for_any_more_stays(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.network.will_say(SILENCE, TOO_LATE)
        await shop.adjust_tip(sale, 2_00)
        assert await shop.reverse() == [True]
        assert (await shop.find(sale)).amounts.tip == Money(2_00)
        assert shop.wrong() == []

    async def test_that_another_took_the_place_of_is_not_told_again(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.network.will_say(SILENCE)
        await shop.adjust_tip(sale, 2_00)
        await shop.adjust_tip(sale, 1_00)
        told = len(shop.network.messages)
        assert await shop.reverse() == [True]
        assert len(shop.network.messages) == told
        assert await shop.reversals() == []
        assert shop.wrong() == []

    async def test_waits_to_be_told_again_while_another_is_on_its_way(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.network.will_say(SILENCE)
        await shop.adjust_tip(sale, 2_00)
        with shop.network.silent():
            other = asyncio.create_task(shop.adjust_tip(sale, 1_00))
            await shop.network.is_asked()
            told = len(shop.network.messages)
            assert await shop.reverse() == [False]
            assert len(shop.network.messages) == told
        await other
        shop.clock.pass_by(seconds=15)
        assert await shop.reverse() == [True]
        assert len(shop.network.messages) == told
        assert (await shop.find(sale)).amounts.tip == Money(1_00)
        assert shop.wrong() == []
