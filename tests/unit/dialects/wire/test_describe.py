"""The documentation of a contract is drawn from the tables that run."""

from __future__ import annotations

from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, array, nested
from bezant.dialects.wire.describe import FIELD_COLUMNS, REPLY_COLUMNS, field_rows, markdown, reply_rows

INNER: Layout[None] = Layout(Constant("a", 0), Constant("b", 0))
FIELDS = (
    Field(
        name="amount",
        read=codecs.decimal(minor_max=9_999_999),
        missing="E04",
        invalid="E05",
        aliases=("sum",),
    ),
    Field(name="expirydate", read=codecs.card_expiry, invalid="E07", note="MMYY | MM/YY"),
    Field(name="limit", read=codecs.integer(minimum=1, maximum=9), default=5, invalid="A23"),
)
REPLIES: Layout[None] = Layout(
    Constant("error_no", "S00"),
    Reply("amount", codecs.decimal_text, lambda _: None),
    Reply("rrn", codecs.json, lambda _: None, "text", optional=True),
    Reply("tip", codecs.nullable(codecs.minor_text), lambda _: None),
    Reply("at", codecs.moment(codecs.time_24), lambda _: None),
    Reply("one", nested(INNER), lambda _: None),
    Reply("many", array(INNER), lambda _: None),
)


class TestAReader:
    def test_finds_every_parameter_in_the_order_of_its_checks(self) -> None:
        assert list(field_rows(FIELDS, str.lower)) == [
            ("`amount`, `sum`", "yes", "amount, above 0 to 99999.99", "e04", "e05", ""),
            ("`expirydate`", "no", "`MMYY` or `MM/YY` as YYMM", "", "e07", "MMYY | MM/YY"),
            ("`limit`", "no", "whole number, 1 to 9", "`5`", "a23", ""),
        ]

    def test_finds_every_key_of_an_answer(self) -> None:
        assert list(reply_rows(REPLIES)) == [
            ("`error_no`", 'always `"S00"`', ""),
            ("`amount`", '`"20.00"`', ""),
            ("`rrn`", "as it is, left out when there is none", "text"),
            ("`tip`", '`"500"` or null', ""),
            ("`at`", "`01:36:44`", ""),
            ("`one`", "an object: `a`, `b`", ""),
            ("`many`", "a list of objects: `a`, `b`", ""),
        ]

    def test_sees_a_table(self) -> None:
        table = markdown(FIELD_COLUMNS, field_rows(FIELDS, str.lower)).splitlines()
        assert table[0] == "| parameter | needed | value | when absent | when invalid | note |"
        assert table[1] == "| --- | --- | --- | --- | --- | --- |"
        assert table[3].endswith("| MMYY \\| MM/YY |")
        assert markdown(REPLY_COLUMNS, []) == "| key | value | note |\n| --- | --- | --- |\n"
