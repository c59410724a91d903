"""The vendor's published requests, signed with a known phrase, get the vendor's published answers.

The demo's merchant has the names of the samples. Their signatures are of phrases that nobody has published.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.aps import Office, Shop

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "samples.json").read_bytes())
"""Requests and answers by operation (source: vendor sample)."""

OWN: Final = {"signature", "merchant_reference"}
MADE: Final = {
    "merchant_order_id": r"Valu[0-9]+",
    "fort_id": r"[0-9]{1,20}",
    "loan_number": r"[A-Za-z0-9-]{1,100}",
    "valu_transaction_id": r"[A-Za-z0-9-]{1,100}",
    "customer_ip": r"127\.0\.0\.1",
}
"""What an answer makes up."""
ADDED: Final = {"GET_INSTALLMENTS_PLANS": ["response_message", "response_code", "status"]}
"""What the sample lacks and every other answer has (our choice)."""


def shape(value: Any) -> Any:
    """The type of a value, and of what is in it."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.fixture
def demo(office: Office) -> Shop:
    """The demo's own shop."""
    gateway = office.gateway
    return Shop(gateway, gateway.demo["aps"])


def prepared(shop: Shop, request: dict[str, Any]) -> None:
    """What has to come before a purchase."""
    names = (
        "payment_option",
        "phone_number",
        "amount",
        "currency",
        "wallet_amount",
        "cashback_wallet_amount",
    )
    answer = shop.call(
        request["merchant_reference"],
        service_command="OTP_GENERATE",
        total_downpayment=int(request["total_down_payment"]),
        **{name: request[name] for name in names},
    )
    assert answer["response_code"] == "88000", answer


class TestASample:
    @pytest.mark.parametrize("operation", SAMPLES)
    def test_is_answered_like_the_vendors(self, demo: Shop, operation: str) -> None:
        sample = SAMPLES[operation]
        request = {name: value for name, value in sample["request"].items() if name != "signature"}
        request["merchant_reference"] = demo.reference()
        if operation == "PURCHASE":
            prepared(demo, request)
        answer = demo.send(demo.sign(request))
        said, expected = answer.body, sample["answer"]
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        demo.check(said)
        assert list(said) == [*expected, *ADDED.get(operation, [])]
        added = ADDED.get(operation, [])
        assert shape({name: value for name, value in said.items() if name not in added}) == shape(expected)
        for name, value in expected.items():
            if name in MADE:
                assert re.fullmatch(MADE[name], said[name], re.ASCII)
            elif name == "installment_detail":
                assert operation != "GET_INSTALLMENTS_PLANS" or all(plan in said[name] for plan in value)
            elif name not in OWN:
                assert said[name] == value
        assert said["merchant_reference"] == request["merchant_reference"]

    def test_of_the_classic_edition_is_answered_like_the_older_docs_say(self, office: Office) -> None:
        shop = Shop(office.gateway, office.gateway.demo["aps_classic"], classic=True)
        reference = shop.reference()
        verified = shop.verify(reference)
        assert (verified["response_code"], verified["status"]) == ("90000", "90")
        offered = shop.ask_for_password(reference)
        assert (offered["response_code"], offered["status"]) == ("88000", "88")
        assert offered["merchant_order_id"] == reference
        assert offered["products"][0]["product_name"] == "iphone"
        assert {"number_of_installments": 6, "amount_per_month": 17083, "fees_amount": 2500} in offered[
            "installment_detail"
        ]["plan_details"]
        assert re.fullmatch(r"[0-9]{12}", offered["transaction_id"], re.ASCII)
        assert offered["otp_status"] == "1"
        assert "6" in offered["tenure"].split("-")
        checked = shop.check_password(reference)
        assert (checked["response_code"], checked["response_message"]) == (
            "92182",
            "OTP verification success",
        )
        assert {"EMI": "17083", "TENURE": "6", "InterestRate": "2.50"} in checked["tenure"]["TENURE_VM"]
        assert "otp" not in checked
        bought = shop.purchase(
            reference,
            merchant_order_id=offered["merchant_order_id"],
            transaction_id=offered["merchant_order_id"],
            customer_code=shop.keys["valu_phone"],
            total_down_payment="1200",
        )
        assert bought["response_code"] == "14000"


class TestAnAnswer:
    def test_repeats_what_was_sent_in_its_own_type(self, shop: Shop) -> None:
        extras: dict[str, Any] = {
            "merchant_extra1": "John; Smith's/_-,@",
            "app_ver": "8.1",
            "app_plugin_version": 2,
            "a_flag": True,
            "a_list": [1, {"z": "y", "x": ""}, [True]],
            "amount": "100000",
            "currency": "egp",
            "wallet_amount": "0",
        }
        said = shop.ask_for_password(shop.reference(), **extras)
        assert said["response_code"] == "88000"
        assert {name: said[name] for name in extras} == extras

    def test_says_no_null_and_no_empty_text(self, shop: Shop) -> None:
        body = shop.sign({**shop.common(shop.reference()), "service_command": "CUSTOMER_VERIFY", "x": ""})
        body |= {"y": None}
        said = shop.send(body).body
        assert not {"x", "y"} & said.keys()
        assert None not in said.values()

    @pytest.mark.parametrize("name", ["otp", "card_number", "card_security_code", "expiry_date"])
    def test_never_repeats_a_secret(self, shop: Shop, name: str) -> None:
        said = shop.verify(shop.reference(), **{name: "4111111111111111"})
        assert name not in said

    @pytest.mark.parametrize(
        "name", ["loan_number", "transaction_status", "captured_amount", "installment_detail", "eci"]
    )
    def test_does_not_repeat_what_only_answers_say(self, shop: Shop, name: str) -> None:
        assert name not in shop.verify(shop.reference(), **{name: "VL1"})

    def test_is_in_arabic_for_who_reads_it(self, shop: Shop) -> None:
        said = shop.verify(shop.reference(), language="ar")
        assert (said["response_code"], said["response_message"]) == ("88000", "عملية ناجحة")
        assert (
            shop.verify(shop.reference(), language="ar", phone_number="0122")["response_message"] != "Success"
        )

    @pytest.mark.parametrize("path", ["/FortAPI/paymentApi", "/FortAPI/paymentApi/"])
    @pytest.mark.parametrize(
        "content_type", ["application/json;charset=UTF-8", "APPLICATION/JSON", "text/plain", ""]
    )
    def test_is_given_whatever_the_content_type(self, shop: Shop, path: str, content_type: str) -> None:
        body = shop.sign(
            {
                **shop.common(shop.reference()),
                "service_command": "CUSTOMER_VERIFY",
                "payment_option": "VALU",
                "phone_number": shop.keys["valu_phone"],
            }
        )
        headers = {"Content-Type": content_type} if content_type else {}
        answer = shop.gateway.post(json.dumps(body).encode(), headers, target=path)
        assert (answer.status, answer.body["response_code"]) == (200, "88000")
