"""Codecs: which texts have a meaning, which have none, and how values are written."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.money import EGP, USD, Currency, Money
from bezant.core.sensitive import Cvv, Pan, Secret
from bezant.dialects.wire import codecs
from bezant.dialects.wire.body import Number
from bezant.dialects.wire.codecs import Invalid, Reader, Writer

DINAR = Currency("KWD", "414", 3)
YEN = Currency("JPY", "392", 0)

AMOUNT = codecs.decimal(minor_max=9_999_999)
TIP = codecs.decimal(minor_max=9_999_999, zero=True)
REFUND = codecs.decimal(minor_max=9_999_999, grouped=True)
CENTS = codecs.minor(minor_max=9_999_999)
PAGE = codecs.integer(minimum=1, maximum=1_000)

NOT_NUMBERS = [
    "",
    " ",
    ".",
    "-",
    "+",
    "-5",
    "+5",
    "-0",
    "--5",
    "5-",
    " 5",
    "5 ",
    "5\n",
    "5\t",
    "\u00a05",
    "5\u200b",
    "1_000",
    "1e9",
    "1E2",
    "1e-2",
    "1e1000000",
    "NaN",
    "nan",
    "sNaN",
    "Infinity",
    "-Infinity",
    "inf",
    "0x10",
    "0b1",
    "0o7",
    "1,5",
    "5.",
    ".5",
    "5..0",
    "5.0.0",
    "$5",
    "5 USD",
    "5%",
    "1/2",
    "五",
    "\u2164",  # Roman numeral five
    "5\u20e3",
    "²",
    "½",
    "①",
    "\u0665",  # Arabic-Indic five
    "\u06f5",  # extended Arabic-Indic five
    "\u096b",  # Devanagari five
    "\uff15",  # full-width five
    "\uff15.00",
    "5\uff0e00",  # full-width point
    "5\u066b00",  # Arabic decimal separator
    "5\u0000",
    "9" * 4_301,
    "0" * 4_301 + "5",
    "true",
    "null",
]
NOT_SCALARS: list[Any] = [True, False, 5, 5.0, [], ["5"], {}, {"a": "5"}]


def named(value: Any) -> str | None:
    """A number's name in a list of tests that has the same text too."""
    return f"number {value}" if isinstance(value, Number) else None


def refused(read: Reader[Any], value: Any) -> bool:
    try:
        read(value)
    except Invalid:
        return True
    return False


class TestAnAmount:
    @pytest.mark.parametrize(
        ("text", "minor"),
        [
            ("20", 2_000),
            ("20.0", 2_000),
            ("20.00", 2_000),
            ("0.5", 50),
            ("0.01", 1),
            ("99999.99", 9_999_999),
        ],
    )
    @pytest.mark.parametrize("kind", [str, Number])
    def test_may_be_text_or_number(self, text: str, minor: int, kind: type[str]) -> None:
        assert AMOUNT(kind(text)) == Money(minor)

    @pytest.mark.parametrize(
        "text", [*NOT_NUMBERS, "1,000", "1,000.00", "20.001", "20.000", "1e2", "007", "00.50"]
    )
    @pytest.mark.parametrize("read", [AMOUNT, TIP], ids=["amount", "tip"])
    def test_is_nothing_but_digits_and_a_point(self, read: Reader[Money], text: str) -> None:
        assert refused(read, text)
        assert refused(read, Number(text))

    @pytest.mark.parametrize("text", ["0", "0.0", "0.00"])
    def test_is_above_zero_unless_it_may_be_zero(self, text: str) -> None:
        assert refused(AMOUNT, text)
        assert TIP(text) == Money(0)

    @pytest.mark.parametrize("text", ["100000", "100000.00", "999999999999", "9" * 400])
    def test_has_a_largest_value(self, text: str) -> None:
        assert refused(AMOUNT, text)

    def test_is_never_taken_from_a_padded_number_of_cents(self) -> None:
        assert refused(codecs.decimal(minor_max=10**14), "000000002000")
        assert refused(CENTS, "000000002000")

    @pytest.mark.parametrize(
        ("text", "minor"), [("1,234.50", 123_450), ("12,345", 1_234_500), ("1234.50", 123_450), ("5", 500)]
    )
    def test_may_be_grouped_where_shops_group_it(self, text: str, minor: int) -> None:
        assert REFUND(text) == Money(minor)

    @pytest.mark.parametrize(
        "text",
        [
            "1,23",
            ",123",
            "1,,234",
            "1,2345",
            "1234,567",
            "1,234,",
            "1,234.5,0",
            "1.234,50",
            "0,123",
            "1,234.",
            *NOT_NUMBERS,
        ],
    )
    def test_is_grouped_by_thousands_only(self, text: str) -> None:
        assert refused(REFUND, text)

    @pytest.mark.parametrize(
        ("currency", "text", "minor"), [(YEN, "20", 20), (EGP, "20.05", 2_005), (DINAR, "20.005", 20_005)]
    )
    def test_has_the_decimals_of_its_currency(self, currency: Currency, text: str, minor: int) -> None:
        read = codecs.decimal(minor_max=10**9, currency=currency)
        assert read(text) == Money(minor, currency)
        assert refused(read, f"{text}1" if "." in text else f"{text}.0")

    @pytest.mark.parametrize(("text", "minor"), [("500", 500), ("1", 1), ("9999999", 9_999_999)])
    @pytest.mark.parametrize("kind", [str, Number])
    def test_may_be_counted_in_cents(self, text: str, minor: int, kind: type[str]) -> None:
        assert CENTS(kind(text)) == Money(minor)

    @pytest.mark.parametrize("text", [*NOT_NUMBERS, "5.00", "5.0", "0", "007", "10000000", "1,000"])
    def test_has_no_fraction_of_a_cent(self, text: str) -> None:
        assert refused(CENTS, text)

    def test_may_be_no_cents_where_that_is_allowed(self) -> None:
        assert codecs.minor(minor_max=10, zero=True, currency=EGP)("0") == Money(0, EGP)

    @given(st.integers(1, 9_999_999))
    def test_comes_back_as_it_was_written(self, minor: int) -> None:
        amount = Money(minor)
        for write in (codecs.decimal_text, codecs.shortest_text, codecs.shortest_number):
            assert AMOUNT(json.loads(write(amount), parse_int=Number, parse_float=Number)) == amount
        for write in (codecs.minor_text, codecs.minor_number):
            assert CENTS(json.loads(write(amount), parse_int=Number)) == amount


class TestAWholeNumber:
    @pytest.mark.parametrize("text", ["1", "25", "1000", "0025"])
    @pytest.mark.parametrize("kind", [str, Number])
    def test_may_be_text_or_number(self, text: str, kind: type[str]) -> None:
        assert PAGE(kind(text)) == int(text)

    @pytest.mark.parametrize(
        "text", [t for t in NOT_NUMBERS if t.strip(" ") != "5"] + ["5.0", "0", "1001", "9" * 21]
    )
    def test_is_digits_within_bounds(self, text: str) -> None:
        assert refused(PAGE, text)


CODECS: dict[str, Reader[Any]] = {
    "text": codecs.text(length_max=10),
    "clipped_text": codecs.clipped_text(length_max=10),
    "pattern": codecs.pattern("[0-9A-Z]{2}"),
    "digits": codecs.digits(minimum=1, maximum=3),
    "hexadecimal": codecs.hexadecimal(length=4),
    "secret": codecs.secret(length_max=10),
    "integer": PAGE,
    "one_of": codecs.one_of({"5": 5}),
    "decimal": AMOUNT,
    "minor": CENTS,
    "card_number": codecs.card_number,
    "card_expiry": codecs.card_expiry,
    "card_cvv": codecs.card_cvv,
    "email": codecs.email(length_max=50),
    "phone": codecs.phone(minimum=5, maximum=15),
    "calendar_day": codecs.calendar_day,
}


class TestAnyReader:
    @pytest.mark.parametrize("name", CODECS)
    @pytest.mark.parametrize("value", NOT_SCALARS, ids=repr)
    def test_takes_texts_and_numbers_only(self, name: str, value: Any) -> None:
        assert refused(CODECS[name], value)

    @pytest.mark.parametrize("name", CODECS)
    def test_says_nothing_of_what_it_refuses(self, name: str) -> None:
        with pytest.raises(Invalid) as failure:
            CODECS[name]("4111111111111111\u202e" * 9)
        assert failure.value.args == ()
        assert str(failure.value) == ""

    @pytest.mark.parametrize("name", CODECS)
    def test_keeps_nothing_of_what_it_refuses(self, name: str) -> None:
        """Also not by the traceback of an error that is raised again and again."""
        value = "4111111111111111\u202e" * 9
        refused(CODECS[name], value)
        gc.collect()
        before = sys.getrefcount(value)
        for _ in range(10):
            refused(CODECS[name], value)
        assert sys.getrefcount(value) == before

    @pytest.mark.parametrize("name", CODECS)
    def test_describes_itself(self, name: str) -> None:
        assert CODECS[name].__doc__


class TestAText:
    def test_loses_the_blanks_around_it(self) -> None:
        assert codecs.text(length_max=4)("  a b ") == "a b"

    @pytest.mark.parametrize(
        "bad", ["12345", "a\nb", "a\tb", "a\x00", "a\u202eb", "a\u200bb", "a\u2028b", "\x85a\x85b"]
    )
    def test_is_one_short_printable_line(self, bad: str) -> None:
        assert refused(codecs.text(length_max=4), bad)

    def test_may_be_of_any_script(self) -> None:
        assert codecs.text(length_max=4)("أحمد") == "أحمد"

    def test_may_be_cut_off_where_it_is_only_shown(self) -> None:
        read = codecs.clipped_text(length_max=5)
        assert read(" king \n size\u00a0bed ") == "king "
        assert refused(read, "a\u202eb")

    @pytest.mark.parametrize("bad", ["", "1", "123", "a1", "1A\n", "\u0661\u0662", "1A1A"])
    def test_may_have_to_match_a_pattern_whole(self, bad: str) -> None:
        assert codecs.pattern("[0-9A-Z]{2}")(" 1A ") == "1A"
        assert refused(codecs.pattern("[0-9A-Z]{2}"), bad)

    @pytest.mark.parametrize("bad", ["1234", "", "\u0661", "1.2", "-1", "12a"])
    def test_may_be_a_few_digits(self, bad: str) -> None:
        read = codecs.digits(minimum=1, maximum=3)
        assert [read("007"), read(Number("7"))] == ["007", "7"]
        assert refused(read, bad)

    @pytest.mark.parametrize("bad", ["9d5", "9d5835", "9d5g", "\uff11234", "\u017fabc", "9d5 8"])
    def test_may_be_hexadecimal(self, bad: str) -> None:
        assert codecs.hexadecimal(length=4)("9d5F") == "9D5F"
        assert refused(codecs.hexadecimal(length=4), bad)

    @pytest.mark.parametrize("lookalike", ["\u017f", "\u0131", "\u212a", "\u00df"])
    def test_does_not_become_ascii_by_becoming_capital(self, lookalike: str) -> None:
        assert lookalike.upper().isascii() or lookalike.lower().isascii()
        assert refused(codecs.pattern("[A-Z]+", upper=True), lookalike)
        assert refused(codecs.one_of({"k": 1, "s": 2, "ss": 3, "i": 4}), lookalike)

    def test_may_be_one_of_a_few_words(self) -> None:
        read = codecs.one_of({"all": None, "approved": True, "1": 1})
        assert [read("All"), read("APPROVED "), read(Number("1"))] == [None, True, 1]
        assert refused(read, "declined")

    def test_may_be_a_credential(self) -> None:
        read = codecs.secret(length_max=4)
        assert read("a$ b") == Secret("a$ b")
        assert refused(read, "a$ bc")

    @pytest.mark.parametrize("said", ["1", "true", "TRUE", Number("1"), True], ids=named)
    def test_may_say_yes(self, said: Any) -> None:
        assert codecs.flag(said) is True

    @pytest.mark.parametrize("said", ["0", "false", "FALSE", Number("0"), False], ids=named)
    def test_may_say_no(self, said: Any) -> None:
        assert codecs.flag(said) is False

    @pytest.mark.parametrize("said", ["2", "yes", "00", "0.0", "\u0661", None, [], 1])
    def test_may_say_neither(self, said: Any) -> None:
        assert refused(codecs.flag, said)


class TestACard:
    @pytest.mark.parametrize(
        "text",
        ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", " 4111111111111111 "],
    )
    def test_has_a_number_with_or_without_blanks(self, text: str) -> None:
        assert codecs.card_number(text) == Pan("4111111111111111")
        assert codecs.card_number(Number("4111111111111111")) == Pan("4111111111111111")

    @pytest.mark.parametrize(
        "text",
        [
            "41111111111111",
            "41111111111111111111",
            "4111  1111 1111 1111",
            "-4111111111111111",
            "4111111111111111-",
            "4111.1111.1111.1111",
            "4111111111111l11",
            "4.111111111111111e15",
            "\u0664111111111111111",
            "\uff14111111111111111",
            "4111111111111111\n",
            "4111\t1111\t1111\t1111",
        ],
    )
    def test_has_15_to_19_digits(self, text: str) -> None:
        assert refused(codecs.card_number, text)

    @pytest.mark.parametrize(
        ("sent", "expiry"),
        [
            ("1236", "3612"),
            ("12/36", "3612"),
            ("0129", "2901"),
            (Number("1236"), "3612"),
            (Number("129"), "2901"),
        ],
        ids=named,
    )
    def test_expires_at_the_end_of_a_month(self, sent: str, expiry: str) -> None:
        assert codecs.card_expiry(sent) == expiry

    @pytest.mark.parametrize(
        "text",
        [
            "1336",
            "0036",
            "129",
            "12336",
            "12-36",
            "1/36",
            "/",
            "/36",
            "12/2036",
            "\u0661\u0662\u0663\u0666",
            "12/36\n",
        ],
    )
    def test_does_not_expire_in_no_month(self, text: str) -> None:
        assert refused(codecs.card_expiry, text)

    @pytest.mark.parametrize(
        ("sent", "code"),
        [("999", "999"), ("9997", "9997"), ("012", "012"), (Number("999"), "999"), (Number("12"), "012")],
        ids=named,
    )
    def test_has_a_code_of_3_or_4_digits(self, sent: str, code: str) -> None:
        assert codecs.card_cvv(sent) == Cvv(code)

    @pytest.mark.parametrize(
        "sent", ["12", "12345", "abc", "\u0661\u0662\u0663", "1.2", Number("-1"), Number("1.5")], ids=named
    )
    def test_has_no_other_code(self, sent: str) -> None:
        assert refused(codecs.card_cvv, sent)


class TestAPerson:
    @pytest.mark.parametrize("text", ["a@b.example", "first.last+tag@sub.example", "x@localhost"])
    def test_is_reached_by_mail(self, text: str) -> None:
        assert codecs.email(length_max=50)(f" {text} ") == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b@c",
            "a b@c.example",
            "a@b,c@d",
            "a@b;c@d",
            "<a@b>",
            'a"@b',
            "a@b\nBcc:c@d",
            f"{'a' * 60}@b.example",
        ],
    )
    def test_has_one_mail_address(self, text: str) -> None:
        assert refused(codecs.email(length_max=50), text)

    @pytest.mark.parametrize(
        ("sent", "number"),
        [
            ("5247896523", "5247896523"),
            ("(524) 789-6523", "5247896523"),
            ("+1 524.789.6523", "+15247896523"),
            (Number("5247896523"), "5247896523"),
        ],
        ids=named,
    )
    def test_is_reached_by_telephone(self, sent: str, number: str) -> None:
        assert codecs.phone(minimum=10, maximum=12)(sent) == number

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            "123456789",
            "1234567890123",
            "1-800-FLOWERS",
            "++15247896523",
            "5247896523+",
            "\u0665247896523",
        ],
    )
    def test_has_a_number_of_some_digits(self, sent: str) -> None:
        assert refused(codecs.phone(minimum=10, maximum=12), sent)


class TestADay:
    @pytest.mark.parametrize(
        "text", ["2026-03-24", "20260324", " 2026-03-24 ", Number("20260324")], ids=named
    )
    def test_is_written_in_order_of_weight(self, text: str) -> None:
        assert codecs.calendar_day(text) == date(2026, 3, 24)

    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "0000-01-01",
            "2026-0324",
            "202603-24",
            "24/03/2026",
            "2026-3-24",
            "\u0662026-03-24",
            "2026-03-24T00:00",
        ],
    )
    def test_is_on_the_calendar(self, text: str) -> None:
        assert refused(codecs.calendar_day, text)


AT = datetime(2026, 3, 4, 1, 6, 9, 987_654, tzinfo=timezone(timedelta(hours=-4)))


class TestAWriter:
    @pytest.mark.parametrize(
        ("write", "minor", "written"),
        [
            (codecs.decimal_text, 2_000, b'"20.00"'),
            (codecs.decimal_text, 0, b'"0.00"'),
            (codecs.decimal_text, 5, b'"0.05"'),
            (codecs.decimal_text, -123, b'"-1.23"'),
            (codecs.decimal_text, 14_108, b'"141.08"'),
            (codecs.shortest_text, 100, b'"1"'),
            (codecs.shortest_text, 102, b'"1.02"'),
            (codecs.shortest_text, 0, b'"0"'),
            (codecs.shortest_text, 10_000, b'"100"'),
            (codecs.shortest_number, 2_100, b"21"),
            (codecs.shortest_number, 1_102, b"11.02"),
            (codecs.shortest_number, 150, b"1.5"),
            (codecs.shortest_number, 100_000, b"1000"),
            (codecs.shortest_number, 0, b"0"),
            (codecs.shortest_number, -150, b"-1.5"),
            (codecs.shortest_number, 99_999_999_999_999, b"999999999999.99"),
            (codecs.padded_minor_text, 2_000, b'"000000002000"'),
            (codecs.minor_text, 500, b'"500"'),
            (codecs.minor_number, 500, b"500"),
        ],
    )
    def test_writes_amounts_from_their_digits(self, write: Writer, minor: int, written: bytes) -> None:
        assert write(Money(minor)) == written

    @given(st.integers(-(10**14), 10**14), st.sampled_from([USD, DINAR, YEN]))
    def test_agrees_with_money(self, minor: int, currency: Currency) -> None:
        amount = Money(minor, currency)
        assert codecs.decimal_text(amount).decode() == f'"{amount.decimal()}"'
        assert codecs.shortest_number(amount).decode() == amount.shortest()

    @pytest.mark.parametrize(
        ("layout", "written"),
        [
            (codecs.day_slashed, b'"04/03/2026"'),
            (codecs.day_us, b'"03-04-2026"'),
            (codecs.time_24, b'"01:06:09"'),
            (codecs.time_12, b'"01:06 AM"'),
            (codecs.day_and_time, b'"2026-03-04 01:06:09"'),
            (codecs.iso_millis, b'"2026-03-04T01:06:09.000Z"'),
        ],
    )
    def test_lays_out_instants_as_they_are_given(
        self, layout: Callable[[datetime], str], written: bytes
    ) -> None:
        write = codecs.moment(layout)
        assert write(AT) == written
        assert write(AT.replace(microsecond=0, tzinfo=None)) == written
        assert write(None) == b"null"

    @pytest.mark.parametrize(
        ("hour", "written"),
        [
            (0, "12:05 AM"),
            (1, "01:05 AM"),
            (11, "11:05 AM"),
            (12, "12:05 PM"),
            (13, "01:05 PM"),
            (23, "11:05 PM"),
        ],
    )
    def test_counts_half_days_from_twelve(self, hour: int, written: str) -> None:
        assert codecs.time_12(datetime(2026, 3, 24, hour, 5, tzinfo=UTC)) == written

    def test_writes_texts_unescaped_and_compact(self) -> None:
        assert codecs.json('a/"é\n') == '"a/\\"é\\n"'.encode()
        assert codecs.json({"a": [1, None, True]}) == b'{"a":[1,null,true]}'

    @pytest.mark.parametrize("value", [Pan("4111111111111111"), Cvv("999"), Secret("s")])
    def test_never_writes_what_is_masked(self, value: object) -> None:
        with pytest.raises(TypeError):
            codecs.json(value)

    def test_writes_null_for_nothing(self) -> None:
        write = codecs.nullable(codecs.minor_text)
        assert [write(None), write(Money(5))] == [b"null", b'"5"']

    def test_gives_back_what_was_received(self) -> None:
        sent = b'{"a":10000,"b":"10000","c":[1.50,-0,1E+2,{"d":null,"e/":true}],"f":"\xc3\xa9","g":{}}'
        found = json.loads(sent, parse_int=Number, parse_float=Number)
        assert codecs.as_received(found) == sent

    @given(
        st.recursive(
            st.none() | st.booleans() | st.text(st.characters(codec="utf-8")),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
        )
    )
    def test_gives_back_any_json(self, value: Any) -> None:
        assert msgspec.json.decode(codecs.as_received(value)) == value
