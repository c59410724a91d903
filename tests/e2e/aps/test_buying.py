"""From the first question to the last refund, as a shop goes, in every edition and with every signature."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.aps import Office, Shop
from tests.support.books import violations

HANDS = 50


class TestAShop:
    def test_sells_and_gives_back(self, any_shop: Shop) -> None:
        shop = any_shop
        reference = shop.reference()
        assert shop.verify(reference)["response_code"] == ("90000" if shop.classic else "88000")
        offered = shop.ask_for_password(reference, total_downpayment=10_000)
        assert offered["response_code"] == "88000"
        plans = shop.plans(reference)
        assert plans["response_code"] == "62000"
        tenure = str(plans["installment_detail"][0]["tenure"])
        bought = shop.purchase(
            reference,
            tenure=tenure,
            total_down_payment="10000",
            merchant_order_id=offered["merchant_order_id"],
        )
        assert (bought["response_code"], bought["status"]) == ("14000", "14")
        assert not {"otp", "tenure", "total_down_payment"} & bought.keys()
        assert shop.refund(reference, 40_000, fort_id=bought["fort_id"])["response_code"] == "06000"
        assert shop.refund(reference, 60_000)["response_code"] == "06000"
        assert shop.refund(reference, 1)["response_code"] == "07048"
        told = shop.status(reference)
        assert (told["response_code"], told["transaction_code"]) == ("12000", "06000")
        assert (told["captured_amount"], told["refunded_amount"]) == ("100000", "100000")
        assert violations(shop.gateway) == []

    def test_cannot_use_another_shops_names(self, office: Office, shop: Shop) -> None:
        other = office.board()
        for name in ("merchant_identifier", "access_code"):
            mixed = shop.sign({**shop.common(shop.reference()), name: other.keys[name]})
            answer = shop.send({**mixed, "query_command": "CHECK_STATUS"}).body
            assert answer["response_code"] in {"00010", "00008"}


class TestFiftyPurchasesAtOnce:
    @pytest.mark.parametrize("sha_type", ["sha256"], indirect=True)
    def test_of_one_reference_buy_once(self, any_shop: Shop) -> None:
        shop = any_shop
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        with ThreadPoolExecutor(HANDS) as hands:
            answers = list(hands.map(lambda _: shop.purchase(reference), range(HANDS)))
        told = Counter(answer["response_code"] for answer in answers)
        assert told["14000"] == 1
        assert set(told) <= {"14000", "13784", "00007"}
        rows = shop.gateway.rows(
            "SELECT state FROM loans WHERE merchant_id = :merchant AND reference = :reference",
            merchant=shop.merchant_id,
            reference=reference,
        )
        assert [row["state"] for row in rows if row["state"] != "declined"] == ["granted"]
        assert violations(shop.gateway) == []

    def test_and_refunds_never_give_back_too_much(self, shop: Shop) -> None:
        reference, _ = shop.bought()
        with ThreadPoolExecutor(HANDS) as hands:
            answers = list(hands.map(lambda _: shop.refund(reference, 30_000), range(HANDS)))
        told = Counter(answer["response_code"] for answer in answers)
        assert told == {"06000": 3, "07048": HANDS - 3}
        assert shop.status(reference)["refunded_amount"] == "90000"
        assert violations(shop.gateway) == []

    def test_guess_no_more_than_five_passwords(self, shop: Shop) -> None:
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        guesses = [f"{number:06d}" for number in range(200_000, 200_000 + HANDS)]
        with ThreadPoolExecutor(HANDS) as hands:
            answers = list(hands.map(lambda guess: shop.purchase(reference, otp=guess), guesses))
        told = Counter(answer["response_code"] for answer in answers)
        assert told["14000"] == 0
        assert told["13787"] <= 5
        assert shop.purchase(reference)["response_code"] == "13123"
