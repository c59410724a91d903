"""Journal entries are balanced, or are not made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.ledger import Account, Cause, Entry, Layer, Line
from bezant.core.money import EGP, USD, Money

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)


class TestAnEntry:
    @given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6))
    def test_is_made_of_lines_that_sum_to_zero(self, minors: list[int]) -> None:
        balanced = _entry(*minors, -sum(minors))
        assert sum(line.amount.minor for line in balanced.lines) == 0
        with pytest.raises(AssertionError, match="sum to zero"):
            _entry(*minors, 1 - sum(minors))

    @pytest.mark.parametrize("minors", [(), (0,)])
    def test_has_two_sides(self, minors: tuple[int, ...]) -> None:
        with pytest.raises(AssertionError, match="two lines"):
            _entry(*minors)

    def test_has_one_currency(self) -> None:
        with pytest.raises(AssertionError, match="one currency"):
            _entry_of((Line(Account.CAPTURED, Money(5, USD)), Line(Account.REFUNDS, Money(-5, EGP))))

    @given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6))
    def test_is_taken_back_by_its_negation(self, minors: list[int]) -> None:
        entry = _entry(*minors, -sum(minors))
        taken_back = _entry_of(entry.negated())
        assert [line.account for line in taken_back.lines] == [line.account for line in entry.lines]
        assert all(
            not there.amount + back.amount for there, back in zip(entry.lines, taken_back.lines, strict=True)
        )


def _entry(*minors: int) -> Entry:
    return _entry_of(tuple(Line(Account.CAPTURED, Money(minor)) for minor in minors))


def _entry_of(lines: tuple[Line, ...]) -> Entry:
    return Entry(
        merchant_id=1, subject_id=1, cause=Cause.SALE, layer=Layer.POSTED, booked_at=NOON, lines=lines
    )
