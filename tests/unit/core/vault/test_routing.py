"""Routing numbers: nine digits, a prefix in use, the right check digit."""

from __future__ import annotations

import pytest

from bezant.core.vault import is_routing_number


class TestARoutingNumber:
    @pytest.mark.parametrize(
        "number",
        [
            "021000021",
            "011401533",
            "091000019",
            "121000248",
            "122000661",
            "267084131",
            "322271627",
            "800000006",
            "000000518",
        ],
    )
    def test_of_a_bank_is_one(self, number: str) -> None:
        assert is_routing_number(number)

    @pytest.mark.parametrize("digit", "023456789")
    def test_with_another_check_digit_is_none(self, digit: str) -> None:
        assert not is_routing_number(f"02100002{digit}")

    @pytest.mark.parametrize(
        "number",
        [
            "",
            "000000000",
            "123456789",
            "02100002",
            "0210000210",
            " 021000021",
            "021000021\n",
            "\u0660\u0662\u0661\u0660\u0660\u0660\u0660\u0662\u0661",
            "02100002\u00b9",
            "-21000021",
            "0x1000021",
        ],
        ids=ascii,
    )
    def test_is_nothing_else(self, number: str) -> None:
        assert not is_routing_number(number)

    @pytest.mark.parametrize("prefix", ["13", "20", "33", "60", "73", "79", "81", "99"])
    def test_begins_with_digits_that_are_given_out(self, prefix: str) -> None:
        weights = (3, 7, 1) * 3
        for number in (f"{prefix}{rest:07d}" for rest in range(10)):
            if sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 10 == 0:
                assert not is_routing_number(number)
                return
        pytest.fail("none of them has the right sum")
