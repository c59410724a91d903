"""Products, modifiers and discounts: plain facts, and the decisions about them, all pure.

A product and a modifier (what is put on top of a product: extra cheese) are both an ``Item`` with a stock.
Every item and discount belongs to one terminal. What is deleted is kept and marked, so that it can still be
told from what never was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from bezant.core.money import Currency, Money

PERCENTAGE_THOUSANDTHS_MAX = 100_000
"""A hundred percent."""
_THOUSANDTHS_DIGITS = 3


class Objection(StrEnum):
    """Why the catalogue will not do what it is asked, which is always decided before anything is written."""

    CODE_TAKEN = "code_taken"
    UNKNOWN = "unknown"
    ALREADY_DELETED = "already_deleted"
    OVER_A_HUNDRED_PERCENT = "over_a_hundred_percent"
    FINER_THAN_CURRENCY = "finer_than_currency"
    OUT_OF_STOCK = "out_of_stock"


class Objected(Exception):
    """The catalogue will not do it, and nothing was written."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.value)
        self.objection = objection


# Items --------------------------------------------------------------------------------------------------


class ItemKind(StrEnum):
    """What an item is."""

    PRODUCT = "product"
    MODIFIER = "modifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDraft:
    """An item to be added. Without a ``position``, it goes to the end of its list."""

    kind: ItemKind
    code: str
    name: str
    price: Money
    description: str = ""
    stock: int = 0
    tracked: bool = False
    taxable: bool = False
    position: int | None = None
    category: str = ""
    group: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanges:
    """What is to be different about an item; ``None`` leaves a fact as it is."""

    code: str | None = None
    name: str | None = None
    price: Money | None = None
    description: str | None = None
    stock: int | None = None
    tracked: bool | None = None
    taxable: bool | None = None
    position: int | None = None
    category: str | None = None
    group: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product or a modifier.

    ``code`` is the merchant's own name for it, unique among a terminal's live items of a kind. ``stock``
    counts pieces, is never negative, and goes down by sales only while the item is ``tracked``. ``active`` is
    for the till to heed: a sale that names an inactive item is not refused.
    """

    merchant_id: int
    terminal_id: int
    item_id: int
    kind: ItemKind
    code: str
    name: str
    description: str
    price: Money
    stock: int
    tracked: bool
    taxable: bool
    position: int
    category: str
    group: str
    active: bool
    created_at: datetime
    deleted_at: datetime | None = None

    @property
    def deleted(self) -> bool:
        """Whether it is kept for the record only."""
        return self.deleted_at is not None

    def changed(self, changes: ItemChanges) -> Item:
        """This item with other facts."""
        return replace(self, **_said(changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many pieces of an item in a sale: one or more."""

    item_id: int
    quantity: int

    def __post_init__(self) -> None:
        assert self.quantity > 0, "a line has a quantity"


def needed(lines: Iterable[Line], items: Mapping[int, Item]) -> dict[int, int]:
    """How many pieces of each tracked item the lines take, in order of their ids.

    ``items`` are those that the lines name, where they exist. Objects to an item that is ``UNKNOWN`` or
    deleted, and to lines that together take more than there is (``OUT_OF_STOCK``).
    """
    wanted: Counter[int] = Counter()
    for line in lines:
        wanted[line.item_id] += line.quantity
    taken: dict[int, int] = {}
    for item_id, quantity in sorted(wanted.items()):
        item = items.get(item_id)
        if item is None or item.deleted:
            raise Objected(Objection.UNKNOWN)
        if item.tracked:
            if item.stock < quantity:
                raise Objected(Objection.OUT_OF_STOCK)
            taken[item_id] = quantity
    return taken


# Discounts ----------------------------------------------------------------------------------------------


class DiscountKind(StrEnum):
    """What a discount is a share of, or that it is an amount."""

    PERCENTAGE = "percentage"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share in thousandths of a percent: 10,000 is ten percent. At most a hundred percent."""

    thousandths: int

    def __post_init__(self) -> None:
        assert 0 <= self.thousandths <= PERCENTAGE_THOUSANDTHS_MAX, "a share of a whole"


Worth = Percentage | Money


def worth_of(kind: DiscountKind, thousandths: int, currency: Currency) -> Worth:
    """What a discount is worth: ``thousandths`` of a percent, or of the currency's major unit.

    Objects to ``OVER_A_HUNDRED_PERCENT``, and to an amount ``FINER_THAN_CURRENCY``.
    """
    if kind is DiscountKind.PERCENTAGE:
        if thousandths > PERCENTAGE_THOUSANDTHS_MAX:
            raise Objected(Objection.OVER_A_HUNDRED_PERCENT)
        return Percentage(thousandths)
    minor, finer = divmod(thousandths, 10 ** (_THOUSANDTHS_DIGITS - currency.exponent))
    if finer:
        raise Objected(Objection.FINER_THAN_CURRENCY)
    return Money(minor, currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountDraft:
    """A discount to be added. ``thousandths`` are of a percent, or of a major unit."""

    name: str
    kind: DiscountKind
    thousandths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountChanges:
    """What is to be different about a discount; ``None`` leaves a fact as it is.

    With ``thousandths`` alone, the discount stays of its kind. A new kind needs new ``thousandths``.
    """

    name: str | None = None
    kind: DiscountKind | None = None
    thousandths: int | None = None

    def __post_init__(self) -> None:
        assert self.kind is None or self.thousandths is not None, "a kind without a worth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A named share or amount off a price."""

    merchant_id: int
    terminal_id: int
    discount_id: int
    name: str
    worth: Worth
    created_at: datetime
    deleted_at: datetime | None = None

    @property
    def kind(self) -> DiscountKind:
        """Share or amount."""
        return DiscountKind.PERCENTAGE if isinstance(self.worth, Percentage) else DiscountKind.FIXED

    @property
    def deleted(self) -> bool:
        """Whether it is kept for the record only."""
        return self.deleted_at is not None

    def changed(self, changes: DiscountChanges, currency: Currency) -> Discount:
        """This discount with other facts. Objects as ``worth_of`` does."""
        worth = self.worth
        if changes.thousandths is not None:
            worth = worth_of(changes.kind or self.kind, changes.thousandths, currency)
        return replace(self, name=changes.name or self.name, worth=worth)


def _said(changes: ItemChanges) -> dict[str, Any]:
    named = ((spec.name, getattr(changes, spec.name)) for spec in fields(changes))
    return {name: value for name, value in named if value is not None}
