"""Payments through the real storage: what a caller is told, what is booked, and what is taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.outcomes import Approved, Declined, NotSent, Reason, Refused
from bezant.core.payments import Key, Kind, Payment, Reference, Refund, State
from bezant.core.payments.messages import Ask
from bezant.core.sensitive import Cvv
from tests.storage.shop import CARD, OTHER_CARD, SILENCE, Shop, charge_of

pytestmark = pytest.mark.anyio

NO_FUNDS = Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="51")
UNKNOWN_THERE = Declined(reason=Reason.ORIGINAL_NOT_FOUND, response_code="25")
UNSENT = NotSent(cause="connection refused")
KEY = Key(value="order-1", fingerprint=b"one request")
OTHER = Key(value="order-1", fingerprint=b"another request")

LATE = datetime(2100, 1, 1, tzinfo=UTC)


def _reference(payment: Payment) -> Reference:
    return Reference(payment_id=payment.payment_id)


class TestASale:
    async def test_that_is_approved_is_captured_in_the_open_batch(self, shop: Shop) -> None:
        sale = await shop.sale(20_00, tax=Money(1_65), fee=Money(60), tip=Money(3_00))
        assert (sale.state, sale.approved, sale.approval_code) == (State.CAPTURED, True, "TAS001")
        assert (sale.batch_number, sale.audit_number, sale.transaction_number) == (1, 1, 1)
        batch = await shop.reports.open_batch(shop.caller, limit=10, offset=0)
        assert (batch.totals.sold, batch.totals.sale_count, batch.totals.tip_count) == (25_25, 1, 1)
        assert await shop.find(sale) == sale
        assert shop.wrong() == []

    async def test_tells_the_network_what_it_needs_to_know(self, shop: Shop) -> None:
        outcome = await shop.payments.charge(shop.caller, structs.replace(charge_of(), cvv=Cvv("999")))
        (message,) = shop.network.messages
        assert (message.ask, message.pan, message.cvv, message.expiry) == (
            Ask.SALE,
            CARD,
            Cvv("999"),
            "2812",
        )
        assert message.endpoint == shop.caller.terminal.endpoints[Profile.TRADITIONAL]
        assert message.audit_number == outcome.payment.audit_number
        assert message.sent_at < message.deadline_at < outcome.payment.lease_until
        assert (message.original, message.repeat) == (None, False)

    async def test_that_is_declined_leaves_nothing_in_the_batch(self, shop: Shop) -> None:
        shop.network.will_say(NO_FUNDS)
        sale = await shop.sale()
        assert (sale.state, sale.reason, sale.response_code) == (
            State.DECLINED,
            Reason.INSUFFICIENT_FUNDS,
            "51",
        )
        assert sale.transaction_number is None
        assert (await shop.sale()).transaction_number == 1
        assert shop.wrong() == []

    async def test_that_never_left_us_is_declined_and_not_reversed(self, shop: Shop) -> None:
        shop.network.will_say(UNSENT)
        sale = await shop.sale()
        assert (sale.state, sale.reason) == (State.DECLINED, Reason.NOT_REACHED)
        assert await shop.reversal(sale) is None
        assert shop.wrong() == []

    async def test_without_an_answer_is_in_doubt_until_it_is_reversed(self, shop: Shop) -> None:
        shop.network.will_say(SILENCE)
        sale = await shop.sale()
        assert (sale.state, sale.reason, sale.approved) == (State.IN_DOUBT, Reason.NO_ANSWER, False)
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        reversed_sale = await shop.find(sale)
        assert (reversed_sale.state, reversed_sale.reason) == (State.REVERSED, Reason.NO_ANSWER)
        asked, taken_back = shop.network.messages
        assert (taken_back.ask, taken_back.repeat) == (Ask.REVERSE, False)
        assert (taken_back.audit_number, taken_back.amount) == (asked.audit_number, asked.amount)
        assert taken_back.original is not None
        assert (taken_back.original.ask, taken_back.original.sent_at) == (Ask.SALE, asked.sent_at)
        assert await shop.reverse() == []
        assert shop.wrong() == []

    async def test_may_be_approved_in_part(self, shop: Shop) -> None:
        shop.network.will_say(Approved(approval_code="TAS9", response_code="10", amount=Money(4_00)))
        sale = await shop.sale(10_00, tip=Money(1_00))
        assert (sale.partial, sale.amounts.base, sale.amounts.tip) == (True, Money(3_00), Money(1_00))
        assert shop.wrong() == []

    async def test_on_a_profile_that_the_terminal_lacks_is_refused(self, shop: Shop) -> None:
        terminal = replace(
            shop.caller.terminal,
            endpoints={Profile.SURCHARGE: shop.caller.terminal.endpoints[Profile.SURCHARGE]},
        )
        with pytest.raises(Refused) as refusal:
            await shop.payments.charge(structs.replace(shop.caller, terminal=terminal), charge_of())
        assert refusal.value.reason is Reason.NO_PROFILE
        assert shop.network.messages == []

    async def test_never_waits_for_another_terminals(self, shop: Shop) -> None:
        other = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        with shop.network.silent():
            waiting = asyncio.create_task(shop.sale())
            await shop.network.is_asked()
            seen = await shop.reports.open_batch(other, limit=10, offset=0)
        assert seen.totals.count == 0
        assert (await waiting).approved

    async def test_is_one_of_many_at_once(self, shop: Shop) -> None:
        others = [await shop.another_caller() for _ in range(4)]
        outcomes = await asyncio.gather(
            *(shop.payments.charge(caller, charge_of(100 + n)) for caller in others for n in range(25))
        )
        assert all(outcome.payment.approved for outcome in outcomes)
        assert len({outcome.payment.payment_id for outcome in outcomes}) == 100
        for caller in others:
            batch = await shop.reports.open_batch(caller, limit=100, offset=0)
            numbers = sorted(each.transaction_number or 0 for each in batch.members.payments)
            assert numbers == list(range(1, 26))
        assert shop.wrong() == []


class TestACardsToken:
    async def test_is_charged_like_the_card(self, shop: Shop) -> None:
        first = await shop.sale()
        assert first.card is not None
        charge = structs.replace(charge_of(), pan=None, token=first.card.token)
        second = (await shop.payments.charge(shop.caller, charge)).payment
        assert (second.state, second.card) == (State.CAPTURED, first.card)
        assert shop.network.messages[1].pan == CARD

    async def test_that_is_unknown_is_declined_without_asking(self, shop: Shop) -> None:
        charge = structs.replace(charge_of(), pan=None, token="A" * 40)
        sale = (await shop.payments.charge(shop.caller, charge)).payment
        assert (sale.state, sale.reason, sale.audit_number) == (State.DECLINED, Reason.UNKNOWN_TOKEN, None)
        assert shop.network.messages == []
        assert (await shop.find(sale)) == sale
        assert shop.wrong() == []

    async def test_of_another_merchant_is_unknown(self, shop: Shop) -> None:
        card = (await shop.sale()).card
        assert card is not None
        other = await shop.another_caller()
        charge = structs.replace(charge_of(), pan=None, token=card.token)
        sale = (await shop.payments.charge(other, charge)).payment
        assert sale.reason is Reason.UNKNOWN_TOKEN


class TestAVoid:
    @pytest.mark.parametrize("kind", [Kind.SALE, Kind.AUTHORIZATION])
    async def test_takes_a_charge_back(self, shop: Shop, kind: Kind) -> None:
        charge = (await shop.charge(kind=kind)).payment
        void = await shop.void(charge)
        assert (void.state, void.approved, void.amounts) == (State.DONE, True, charge.amounts)
        assert void.retrieval_reference == charge.retrieval_reference
        assert void.approval_code == charge.approval_code
        assert (await shop.find(charge)).state is State.VOIDED
        message = shop.network.messages[1]
        assert (message.ask, message.amount, message.pan) == (Ask.REVERSE, charge.amounts.total, CARD)
        assert message.original is not None
        assert message.original.audit_number == charge.audit_number
        batch = await shop.reports.open_batch(shop.caller, limit=10, offset=0)
        assert batch.totals.count == 0
        assert shop.wrong() == []

    async def test_takes_a_refund_back_which_can_then_be_given_again(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        refund = await shop.refund(sale, 10_00)
        assert (await shop.find(sale)).refundable == Money(0)
        assert (await shop.void(refund)).approved
        assert (await shop.find(refund)).state is State.VOIDED
        freed = await shop.find(sale)
        assert (freed.refundable, freed.refund_count) == (Money(10_00), 0)
        assert shop.wrong() == []
        assert (await shop.refund(sale, 4_00)).approved
        assert shop.wrong() == []

    async def test_takes_place_once(self, shop: Shop) -> None:
        sale = await shop.sale()
        await shop.void(sale)
        again = await shop.void(sale)
        assert (again.state, again.reason) == (State.DECLINED, Reason.ALREADY_VOIDED)
        assert len(shop.network.messages) == 2
        assert shop.wrong() == []

    async def test_takes_place_once_whoever_asks_at_the_same_time(self, shop: Shop) -> None:
        sale = await shop.sale()
        with shop.network.silent():
            waiting = [asyncio.create_task(shop.void(sale)) for _ in range(8)]
            await shop.network.is_asked()
        voids = [await each for each in waiting]
        assert sorted(void.state for void in voids) == [State.DECLINED] * 7 + [State.DONE]
        assert {void.reason for void in voids} == {None, Reason.ALREADY_VOIDED}
        assert len(shop.network.messages) == 2
        assert shop.wrong() == []

    async def test_is_too_late_after_settlement(self, shop: Shop) -> None:
        sale = await shop.sale()
        await shop.settlements.settle(shop.caller)
        late = await shop.void(sale)
        assert (late.state, late.reason) == (State.DECLINED, Reason.ORIGINAL_NOT_FOUND)
        assert shop.wrong() == []

    async def test_is_not_for_a_sale_that_was_refunded(self, shop: Shop) -> None:
        sale = await shop.sale()
        await shop.refund(sale, 1)
        assert (await shop.void(sale)).reason is Reason.ORIGINAL_NOT_FOUND
        assert shop.wrong() == []

    async def test_is_not_for_a_void(self, shop: Shop) -> None:
        void = await shop.void(await shop.sale())
        assert (await shop.void(void)).reason is Reason.ORIGINAL_NOT_FOUND

    @pytest.mark.parametrize("answer", [NO_FUNDS, UNSENT], ids=["declined", "not sent"])
    async def test_that_fails_returns_the_sale_to_the_batch(
        self, shop: Shop, answer: Declined | NotSent
    ) -> None:
        sale = await shop.sale(7_00)
        shop.network.will_say(answer)
        void = await shop.void(sale)
        assert void.state is State.DECLINED
        back = await shop.find(sale)
        assert (back.state, back.batch_number) == (State.CAPTURED, sale.batch_number)
        assert back.transaction_number == sale.transaction_number
        batch = await shop.reports.open_batch(shop.caller, limit=10, offset=0)
        assert batch.totals.sold == 7_00
        assert shop.wrong() == []
        assert (await shop.void(sale)).approved
        assert shop.wrong() == []

    async def test_that_fails_after_the_batch_was_settled_moves_the_sale_to_the_next(
        self, shop: Shop
    ) -> None:
        sale = await shop.sale(7_00)
        await shop.sale(1_00)
        shop.network.will_say(NO_FUNDS)
        with shop.network.silent():
            waiting = asyncio.create_task(shop.void(sale))
            await shop.network.is_asked()
            assert shop.wrong() == []
            settling = asyncio.create_task(shop.settlements.settle(shop.caller))
            await shop.network.is_asked()
        await waiting
        assert (await settling).totals.sold == 1_00
        back = await shop.find(sale)
        assert (back.state, back.batch_number, back.transaction_number) == (State.CAPTURED, 2, 1)
        assert shop.wrong() == []
        assert (await shop.settlements.settle(shop.caller)).totals.sold == 7_00
        assert shop.wrong() == []

    async def test_of_an_authorization_that_fails_leaves_it_as_it_was(self, shop: Shop) -> None:
        held = await shop.authorization()
        shop.network.will_say(NO_FUNDS)
        assert (await shop.void(held)).state is State.DECLINED
        assert (await shop.find(held)).state is State.AUTHORIZED
        assert shop.wrong() == []

    async def test_without_an_answer_takes_place_and_is_repeated(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.network.will_say(SILENCE, SILENCE)
        void = await shop.void(sale)
        assert (void.state, void.approved) == (State.DONE, True)
        assert (await shop.find(sale)).state is State.VOIDED
        assert shop.wrong() == []
        assert await shop.reverse() == [False]
        shop.clock.pass_by(seconds=15)
        assert await shop.reverse() == [True]
        asked, *repeats = shop.network.messages[1:]
        assert [repeat.repeat for repeat in repeats] == [True, True]
        for repeat in repeats:
            assert (repeat.ask, repeat.audit_number, repeat.sent_at) == (
                asked.ask,
                asked.audit_number,
                asked.sent_at,
            )
            assert (repeat.amount, repeat.original) == (asked.amount, asked.original)
        assert shop.wrong() == []

    async def test_names_its_original_by_the_networks_numbers_too(self, shop: Shop) -> None:
        sale = await shop.sale()
        reference = Reference(
            retrieval_reference=sale.retrieval_reference,
            audit_number=sale.audit_number,
            approval_code=sale.approval_code,
            base=sale.amounts.base,
        )
        assert (await shop.payments.void(shop.caller, reference)).payment.original_id == sale.payment_id

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"transaction_number": 2}, Reason.WRONG_TRANSACTION_NUMBER),
            ({"audit_number": 2}, Reason.WRONG_AUDIT_NUMBER),
        ],
        ids=lambda value: getattr(value, "value", None),
    )
    async def test_with_another_payments_number_is_refused(
        self, shop: Shop, wrong: dict[str, int], reason: Reason
    ) -> None:
        sale = await shop.sale()
        with pytest.raises(Refused) as refusal:
            await shop.payments.void(
                shop.caller,
                Reference(
                    payment_id=sale.payment_id,
                    transaction_number=wrong.get("transaction_number"),
                    audit_number=wrong.get("audit_number"),
                ),
                key=KEY,
            )
        assert refusal.value.reason is reason
        assert (await shop.payments.void(shop.caller, _reference(sale), key=OTHER)).payment.approved

    async def test_that_does_not_fit_in_something_else_finds_nothing(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        for misfit in (
            replace(_reference(sale), approval_code="TAS999"),
            replace(_reference(sale), base=Money(9_99)),
            replace(_reference(sale), retrieval_reference="000000000000"),
            Reference(payment_id=sale.payment_id + 1),
            Reference(),
        ):
            void = (await shop.payments.void(shop.caller, misfit)).payment
            assert void.reason is Reason.ORIGINAL_NOT_FOUND
        assert shop.wrong() == []

    async def test_of_another_merchants_sale_finds_nothing(self, shop: Shop) -> None:
        sale = await shop.sale()
        same = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        for stranger in (await shop.another_caller(), same):
            void = (await shop.payments.void(stranger, _reference(sale))).payment
            assert void.reason is Reason.ORIGINAL_NOT_FOUND
            refund = Refund(original=_reference(sale), amount=Money(1))
            assert (await shop.payments.refund(stranger, refund)).payment.original_id is None
        assert (await shop.find(sale)).state is State.CAPTURED
        assert shop.wrong() == []


class TestARefund:
    async def test_of_a_part_can_be_followed_by_the_rest(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        first = await shop.refund(sale, 4_00)
        assert (first.state, first.amounts.total, first.original_id) == (
            State.CAPTURED,
            Money(4_00),
            sale.payment_id,
        )
        await shop.settlements.settle(shop.caller)
        assert (await shop.refund(sale, 6_00)).approved
        assert (await shop.find(sale)).refundable == Money(0)
        assert shop.wrong() == []

    async def test_of_more_than_is_left_is_declined(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        await shop.refund(sale, 4_00)
        over = await shop.refund(sale, 6_01)
        assert (over.state, over.reason) == (State.DECLINED, Reason.EXCEEDS_REFUNDABLE)
        assert len(shop.network.messages) == 2
        assert shop.wrong() == []

    async def test_of_more_than_is_left_is_declined_at_once_too(self, shop: Shop) -> None:
        """Money that refunds under way have reserved is not there for others."""
        sale = await shop.sale(10_00)
        refunds = await asyncio.gather(*(shop.refund(sale, 3_00) for _ in range(10)))
        assert sorted(refund.state for refund in refunds) == [State.CAPTURED] * 3 + [State.DECLINED] * 7
        assert shop.wrong() == []

    async def test_of_a_voided_sale_is_declined(self, shop: Shop) -> None:
        sale = await shop.sale()
        await shop.void(sale)
        refund = await shop.refund(sale, 1)
        assert (refund.reason, refund.original_id) == (Reason.ORIGINAL_NOT_FOUND, sale.payment_id)
        assert shop.wrong() == []

    async def test_of_what_is_no_sale_is_declined(self, shop: Shop) -> None:
        refund = await shop.refund(await shop.sale(), 1)
        for other in (await shop.authorization(), refund):
            assert (await shop.refund(other, 1)).reason is Reason.ORIGINAL_NOT_FOUND

    @pytest.mark.parametrize("answer", [NO_FUNDS, UNSENT], ids=["declined", "not sent"])
    async def test_that_fails_frees_what_it_had_reserved(
        self, shop: Shop, answer: Declined | NotSent
    ) -> None:
        sale = await shop.sale(10_00)
        shop.network.will_say(answer)
        assert (await shop.refund(sale, 10_00)).state is State.DECLINED
        assert (await shop.find(sale)).refundable == Money(10_00)
        assert (await shop.refund(sale, 10_00)).approved
        assert shop.wrong() == []

    async def test_in_doubt_holds_its_reservation_until_it_is_reversed(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        shop.network.will_say(SILENCE)
        assert (await shop.refund(sale, 10_00)).state is State.IN_DOUBT
        assert (await shop.refund(sale, 1)).reason is Reason.EXCEEDS_REFUNDABLE
        assert shop.wrong() == []
        assert await shop.reverse() == [True]
        assert (await shop.refund(sale, 10_00)).approved
        assert shop.wrong() == []

    async def test_may_go_to_another_card_of_the_vault(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        other = (await shop.payments.charge(shop.caller, charge_of(pan=OTHER_CARD))).payment
        assert other.card is not None
        refund = Refund(original=_reference(sale), amount=Money(5_00), token=other.card.token)
        given = (await shop.payments.refund(shop.caller, refund)).payment
        assert given.card == other.card
        assert shop.network.messages[-1].pan == OTHER_CARD
        unknown = replace(refund, token="0" * 40)
        declined = (await shop.payments.refund(shop.caller, unknown)).payment
        assert declined.reason is Reason.UNKNOWN_TOKEN
        assert shop.wrong() == []


class TestASettlement:
    async def test_closes_the_batch_and_opens_the_next(self, shop: Shop) -> None:
        sale = await shop.sale(10_00, tax=Money(80))
        voided = await shop.sale(5_00)
        held = await shop.authorization(50_00)
        await shop.refund(sale, 4_00)
        await shop.void(voided)
        settlement = await shop.settlements.settle(shop.caller)
        assert (settlement.batch_number, settlement.reason) == (1, None)
        assert (settlement.totals.sold, settlement.totals.refunded) == (10_80, 4_00)
        (told,) = shop.network.totals
        assert (told.debit_count, told.debits, told.credit_count, told.credits) == (
            1,
            Money(10_80),
            1,
            Money(4_00),
        )
        assert (await shop.find(sale)).state is State.SETTLED
        assert (await shop.find(voided)).state is State.VOIDED
        assert (await shop.find(held)).state is State.AUTHORIZED
        following = await shop.sale()
        assert (following.batch_number, following.transaction_number) == (2, 1)
        assert following.audit_number == 7
        assert shop.wrong() == []

    async def test_tells_each_merchant_account_its_share(self, shop: Shop) -> None:
        await shop.sale(10_00)
        surcharged = structs.replace(charge_of(3_00), profile=Profile.SURCHARGE)
        await shop.payments.charge(shop.caller, surcharged)
        await shop.settlements.settle(shop.caller)
        assert {told.endpoint: told.net for told in shop.network.totals} == {
            shop.caller.terminal.endpoints[Profile.TRADITIONAL]: Money(10_00),
            shop.caller.terminal.endpoints[Profile.SURCHARGE]: Money(3_00),
        }
        assert shop.wrong() == []

    async def test_of_an_empty_batch_asks_nobody(self, shop: Shop) -> None:
        empty = await shop.settlements.settle(shop.caller)
        assert (empty.batch_number, empty.totals.count, empty.reason) == (1, 0, None)
        await shop.void(await shop.sale())
        assert (await shop.settlements.settle(shop.caller)).totals.count == 0
        assert shop.network.totals == []
        assert shop.wrong() == []

    async def test_of_sales_that_refunds_cancel_out_is_a_settlement(self, shop: Shop) -> None:
        sale = await shop.sale(5_00)
        await shop.refund(sale, 5_00)
        settlement = await shop.settlements.settle(shop.caller)
        assert (settlement.totals.net, settlement.totals.count) == (0, 2)
        assert (await shop.find(sale)).state is State.SETTLED
        assert shop.wrong() == []

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (SILENCE, Reason.NO_ANSWER),
            (UNSENT, Reason.NOT_REACHED),
            (Declined(reason=Reason.BATCH_MISMATCH, response_code="95"), Reason.BATCH_MISMATCH),
        ],
        ids=["no answer", "not sent", "declined"],
    )
    async def test_that_is_not_confirmed_is_told_again(
        self, shop: Shop, answer: Declined | NotSent, reason: Reason
    ) -> None:
        sale = await shop.sale(10_00)
        shop.network.will_say(answer)
        settlement = await shop.settlements.settle(shop.caller)
        assert (settlement.reason, settlement.totals.sold) == (reason, 10_00)
        assert (await shop.find(sale)).state is State.CAPTURED
        assert shop.wrong() == []
        meanwhile = await shop.sale(3_00)
        assert meanwhile.batch_number == 2
        again = await shop.settlements.settle(shop.caller)
        assert (again.batch_number, again.reason, again.totals.sold) == (1, None, 10_00)
        assert [told.repeat for told in shop.network.totals] == [False, True]
        assert (await shop.find(meanwhile)).state is State.CAPTURED
        assert shop.wrong() == []
        assert (await shop.settlements.settle(shop.caller)).batch_number == 2
        assert shop.wrong() == []

    async def test_that_is_not_confirmed_is_finished_by_the_timetable(self, shop: Shop) -> None:
        await shop.sale(10_00)
        shop.network.will_say(SILENCE)
        await shop.settlements.settle(shop.caller)
        unsettled = await shop.sale(3_00)
        assert await shop.units.read(lambda unit: unit.batches.unconfirmed(real=LATE, grace=timedelta())) == [
            shop.caller.key
        ]
        await shop.settlements.finish(shop.caller)
        await shop.settlements.finish(shop.caller)
        assert (
            await shop.units.read(lambda unit: unit.batches.unconfirmed(real=LATE, grace=timedelta())) == []
        )
        assert (await shop.find(unsettled)).state is State.CAPTURED
        assert len(shop.network.totals) == 2
        assert shop.wrong() == []

    async def test_is_one_however_often_it_is_asked_for_at_once(self, shop: Shop) -> None:
        for minor in (1_00, 2_00, 3_00):
            await shop.sale(minor)
        found = await asyncio.gather(*(shop.settlements.settle(shop.caller) for _ in range(8)))
        assert {settlement.reason for settlement in found} == {None}
        assert {settlement.totals.sold for settlement in found} <= {0, 6_00}
        assert 6_00 in {settlement.totals.sold for settlement in found}
        batch = await shop.reports.open_batch(shop.caller, limit=1, offset=0)
        assert batch.number == 2
        assert shop.wrong() == []

    async def test_is_empty_only_once_what_came_before_is_closed(self, shop: Shop) -> None:
        """Not even for two who ask in one breath."""
        await shop.sale(6_00)
        shop.network.will_say(*[SILENCE] * 8)
        found = await asyncio.gather(*(shop.settlements.settle(shop.caller) for _ in range(8)))
        assert [settlement.reason for settlement in found] == [Reason.NO_ANSWER] * 8
        assert {settlement.batch_number for settlement in found} == {1}
        assert shop.wrong() == []

    async def test_among_sales_takes_each_into_one_batch(self, shop: Shop) -> None:
        sales = [shop.sale(1_00 + n) for n in range(40)]
        settling = [shop.settlements.settle(shop.caller) for _ in range(5)]
        mixed = [work for pair in zip(sales[:5], settling, strict=True) for work in pair]
        await asyncio.gather(*mixed, *sales[5:])
        assert shop.wrong() == []
        while (await shop.settlements.settle(shop.caller)).totals.count:
            pass
        settled = await asyncio.to_thread(_sum_of_settlements, shop)
        assert settled == sum(1_00 + n for n in range(40))
        assert shop.wrong() == []


class TestAnIdempotencyKey:
    async def test_gives_the_first_answer_again(self, shop: Shop) -> None:
        first = await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        again = await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        assert (first.replayed, again.replayed) == (False, True)
        assert again.payment == first.payment
        assert len(shop.network.messages) == 1
        assert shop.wrong() == []

    @pytest.mark.parametrize("answer", [NO_FUNDS, SILENCE], ids=["declined", "in doubt"])
    async def test_gives_a_no_again_too(self, shop: Shop, answer: Declined) -> None:
        shop.network.will_say(answer)
        first = await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        again = await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        assert again.payment == first.payment
        assert len(shop.network.messages) == 1

    async def test_with_another_request_is_refused(self, shop: Shop) -> None:
        await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        with pytest.raises(Refused) as refusal:
            await shop.payments.charge(shop.caller, charge_of(5), key=OTHER)
        assert refusal.value.reason is Reason.KEY_REUSED
        assert len(shop.network.messages) == 1

    async def test_is_a_terminals_own(self, shop: Shop) -> None:
        other = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        await shop.payments.charge(shop.caller, charge_of(), key=KEY)
        assert not (await shop.payments.charge(other, charge_of(5), key=OTHER)).replayed
        assert shop.wrong() == []

    async def test_makes_a_twin_wait_for_the_first(self, shop: Shop) -> None:
        with shop.network.silent():
            first = asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=KEY))
            await shop.network.is_asked()
            twins = [
                asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=KEY)) for _ in range(4)
            ]
            await asyncio.sleep(0.15)
        outcomes = [await each for each in (first, *twins)]
        assert {outcome.payment.payment_id for outcome in outcomes} == {outcomes[0].payment.payment_id}
        assert [outcome.replayed for outcome in outcomes] == [False, True, True, True, True]
        assert len(shop.network.messages) == 1
        assert shop.wrong() == []

    async def test_makes_a_twin_give_up_in_the_end(self, shop: Shop) -> None:
        with shop.network.silent():
            first = asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=KEY))
            await shop.network.is_asked()
            with pytest.raises(Refused) as refusal:
                await shop.impatient().charge(shop.caller, charge_of(), key=KEY)
        assert refusal.value.reason is Reason.KEY_IN_FLIGHT
        assert (await first).payment.approved

    async def test_makes_a_twin_give_up_as_soon_when_the_database_is_slow(self, shop: Shop) -> None:
        looks = 0

        async def slow_look(seconds: float) -> None:
            nonlocal looks
            looks += 1
            shop.clock.pass_by(seconds=3)

        with shop.network.silent():
            first = asyncio.create_task(shop.payments.charge(shop.caller, charge_of(), key=KEY))
            await shop.network.is_asked()
            with pytest.raises(Refused) as refusal:
                await shop.impatient(slow_look).charge(shop.caller, charge_of(), key=KEY)
        assert refusal.value.reason is Reason.KEY_IN_FLIGHT
        assert looks == 2
        assert (await first).payment.approved

    async def test_charges_once_whoever_asks_in_one_breath(self, shop: Shop) -> None:
        outcomes = await asyncio.gather(
            *(shop.payments.charge(shop.caller, charge_of(), key=KEY) for _ in range(20))
        )
        assert len({outcome.payment.payment_id for outcome in outcomes}) == 1
        assert len(shop.network.messages) == 1
        assert shop.wrong() == []

    async def test_charges_once_whichever_process_is_asked(self, shop: Shop) -> None:
        async with shop.other_process() as other:
            for round_ in range(10):
                key = Key(value=f"order {round_}", fingerprint=b"the same")
                outcomes = await asyncio.gather(
                    *(
                        each.payments.charge(shop.caller, charge_of(), key=key)
                        for each in (shop, other, shop, other)
                    )
                )
                assert len({outcome.payment.payment_id for outcome in outcomes}) == 1
        assert len(shop.network.messages) == 10
        assert shop.wrong() == []

    async def test_holds_for_refunds_and_voids(self, shop: Shop) -> None:
        sale = await shop.sale(10_00)
        refund = Refund(original=_reference(sale), amount=Money(2_00))
        refunds = [await shop.payments.refund(shop.caller, refund, key=KEY) for _ in range(2)]
        assert refunds[0].payment == refunds[1].payment
        other = await shop.sale()
        void_key = Key(value="void-1", fingerprint=b"void")
        voids = [await shop.payments.void(shop.caller, _reference(other), key=void_key) for _ in range(2)]
        assert voids[0].payment == voids[1].payment
        assert voids[1].payment.approved
        assert (await shop.find(sale)).refunded == Money(2_00)
        assert shop.wrong() == []

    async def test_of_a_settlement_answers_for_the_batch_that_it_closed(self, shop: Shop) -> None:
        await shop.sale(10_00)
        first = await shop.settlements.settle(shop.caller, key=KEY)
        await shop.sale(5_00)
        again = await shop.settlements.settle(shop.caller, key=KEY)
        assert (again.batch_number, again.totals) == (first.batch_number, first.totals)
        assert len(shop.network.totals) == 1
        with pytest.raises(Refused):
            await shop.settlements.settle(shop.caller, key=OTHER)
        assert shop.wrong() == []

    async def test_of_a_settlement_that_found_nothing_still_finds_nothing(self, shop: Shop) -> None:
        await shop.settlements.settle(shop.caller, key=KEY)
        await shop.sale(5_00)
        again = await shop.settlements.settle(shop.caller, key=KEY)
        assert (again.batch_number, again.totals.count) == (1, 0)
        assert shop.network.totals == []
        assert shop.wrong() == []

    async def test_of_a_settlement_that_finished_an_earlier_one_answers_for_that(self, shop: Shop) -> None:
        await shop.sale(10_00)
        shop.network.will_say(SILENCE)
        await shop.settlements.settle(shop.caller)
        first = await shop.settlements.settle(shop.caller, key=KEY)
        again = await shop.settlements.settle(shop.caller, key=KEY)
        assert first.reason is None
        assert (again.batch_number, again.totals) == (first.batch_number, first.totals)
        assert shop.wrong() == []

    async def test_of_a_settlement_that_was_not_confirmed_tells_it_again(self, shop: Shop) -> None:
        await shop.sale(10_00)
        shop.network.will_say(SILENCE)
        first = await shop.settlements.settle(shop.caller, key=KEY)
        again = await shop.settlements.settle(shop.caller, key=KEY)
        assert (first.reason, again.reason) == (Reason.NO_ANSWER, None)
        assert first.totals == again.totals
        assert shop.wrong() == []


def _sum_of_settlements(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT SUM(minor) FROM postings WHERE account = 'acquirer_receivable'"
        )
        return int(found.scalar_one())
