"""Consumer finance over real storage and a lender behind a socket: every use case, silence and race."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from msgspec import structs
from sqlalchemy import text

from bezant.core.bnpl import (
    Language,
    Loan,
    LoanRefund,
    LoanState,
    OfferRequest,
    PasswordCheck,
    RefundState,
    Return,
    Terms,
)
from bezant.core.bnpl.model import PASSWORD_LIFE, RESEND_AFTER, TRIES_MAX, WRONG_MAX
from bezant.core.merchants import SANDBOX_PASSWORD, MerchantClock
from bezant.core.money import USD
from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret
from tests.storage.lender_counter import LIMIT, PHONE, STRANGER, Counter, egp, open_counter, terms
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

WRONG = Secret("000000")


@pytest.fixture
async def counter(shop: Shop) -> AsyncIterator[Counter]:
    async with open_counter(shop) as counter:
        yield counter
        assert counter.wrong() == []


async def refusal(act: Awaitable[object]) -> Reason:
    """Why we would not do it."""
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.reason


class TestAnOrder:
    async def test_is_verified_offered_bought_and_given_back(self, counter: Counter) -> None:
        await counter.finance.verify(counter.caller, PHONE)
        offer = await counter.offer()
        assert [plan.months for plan in offer.plans] == [6, 12, 24]
        assert [plan.total for plan in offer.plans] == [egp(1_025_00), egp(1_050_00), egp(1_100_00)]
        assert offer.down_payment == egp(100_00)
        loan = await counter.buy()
        assert (loan.state, loan.reason, loan.plan) == (LoanState.GRANTED, None, offer.plans[0])
        assert loan.loan_number == "VL000000001"
        refund = await counter.give_back(1_000_00)
        assert (refund.state, refund.loan_id) == (RefundState.DONE, loan.loan_id)
        order = await counter.order()
        assert (order.given_back, order.last) == (egp(1_000_00), refund)
        assert counter.told() == ["loan.bought", "loan.refunded"]

    async def test_shows_what_was_stored(self, counter: Counter) -> None:
        loan = await counter.bought(wanted=terms(wallet=1, cashback=2, down_payment=3))
        refund = await counter.give_back(1_00, refund_reference="back-1")
        order = await counter.order()
        assert order.loan == replace(loan, refunded=egp(1_00), revision=loan.revision + 1)
        assert order.refunds == (refund,)
        assert dict(order.loan.echo) == {"language": "ar", "description": "هاتف"}
        named = await counter.finance.order(counter.caller, loan_id=loan.loan_id)
        assert named == order

    async def test_is_its_merchants_own(self, counter: Counter) -> None:
        loan = await counter.bought()
        stranger = await counter.shop.another_caller(currency=loan.amount.currency)
        finance = counter.finance
        assert await refusal(finance.order(stranger, reference="order-1")) is Reason.UNKNOWN_ORDER
        assert await refusal(finance.order(stranger, loan_id=loan.loan_id)) is Reason.UNKNOWN_ORDER
        wanted = Return(loan_id=loan.loan_id, amount=egp(1))
        assert await refusal(finance.give_back(stranger, wanted)) is Reason.UNKNOWN_ORDER

    async def test_is_unknown_where_its_names_disagree(self, counter: Counter) -> None:
        first, _ = await counter.bought("one"), await counter.bought("two")
        search = counter.finance.order(counter.caller, reference="two", loan_id=first.loan_id)
        assert await refusal(search) is Reason.UNKNOWN_ORDER
        assert await refusal(counter.order("three")) is Reason.UNKNOWN_ORDER

    async def test_that_was_declined_is_offered_and_bought_again_at_once(self, counter: Counter) -> None:
        counter.bank.will("lender_declined")
        declined = await counter.bought()
        assert (declined.state, declined.reason) == (LoanState.DECLINED, Reason.LENDER_DECLINED)
        loan = await counter.bought()
        assert loan.state is LoanState.GRANTED
        assert (await counter.order()).loan == loan
        assert counter.told() == ["loan.failed", "loan.bought"]

    async def test_that_was_bought_is_used_up_for_ever(self, counter: Counter) -> None:
        await counter.bought()
        await counter.give_back(1_000_00)
        counter.shop.clock.pass_by(days=400)
        assert await refusal(counter.offer()) is Reason.ALREADY_BOUGHT
        assert await refusal(counter.buy()) is Reason.ALREADY_BOUGHT
        assert counter.shop.count("loans") == 1

    async def test_is_bought_once_by_fifty_at_once(self, counter: Counter) -> None:
        await counter.offer()
        async with counter.shop.other_process() as other, open_counter(other) as second:
            second.bank.port, second.caller = counter.bank.port, counter.caller
            buys = [(counter, second)[number % 2].buy() for number in range(50)]
            outcomes = await asyncio.gather(*buys, return_exceptions=True)
            second.bank.port = 0
        loans = [each for each in outcomes if isinstance(each, Loan)]
        assert [loan.state for loan in loans] == [LoanState.GRANTED]
        refused = Tally(each.reason for each in outcomes if isinstance(each, Refused))
        assert refused.keys() <= {Reason.PURCHASE_IN_FLIGHT, Reason.ALREADY_BOUGHT}
        assert refused.total() == 49
        assert (len(counter.bank.booked), counter.shop.count("loans")) == (1, 1)


class TestAPurchase:
    async def test_is_stored_before_it_is_sent(self, counter: Counter) -> None:
        await counter.offer()
        counter.bank.will("wait")
        buying = asyncio.create_task(counter.buy())
        await counter.bank.waits()
        assert (await counter.order()).loan.state is LoanState.SENDING
        assert await refusal(counter.buy()) is Reason.PURCHASE_IN_FLIGHT
        assert await refusal(counter.offer()) is Reason.PURCHASE_IN_FLIGHT
        assert await refusal(counter.give_back(1)) is Reason.NOT_BOUGHT
        counter.bank.go_on()
        assert (await buying).state is LoanState.IN_DOUBT
        await counter.resolve_due()

    async def test_takes_the_required_down_payment_where_none_was_said(self, counter: Counter) -> None:
        assert (await counter.bought()).terms.down_payment == egp(100_00)
        await counter.bought("two", terms(down_payment=0))
        asked = [each["down_payment"] for each in counter.bank.asked if each["kind"] == "grant"]
        assert asked == [100_00, 0]

    async def test_takes_any_down_payment_where_the_password_was_made_for_none(
        self, counter: Counter
    ) -> None:
        await counter.offer()
        assert (await counter.buy(wanted=terms(down_payment=12_00))).state is LoanState.GRANTED

    async def test_that_cannot_reach_the_lender_is_declined(self, counter: Counter) -> None:
        await counter.offer()
        await counter.bank.stop()
        loan = await counter.buy()
        assert (loan.state, loan.reason) == (LoanState.DECLINED, Reason.NOT_REACHED)
        await counter.bank.start()
        assert (await counter.bought()).state is LoanState.GRANTED

    DECLINED: Final[dict[str, tuple[Terms, int, Reason]]] = {
        "over the customer's limit": (terms(LIMIT + 1), 6, Reason.OVER_CUSTOMER_LIMIT),
        "more wallet than there is": (terms(wallet=10_000_01), 6, Reason.WALLET_TOO_SMALL),
        "more cashback than there is": (terms(cashback=10_000_01), 6, Reason.WALLET_TOO_SMALL),
        "a plan that nobody has": (terms(), 7, Reason.PLAN_NOT_OFFERED),
        "an unknown customer": (terms(phone=STRANGER), 6, Reason.UNKNOWN_CUSTOMER),
    }

    @pytest.mark.parametrize("case", DECLINED)
    async def test_is_declined_for(self, counter: Counter, case: str) -> None:
        wanted, months, reason = self.DECLINED[case]
        if reason is not Reason.PLAN_NOT_OFFERED:
            assert await refusal(counter.offer(wanted=wanted)) is reason
            await self._force_password(counter, wanted)
        else:
            await counter.offer(wanted=wanted)
        loan = await counter.buy(wanted=wanted, months=months)
        assert (loan.state, loan.reason) == (LoanState.DECLINED, reason)
        assert counter.told() == ["loan.failed"]

    @staticmethod
    async def _force_password(counter: Counter, wanted: Terms) -> None:
        """A password for terms that the lender would not have had, had it been asked."""
        await counter.offer()
        with counter.shop.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE loan_passwords SET phone = :phone, amount = :amount, wallet = :w, cashback = :c"
                ),
                {
                    "phone": wanted.phone,
                    "amount": wanted.amount.minor,
                    "w": wanted.wallet.minor,
                    "c": wanted.cashback.minor,
                },
            )

    async def test_follows_the_merchants_program(self, counter: Counter) -> None:
        for reference in ("small", "large", "long"):
            await counter.offer(reference, terms(600_00 if reference == "large" else 100_00))
        await counter.keep_program(months=frozenset({6}), amount_min=egp(100_00), amount_max=egp(500_00))
        assert [plan.months for plan in await counter.finance.plans(counter.caller, terms(100_00))] == [6]
        assert (await counter.buy("long", terms(100_00), months=12)).reason is Reason.PLAN_NOT_OFFERED
        assert (await counter.buy("large", terms(600_00))).reason is Reason.ABOVE_MAXIMUM
        assert await refusal(counter.offer("tiny", terms(99_99))) is Reason.BELOW_MINIMUM
        assert (await counter.buy("small", terms(100_00))).state is LoanState.GRANTED
        assert len(counter.bank.booked) == 1

    async def test_is_refused_where_finance_is_not_enabled(self, counter: Counter) -> None:
        await counter.bought()
        await counter.keep_program(enabled=False)
        stranger = await counter.shop.another_caller()
        for caller in (counter.caller, stranger):
            counter.caller = caller
            assert await refusal(counter.finance.verify(caller, PHONE)) is Reason.FINANCE_DISABLED
            assert await refusal(counter.finance.plans(caller, terms())) is Reason.FINANCE_DISABLED
            assert await refusal(counter.offer("two")) is Reason.FINANCE_DISABLED
            assert await refusal(counter.buy("two")) is Reason.FINANCE_DISABLED
        assert counter.shop.count("loans") == 1

    async def test_is_refused_in_another_currency(self, counter: Counter) -> None:
        dollars = terms(currency=USD)
        assert await refusal(counter.offer(wanted=dollars)) is Reason.CURRENCY_DIFFERS
        assert await refusal(counter.buy(wanted=dollars)) is Reason.CURRENCY_DIFFERS


class TestAPassword:
    async def test_is_needed(self, counter: Counter) -> None:
        loan = await counter.buy()
        assert (loan.state, loan.reason, loan.asked) == (LoanState.DECLINED, Reason.NO_PASSWORD, False)
        assert counter.told() == ["loan.failed"]
        assert counter.bank.asked == []

    async def test_is_dead_after_wrong_tries(self, counter: Counter) -> None:
        await counter.offer()
        for _ in range(TRIES_MAX):
            assert (await counter.buy(password=WRONG)).reason is Reason.WRONG_PASSWORD
        assert (await counter.buy()).reason is Reason.TOO_MANY_TRIES
        assert counter.shop.count("loans") == TRIES_MAX + 1
        counter.shop.clock.pass_by(seconds=61)
        assert (await counter.bought()).state is LoanState.GRANTED

    async def test_survives_fewer(self, counter: Counter) -> None:
        await counter.offer()
        for _ in range(TRIES_MAX - 1):
            await counter.buy(password=WRONG)
        assert (await counter.buy()).state is LoanState.GRANTED

    async def test_is_dead_for_guesses_that_come_at_once(self, counter: Counter) -> None:
        await counter.offer()
        guesses = [counter.buy(password=Secret(f"{number:06d}")) for number in range(20)]
        reasons = Tally(loan.reason for loan in await asyncio.gather(*guesses))
        assert reasons == {Reason.WRONG_PASSWORD: TRIES_MAX, Reason.TOO_MANY_TRIES: 20 - TRIES_MAX}

    async def test_expires_by_the_merchants_clock(self, counter: Counter) -> None:
        await counter.offer()
        caller = counter.caller
        clock = MerchantClock(offset=PASSWORD_LIFE)
        counter.caller = structs.replace(caller, merchant=replace(caller.merchant, clock=clock))
        assert (await counter.buy()).reason is Reason.PASSWORD_EXPIRED
        clock = MerchantClock(offset=PASSWORD_LIFE - timedelta(seconds=1))
        counter.caller = structs.replace(caller, merchant=replace(caller.merchant, clock=clock))
        assert (await counter.buy()).state is LoanState.GRANTED

    async def test_is_not_good_before_it_was_made(self, counter: Counter) -> None:
        await counter.offer()
        clock = MerchantClock(offset=-timedelta(seconds=1))
        merchant = replace(counter.caller.merchant, clock=clock)
        counter.caller = structs.replace(counter.caller, merchant=merchant)
        assert (await counter.buy()).reason is Reason.PASSWORD_EXPIRED

    async def test_is_not_sent_again_at_once(self, counter: Counter) -> None:
        await counter.offer()
        counter.shop.clock.pass_by(seconds=RESEND_AFTER.total_seconds() - 1)
        assert await refusal(counter.offer()) is Reason.PASSWORD_TOO_SOON
        counter.shop.clock.pass_by(seconds=1)
        await counter.offer()
        assert len(counter.inbox.texts) == 2

    async def test_is_sent_once_to_many_at_once(self, counter: Counter) -> None:
        asked = await asyncio.gather(*(counter.offer() for _ in range(10)), return_exceptions=True)
        refused = [each.reason for each in asked if isinstance(each, Refused)]
        assert refused == [Reason.PASSWORD_TOO_SOON] * 9
        assert len(counter.inbox.texts) == 1

    async def test_is_good_for_its_own_terms_alone(self, counter: Counter) -> None:
        base = terms(wallet=10, cashback=20, down_payment=30)
        others = (
            replace(base, amount=egp(1)),
            replace(base, wallet=egp(0)),
            replace(base, cashback=egp(0)),
            replace(base, down_payment=egp(0)),
            replace(base, phone="01220422224"),
        )
        await counter.offer(wanted=base)
        for other in others:
            assert (await counter.buy(wanted=other)).reason is Reason.PARAMETERS_DIFFER
        assert (await counter.buy("another", base)).reason is Reason.NO_PASSWORD
        assert (await counter.buy(wanted=base)).state is LoanState.GRANTED

    async def test_is_used_up_by_a_purchase_that_the_lender_declines(self, counter: Counter) -> None:
        counter.bank.will("lender_declined")
        await counter.bought()
        assert (await counter.buy()).reason is Reason.NO_PASSWORD

    async def test_is_replaced_by_the_next(self, counter: Counter) -> None:
        _go_live(counter)
        await counter.offer()
        first = counter.inbox.password
        counter.shop.clock.pass_by(minutes=2)
        await counter.offer()
        assert (await counter.buy(password=first)).reason is Reason.WRONG_PASSWORD
        assert (await counter.buy(password=counter.inbox.password)).state is LoanState.GRANTED

    async def test_comes_to_the_phone_and_is_kept_nowhere(self, counter: Counter) -> None:
        _go_live(counter)
        await counter.offer()
        phone, message = counter.inbox.texts[0]
        password = counter.inbox.password.reveal()
        assert (phone, len(password)) == (PHONE, 6)
        assert set(password) <= set("0123456789")
        assert "1000.00 EGP" in message
        with counter.shop.engine.connect() as connection:
            rows = connection.execute(text("SELECT password_hash FROM loan_passwords")).all()
        assert len(bytes(rows[0][0])) == 32
        assert password not in str(rows)

    async def test_is_written_in_the_customers_language(self, counter: Counter) -> None:
        request = OfferRequest(reference="order-1", terms=terms(), language=Language.ARABIC)
        await counter.finance.offer(counter.caller, request)
        assert "بالتقسيط" in counter.inbox.texts[0][1]

    async def test_that_could_not_be_sent_may_be_asked_for_at_once(self, counter: Counter) -> None:
        counter.inbox.up = False
        assert await refusal(counter.offer()) is Reason.PASSWORD_NOT_SENT
        assert (await counter.buy()).reason is Reason.NO_PASSWORD
        counter.inbox.up = True
        assert (await counter.bought()).state is LoanState.GRANTED

    async def test_is_not_right_any_more_for_a_phone_that_is_guessed_at(self, counter: Counter) -> None:
        _go_live(counter)
        for number in range(WRONG_MAX // TRIES_MAX):
            await counter.offer(f"order-{number}")
            for _ in range(TRIES_MAX):
                await counter.buy(f"order-{number}", password=Secret("no"))
        assert await refusal(counter.offer("last")) is Reason.TOO_MANY_TRIES
        counter.shop.clock.pass_by(hours=1, seconds=1)
        await counter.offer("last")
        assert (await counter.buy("last", password=counter.inbox.password)).state is LoanState.GRANTED

    async def test_is_checked_without_being_used(self, counter: Counter) -> None:
        await counter.offer()
        check = PasswordCheck(reference="order-1", terms=terms(), password=SANDBOX_PASSWORD)
        plans = await counter.finance.check_password(counter.caller, check)
        assert [plan.months for plan in plans] == [6, 12, 24]
        wrong = replace(check, password=WRONG)
        for _ in range(TRIES_MAX):
            checking = counter.finance.check_password(counter.caller, wrong)
            assert await refusal(checking) is Reason.WRONG_PASSWORD
        checking = counter.finance.check_password(counter.caller, check)
        assert await refusal(checking) is Reason.TOO_MANY_TRIES
        unknown = replace(check, reference="unknown")
        assert await refusal(counter.finance.check_password(counter.caller, unknown)) is Reason.NO_PASSWORD
        assert counter.shop.count("loans") == 0


class TestAQuestion:
    async def test_about_a_customer_has_the_lenders_answer(self, counter: Counter) -> None:
        verify = counter.finance.verify
        assert await refusal(verify(counter.caller, STRANGER)) is Reason.UNKNOWN_CUSTOMER
        counter.bank.will("drop", to="customer")
        assert await refusal(verify(counter.caller, PHONE)) is Reason.NO_ANSWER
        await counter.bank.stop()
        assert await refusal(verify(counter.caller, PHONE)) is Reason.NOT_REACHED
        await counter.bank.start()

    async def test_about_plans_has_the_lenders_answer(self, counter: Counter) -> None:
        plans = counter.finance.plans
        assert await refusal(plans(counter.caller, terms(LIMIT + 1))) is Reason.OVER_CUSTOMER_LIMIT
        counter.bank.will("garble", to="plans")
        assert await refusal(plans(counter.caller, terms())) is Reason.NO_ANSWER
        await counter.keep_program(months=frozenset({3}))
        assert await refusal(plans(counter.caller, terms())) is Reason.PLAN_NOT_OFFERED


Act = Callable[[Counter], Awaitable[Loan | LoanRefund]]


class TestALostAnswer:
    @pytest.mark.parametrize("how", ["lose", "garble", "halve"])
    async def test_to_a_purchase_is_asked_for_and_the_loan_granted(self, counter: Counter, how: str) -> None:
        counter.bank.will(how)
        loan = await counter.bought()
        assert (loan.state, loan.reason) == (LoanState.IN_DOUBT, Reason.NO_ANSWER)
        assert await refusal(counter.buy()) is Reason.PURCHASE_IN_FLIGHT
        assert await counter.resolve_due() == [True]
        order = await counter.order()
        assert (order.loan.state, order.loan.reason) == (LoanState.GRANTED, None)
        assert order.loan.plan is not None
        assert counter.told() == ["loan.in_doubt", "loan.resolved"]
        assert (await counter.give_back(1_00)).state is RefundState.DONE

    async def test_to_a_purchase_that_never_arrived_is_a_decline(self, counter: Counter) -> None:
        counter.bank.will("drop")
        await counter.bought()
        assert await counter.resolve_due() == [True]
        loan = (await counter.order()).loan
        assert (loan.state, loan.reason) == (LoanState.DECLINED, Reason.NOT_BOOKED)
        assert counter.told() == ["loan.in_doubt", "loan.resolved"]
        assert (await counter.bought()).state is LoanState.GRANTED

    async def test_to_a_purchase_that_arrives_after_the_inquiry_books_nothing(self, counter: Counter) -> None:
        counter.bank.will("wait")
        assert (await counter.bought()).state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        counter.bank.go_on()
        await asyncio.sleep(0.05)
        assert (await counter.order()).loan.state is LoanState.DECLINED
        assert counter.bank.booked == {}

    @pytest.mark.parametrize("how", ["lose", "garble", "halve"])
    async def test_to_a_refund_is_asked_for_and_the_refund_done(self, counter: Counter, how: str) -> None:
        await counter.bought()
        counter.bank.will(how, to="return")
        refund = await counter.give_back(600_00, refund_reference="back")
        assert (refund.state, refund.reason) == (RefundState.IN_DOUBT, Reason.NO_ANSWER)
        assert await refusal(counter.give_back(400_01)) is Reason.EXCEEDS_REFUNDABLE
        again = counter.give_back(1, refund_reference="back")
        assert await refusal(again) is Reason.REFUND_IN_FLIGHT
        assert await counter.resolve_due() == [True]
        assert (await counter.order()).refunds[0].state is RefundState.DONE
        assert counter.told() == ["loan.bought", "loan.refund_in_doubt", "loan.refund_resolved"]

    async def test_to_a_refund_that_never_arrived_frees_its_amount(self, counter: Counter) -> None:
        await counter.bought()
        counter.bank.will("drop", to="return")
        await counter.give_back(1_000_00, refund_reference="back")
        assert await counter.resolve_due() == [True]
        order = await counter.order()
        assert (order.refunds[0].state, order.loan.refunded) == (RefundState.DECLINED, egp(0))
        again = await counter.give_back(1_000_00, refund_reference="back")
        assert again.state is RefundState.DONE

    async def test_to_an_inquiry_is_asked_for_later(self, counter: Counter) -> None:
        counter.bank.will("lose")
        await counter.bought()
        counter.bank.will("drop", to="inquire")
        assert await counter.resolve_due() == [False]
        assert await counter.resolve_due() == []
        counter.shop.clock.pass_by(seconds=2)
        await counter.bank.stop()
        assert await counter.resolve_due() == [False]
        await counter.bank.start()
        counter.shop.clock.pass_by(seconds=5)
        assert (await counter.order()).loan.tries == 1
        assert await counter.resolve_due() == [True]

    async def test_that_an_inquiry_contradicts_stays_in_doubt(self, counter: Counter) -> None:
        """An inquiry that tells of another amount tells nothing: a person has to look."""
        counter.bank.will("lose")
        await counter.bought()
        for _ in range(3):
            counter.bank.will("halve", to="inquire")
            assert await counter.resolve_due() == [False]
            counter.shop.clock.pass_by(hours=1)
        assert (await counter.order()).loan.state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]

    async def test_is_asked_for_by_one_process(self, counter: Counter) -> None:
        counter.bank.will("lose")
        await counter.bought()
        due = await counter.recovery.due()
        settled = await asyncio.gather(*(counter.recovery.resolve(each) for each in due * 5))
        assert sorted(settled) == [False] * 4 + [True]
        assert [each["kind"] for each in counter.bank.asked].count("inquire") == 1


class TestALeaseThatRanOut:
    async def test_leaves_a_purchase_in_doubt_until_the_lender_is_asked(self, counter: Counter) -> None:
        await counter.offer()
        counter.bank.will("wait")
        buying = asyncio.create_task(counter.buy())
        await counter.bank.waits()
        counter.shop.clock.pass_by(minutes=1)
        assert await counter.recovery.sweep() == 1
        assert (await counter.order()).loan.state is LoanState.IN_DOUBT
        assert await counter.resolve_due() == [True]
        counter.bank.go_on()
        late = await buying
        assert (late.state, late.reason) == (LoanState.DECLINED, Reason.NOT_BOOKED)
        assert counter.told() == ["loan.in_doubt", "loan.resolved"]

    async def test_leaves_a_refund_in_doubt_until_the_lender_is_asked(self, counter: Counter) -> None:
        await counter.bought()
        counter.bank.will("wait", to="return")
        giving = asyncio.create_task(counter.give_back(1_00))
        await counter.bank.waits()
        counter.shop.clock.pass_by(minutes=1)
        assert await counter.recovery.sweep() == 1
        assert await counter.resolve_due() == [True]
        counter.bank.go_on()
        assert (await giving).state is RefundState.DECLINED
        assert (await counter.order()).loan.refunded == egp(0)

    async def test_is_not_that_of_what_is_still_on_its_way(self, counter: Counter) -> None:
        await counter.offer()
        counter.bank.will("wait")
        buying = asyncio.create_task(counter.buy())
        await counter.bank.waits()
        assert await counter.recovery.sweep() == 0
        assert await counter.recovery.due() == []
        await buying
        await counter.resolve_due()


class TestARefund:
    async def test_gives_back_in_parts_up_to_the_loan(self, counter: Counter) -> None:
        await counter.bought()
        for minor in (300_00, 200_00):
            assert (await counter.give_back(minor)).state is RefundState.DONE
        assert await refusal(counter.give_back(500_01)) is Reason.EXCEEDS_REFUNDABLE
        assert (await counter.give_back(500_00)).state is RefundState.DONE
        assert await refusal(counter.give_back(1)) is Reason.EXCEEDS_REFUNDABLE
        assert (await counter.order()).given_back == egp(1_000_00)

    async def test_never_gives_back_more_at_once(self, counter: Counter) -> None:
        await counter.bought()
        refunds = [counter.give_back(300_00) for _ in range(10)]
        outcomes = await asyncio.gather(*refunds, return_exceptions=True)
        assert sum(isinstance(each, LoanRefund) for each in outcomes) == 3
        assert counter.bank.total() == 100_00

    async def test_uses_its_reference_once(self, counter: Counter) -> None:
        await counter.bought()
        await counter.bought("order-2")
        await counter.give_back(1_00, refund_reference="back")
        again = counter.give_back(1_00, refund_reference="back")
        assert await refusal(again) is Reason.REFUND_REFERENCE_USED
        elsewhere = counter.give_back(1_00, "order-2", refund_reference="back")
        assert await refusal(elsewhere) is Reason.REFUND_REFERENCE_USED
        assert (await counter.give_back(1_00)).state is RefundState.DONE

    async def test_uses_its_reference_once_at_once(self, counter: Counter) -> None:
        await counter.bought()
        refunds = [counter.give_back(1_00, refund_reference="back") for _ in range(10)]
        outcomes = await asyncio.gather(*refunds, return_exceptions=True)
        assert sum(isinstance(each, LoanRefund) for each in outcomes) == 1
        assert counter.bank.total() == 999_00

    async def test_that_the_lender_declines_may_come_again(self, counter: Counter) -> None:
        await counter.bought()
        counter.bank.will("lender_declined", to="return")
        declined = await counter.give_back(1_000_00, refund_reference="back")
        assert (declined.state, declined.reason) == (RefundState.DECLINED, Reason.LENDER_DECLINED)
        assert (await counter.give_back(1_000_00, refund_reference="back")).state is RefundState.DONE
        assert counter.told() == ["loan.bought", "loan.refund_failed", "loan.refunded"]
        assert [each.state for each in (await counter.order()).refunds] == [
            RefundState.DECLINED,
            RefundState.DONE,
        ]

    async def test_that_cannot_reach_the_lender_is_declined(self, counter: Counter) -> None:
        await counter.bought()
        await counter.bank.stop()
        assert (await counter.give_back(1_00)).reason is Reason.NOT_REACHED
        await counter.bank.start()
        assert (await counter.order()).loan.refunded == egp(0)

    async def test_of_what_was_not_bought_is_refused(self, counter: Counter) -> None:
        assert await refusal(counter.give_back(1)) is Reason.UNKNOWN_ORDER
        counter.bank.will("lender_declined")
        await counter.bought()
        assert await refusal(counter.give_back(1)) is Reason.NOT_BOUGHT

    async def test_in_another_currency_is_refused(self, counter: Counter) -> None:
        await counter.bought()
        wanted = Return(reference="order-1", amount=terms(1, currency=USD).amount)
        assert await refusal(counter.finance.give_back(counter.caller, wanted)) is Reason.CURRENCY_DIFFERS


class TestMany:
    async def test_orders_are_bought_together(self, counter: Counter) -> None:
        references = [f"order-{number}" for number in range(30)]
        await asyncio.gather(*(counter.offer(reference) for reference in references))
        bought = await asyncio.gather(*(counter.buy(reference) for reference in references))
        assert {loan.state for loan in bought} == {LoanState.GRANTED}
        refunds = await asyncio.gather(*(counter.give_back(1_00, each) for each in references))
        assert {refund.state for refund in refunds} == {RefundState.DONE}


def _go_live(counter: Counter) -> None:
    """From now on passwords are random."""
    merchant = replace(counter.caller.merchant, sandbox=False)
    counter.caller = structs.replace(counter.caller, merchant=merchant)
