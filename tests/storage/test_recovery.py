"""Nothing stays in doubt: leases that run out, reversals that are repeated, answers that come too late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from bezant.core.money import Money
from bezant.core.outcomes import Answer, Declined, NotSent, Reason
from bezant.core.payments import Key, Kind, Payment, State, Stray
from tests.storage.shop import SILENCE, START, Shop, charge_of

pytestmark = pytest.mark.anyio

UNSENT = NotSent(cause="connection refused")
UNKNOWN_THERE = Declined(reason=Reason.ORIGINAL_NOT_FOUND, response_code="25")
NO_FUNDS = Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="51")


async def _lost_in_doubt(shop: Shop, *answers: Answer) -> Payment:
    shop.network.will_say(SILENCE, *answers)
    return await shop.sale()


class TestALeaseThatRanOut:
    @pytest.mark.parametrize("kind", [Kind.SALE, Kind.AUTHORIZATION])
    async def test_leaves_a_charge_in_doubt_and_a_late_yes_changes_nothing(
        self, shop: Shop, kind: Kind
    ) -> None:
        with shop.network.silent():
            waiting = asyncio.create_task(shop.charge(kind=kind))
            await shop.network.is_asked()
            assert await shop.give_up() == 1
            assert await shop.give_up() == 0
        late = (await waiting).payment
        assert (late.state, late.reason, late.approved) == (State.IN_DOUBT, Reason.NO_ANSWER, False)
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        assert (await shop.find(late)).state is State.REVERSED
        batch = await shop.reports.open_batch(shop.caller, limit=1, offset=0)
        assert batch.totals.count == 0
        assert shop.wrong() == []

    @pytest.mark.parametrize("answer", [NO_FUNDS, UNSENT, SILENCE], ids=["no", "not sent", "silence"])
    async def test_is_not_undone_by_any_other_late_answer(self, shop: Shop, answer: Answer) -> None:
        shop.network.will_say(answer)
        with shop.network.silent():
            waiting = asyncio.create_task(shop.sale())
            await shop.network.is_asked()
            await shop.give_up()
        assert (await waiting).state is State.IN_DOUBT
        assert await shop.reverse() == [True]
        assert shop.wrong() == []

    @pytest.mark.parametrize("answer", [None, NO_FUNDS], ids=["yes", "no"])
    async def test_ends_a_void_as_if_it_had_taken_place(self, shop: Shop, answer: Answer | None) -> None:
        sale = await shop.sale()
        shop.network.will_say(*[answer] if answer else [])
        with shop.network.silent():
            waiting = asyncio.create_task(shop.void(sale))
            await shop.network.is_asked()
            await shop.give_up()
        assert (await waiting).state is State.DONE
        assert (await shop.find(sale)).state is State.VOIDED
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        assert shop.wrong() == []

    @pytest.mark.parametrize("answer", [None, NO_FUNDS], ids=["yes", "no"])
    async def test_leaves_a_refund_in_doubt_with_its_reservation(
        self, shop: Shop, answer: Answer | None
    ) -> None:
        sale = await shop.sale(10_00)
        shop.network.will_say(*[answer] if answer else [])
        with shop.network.silent():
            waiting = asyncio.create_task(shop.refund(sale, 4_00))
            await shop.network.is_asked()
            await shop.give_up()
        assert (await waiting).state is State.IN_DOUBT
        assert (await shop.find(sale)).refunded == Money(4_00)
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        assert (await shop.find(sale)).refunded == Money(0)
        assert shop.wrong() == []

    async def test_is_found_once_by_two_processes(self, shop: Shop) -> None:
        with shop.network.silent():
            waiting = [asyncio.create_task(shop.sale(1_00 + n)) for n in range(5)]
            await shop.network.is_asked(times=5)
            shop.clock.pass_by(minutes=1)
            async with shop.other_process() as other:
                await asyncio.gather(shop.recovery.sweep(), other.recovery.sweep())
        assert {(await each).state for each in waiting} == {State.IN_DOUBT}
        assert await shop.reverse() == [True] * 5
        assert shop.wrong() == []

    async def test_is_a_finding_until_somebody_looks(self, shop: Shop) -> None:
        with shop.network.silent():
            waiting = asyncio.create_task(shop.sale())
            await shop.network.is_asked()
            shop.clock.pass_by(seconds=59)
            assert shop.wrong() == []
            shop.clock.pass_by(seconds=2)
            assert [finding.invariant for finding in shop.wrong()] == ["I6"]
            await shop.recovery.sweep()
            assert shop.wrong() == []
        await waiting

    async def test_answers_for_its_key(self, shop: Shop) -> None:
        key = Key(value="order-1", fingerprint=b"one request")
        with shop.network.silent():
            waiting = asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=key))
            await shop.network.is_asked()
            await shop.give_up()
            again = await shop.payments.charge(shop.caller, charge_of(), key=key)
        assert (again.replayed, again.payment.state) == (True, State.IN_DOUBT)
        assert (await waiting).payment == again.payment
        assert len(shop.network.messages) == 1


class TestAReversal:
    async def test_is_tried_at_growing_intervals(self, shop: Shop) -> None:
        await _lost_in_doubt(shop, *[SILENCE] * 9)
        began = shop.clock.now()
        tried: list[timedelta] = []
        while len(tried) < 9:
            reversal = (await shop.reversals())[0]
            shop.clock.pass_by(seconds=(reversal.next_try_at - shop.clock.now()).total_seconds())
            tried.append(shop.clock.now() - began)
            assert await shop.reverse() == [False]
            assert await shop.reverse() == []
        gaps = [(after - before).total_seconds() for before, after in pairwise(tried)]
        assert (tried[0].total_seconds(), gaps) == (
            0,
            [15, 60, 300, 1800, 7200, 3600, 3600, 3600],
        )
        assert [message.repeat for message in shop.network.messages[1:]] == [False] + [True] * 8
        assert shop.wrong() == []

    async def test_repeats_the_same_message(self, shop: Shop) -> None:
        await _lost_in_doubt(shop, SILENCE, SILENCE)
        for _ in range(3):
            await shop.reverse()
            shop.clock.pass_by(minutes=2)
        _, first, *repeats = shop.network.messages
        for repeat in repeats:
            assert (repeat.audit_number, repeat.retrieval_reference, repeat.sent_at, repeat.amount) == (
                first.audit_number,
                first.retrieval_reference,
                first.sent_at,
                first.amount,
            )
            assert (repeat.local_at, repeat.original, repeat.pan) == (
                first.local_at,
                first.original,
                first.pan,
            )

    async def test_calls_for_a_person_when_it_takes_long(self, shop: Shop) -> None:
        sale = await _lost_in_doubt(shop, *[SILENCE] * 9)
        await shop.reverse()
        reversal = await shop.reversal(sale)
        assert reversal is not None
        assert not reversal.escalated
        for _ in range(8):
            shop.clock.pass_by(hours=2)
            await shop.reverse()
        reversal = await shop.reversal(sale)
        assert reversal is not None
        assert reversal.escalated
        shop.clock.pass_by(hours=2)
        assert await shop.reverse() == [True]

    async def test_of_what_the_network_never_saw_ends_when_it_can_no_longer_arrive(self, shop: Shop) -> None:
        sale = await _lost_in_doubt(shop, UNKNOWN_THERE, UNKNOWN_THERE)
        assert await shop.reverse() == [False]
        assert (await shop.find(sale)).state is State.IN_DOUBT
        shop.clock.pass_by(seconds=60)
        assert await shop.reverse() == [True]
        assert (await shop.find(sale)).state is State.REVERSED
        assert shop.wrong() == []

    async def test_that_was_declined_is_tried_again(self, shop: Shop) -> None:
        sale = await _lost_in_doubt(shop, Declined(reason=Reason.SYSTEM_ERROR, response_code="96"))
        assert await shop.reverse() == [False]
        shop.clock.pass_by(seconds=15)
        assert await shop.reverse() == [True]
        assert (await shop.find(sale)).state is State.REVERSED

    async def test_that_never_left_us_is_tried_again_soon_and_is_no_repeat(self, shop: Shop) -> None:
        await _lost_in_doubt(shop, UNSENT, UNSENT, UNSENT)
        for _ in range(3):
            assert await shop.reverse() == [False]
            shop.clock.pass_by(seconds=15)
        assert await shop.reverse() == [True]
        assert {message.repeat for message in shop.network.messages} == {False}

    async def test_delays_no_other(self, shop: Shop) -> None:
        stuck = await _lost_in_doubt(shop, SILENCE)
        await shop.reverse()
        others = [await _lost_in_doubt(shop) for _ in range(3)]
        assert await shop.reverse() == [True] * 3
        assert {(await shop.find(each)).state for each in others} == {State.REVERSED}
        assert (await shop.find(stuck)).state is State.IN_DOUBT

    async def test_is_sent_by_one_of_two_processes(self, shop: Shop) -> None:
        await _lost_in_doubt(shop)
        (due,) = await shop.recovery.due()
        async with shop.other_process() as other:
            confirmed = await asyncio.gather(shop.recovery.attempt(due), other.recovery.attempt(due))
        assert sorted(confirmed) == [False, True]
        assert len(shop.network.messages) == 2
        assert shop.wrong() == []

    async def test_that_nobody_finished_is_taken_up_again(self, shop: Shop) -> None:
        """A process that died with a reversal on its way holds it no longer than its lease."""
        sale = await _lost_in_doubt(shop)
        with shop.network.silent():
            dying = asyncio.create_task(shop.reverse())
            await shop.network.is_asked()
            dying.cancel()
        assert await shop.recovery.due() == []
        shop.clock.pass_by(seconds=45)
        assert await shop.reverse() == [True]
        assert (await shop.find(sale)).state is State.REVERSED
        assert shop.network.messages[-1].repeat
        assert shop.wrong() == []

    async def test_is_no_obstacle_to_new_sales(self, shop: Shop) -> None:
        await _lost_in_doubt(shop, SILENCE)
        await shop.reverse()
        assert (await shop.sale()).approved
        assert (await shop.settlements.settle(shop.caller)).totals.sale_count == 1
        assert shop.wrong() == []


class TestAStrayAnswer:
    async def test_is_kept(self, shop: Shop) -> None:
        stray = Stray(
            kind="late",
            received_at=START,
            terminal_number="82000010",
            audit_number=7,
            retrieval_reference="608305501153",
            response_code="00",
            approval_code="TAS001",
            amount_minor=10_00,
        )
        await shop.recovery.keep_stray(stray)
        await shop.recovery.keep_stray(stray)
        assert shop.count("strays") == 2
