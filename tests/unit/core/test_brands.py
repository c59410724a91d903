"""Brands by number range, and what is known of issuers."""

from __future__ import annotations

import pytest

from bezant.core.sensitive import Pan
from bezant.core.vault import BinRecord, Bins, Brand, Card, brand_of

# source: vendor docs (test cards); the README of a public client
TEST_CARDS = {
    "4012881888818888": Brand.VISA,
    "4111111111111111": Brand.VISA,
    "4012000098765439": Brand.VISA,
    "5146315000000055": Brand.MASTERCARD,
    "371449635392376": Brand.AMEX,
    "6011000993026909": Brand.DISCOVER,
    "3055155515160018": Brand.DINERS,
    "3530142019945859": Brand.JCB,
    "5044339324661725266": Brand.MAESTRO,
}

EDGES = {
    "340000": Brand.AMEX,
    "350000": Brand.UNKNOWN,
    "352799": Brand.UNKNOWN,
    "352800": Brand.JCB,
    "358999": Brand.JCB,
    "359000": Brand.UNKNOWN,
    "299999": Brand.UNKNOWN,
    "300000": Brand.DINERS,
    "305999": Brand.DINERS,
    "306000": Brand.UNKNOWN,
    "309500": Brand.DINERS,
    "360000": Brand.DINERS,
    "399999": Brand.DINERS,
    "222099": Brand.UNKNOWN,
    "222100": Brand.MASTERCARD,
    "272099": Brand.MASTERCARD,
    "272100": Brand.UNKNOWN,
    "500000": Brand.MAESTRO,
    "510000": Brand.MASTERCARD,
    "559999": Brand.MASTERCARD,
    "560000": Brand.MAESTRO,
    "600000": Brand.UNKNOWN,
    "620000": Brand.UNIONPAY,
    "630400": Brand.MAESTRO,
    "643999": Brand.UNKNOWN,
    "644000": Brand.DISCOVER,
    "659999": Brand.DISCOVER,
    "670000": Brand.MAESTRO,
    "810000": Brand.UNIONPAY,
    "999999": Brand.UNKNOWN,
}


class TestACardNumber:
    @pytest.mark.parametrize(("number", "brand"), TEST_CARDS.items())
    def test_of_a_test_card_has_its_brand(self, number: str, brand: Brand) -> None:
        pan = Pan(number)
        assert pan.passes_luhn()
        assert Card.of(pan, "A" * 40) == Card(token="A" * 40, bin=number[:6], last4=number[-4:], brand=brand)

    @pytest.mark.parametrize(("digits", "brand"), EDGES.items())
    def test_belongs_to_one_range(self, digits: str, brand: Brand) -> None:
        assert brand_of(digits) is brand
        assert brand_of(digits + "00") is brand


class TestTheNumberRanges:
    def test_answer_with_the_most_precise_record(self) -> None:
        bins = Bins()
        bins.replace([_record("411111"), _record("41111122")])
        assert _prefix(bins, "4111112299999999") == "41111122"
        assert _prefix(bins, "4111113399999999") == "411111"
        assert _prefix(bins, "411111") == "411111"
        assert _prefix(bins, "4111109999999999") is None

    def test_are_replaced_whole(self) -> None:
        bins = Bins()
        bins.replace([_record("411111")])
        bins.replace([_record("510000")])
        assert _prefix(bins, "4111111111111111") is None


def _record(prefix: str) -> BinRecord:
    return BinRecord(prefix=prefix, funding="debit", issuer=None, country=None, level=None, category=None)


def _prefix(bins: Bins, digits: str) -> str | None:
    record = bins.find(digits)
    return record.prefix if record else None
