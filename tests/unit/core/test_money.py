"""Amounts: exact, of one currency, and read by a rule of our own."""

from __future__ import annotations

from collections.abc import Callable
from operator import add, ge, gt, le, lt, sub

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.money import CURRENCIES, EGP, MINOR_MAX, USD, Currency, Money, parse_decimal

DINAR = Currency("BHD", "048", 3)
YEN = Currency("JPY", "392", 0)

AMOUNTS = st.integers(-MINOR_MAX + 1, MINOR_MAX - 1)

WRITTEN = {
    "0": 0,
    "0.00": 0,
    "1": 100,
    "1.5": 150,
    "1.05": 105,
    "20.00": 2000,
    "007.10": 710,
    "99999.99": 9_999_999,
    "999999999999.99": 99_999_999_999_999,
}

NO_AMOUNTS = [
    "",
    ".",
    ".5",
    "5.",
    "1.2.3",
    "1.234",
    "1,00",
    "1,000.00",
    "1_000",
    "+1",
    "-1",
    "-0",
    "1e9",
    "1E9",
    "0x10",
    "NaN",
    "nan",
    "Infinity",
    "inf",
    " 1",
    "1 ",
    "1\n",
    "1\x00",
    "1\u00a0",
    "$1",
    "1.\u0660",
    "\u0661\u0662",  # Arabic-Indic digits
    "\u06f1\u06f2",  # extended Arabic-Indic
    "\uff11\uff12",  # full width
    "\u0967",  # Devanagari
    "\u00b2",  # superscript
    "\U0001d7d9",  # mathematical double-struck
    "1000000000000",
    "9" * 400,
]


class TestAnAmount:
    @pytest.mark.parametrize(("text", "minor"), WRITTEN.items())
    def test_is_read_from_plain_digits(self, text: str, minor: int) -> None:
        assert parse_decimal(text) == Money(minor)

    @pytest.mark.parametrize("text", NO_AMOUNTS, ids=ascii)
    def test_is_not_read_from_anything_else(self, text: str) -> None:
        assert parse_decimal(text) is None

    @given(st.text())
    def test_is_never_read_from_what_is_not_ascii_digits(self, text: str) -> None:
        plain = text.replace(".", "", 1)
        money = parse_decimal(text)
        assert money is None or (plain.isascii() and plain.isdigit())

    @pytest.mark.parametrize(
        ("currency", "text", "minor"),
        [(YEN, "500", 500), (YEN, "500.0", None), (DINAR, "1.234", 1234), (DINAR, "1.2", 1200)],
    )
    def test_has_the_decimals_of_its_currency(self, currency: Currency, text: str, minor: int | None) -> None:
        assert parse_decimal(text, currency) == (None if minor is None else Money(minor, currency))

    @given(st.integers(0, 10**14 - 1), st.sampled_from([USD, EGP]))
    def test_is_read_back_as_it_was_written(self, minor: int, currency: Currency) -> None:
        money = Money(minor, currency)
        assert parse_decimal(money.decimal(), currency) == money
        assert parse_decimal(money.shortest(), currency) == money

    @pytest.mark.parametrize(
        ("money", "decimal", "shortest"),
        [
            (Money(2100), "21.00", "21"),
            (Money(1102), "11.02", "11.02"),
            (Money(150), "1.50", "1.5"),
            (Money(5), "0.05", "0.05"),
            (Money(0), "0.00", "0"),
            (Money(100_000), "1000.00", "1000"),
            (Money(-5), "-0.05", "-0.05"),
            (Money(-2000), "-20.00", "-20"),
            (Money(1000, YEN), "1000", "1000"),
            (Money(1230, DINAR), "1.230", "1.23"),
        ],
    )
    def test_is_written_without_rounding(self, money: Money, decimal: str, shortest: str) -> None:
        assert (money.decimal(), money.shortest()) == (decimal, shortest)

    @pytest.mark.parametrize("minor", [1.0, "1", True, None], ids=repr)
    def test_counts_whole_minor_units_only(self, minor: object) -> None:
        with pytest.raises(TypeError):
            Money(minor)  # type: ignore[arg-type]  # the point

    @pytest.mark.parametrize("minor", [MINOR_MAX, -MINOR_MAX])
    def test_has_bounds(self, minor: int) -> None:
        assert Money(minor - (1 if minor > 0 else -1))
        with pytest.raises(OverflowError):
            Money(minor)

    def test_is_true_when_there_is_something(self) -> None:
        assert Money(1)
        assert not Money.zero(EGP)


class TestTwoAmounts:
    @given(AMOUNTS, AMOUNTS)
    def test_compare_by_their_minor_units(self, left: int, right: int) -> None:
        for compare in (lt, le, gt, ge):
            assert compare(Money(left), Money(right)) is compare(left, right)

    def test_add_up(self) -> None:
        assert Money(10) + Money(-4) - Money(3) == Money(3) == -Money(-3)

    @pytest.mark.parametrize("operation", [add, sub, lt, le, gt, ge])
    @pytest.mark.parametrize("other", [Money(1, EGP), 1, 1.0, "1"], ids=repr)
    def test_of_different_kinds_do_not_mix(
        self, operation: Callable[[object, object], object], other: object
    ) -> None:
        with pytest.raises(TypeError):
            operation(Money(1), other)

    def test_of_different_currencies_are_not_equal(self) -> None:
        assert Money(1, USD) != Money(1, EGP)

    def test_cannot_leave_the_bounds_together(self) -> None:
        with pytest.raises(OverflowError):
            Money(MINOR_MAX - 1) + Money(1)


class TestASplit:
    @given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any))
    def test_loses_no_cent(self, minor: int, weights: list[int]) -> None:
        money = Money(minor, EGP)
        shares = money.split(tuple(weights))
        assert sum(share.minor for share in shares) == minor
        assert {share.currency for share in shares} == {EGP}

    @given(AMOUNTS, st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any))
    def test_gives_each_its_share_within_a_cent(self, minor: int, weights: list[int]) -> None:
        for share, weight in zip(Money(minor).split(tuple(weights)), weights, strict=True):
            assert abs(share.minor * sum(weights) - minor * weight) < sum(weights)

    @given(AMOUNTS, st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any))
    def test_gives_nothing_where_there_is_no_weight(self, minor: int, weights: list[int]) -> None:
        shares = Money(minor).split(tuple(weights))
        assert all(not share for share, weight in zip(shares, weights, strict=True) if weight == 0)

    def test_gives_the_odd_cents_to_the_largest_remainders(self) -> None:
        assert Money(100).split((1, 1, 1)) == (Money(34), Money(33), Money(33))
        assert Money(-5).split((1, 2)) == (Money(-2), Money(-3))

    @pytest.mark.parametrize("weights", [(0, 0), (1, -1), (-1, 3)])
    def test_needs_something_to_go_by(self, weights: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="weights"):
            Money(100).split(weights)


class TestAPercentage:
    @pytest.mark.parametrize(
        ("minor", "basis_points", "share"),
        [(1000, 350, 35), (1, 5000, 1), (-1, 5000, -1), (1, 4999, 0), (333, 1000, 33), (2000, 0, 0)],
    )
    def test_is_rounded_half_away_from_zero(self, minor: int, basis_points: int, share: int) -> None:
        assert Money(minor).percent_half_up(basis_points) == Money(share)

    @given(st.integers(0, 10**12), st.integers(0, 10_000))
    def test_is_within_half_a_cent(self, minor: int, basis_points: int) -> None:
        share = Money(minor).percent_half_up(basis_points).minor
        assert abs(share * 10_000 - minor * basis_points) <= 5_000


class TestACurrency:
    def test_is_found_by_its_code(self) -> None:
        assert {code: (known.number, known.exponent) for code, known in CURRENCIES.items()} == {
            "USD": ("840", 2),
            "EGP": ("818", 2),
        }
