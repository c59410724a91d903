"""Signatures: published ones are made again, real clients' ways are taken, everything else is refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import pytest

from bezant.core.merchants import Digest
from bezant.core.sensitive import Secret
from bezant.dialects.aps import signature
from bezant.dialects.wire.body import Number, parse_json

PASS = Secret("PASS")
SHOP = {"access_code": "zx0IPmPy5jp1vAz8Kpg7", "merchant_identifier": "CycHZxVj"}
ORDER = {**SHOP, "language": "en", "merchant_reference": "XYZ9239-yu898"}
OPENING = {**ORDER, "payment_option": "VALU", "phone_number": "00008557694"}
LIBRARY = {
    "access_code": "TestAccessCode",
    "merchant_identifier": "TestMerchantIdentifier",
    "language": "testlanguage",
}
CARD_SHOP = {
    "access_code": "SILgpo7pWbmzuURp2qri",
    "merchant_identifier": "MxvOupuG",
    "language": "en",
}
AUTHORIZATION = {
    "command": "AUTHORIZATION",
    "access_code": "43287943278432",
    "merchant_identifier": "343278h432",
    "amount": 1,
    "merchant_reference": "test 2121",
    "currency": "USD",
    "language": "en",
    "customer_email": "test@aps.com",
}


def card(number: str, code: str) -> dict[str, str]:
    return {
        "payment_method": f"TestPaymentMethod{number}",
        "payment_cardtype": f"TestCardType{number}",
        "payment_security_code": code,
    }


PUBLISHED: Mapping[str, tuple[str, Digest, Mapping[str, Any], str]] = {
    "a customer's verification": (
        "PASS",
        Digest.SHA256,
        {**OPENING, "service_command": "CUSTOMER_VERIFY"},
        "f0c49b9dae92b3da04d82689f698189ac65f62596280cd253cb24130ce5a1ed6",
    ),
    "a password asked for with products": (
        "PASS",
        Digest.SHA256,
        {
            **OPENING,
            "service_command": "OTP_GENERATE",
            "amount": 10000,
            "currency": "EGP",
            "merchant_order_id": "Valu123",
            "products": [
                {"product_name": "iphone", "product_price": 10000, "product_category": "phone"},
            ],
        },
        "c9a58adbe7fa5311b79a6362f28aa3e02c10cde5a37f10456e1caa6bd06a6951",
    ),
    "a purchase": (
        "PASS",
        Digest.SHA256,
        {
            **CARD_SHOP,
            "command": "PURCHASE",
            "merchant_reference": "Test010",
            "amount": 1000,
            "currency": "USD",
            "customer_email": "test@gmail.com",
        },
        "94c38afc7bdae0114fc8c740edf12416f22998241ce4b4ea70d5521233a2c882",
    ),
    "a tokenization": (
        "PASS",
        Digest.SHA256,
        {**CARD_SHOP, "service_command": "TOKENIZATION", "merchant_reference": "MyReference0001"},
        "7ee560ccd621da61bfc772f2f1b5849babda768f5ee36d4de67efa88403e4b99",
    ),
    "an authorization under one phrase": (
        "test1",
        Digest.SHA256,
        AUTHORIZATION,
        "6b73011e4eda060bbbdf206ad110b5208690b57d9e39bec1a548fe8bf3029439",
    ),
    "the same under another": (
        "test2",
        Digest.SHA256,
        AUTHORIZATION,
        "916b0c4952b7d072fe6cbe15fad9b5509660b482aaa952d90096c9094ca87478",
    ),
    "three texts": (
        "PASS",
        Digest.SHA256,
        LIBRARY,
        "6e35631fc0a493adfa062eb173cf6e37751f6e12dfd3eea9b9eec656559920d2",
    ),
    "three texts by the longer hash": (
        "PASS",
        Digest.SHA512,
        LIBRARY,
        (
            "743f3ea5d8d4c67f07e936512ed4fadfd7236fe39e4d8ec0cf779736155d2edf"
            "97e769536c9a074609919b3b62330b43c5a41540b4e48809bdced50904d9fa0a"
        ),
    ),
    "an object in an object": (
        "PASS",
        Digest.SHA256,
        {**LIBRARY, "payment_type": card("", "123")},
        "53c5aa02e0cdf14d59cc2eef557b23bffa33621f5f6faf14d3c215f8d4db1954",
    ),
    "a list of objects with an empty member": (
        "PASS",
        Digest.SHA256,
        {**LIBRARY, "payment_type": [card("1", ""), card("2", "")]},
        "7c0ec9171ed177d07039a3cb4eb4a63608189ef3ad0ae2abb755476aede1c062",
    ),
    "an enquiry": (
        "sha-request-phrase",
        Digest.SHA256,
        {"query_command": "CHECK_STATUS", "language": "en", "merchant_reference": "122333"},
        "9eb08299a5f9cda485e4967a25d4c8ff7ecfc98ae8f6d23fcb12457ea709fb26",
    ),
    # Computed, not published: for values that no published one has.
    "a refund": (
        "PASS",
        Digest.SHA256,
        {
            **ORDER,
            "command": "REFUND",
            "fort_id": "149295435400084008",
            "amount": 10000,
            "currency": "EGP",
            "order_description": "iPhone 6-S",
        },
        "7e1bdcbe5e615bd9f3da7277d1385d83b3449825136b0553a57db3661c28d5ee",
    ),
    "a refund's enquiry": (
        "PASS",
        Digest.SHA256,
        {**ORDER, "query_command": "CHECK_STATUS"},
        "8e3322d2e4b50cf92ddabe8d4a89513e80323212d57910fa894a2560685ffafa",
    ),
}


class TestASignature:
    @pytest.mark.parametrize("what", PUBLISHED)
    def test_is_the_published_one(self, what: str) -> None:
        phrase, digest, parameters, expected = PUBLISHED[what]
        assert signature.sign(signature.canonical(parameters), Secret(phrase), digest) == expected
        signed = {**parameters, "signature": expected.upper()}
        assert signature.is_signed(signed, phrases=(PASS, Secret(phrase)), digest=digest)
        assert not signature.is_signed(signed, phrases=(Secret("another"),), digest=digest)

    @pytest.mark.parametrize(
        ("digest", "algorithm"), [(Digest.HMAC256, hashlib.sha256), (Digest.HMAC512, hashlib.sha512)]
    )
    def test_that_is_keyed_still_has_the_phrase_around_it(self, digest: Digest, algorithm: Any) -> None:
        text = signature.canonical(OPENING)
        expected = hmac.new(b"PASS", f"PASS{text}PASS".encode(), algorithm).hexdigest()
        assert signature.sign(text, PASS, digest) == expected

    def test_of_an_answer_is_over_all_but_its_plans(self) -> None:
        """Computed for the vendor's sample answer."""
        answer = {
            "service_command": "OTP_GENERATE",
            **SHOP,
            "merchant_reference": "TEST-009967",
            "language": "en",
            "payment_option": "VALU",
            "phone_number": "01220422223",
            "merchant_order_id": "Valu123",
            "amount": Number("100000"),
            "currency": "EGP",
            "total_downpayment": Number("10000"),
            "installment_detail": [{"fee_amount": Number("500")}],
            "response_message": "Success",
            "response_code": "88000",
            "status": "88",
            "wallet_amount": Number("500000"),
            "cashback_wallet_amount": Number("300000"),
        }
        assert signature.sign_answer(answer, PASS, Digest.SHA256) == (
            "dadde524a414d3985605e4d5763e71cfb2763389789bcc0482688d04f27c03f2"
        )


class TestTheCanonicalString:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ('{"b":1,"a":2}', "a=2b=1"),
            ('{"b":1,"B":2,"3ds_url":3,"_":4}', "3ds_url=3B=2_=4b=1"),
            ('{"a":1.50}', "a=1.50"),
            ('{"a":1e3}', "a=1e3"),
            ('{"a":true,"b":false}', "a=trueb=false"),
            ('{"a":null,"b":""}', "b="),
            ('{"a":[]}', "a=[]"),
            ('{"a":{}}', "a={}"),
            ('{"a":[1,"x",[2]]}', "a=[1, x, [2]]"),
            ('{"a":{"z":1,"b":{"y":2}}}', "a={z=1, b={y=2}}"),
            ('{"a":{"b":null}}', "a={b=}"),
            ('{"a":"\\u00e9 \\u0645"}', "a=é م"),
            ('{"signature":"x","signatur":"y"}', "signatur=y"),
        ],
    )
    def test_is(self, written: str, expected: str) -> None:
        assert signature.canonical(parse_json(written.encode())) == expected

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ('{"a":1}', 1),
            ('{"a":1,"b":""}', 2),
            ('{"a":10000.0}', 2),
            ('{"a":10000.0,"b":""}', 4),
            ('{"a":1.5}', 1),
        ],
    )
    def test_has_few_candidates(self, written: str, expected: int) -> None:
        assert len(signature.candidates(parse_json(written.encode()))) == expected

    @pytest.mark.parametrize("text", ["a=1", "a=10000", "a=1b="])
    def test_of_real_clients_is_taken(self, text: str) -> None:
        sent = {"a=1": '{"a":1,"b":""}', "a=10000": '{"a":10000.0}', "a=1b=": '{"a":1,"b":""}'}[text]
        signed = {
            **parse_json(sent.encode()),
            "signature": signature.sign(text, PASS, Digest.SHA256),
        }
        assert signature.is_signed(signed, phrases=(PASS,), digest=Digest.SHA256)

    def test_is_shown_without_anything_secret(self) -> None:
        shown = signature.shown({"otp": "123456", "command": "PURCHASE", "note": "4111111111111111"})
        assert shown == "[phrase]command=PURCHASEnote=XXXX1111otp=[otp][phrase]"


class TestAClaim:
    @pytest.mark.parametrize(
        "claim",
        [
            None,
            "",
            "0",
            True,
            Number("12"),
            [],
            {},
            "0x" + "0" * 62,
            " " + "a" * 64,
            "\uff11" * 64,
            "0" * 40,
            "0" * 128,
        ],
    )
    def test_that_is_no_signature_is_refused(self, claim: object) -> None:
        for digest in Digest:
            assert not signature.is_signed({**SHOP, "signature": claim}, phrases=(PASS,), digest=digest)

    @pytest.mark.parametrize("other", [digest for digest in Digest if digest is not Digest.SHA256])
    def test_by_another_function_is_refused(self, other: Digest) -> None:
        signed = {**SHOP, "signature": signature.sign(signature.canonical(SHOP), PASS, other)}
        assert not signature.is_signed(signed, phrases=(PASS,), digest=Digest.SHA256)


class TestAnAmbiguousText:
    NAMES = frozenset({"amount", "otp"})

    @pytest.mark.parametrize(
        "parameters",
        [
            {"note": "1amount=2"},
            {"note": {"inner": "otp=2"}},
            {"note": [{"inner": ["xotp="]}]},
            {"amount=1": "x"},
        ],
    )
    def test_is_found(self, parameters: dict[str, Any]) -> None:
        assert signature.is_ambiguous(parameters, self.NAMES)

    @pytest.mark.parametrize(
        "parameters",
        [{"note": "a=b"}, {"amount": "1"}, {"note": {"amount": "1"}}, {"note": Number("1")}, {"x": "otp"}],
    )
    def test_is_none_of_these(self, parameters: dict[str, Any]) -> None:
        assert not signature.is_ambiguous(parameters, self.NAMES)
