"""Receipts of payments that really took place, as their links open them."""

from __future__ import annotations

import pytest
from msgspec import structs

from bezant.core.invoices import Copy, Receipts
from bezant.core.money import Money
from bezant.core.outcomes import Declined, Reason
from bezant.core.payments import Kind, Order, Payment
from bezant.receipts import Slip, Standing, slip_of
from tests.storage.notices import notices_of
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
        first = await shop.refund(sale, 5_00)
        shown = await _receipt(shop, sale)
        assert (shown.standing, shown.refunded, shown.remaining) == (
            Standing.PARTLY_REFUNDED,
            Money(5_00),
            Money(15_00),
        )
        assert [(each.kind, each.payment_id, each.amount) for each in shown.changes] == [
            (Kind.REFUND, first.payment_id, Money(5_00))
        ]
        await shop.refund(sale, 15_00)
        assert (await _receipt(shop, sale)).standing is Standing.REFUNDED

    async def test_shows_no_refund_that_was_declined(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        shop.network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
        await shop.refund(sale, 5_00)
        shown = await _receipt(shop, sale)
        assert (shown.standing, shown.changes) == (Standing.PAID, ())

    async def test_shows_a_void(self, shop: Shop) -> None:
        sale = await shop.sale(20_00)
        void = await shop.void(sale)
        shown = await _receipt(shop, sale)
        assert (shown.standing, shown.remaining) == (Standing.VOIDED, Money(0))
        assert [each.kind for each in shown.changes] == [Kind.VOID]
        assert (await _receipt(shop, void)).standing is Standing.DONE

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

    async def test_of_what_was_declined_says_so(self, shop: Shop) -> None:
        shop.network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
        shown = await _receipt(shop, await shop.sale())
        assert (shown.standing, shown.remaining) == (Standing.DECLINED, Money(0))

    async def test_is_not_found_by_another_merchant(self, shop: Shop) -> None:
        sale = await shop.sale()
        stranger = await shop.another_caller()
        found = await receipts_of(shop).of(stranger.merchant.merchant_id, sale.payment_id, Copy.CUSTOMER)
        assert found is None

    async def test_shows_less_to_the_payer_than_to_the_merchant(self, shop: Shop) -> None:
        order = Order(cardholder="JOHN SMITH", invoice="inv1", email="john@example.com")
        sale = (await shop.payments.charge(shop.caller, structs.replace(charge_of(), order=order))).payment
        payers = await _receipt(shop, sale)
        merchants = await _receipt(shop, sale, Copy.MERCHANT)
        assert (payers.cardholder, payers.batch_number, payers.audit_number) == (None, None, None)
        assert (merchants.cardholder, merchants.audit_number) == ("JOHN SMITH", sale.audit_number)
        assert receipts_of(shop).uid(sale, Copy.MERCHANT) != receipts_of(shop).uid(sale)
        assert "john@example.com" not in f"{payers}{merchants}"

    async def test_masks_card_numbers_that_a_shop_wrote_into_its_texts(self, shop: Shop) -> None:
        order = Order(description=f"paid by {CARD.reveal()}", invoice="inv1", cardholder=CARD.reveal())
        sale = (await shop.payments.charge(shop.caller, structs.replace(charge_of(), order=order))).payment
        for copy in Copy:
            assert CARD.reveal() not in str(await _receipt(shop, sale, copy))


class TestTheNameOfAReceipt:
    async def test_stays_the_same_and_opens_it(self, shop: Shop) -> None:
        sale, receipts = await shop.sale(), receipts_of(shop)
        for copy in Copy:
            uid = receipts.uid(sale, copy)
            assert receipts.uid(sale, copy) == uid
            opened = await receipts.open(uid)
            assert opened == await receipts.of(sale.merchant_id, sale.payment_id, copy)

    async def test_opens_nothing_when_a_single_character_is_changed(self, shop: Shop) -> None:
        receipts = receipts_of(shop)
        uid = receipts.uid(await shop.sale())
        for place, letter in enumerate(uid):
            other = "a" if letter != "a" else "b"
            assert await receipts.open(uid[:place] + other + uid[place + 1 :]) is None

    @pytest.mark.parametrize(
        "uid", ["", "1", "c1-1-" + "0" * 32, "c1-1-" + "0" * 31, "ä" * 44, "../" * 14 + "AB", "\n"]
    )
    async def test_cannot_be_made_up(self, shop: Shop, uid: str) -> None:
        await shop.sale()
        assert await receipts_of(shop).open(uid) is None

    async def test_of_a_payment_that_does_not_exist_opens_nothing(self, shop: Shop) -> None:
        gone = (await shop.sale()).having(payment_id=2**63 - 1)
        assert await receipts_of(shop).open(receipts_of(shop).uid(gone)) is None


def receipts_of(shop: Shop) -> Receipts:
    """The receipts of a shop."""
    return Receipts(
        units=shop.units, callers=shop.directory, hasher=shop.keys.hasher, notices=notices_of(shop)
    )


async def _receipt(shop: Shop, payment: Payment, copy: Copy = Copy.CUSTOMER) -> Slip:
    receipt = await receipts_of(shop).of(payment.merchant_id, payment.payment_id, copy)
    assert receipt is not None
    return slip_of(receipt)
