"""Receipts of payments that really took place, as their links open them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bezant.core.money import Money
from bezant.core.outcomes import Declined, Reason
from bezant.core.payments import Kind, Order, Payment
from bezant.core.receipts import Copy, Receipt, ReceiptName, Receipts, Standing
from tests.storage.shop import CARD, Shop, charge_of

pytestmark = pytest.mark.anyio


class TestAReceipt:
    async def test_shows_the_sale_as_it_stands(self, shop: Shop) -> None:
        sale = await shop.sale(20_00, tax=Money(1), tip=Money(1_00))
        shown = await _receipt(shop, sale)
        assert (shown.kind, shown.standing, shown.total, shown.remaining) == (
            Kind.SALE,
            Standing.PAID,
            Money(21_01),
            Money(21_01),
        )
        assert (shown.card, shown.approval_code) == ("XXXX1111", sale.approval_code)
        assert str(shown.at.tzinfo) == "America/New_York"

    async def test_shows_the_refunds_that_came_later(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        uid = (await _receipt(shop, sale)).uid
        first = await shop.refund(sale, 5_00)
        shown = await _opened(shop, uid)
        assert (shown.standing, shown.refunded, shown.remaining) == (
            Standing.PARTLY_REFUNDED,
            Money(5_00),
            Money(15_00),
        )
        assert [(each.kind, each.payment_id, each.amount) for each in shown.changes] == [
            (Kind.REFUND, first.payment_id, Money(5_00))
        ]
        await shop.refund(sale, 15_00)
        assert (await _opened(shop, uid)).standing is Standing.REFUNDED

    async def test_shows_no_refund_that_was_declined(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        shop.network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
        await shop.refund(sale, 5_00)
        shown = await _receipt(shop, sale)
        assert (shown.standing, shown.changes) == (Standing.PAID, ())

    async def test_shows_a_void_and_the_void_shows_it(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        void = await shop.void(sale)
        shown = await _receipt(shop, sale)
        assert (shown.standing, shown.remaining) == (Standing.VOIDED, Money(0))
        assert [each.kind for each in shown.changes] == [Kind.VOID]
        assert await _receipt(shop, void) == shown

    async def test_of_a_refund_names_the_sale(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        refund = await shop.refund(sale, 5_00)
        shown = await _receipt(shop, refund)
        assert (shown.standing, shown.original_id, shown.total) == (
            Standing.GIVEN_BACK,
            sale.payment_id,
            Money(5_00),
        )

    async def test_of_an_authorization_shows_its_increments_and_its_capture(self, shop: Shop) -> None:
        held = await shop.authorization(20_00)
        await shop.increment(held, 5_00)
        assert (await _receipt(shop, held)).standing is Standing.AUTHORIZED
        assert (await _receipt(shop, held)).total == Money(25_00)
        capture = await shop.capture(held, 25_00)
        shown = await _receipt(shop, held)
        assert shown.standing is Standing.CAPTURED
        assert [each.payment_id for each in shown.changes] == [capture.payment_id]
        assert (await _receipt(shop, capture)).standing is Standing.PAID

    async def test_of_an_expired_authorization_says_so(self, shop: Shop) -> None:
        held = await shop.expired_authorization(20_00)
        shown = await _receipt(shop, held)
        assert (shown.standing, shown.remaining) == (Standing.EXPIRED, Money(0))

    async def test_is_not_made_of_what_was_declined(self, shop: Shop) -> None:
        shop.network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
        declined = await shop.sale()
        assert await _found(shop, declined) is None

    async def test_is_not_found_by_another_merchant_or_terminal(self, shop: Shop) -> None:
        sale = await shop.sale()
        stranger = await shop.another_caller()
        receipts = _receipts(shop)
        assert await receipts.find(stranger.merchant.merchant_id, sale.payment_id, Copy.CUSTOMER) is None
        assert (
            await receipts.find(sale.merchant_id, sale.payment_id, Copy.CUSTOMER, terminal_id=10**9) is None
        )

    async def test_shows_less_to_the_payer_than_to_the_merchant(self, shop: Shop) -> None:
        order = Order(cardholder="JOHN SMITH", invoice="inv1", email="john@example.com")
        sale = (await shop.payments.charge(shop.caller, replace(charge_of(), order=order))).payment
        payers = await _receipt(shop, sale)
        merchants = await _receipt(shop, sale, Copy.MERCHANT)
        assert (payers.cardholder, payers.terminal_number, payers.audit_number) == (None, None, None)
        assert (merchants.cardholder, merchants.audit_number) == ("JOHN SMITH", sale.audit_number)
        assert merchants.uid != payers.uid
        assert "john@example.com" not in f"{payers}{merchants}"

    async def test_masks_card_numbers_that_a_shop_wrote_into_its_texts(self, shop: Shop) -> None:
        order = Order(description=f"paid by {CARD.reveal()}", invoice="inv1", cardholder=CARD.reveal())
        sale = (await shop.payments.charge(shop.caller, replace(charge_of(), order=order))).payment
        for copy in Copy:
            assert CARD.reveal() not in str(await _receipt(shop, sale, copy))


class TestTheNameOfAReceipt:
    async def test_stays_the_same_and_opens_it(self, shop: Shop) -> None:
        sale = await shop.sale()
        first, second = await _receipt(shop, sale), await _receipt(shop, sale)
        assert first.uid == second.uid
        assert await _opened(shop, first.uid) == first

    async def test_opens_nothing_when_a_single_character_is_changed(self, shop: Shop) -> None:
        uid = (await _receipt(shop, await shop.sale())).uid
        assert len(uid) == 44
        for place, letter in enumerate(uid):
            other = "A" if letter != "A" else "B"
            assert await _receipts(shop).open(uid[:place] + other + uid[place + 1 :]) is None

    @pytest.mark.parametrize(
        "uid", ["", "1", "A" * 44, "A" * 43, "A" * 45, "ä" * 44, "../" * 14 + "AB", "\n"]
    )
    async def test_cannot_be_made_up(self, shop: Shop, uid: str) -> None:
        await shop.sale()
        assert await _receipts(shop).open(uid) is None

    async def test_of_a_payment_that_does_not_exist_opens_nothing(self, shop: Shop) -> None:
        name = ReceiptName(
            merchant_id=shop.caller.merchant.merchant_id, payment_id=2**63 - 1, copy=Copy.CUSTOMER
        )
        assert await _receipts(shop).open(shop.keys.receipt_names.uid(name)) is None


def _receipts(shop: Shop) -> Receipts:
    return Receipts(units=shop.units, names=shop.keys.receipt_names, callers=shop.directory)


async def _found(shop: Shop, payment: Payment, copy: Copy = Copy.CUSTOMER) -> Receipt | None:
    return await _receipts(shop).find(payment.merchant_id, payment.payment_id, copy)


async def _receipt(shop: Shop, payment: Payment, copy: Copy = Copy.CUSTOMER) -> Receipt:
    found = await _found(shop, payment, copy)
    assert found is not None
    return found


async def _opened(shop: Shop, uid: str) -> Receipt:
    found = await _receipts(shop).open(uid)
    assert found is not None
    return found
