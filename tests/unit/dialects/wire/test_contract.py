"""Contracts: which error wins, what a field may be called, and how an answer is laid out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from bezant.core.money import Money
from bezant.dialects.wire import codecs
from bezant.dialects.wire.body import Number
from bezant.dialects.wire.contract import (
    Constant,
    Fault,
    Field,
    Layout,
    Reply,
    array,
    check_lengths,
    check_presence,
    nested,
    read_all_fields,
    read_fields,
)

FIELDS = (
    Field(name="epi", read=codecs.pattern(r"2[0-9]{9}"), missing="D05", invalid="D27"),
    Field(name="amount", read=codecs.decimal(minor_max=9_999_999), missing="E05", invalid="E05"),
    Field(name="surchargeIndicator", read=codecs.flag, default=False, invalid="E12"),
    Field(
        name="invoicenumber", read=codecs.text(length_max=12), invalid="E19", aliases=("invoice_no", "Bill")
    ),
    Field(name="items", read=lambda items: items, invalid="E19"),
)
ALL = {"epi": "2203082193", "amount": Number("20"), "surchargeindicator": "1", "invoicenumber": "inv0001"}


def error(values: dict[str, Any]) -> str:
    with pytest.raises(Fault) as fault:
        read_fields(FIELDS, values)
    found: str = fault.value.error
    return found


class TestARequest:
    def test_is_read_by_the_vendors_names(self) -> None:
        assert read_fields(FIELDS, ALL | {"items": [1], "unknown": "x"}) == {
            "epi": "2203082193",
            "amount": Money(2_000),
            "surchargeIndicator": True,
            "invoicenumber": "inv0001",
            "items": [1],
        }

    @pytest.mark.parametrize("absent", [{}, {"surchargeindicator": ""}, {"surchargeindicator": None}])
    def test_may_leave_out_what_is_not_needed(self, absent: dict[str, Any]) -> None:
        found = read_fields(FIELDS, {"epi": "2203082193", "amount": "1"} | absent)
        assert found["surchargeIndicator"] is False
        assert found["invoicenumber"] is None

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"epi": "", "amount": "x"}, "D05"),
            ({"epi": None, "amount": ""}, "D05"),
            ({"epi": "1", "amount": "x"}, "D27"),
            ({"epi": ["2203082193"]}, "D27"),
            ({"amount": "x", "surchargeindicator": "x"}, "E05"),
            ({"amount": "", "surchargeindicator": "x"}, "E05"),
            ({"surchargeindicator": "x", "invoicenumber": "x" * 13}, "E12"),
            ({"surchargeindicator": {}}, "E12"),
            ({"invoicenumber": "x" * 13}, "E19"),
        ],
    )
    def test_gets_the_first_error_in_the_order_of_fields(
        self, changes: dict[str, Any], expected: str
    ) -> None:
        assert error(ALL | changes) == expected

    @pytest.mark.parametrize("name", ["invoicenumber", "invoice_no", "bill"])
    def test_may_use_an_alias(self, name: str) -> None:
        rest = {"epi": "2203082193", "amount": "1"}
        assert read_fields(FIELDS, rest | {name: "7"})["invoicenumber"] == "7"
        assert (
            read_fields(FIELDS, rest | {"invoicenumber": "", "invoice_no": None, name: "7"})["invoicenumber"]
            == "7"
        )

    def test_may_be_told_all_its_errors(self) -> None:
        found, errors = read_all_fields(FIELDS, ALL | {"epi": "", "amount": "x", "invoicenumber": "x" * 13})
        assert errors == ["D05", "E05", "E19"]
        assert found["surchargeIndicator"] is True
        assert read_all_fields(FIELDS, ALL) == (read_fields(FIELDS, ALL), [])

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, None),
            ({"amount": ""}, "absent"),
            ({"epi": "1", "amount": None}, "absent"),
            ({"epi": "1", "invoicenumber": "x" * 13}, "too long"),
            ({"epi": "1", "bill": "x" * 13, "invoicenumber": ""}, "too long"),
            ({"epi": "1", "invoicenumber": ["x" * 13]}, "invalid"),
        ],
    )
    def test_may_be_told_what_is_absent_or_too_long_before_all_else(
        self, changes: dict[str, Any], expected: str | None
    ) -> None:
        fields = (
            Field(name="epi", read=codecs.digits(minimum=2, maximum=10), invalid="invalid"),
            Field(
                name="invoicenumber",
                read=codecs.text(length_max=12),
                invalid="invalid",
                aliases=("bill",),
                length_max=12,
                too_long="too long",
            ),
            Field(name="amount", read=lambda amount: amount, missing="absent", invalid="invalid"),
        )
        found = None
        try:
            for check in (check_presence, check_lengths, read_fields):
                check(fields, ALL | changes)
        except Fault as fault:
            found = fault.error
        assert found == expected

    def test_does_not_find_its_values_in_its_error(self) -> None:
        with pytest.raises(Fault) as fault:
            read_fields(FIELDS, ALL | {"epi": "4111111111111111"})
        assert "4111" not in f"{fault.value!r} {fault.value}"
        assert fault.value.__cause__ is None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an answer shows."""

    amount: Money
    memo: str | None
    lines: list[View]


INNER: Layout[View] = Layout(
    Reply("memo", codecs.json, lambda v: v.memo), Reply("cents", codecs.minor_number, lambda v: v.amount)
)
OUTER: Layout[View] = Layout(
    Constant("error_no", "S00"),
    Reply("amount", codecs.decimal_text, lambda v: v.amount),
    Constant("100%", "%b %d%%"),
    Constant("nothing", None),
    Reply("netamt", codecs.shortest_number, lambda v: v.amount, "a JSON number"),
    Reply("memo", codecs.json, lambda v: v.memo, optional=True),
    Reply("self", nested(INNER), lambda v: v),
    Reply("lines", array(INNER), lambda v: v.lines),
    Constant("last", True),  # noqa: FBT003 - a JSON true
)


class TestAnAnswer:
    def test_has_its_keys_in_the_order_of_its_layout(self) -> None:
        line = View(amount=Money(5), memo=None, lines=[])
        shown = OUTER.render(View(amount=Money(2_100), memo='50% "off" %b é', lines=[line, line]))
        assert shown.decode() == (
            '{"error_no":"S00","amount":"21.00","100%":"%b %d%%","nothing":null,"netamt":21,'
            '"memo":"50% \\"off\\" %b é","self":{"memo":"50% \\"off\\" %b é","cents":2100},'
            '"lines":[{"memo":null,"cents":5},{"memo":null,"cents":5}],"last":true}'
        )
        assert tuple(json.loads(shown)) == OUTER.keys

    def test_may_leave_out_what_it_has_not(self) -> None:
        shown = json.loads(OUTER.render(View(amount=Money(1), memo=None, lines=[])))
        assert tuple(shown) == tuple(key for key in OUTER.keys if key != "memo")
        assert shown["lines"] == []

    @pytest.mark.parametrize(
        ("layout", "written"),
        [
            (Layout(), b"{}"),
            (Layout(Constant("a", 1)), b'{"a":1}'),
            (Layout(Reply("a", codecs.json, lambda _: 1)), b'{"a":1}'),
            (Layout(Constant("a", 1), Reply("b", codecs.json, lambda _: None, optional=True)), b'{"a":1}'),
            (Layout(Constant("a", 1), Reply("b", codecs.json, lambda _: 0, optional=True)), b'{"a":1,"b":0}'),
        ],
        ids=["none", "a constant", "a value", "one left out", "one given"],
    )
    def test_may_have_any_number_of_keys(self, layout: Layout[None], written: bytes) -> None:
        assert layout.render(None) == written

    def test_does_not_begin_with_a_key_that_may_be_left_out(self) -> None:
        with pytest.raises(AssertionError):
            Layout(Reply("a", codecs.json, lambda _: None, optional=True))
