"""Invoices over real storage: one payment or none, whatever is sent at once, lost, late or killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from msgspec import structs
from sqlalchemy import text

from bezant.core.invoices import Callback, Copy, Look, Objected, Objection, Result, State, TipOffer
from bezant.core.money import Money
from bezant.core.outcomes import Approved, Declined, Reason, Refused
from bezant.core.payments import Kind
from bezant.core.payments import State as PaymentState
from tests.storage.billing import Billing, another_process, billing_of
from tests.storage.shop import OTHER_CARD, SILENCE, Shop

pytestmark = pytest.mark.anyio

NO = Declined(reason=Reason.DO_NOT_HONOR, response_code="05")
HALF = Approved(approval_code="TAS001", response_code="00", amount=Money(10_00))


@pytest.fixture
async def billing(shop: Shop) -> AsyncIterator[Billing]:
    billing = billing_of(shop)
    yield billing
    assert shop.wrong() == []


class TestALink:
    async def test_is_paid_once(self, billing: Billing) -> None:
        uid = await billing.ask()
        assert (await billing.view(uid)).state is State.PENDING
        paid = await billing.pay(uid)
        assert (paid.result, paid.view.state, paid.view.invoice.attempts) == (Result.APPROVED, State.PAID, 1)
        assert paid.payment is not None
        assert paid.view.payment == paid.payment
        again = await billing.pay(uid, attempt="2", card=OTHER_CARD)
        assert (again.result, again.view.state) == (Result.CLOSED, State.PAID)
        assert billing.count_charges() == 1

    async def test_is_paid_once_by_two_processes_and_many_payers(self, billing: Billing) -> None:
        uid = await billing.ask()
        async with another_process(billing) as other:
            outcomes = await asyncio.gather(
                *(each.pay(uid, attempt=f"{number}") for number, each in enumerate((billing, other) * 25))
            )
        results = Counter(outcome.result for outcome in outcomes)
        assert results[Result.APPROVED] == 1
        assert results.keys() <= {Result.APPROVED, Result.UNDERWAY, Result.CLOSED, Result.BUSY}
        assert billing.count_charges() == len(billing.shop.network.messages) == 1

    async def test_may_be_paid_after_a_decline(self, billing: Billing) -> None:
        uid = await billing.ask()
        billing.shop.network.will_say(NO)
        declined = await billing.pay(uid)
        assert (declined.result, declined.reason) == (Result.DECLINED, Reason.DO_NOT_HONOR)
        assert (declined.view.state, declined.view.invoice.payment_id) == (State.PENDING, None)
        assert (await billing.pay(uid, attempt="2")).result is Result.APPROVED
        assert (await billing.find(uid)).attempts == 2

    async def test_is_not_paid_by_half(self, billing: Billing) -> None:
        uid = await billing.ask()
        billing.shop.network.will_say(HALF)
        short = await billing.pay(uid)
        assert (short.result, short.reason) == (Result.DECLINED, Reason.INSUFFICIENT_FUNDS)
        assert await billing.shop.reverse() == [True]
        await billing.recover()
        assert (await billing.pay(uid, attempt="2")).result is Result.APPROVED
        assert billing.count_charges() == 1

    async def test_is_known_by_its_uid_alone(self, billing: Billing) -> None:
        await billing.ask()
        for uid in ("", "x", "0" * 32, "' OR 1=1 --", "\u0660" * 32):
            assert await billing.invoices.open(uid) is None
            with pytest.raises(Objected) as objected:
                await billing.invoices.cancel(billing.shop.caller, uid)
            assert objected.value.objection is Objection.UNKNOWN


class TestAPayerThatLeaves:
    async def test_ends_the_link_and_the_merchant_is_told(self, billing: Billing) -> None:
        uid = await billing.ask(may_cancel=True, callback=Callback(url="https://shop.example/told"))
        left = await billing.invoices.leave(uid)
        assert (left.state, (await billing.find(uid)).state) == (State.CANCELLED, State.CANCELLED)
        assert topics(billing) == ["page.left"]
        assert (await billing.pay(uid)).result is Result.CLOSED
        with pytest.raises(Objected) as objected:
            await billing.invoices.leave(uid)
        assert (objected.value.objection, objected.value.state) == (Objection.NOT_PENDING, State.CANCELLED)
        assert topics(billing) == ["page.left"]

    async def test_is_let_by_merchants_alone_that_offer_it(self, billing: Billing) -> None:
        uid = await billing.ask(callback=Callback(url="https://shop.example/told"))
        with pytest.raises(Objected) as objected:
            await billing.invoices.leave(uid)
        assert objected.value.objection is Objection.NOT_OFFERED
        assert ((await billing.find(uid)).state, topics(billing)) == (State.PENDING, [])

    async def test_does_not_stop_a_payment_that_is_under_way(self, billing: Billing) -> None:
        uid, network = await billing.ask(may_cancel=True), billing.shop.network
        with network.silent():
            paying = asyncio.create_task(billing.pay(uid))
            await network.is_asked()
            with pytest.raises(Objected) as objected:
                await billing.invoices.leave(uid)
            assert objected.value.state is State.PAYING
        assert (await paying).result is Result.APPROVED

    async def test_or_pays_and_never_both(self, billing: Billing) -> None:
        """Two processes, many links, a payer and a leaver of each at the same moment."""
        callback = Callback(url="https://shop.example/told")
        links = [await billing.ask(may_cancel=True, callback=callback) for _ in range(20)]
        async with another_process(billing) as other:

            async def leaves(uid: str) -> bool:
                try:
                    await other.invoices.leave(uid)
                except (Objected, Refused):
                    return False
                return True

            acts = [(billing.pay(uid), leaves(uid)) for uid in links]
            turned = [pair if number % 2 else pair[::-1] for number, pair in enumerate(acts)]
            await asyncio.gather(*(act for pair in turned for act in pair))
        ended = [(await billing.find(uid)).state for uid in links]
        assert set(ended) <= {State.PAID, State.CANCELLED}
        assert billing.count_charges() == len(billing.shop.network.messages) == ended.count(State.PAID)
        told = Counter(topics(billing))
        assert told == Counter(
            {"attempt.ended": ended.count(State.PAID), "page.left": ended.count(State.CANCELLED)}
        )


class TestAnAttempt:
    async def test_that_is_sent_again_is_told_what_came_of_it(self, billing: Billing) -> None:
        uid = await billing.ask()
        first, second = await billing.pay(uid), await billing.pay(uid)
        assert first.payment is not None
        assert second.payment is not None
        assert (second.result, second.payment.payment_id) == (first.result, first.payment.payment_id)
        assert billing.count_charges() == 1

    async def test_that_is_sent_twice_at_once_is_one(self, billing: Billing) -> None:
        uid = await billing.ask()
        first, second = await asyncio.gather(billing.pay(uid), billing.pay(uid))
        assert {first.result, second.result} <= {Result.APPROVED, Result.UNDERWAY}
        assert billing.count_charges() == 1

    async def test_that_says_something_else_under_its_key_changes_nothing(self, billing: Billing) -> None:
        uid = await billing.ask()
        billing.shop.network.will_say(NO)
        await billing.pay(uid)
        assert (await billing.pay(uid, card=OTHER_CARD)).result is Result.CHANGED
        assert (await billing.find(uid)).state is State.PENDING

    async def test_is_of_what_the_payer_was_shown(self, billing: Billing) -> None:
        uid = await billing.ask()
        await billing.invoices.update(
            billing.shop.caller, uid, lambda terms: replace(terms, amounts=terms.amounts.of(Money(25_00)))
        )
        assert (await billing.pay(uid, agreed=Money(20_00))).result is Result.CHANGED
        assert (await billing.find(uid)).attempts == 0
        assert (await billing.pay(uid, attempt="2")).result is Result.APPROVED

    async def test_may_add_a_tip_within_the_offer(self, billing: Billing) -> None:
        uid = await billing.ask(tips=TipOffer(percents=(15,), percent_max=20))
        assert (await billing.pay(uid, tip=Money(4_01))).result is Result.CHANGED
        paid = (await billing.pay(uid, attempt="2", tip=Money(4_00))).payment
        assert paid is not None
        assert (paid.amounts.tip, paid.amounts.total) == (Money(4_00), Money(24_00))
        plain = await billing.ask()
        assert (await billing.pay(plain, tip=Money(1))).result is Result.CHANGED

    async def test_that_is_under_way_holds_the_link(self, billing: Billing) -> None:
        uid, network = await billing.ask(), billing.shop.network
        with network.silent():
            paying = asyncio.create_task(billing.pay(uid))
            await network.is_asked()
            assert (await billing.view(uid)).state is State.PAYING
            assert (await billing.pay(uid, attempt="2")).result is Result.UNDERWAY
            for act in (billing.invoices.cancel, billing.invoices.update):
                with pytest.raises(Objected) as objected:
                    await act(billing.shop.caller, uid)
                assert objected.value.state is State.PAYING
            billing.shop.clock.pass_by(days=2)
            assert await billing.recovery.expire() == 0
        assert (await paying).result is Result.APPROVED
        assert (await billing.view(uid)).state is State.PAID


class TestAPaymentThatIsNotAnswered:
    async def test_holds_the_link_until_it_is_taken_back(self, billing: Billing) -> None:
        uid = await billing.ask()
        billing.shop.network.will_say(SILENCE, SILENCE)
        lost = await billing.pay(uid)
        assert (lost.result, lost.view.state) == (Result.IN_DOUBT, State.PAYING)
        assert (await billing.pay(uid, attempt="2")).result is Result.UNDERWAY
        assert await billing.shop.reverse() == [False]
        assert await billing.recovery.settle() == 0
        billing.shop.clock.pass_by(hours=3)
        assert await billing.shop.reverse() == [True]
        assert await billing.recovery.settle() == 1
        assert await billing.recovery.settle() == 0
        assert (await billing.view(uid)).state is State.PENDING
        assert (await billing.pay(uid, attempt="3")).result is Result.APPROVED
        assert (await billing.find(uid)).attempts == 2

    async def test_is_over_when_its_process_is(self, billing: Billing) -> None:
        uid, network = await billing.ask(), billing.shop.network
        async with another_process(billing) as other:
            with network.silent():
                paying = asyncio.create_task(other.pay(uid))
                await network.is_asked()
                paying.cancel()
        assert (await billing.view(uid)).state is State.PAYING
        await billing.recover()
        assert (await billing.view(uid)).state is State.PENDING
        assert (await billing.pay(uid, attempt="2")).result is Result.APPROVED
        assert billing.count_charges() == 1

    async def test_is_settled_once_by_many_processes(self, billing: Billing) -> None:
        uid = await billing.ask(redirect_url="https://shop.example/paid")
        billing.shop.network.will_say(SILENCE)
        await billing.pay(uid)
        await billing.shop.reverse()
        async with another_process(billing) as other:
            await asyncio.gather(*(each.recovery.settle() for each in (billing, other) * 4))
        assert (await billing.find(uid)).state is State.PENDING
        assert billing.shop.count("invoice_events") == 2


class TestALinkThatVerifiesACard:
    async def test_ends_with_a_card_and_no_money(self, billing: Billing) -> None:
        uid = await billing.ask(0, kind=Kind.VERIFICATION, one_try=True)
        done = await billing.pay(uid)
        assert (done.result, done.view.state) == (Result.APPROVED, State.PAID)
        assert done.payment is not None
        assert done.payment.card is not None
        assert billing.count_charges() == billing.shop.count("postings") == 0

    async def test_without_an_answer_can_be_tried_again_at_once(self, billing: Billing) -> None:
        uid = await billing.ask(0, kind=Kind.VERIFICATION)
        billing.shop.network.will_say(SILENCE)
        lost = await billing.pay(uid)
        assert (lost.result, lost.reason) == (Result.DECLINED, Reason.NO_ANSWER)
        assert (await billing.pay(uid, attempt="2")).result is Result.APPROVED
        assert await billing.shop.reversals() == []

    async def test_can_never_ask_for_money(self, billing: Billing) -> None:
        uid = await billing.ask(0, kind=Kind.VERIFICATION)
        with pytest.raises(Objected) as objected:
            await billing.invoices.update(
                billing.shop.caller, uid, lambda terms: replace(terms, amounts=terms.amounts.of(Money(1)))
            )
        assert objected.value.objection is Objection.NOT_OFFERED


class TestALook:
    async def test_is_kept(self, billing: Billing) -> None:
        look = Look(name="The Bed Shop", colour="#067a57", disclaimer="No returns.")
        uid = await billing.ask(look=look, cancel_url="https://shop.example/left", may_cancel=True)
        terms = (await billing.find(uid)).terms
        assert (terms.look, terms.cancel_url, terms.may_cancel) == (look, "https://shop.example/left", True)


class TestTheOutside:
    async def test_is_told_in_the_transaction_that_pays(self, billing: Billing) -> None:
        uid = await billing.ask(redirect_url="https://shop.example/paid", email="john@example.com")
        assert topics(billing) == ["notice.link"]
        await billing.pay(uid, receipt=True)
        assert topics(billing) == ["notice.link", "invoice.paid", "notice.receipt"]
        await billing.pay(uid)
        assert billing.shop.count("deliveries") == 3

    async def test_is_told_nothing_that_nobody_asked_for(self, billing: Billing) -> None:
        uid = await billing.ask()
        await billing.pay(uid, receipt=True)
        assert topics(billing) == []


class TestTime:
    async def test_ends_what_is_pending_by_the_merchants_clock(self, billing: Billing) -> None:
        uid, never = await billing.ask(number="A"), await billing.ask(life=None)
        billing.shop.clock.pass_by(hours=23, minutes=59)
        assert await billing.recovery.expire() == 0
        billing.shop.clock.pass_by(minutes=1)
        assert (await billing.view(uid)).state is State.EXPIRED
        assert (await billing.pay(uid)).result is Result.CLOSED
        assert await billing.recovery.expire() == 1
        assert await billing.recovery.expire() == 0
        assert (await billing.find(uid)).state is State.EXPIRED
        billing.shop.clock.pass_by(days=300)
        assert (await billing.pay(never)).result is Result.APPROVED

    async def test_frees_an_invoice_number(self, billing: Billing) -> None:
        first = await billing.ask(number="A")
        with pytest.raises(Objected) as objected:
            await billing.ask(number="A")
        assert objected.value.objection is Objection.NUMBER_IN_USE
        billing.shop.clock.pass_by(days=1)
        await billing.ask(number="A")
        assert (await billing.find(first)).state is State.EXPIRED


class TestAnInvoiceNumber:
    async def test_is_given_once_by_many_at_once(self, billing: Billing) -> None:
        made = await asyncio.gather(*(billing.ask(number="A") for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(each, str) for each in made) == 1
        assert all(isinstance(each, str | Objected) for each in made)

    async def test_is_not_taken_over_by_a_change(self, billing: Billing) -> None:
        await billing.ask(number="A")
        uid = await billing.ask(number="B")
        with pytest.raises(Objected) as objected:
            await billing.invoices.update(
                billing.shop.caller, uid, lambda t: replace(t, order=structs.replace(t.order, invoice="A"))
            )
        assert objected.value.objection is Objection.NUMBER_IN_USE


class TestAReceipt:
    async def test_opens_by_its_own_uid_alone(self, billing: Billing) -> None:
        paid = (await billing.pay(await billing.ask())).payment
        assert paid is not None
        for copy in Copy:
            uid = billing.receipts.uid(paid, copy)
            receipt = await billing.receipts.open(uid)
            assert receipt is not None
            assert (receipt.payment, receipt.copy) == (paid, copy)
            last = "0" if uid[-1] != "0" else "1"
            other = {"c": "m", "m": "c"}[uid[0]]
            for forged in (uid[:-1] + last, other + uid[1:], uid.upper(), uid + "0", "", "c1-1-" + "0" * 32):
                assert await billing.receipts.open(forged) is None

    async def test_shows_what_was_given_back(self, billing: Billing) -> None:
        paid = (await billing.pay(await billing.ask())).payment
        assert paid is not None
        await billing.shop.settlements.settle(billing.shop.caller)
        refund = await billing.shop.refund(await billing.shop.find(paid), 5_00)
        receipt = await billing.receipts.open(billing.receipts.uid(paid))
        assert receipt is not None
        assert [each.payment_id for each in receipt.follow_ups] == [refund.payment_id]
        assert receipt.payment.state is PaymentState.SETTLED


class TestAnEvent:
    async def test_is_never_changed_or_removed(self, billing: Billing) -> None:
        await billing.pay(await billing.ask())
        for statement in ("UPDATE invoice_events SET after = 'paid'", "DELETE FROM invoice_events"):
            with billing.shop.engine.connect() as connection, pytest.raises(Exception, match="append-only"):
                connection.execute(text(statement))


def topics(billing: Billing) -> list[str]:
    """What is to be told, in the order of its making."""
    with billing.shop.engine.connect() as connection:
        return list(connection.execute(text("SELECT topic FROM deliveries ORDER BY delivery_id")).scalars())
