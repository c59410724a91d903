"""Gift cards over real storage and a real host: every use case, every silence, every race."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import text

from bezant.core.gift import Kind, Movement, State
from bezant.core.gift.guard import LOCK, MISSES_IN_A_WAVE_MAX, MISSES_MAX, WAVE, WINDOW
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Key
from tests.storage.gift_counter import LOW, STOCK, Counter, card, open_counter
from tests.storage.shop import Shop, charge_of

pytestmark = pytest.mark.anyio

UNKNOWN = "7319520000099999999"
SILENT: Final[dict[str, object]] = {"silent": True}
KEY = Key(value="order-1", fingerprint=b"one request")

Act = Callable[[Counter], Awaitable[Movement]]
ACTS: Final[dict[str, Act]] = {
    "a redemption": lambda c: c.redeem(4_00),
    "a load": lambda c: c.load(4_00),
    "an activation": lambda c: c.activate(4_00),
    "an activation with nothing": lambda c: c.activate(0),
    "a deactivation": lambda c: c.deactivate(),
}


@pytest.fixture
async def counter(shop: Shop) -> AsyncIterator[Counter]:
    async with open_counter(shop) as counter:
        yield counter
        assert counter.wrong() == []


class TestACard:
    async def test_is_activated_loaded_spent_refunded_and_paid_out(self, counter: Counter) -> None:
        done = [await counter.activate(25_00), await counter.load(5_00, STOCK)]
        sale = await counter.redeem(12_00, STOCK)
        done += [sale, await counter.refund(sale, 2_00), await counter.deactivate(STOCK)]
        assert [movement.state for movement in done] == [State.BOOKED] * 5
        assert [movement.balance for movement in done] == [
            Money(minor) for minor in (25_00, 30_00, 18_00, 20_00, 0)
        ]
        assert done[-1].amount == Money(20_00)
        assert [movement.transaction_number for movement in done] == [1, 2, 3, 4, 5]

    async def test_is_never_stored_by_its_number(self, counter: Counter) -> None:
        await counter.redeem(1_00, pin="00000417")
        with counter.shop.engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM gift_movements")).all()
        assert len(rows) == 1
        assert LOW not in str(rows)
        assert "0417" not in str(rows)

    async def test_tells_its_balance_and_moves_nothing(self, counter: Counter) -> None:
        enquiry = await counter.cards.balance(counter.caller, card())
        assert (enquiry.balance, enquiry.reason) == (Money(10_00), None)
        assert (enquiry.transaction_number, enquiry.audit_number) == (1, 1)
        sale = await counter.redeem(1_00)
        assert (sale.transaction_number, sale.audit_number) == (1, 2)
        assert counter.shop.count("gift_movements") == 1

    async def test_is_another_merchants_own(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        stranger = await counter.shop.another_caller()
        sister = await counter.shop.another_caller(merchant_id=counter.caller.merchant.merchant_id)
        for other in (stranger, sister):
            for outcome in (
                await counter.cards.void(other, sale.movement_id),
                await counter.cards.refund(other, sale.movement_id, Money(1)),
            ):
                assert outcome.movement.reason is Reason.ORIGINAL_NOT_FOUND
        assert (await counter.cards.balance(stranger, card())).balance == Money(10_00)
        assert (await counter.cards.balance(sister, card())).balance == Money(6_00)


class TestARefusal:
    CASES: Final[dict[str, tuple[Act, Reason]]] = {
        "too much": (lambda c: c.redeem(10_01), Reason.INSUFFICIENT_FUNDS),
        "an unknown card": (lambda c: c.redeem(1, UNKNOWN), Reason.UNKNOWN_GIFT_CARD),
        "an inactive card": (lambda c: c.redeem(1, STOCK), Reason.GIFT_CARD_INACTIVE),
        "a wrong pin": (lambda c: c.redeem(1, pin="9"), Reason.WRONG_PIN),
        "a load of an unknown card": (lambda c: c.load(1, UNKNOWN), Reason.UNKNOWN_GIFT_CARD),
        "too much in a day": (lambda c: c.load(1_000_01), Reason.AMOUNT_LIMIT),
        "an active card": (lambda c: c.activate(1, LOW), Reason.GIFT_CARD_ACTIVE),
        "nothing to deactivate": (lambda c: c.deactivate(STOCK), Reason.GIFT_CARD_INACTIVE),
    }

    @pytest.mark.parametrize("case", CASES)
    async def test_says_why_and_moves_nothing(self, counter: Counter, case: str) -> None:
        act, reason = self.CASES[case]
        refused = await act(counter)
        assert (refused.state, refused.reason) == (State.DECLINED, reason)
        assert refused.transaction_number is None
        assert counter.balance() == 10_00
        assert counter.shop.count("postings") == 0

    async def test_follows_when_the_host_is_away(self, counter: Counter) -> None:
        await counter.host.stop()
        refused = await counter.redeem(1_00)
        assert refused.reason is Reason.NOT_REACHED
        assert (await counter.cards.balance(counter.caller, card())).reason is Reason.ISSUER_UNAVAILABLE
        await counter.host.start()


class TestAVoid:
    @pytest.mark.parametrize("what", ACTS)
    async def test_takes_back_anything_once(self, counter: Counter, what: str) -> None:
        original = await ACTS[what](counter)
        void = await counter.void(original)
        assert (void.state, void.amount) == (State.BOOKED, original.amount)
        assert void.retrieval_reference == original.retrieval_reference
        assert (await counter.find(original)).state is State.VOIDED
        assert (await counter.void(original)).reason is Reason.ALREADY_VOIDED
        assert (await counter.void(void)).reason is Reason.ORIGINAL_NOT_FOUND
        assert (counter.balance(), counter.balance(STOCK)) == (10_00, 0)

    async def test_of_a_refund_frees_what_it_gave_back(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        refund = await counter.refund(sale, 4_00)
        assert (await counter.refund(sale, 1)).reason is Reason.EXCEEDS_REFUNDABLE
        assert (await counter.void(refund)).approved
        assert (await counter.refund(sale, 3_00)).approved

    async def test_that_the_host_refuses_leaves_all_as_it_was(self, counter: Counter) -> None:
        load = await counter.load(5_00)
        await counter.redeem(15_00)
        assert (await counter.void(load)).reason is Reason.INSUFFICIENT_FUNDS
        assert (await counter.find(load)).state is State.BOOKED

    async def test_is_for_the_open_batch(self, counter: Counter) -> None:
        await counter.shop.sale(1_00)
        sale = await counter.redeem(4_00)
        await counter.shop.settlements.settle(counter.caller)
        assert (await counter.void(sale)).reason is Reason.ORIGINAL_NOT_FOUND
        assert (await counter.refund(sale, 4_00)).approved


class TestSilence:
    @pytest.mark.parametrize("what", ACTS)
    @pytest.mark.parametrize("step", [SILENT, {"drop": True}, {"garble": True}, {"refuse": True}], ids=str)
    async def test_is_answered_no_and_then_undone(
        self, counter: Counter, what: str, step: dict[str, object]
    ) -> None:
        counter.script(step)
        doubtful = await ACTS[what](counter)
        assert (doubtful.state, doubtful.reason) == (State.IN_DOUBT, Reason.NO_ANSWER)
        assert counter.shop.wrong() == []
        assert await counter.cancel_due() == [True]
        assert (await counter.find(doubtful)).state is State.CANCELLED
        assert (counter.balance(), counter.balance(STOCK)) == (10_00, 0)

    async def test_about_a_void_leaves_its_original_in_force(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        counter.script(SILENT)
        void = await counter.void(sale)
        assert void.state is State.IN_DOUBT
        assert (await counter.void(sale)).reason is Reason.ALREADY_VOIDED
        assert await counter.cancel_due() == [True]
        assert (await counter.find(sale)).state is State.BOOKED
        assert counter.balance() == 6_00
        assert (await counter.void(sale)).approved

    async def test_about_a_refund_frees_what_it_claimed(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        counter.script(SILENT)
        await counter.refund(sale, 3_00)
        assert (await counter.refund(sale, 3_00)).reason is Reason.EXCEEDS_REFUNDABLE
        assert await counter.cancel_due() == [True]
        assert counter.balance() == 6_00
        assert (await counter.refund(sale, 4_00)).approved

    async def test_of_the_host_is_asked_through_until_it_confirms(self, counter: Counter) -> None:
        counter.script(SILENT, ask="redeem")
        counter.script(*[SILENT] * 3, ask="cancel")
        doubtful = await counter.redeem(4_00)
        for seconds in (15, 60, 300):
            assert await counter.cancel_due() == [False]
            assert await counter.cancel_due() == []
            counter.shop.clock.pass_by(seconds=seconds)
        assert await counter.cancel_due() == [True]
        assert (await counter.find(doubtful)).tries == 4

    async def test_while_the_host_is_away_costs_no_try(self, counter: Counter) -> None:
        counter.script(SILENT)
        doubtful = await counter.redeem(4_00)
        port = counter.host.address[1]
        await counter.host.stop()
        assert await counter.cancel_due() == [False]
        assert (await counter.find(doubtful)).tries <= 1
        counter.host._port = port  # noqa: SLF001 - where it listened before
        await counter.host.start()
        counter.shop.clock.pass_by(minutes=1)
        # What the host kept in memory is gone: it takes the cancellation all the same.
        assert await counter.cancel_due() == [True]

    async def test_about_a_load_that_is_spent_is_kept_trying(self, counter: Counter) -> None:
        counter.script(SILENT, ask="load")
        await counter.load(5_00)
        await counter.redeem(12_00)
        assert await counter.cancel_due() == [False]
        await counter.load(2_00)
        counter.shop.clock.pass_by(minutes=1)
        assert await counter.cancel_due() == [True]
        assert counter.balance() == 0

    async def test_that_outlasts_the_lease_is_swept_up(self, counter: Counter) -> None:
        counter.script({"late": 0.2})
        asked = asyncio.create_task(counter.redeem(4_00))
        await _until(lambda: bool(counter.host.seen["redeem"]))
        counter.shop.clock.pass_by(minutes=1)
        assert await counter.recovery.sweep() == 1
        told = await asked
        assert told.state is State.IN_DOUBT
        assert await counter.cancel_due() == [True]
        assert counter.balance() == 10_00

    async def test_is_resolved_by_one_of_two_processes(self, counter: Counter) -> None:
        counter.script(SILENT)
        await counter.redeem(4_00)
        (due,) = await counter.recovery.due()
        found = await asyncio.gather(*(counter.recovery.cancel(due) for _ in range(5)))
        assert sorted(found) == [False] * 4 + [True]


class TestAKey:
    async def test_makes_one_redemption_of_many_requests(self, counter: Counter) -> None:
        found = await asyncio.gather(*(counter.redeem(4_00, key=KEY) for _ in range(20)))
        assert len({movement.movement_id for movement in found}) == 1
        assert counter.balance() == 6_00

    async def test_is_refused_for_another_request(self, counter: Counter) -> None:
        await counter.redeem(4_00, key=KEY)
        with pytest.raises(Refused, match="key_reused"):
            await counter.redeem(5_00, key=Key(value="order-1", fingerprint=b"another"))

    async def test_of_a_card_payment_is_used_up_for_gift_cards(self, counter: Counter) -> None:
        shop = counter.shop
        await shop.payments.charge(shop.caller, charge_of(1_00), key=KEY)
        with pytest.raises(Refused, match="key_reused"):
            await counter.redeem(4_00, key=Key(value="order-1", fingerprint=b"another"))

    async def test_makes_a_twin_give_up_in_the_end(self, shop: Shop) -> None:
        async def slow_look(seconds: float) -> None:
            shop.clock.pass_by(seconds=3)

        async with open_counter(shop, pause=slow_look) as counter:
            counter.script({"late": 0.3})
            first = asyncio.create_task(counter.redeem(4_00, key=KEY))
            await _until(lambda: bool(counter.host.seen["redeem"]))
            with pytest.raises(Refused, match="key_in_flight"):
                await counter.redeem(4_00, key=KEY)
            assert (await first).approved
            assert counter.balance() == 6_00
            assert counter.wrong() == []


class TestARace:
    async def test_for_one_card_is_won_by_as_many_as_it_holds_money_for(self, counter: Counter) -> None:
        found = await asyncio.gather(*(counter.redeem(70) for _ in range(50)))
        tally = Tally(movement.state for movement in found)
        assert tally == {State.BOOKED: 14, State.DECLINED: 36}
        assert counter.balance() == 10_00 - 14 * 70

    async def test_from_two_terminals_is_no_other(self, counter: Counter) -> None:
        sister = await counter.shop.another_caller(merchant_id=counter.caller.merchant.merchant_id)

        async def redeem(caller: Caller) -> Movement:
            return (await counter.cards.redeem(caller, card(), Money(3_00))).movement

        found = await asyncio.gather(*(redeem((counter.caller, sister)[n % 2]) for n in range(50)))
        assert Tally(movement.approved for movement in found) == {True: 3, False: 47}
        assert counter.balance() == 1_00

    async def test_with_every_fifth_answer_lost_ends_with_both_sides_agreed(self, counter: Counter) -> None:
        counter.script({}, {}, SILENT, {}, {"drop": True}, repeat=True, ask="redeem")
        found = await asyncio.gather(*(counter.redeem(50) for _ in range(50)))
        while await counter.recovery.due():
            await counter.cancel_due()
        booked = sum(1 for movement in found if movement.state is State.BOOKED)
        assert counter.balance() == 10_00 - booked * 50 >= 0

    async def test_to_void_one_is_won_once(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        found = await asyncio.gather(*(counter.void(sale) for _ in range(20)))
        assert Tally(void.approved for void in found) == {True: 1, False: 19}
        assert counter.balance() == 10_00

    async def test_to_refund_one_gives_back_no_more_than_it_took(self, counter: Counter) -> None:
        sale = await counter.redeem(4_00)
        found = await asyncio.gather(*(counter.refund(sale, 1_00) for _ in range(20)))
        assert Tally(refund.approved for refund in found) == {True: 4, False: 16}
        assert counter.balance() == 10_00

    async def test_to_activate_one_card_is_won_once(self, counter: Counter) -> None:
        found = await asyncio.gather(*(counter.activate(5_00) for _ in range(20)))
        assert Tally(movement.approved for movement in found) == {True: 1, False: 19}
        assert counter.balance(STOCK) == 5_00


class TestAGuesser:
    async def test_is_answered_as_before_once_locked_and_asks_the_host_no_more(
        self, counter: Counter
    ) -> None:
        missed = [await counter.redeem(1, UNKNOWN) for _ in range(MISSES_MAX)]
        seen = dict(counter.host.seen)
        locked = [await counter.redeem(1, UNKNOWN), await counter.redeem(1), await counter.load(1)]
        enquiry = await counter.cards.balance(counter.caller, card())
        assert {movement.reason for movement in [*missed, *locked]} == {Reason.UNKNOWN_GIFT_CARD}
        assert enquiry.reason is Reason.UNKNOWN_GIFT_CARD
        assert dict(counter.host.seen) == seen
        counter.shop.clock.pass_by(seconds=LOCK.total_seconds())
        assert (await counter.redeem(1)).approved

    async def test_of_balances_and_pins_is_locked_too(self, counter: Counter) -> None:
        for _ in range(MISSES_MAX // 2):
            await counter.cards.balance(counter.caller, card(UNKNOWN))
            await counter.redeem(1, pin="9")
        assert (await counter.redeem(1)).reason is Reason.UNKNOWN_GIFT_CARD

    async def test_locks_nobody_else(self, counter: Counter) -> None:
        for _ in range(MISSES_MAX):
            await counter.redeem(1, UNKNOWN)
        sister = await counter.shop.another_caller(merchant_id=counter.caller.merchant.merchant_id)
        assert (await counter.cards.redeem(sister, card(), Money(1))).movement.approved

    async def test_stays_locked_in_another_process(self, counter: Counter) -> None:
        for _ in range(MISSES_MAX):
            await counter.redeem(1, UNKNOWN)
        async with counter.shop.other_process() as other, open_counter(other) as twin:
            assert (await twin.redeem(1)).reason is Reason.UNKNOWN_GIFT_CARD

    async def test_who_is_slow_is_a_customer(self, counter: Counter) -> None:
        for _ in range(MISSES_MAX + 5):
            await counter.redeem(1, UNKNOWN)
            counter.shop.clock.pass_by(seconds=WINDOW.total_seconds() / 10)
        assert (await counter.redeem(1)).approved

    async def test_is_allowed_less_while_many_guess(self, counter: Counter) -> None:
        since = counter.shop.clock.now()

        def wave(connection_values: dict[str, object]) -> None:
            with counter.shop.engine.begin() as connection:
                connection.execute(
                    text("INSERT INTO gift_misses VALUES (0, 0, :count, :since, NULL)"), connection_values
                )

        wave({"count": WAVE - 1, "since": int(since.timestamp() * 1_000_000)})
        for _ in range(MISSES_IN_A_WAVE_MAX):
            await counter.redeem(1, UNKNOWN)
        assert (await counter.redeem(1)).reason is Reason.UNKNOWN_GIFT_CARD


class TestAnId:
    async def test_is_never_that_of_a_card_payment(self, counter: Counter) -> None:
        payment = await counter.shop.sale(1_00)
        movement = await counter.redeem(1_00)
        assert payment.payment_id != movement.movement_id
        assert (await counter.shop.void(payment)).approved
        assert movement.kind is Kind.REDEMPTION
        assert (await counter.cards.void(counter.caller, payment.payment_id)).movement.reason is (
            Reason.ORIGINAL_NOT_FOUND
        )


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(timedelta(seconds=10).total_seconds()):
        while not look():  # noqa: ASYNC110 - the host has no event to wait for
            await asyncio.sleep(0.01)
