"""Items, what sales take of them, and what discounts are worth."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.catalogue import (
    Discount,
    DiscountChanges,
    DiscountKind,
    Item,
    ItemChanges,
    ItemKind,
    Line,
    Objected,
    Objection,
    Percentage,
)
from bezant.core.catalogue.model import needed, worth_of
from bezant.core.money import USD, Currency, Money

AT = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
YEN = Currency("JPY", "392", 0)
LINES = st.lists(st.builds(Line, item_id=st.integers(1, 4), quantity=st.integers(1, 9)), max_size=8)
STOCKS = st.lists(st.integers(0, 20), min_size=4, max_size=4)


class TestAnItem:
    def test_keeps_what_a_change_does_not_name(self) -> None:
        item = _item(1, stock=7)
        assert item.changed(ItemChanges(name="Pear")) == replace(item, name="Pear")
        assert item.changed(ItemChanges()) == item

    def test_can_be_changed_to_nothing_and_no(self) -> None:
        item = _item(1, stock=7, tracked=True)
        changes = ItemChanges(stock=0, tracked=False, taxable=False, position=0, price=Money(0), active=False)
        changed = item.changed(changes)
        assert (changed.stock, changed.tracked, changed.position, changed.price) == (0, False, 0, Money(0))
        assert not changed.active

    def test_is_deleted_once_it_says_when(self) -> None:
        assert not _item(1).deleted
        assert replace(_item(1), deleted_at=AT).deleted


class TestASale:
    def test_takes_the_pieces_of_all_its_lines(self) -> None:
        items = {2: _item(2, stock=9), 1: _item(1, stock=9)}
        lines = [Line(item_id=2, quantity=3), Line(item_id=1, quantity=1), Line(item_id=2, quantity=4)]
        assert list(needed(lines, items).items()) == [(1, 1), (2, 7)]

    def test_can_take_the_last_piece(self) -> None:
        assert needed([Line(item_id=1, quantity=9)], {1: _item(1, stock=9)}) == {1: 9}

    def test_cannot_take_more_than_there_is(self) -> None:
        lines = [Line(item_id=1, quantity=5), Line(item_id=1, quantity=5)]
        assert _objection(lines, {1: _item(1, stock=9)}) is Objection.OUT_OF_STOCK

    def test_takes_nothing_of_what_is_not_counted(self) -> None:
        assert needed([Line(item_id=1, quantity=5)], {1: _item(1, stock=0, tracked=False)}) == {}

    def test_takes_nothing_when_it_names_nothing(self) -> None:
        assert needed([], {}) == {}

    def test_cannot_name_what_is_not_there(self) -> None:
        assert _objection([Line(item_id=2, quantity=1)], {1: _item(1)}) is Objection.UNKNOWN

    def test_cannot_name_what_was_deleted(self) -> None:
        deleted = replace(_item(1, stock=9), deleted_at=AT)
        assert _objection([Line(item_id=1, quantity=1)], {1: deleted}) is Objection.UNKNOWN

    @pytest.mark.parametrize("quantity", [0, -1])
    def test_has_no_line_of_nothing(self, quantity: int) -> None:
        with pytest.raises(AssertionError):
            Line(item_id=1, quantity=quantity)

    @given(LINES, STOCKS)
    def test_never_leaves_less_than_nothing(self, lines: list[Line], stocks: list[int]) -> None:
        items = {item_id: _item(item_id, stock=stock) for item_id, stock in enumerate(stocks, 1)}
        asked: Counter[int] = Counter()
        for line in lines:
            asked[line.item_id] += line.quantity
        enough = all(items[item_id].stock >= count for item_id, count in asked.items())
        if enough:
            assert needed(lines, items) == asked
        else:
            assert _objection(lines, items) is Objection.OUT_OF_STOCK


class TestADiscount:
    @pytest.mark.parametrize(
        ("kind", "thousandths", "worth"),
        [
            (DiscountKind.PERCENTAGE, 0, Percentage(0)),
            (DiscountKind.PERCENTAGE, 12_345, Percentage(12_345)),
            (DiscountKind.PERCENTAGE, 100_000, Percentage(100_000)),
            (DiscountKind.FIXED, 10_000, Money(10_00)),
            (DiscountKind.FIXED, 150_000, Money(150_00)),
            (DiscountKind.FIXED, 10, Money(1)),
        ],
    )
    def test_is_worth_a_share_or_an_amount(
        self, kind: DiscountKind, thousandths: int, worth: Percentage | Money
    ) -> None:
        assert worth_of(kind, thousandths, USD) == worth

    @pytest.mark.parametrize(
        ("kind", "thousandths", "currency", "objection"),
        [
            (DiscountKind.PERCENTAGE, 100_001, USD, Objection.OVER_A_HUNDRED_PERCENT),
            (DiscountKind.FIXED, 10_001, USD, Objection.FINER_THAN_CURRENCY),
            (DiscountKind.FIXED, 1_500, YEN, Objection.FINER_THAN_CURRENCY),
        ],
    )
    def test_is_worth_no_more_than_all_and_no_fraction_of_a_cent(
        self, kind: DiscountKind, thousandths: int, currency: Currency, objection: Objection
    ) -> None:
        with pytest.raises(Objected) as caught:
            worth_of(kind, thousandths, currency)
        assert caught.value.objection is objection

    def test_stays_of_its_kind_when_only_its_worth_changes(self) -> None:
        share, amount = _discount(Percentage(5_000)), _discount(Money(5_00))
        changes = DiscountChanges(thousandths=20_000)
        assert share.changed(changes, USD).worth == Percentage(20_000)
        assert amount.changed(changes, USD).worth == Money(20_00)
        with pytest.raises(Objected):
            share.changed(DiscountChanges(thousandths=150_000), USD)

    def test_becomes_of_another_kind_with_another_worth_only(self) -> None:
        changed = _discount(Percentage(5_000)).changed(
            DiscountChanges(kind=DiscountKind.FIXED, thousandths=150_000), USD
        )
        assert (changed.kind, changed.worth) == (DiscountKind.FIXED, Money(150_00))
        with pytest.raises(AssertionError):
            DiscountChanges(kind=DiscountKind.FIXED)

    def test_keeps_what_a_change_does_not_name(self) -> None:
        discount = _discount(Percentage(5_000))
        assert discount.changed(DiscountChanges(name="Later"), USD) == replace(discount, name="Later")
        assert discount.changed(DiscountChanges(), USD) == discount


def _objection(lines: list[Line], items: dict[int, Item]) -> Objection:
    with pytest.raises(Objected) as caught:
        needed(lines, items)
    return caught.value.objection


def _item(item_id: int, *, stock: int = 0, tracked: bool = True) -> Item:
    return Item(
        merchant_id=7,
        terminal_id=9,
        item_id=item_id,
        kind=ItemKind.PRODUCT,
        code=f"SK{item_id}",
        name="Apple",
        description="",
        price=Money(10_00),
        stock=stock,
        tracked=tracked,
        taxable=True,
        position=1,
        category="",
        group="",
        active=True,
        created_at=AT,
    )


def _discount(worth: Percentage | Money) -> Discount:
    return Discount(merchant_id=7, terminal_id=9, discount_id=1, name="Welcome", worth=worth, created_at=AT)
