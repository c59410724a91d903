"""Products, modifiers and discounts, and what sales have taken of the stock.

Nothing is buffered: a statement is sent when it is asked for. Stock moves by a difference, never by writing
a number back, so that no movement is lost beside another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select, update

from bezant.core.catalogue import Discount, Item, ItemKind, Page, Percentage, Shelf
from bezant.core.money import CURRENCIES, Money
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import catalogue_discounts, catalogue_items, stock_takes
from bezant.storage.writes import Writes

_items, _discounts, _takes = catalogue_items.c, catalogue_discounts.c, stock_takes.c


class CatalogueRows:
    """The catalogue of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    # -- items ------------------------------------------------------------------------------------

    def items(self, shelf: Shelf, kind: ItemKind, page: Page) -> Sequence[Item]:
        """Live items of a kind, by position."""
        found = self._connection.execute(
            select(catalogue_items)
            .where(*_live(shelf, kind), *_search(page, _items.name, _items.code))
            .order_by(_items.position, _items.item_id)
            .limit(page.limit)
            .offset(page.offset)
        )
        return [_item(row) for row in found]

    def find_items(self, shelf: Shelf, item_ids: Iterable[int]) -> Mapping[int, Item]:
        """Those of the items that are on the shelf, by id, locked to be changed."""
        found = self._connection.execute(
            select(catalogue_items)
            .where(*_on_shelf(catalogue_items, shelf), _items.item_id.in_(sorted(item_ids)))
            # In key order, so that two sales of the same items do not lock crosswise.
            .order_by(_items.item_id)
            .with_for_update()
        )
        return {row.item_id: _item(row) for row in found}

    def item_with_code(self, shelf: Shelf, kind: ItemKind, code: str) -> int | None:
        """The id of the live item of a kind with that code."""
        return self._connection.execute(
            select(_items.item_id).where(*_live(shelf, kind), _items.code == code)
        ).scalar_one_or_none()

    def last_position(self, shelf: Shelf, kind: ItemKind) -> int:
        """The highest position of a live item of a kind, or 0."""
        last: int = self._connection.execute(
            select(func.coalesce(func.max(_items.position), 0)).where(*_live(shelf, kind))
        ).scalar_one()
        return last

    def add_item(self, item: Item) -> None:
        """Store a new item. A second live one with its code fails."""
        self._writes.touch()
        self._connection.execute(catalogue_items.insert().values(**_item_columns(item)))

    def change_item(self, before: Item, after: Item) -> None:
        """Store what is different about an item that was found in this transaction."""
        self._change(
            catalogue_items,
            _item_columns(before),
            _item_columns(after),
            _items.merchant_id == before.merchant_id,
            _items.item_id == before.item_id,
        )

    # -- stock ------------------------------------------------------------------------------------

    def take_stock(self, shelf: Shelf, subject_id: int, quantities: Mapping[int, int]) -> None:
        """Lower the stock of items that were found in this transaction, and keep what the subject took."""
        self._writes.touch()
        self._connection.execute(
            stock_takes.insert(),
            [
                {
                    "merchant_id": shelf.merchant_id,
                    "subject_id": subject_id,
                    "item_id": item_id,
                    "quantity": quantity,
                }
                for item_id, quantity in quantities.items()
            ],
        )
        for item_id, quantity in quantities.items():
            self._move_stock(shelf.merchant_id, item_id, -quantity)

    def give_back_stock(self, merchant_id: int, subject_id: int, *, at: datetime) -> None:
        """Raise the stock by all that the subject took, once: what was given back stays given back."""
        self._writes.touch()
        given = self._connection.execute(
            update(stock_takes)
            .where(
                _takes.merchant_id == merchant_id,
                _takes.subject_id == subject_id,
                _takes.given_back_at.is_(None),
            )
            .values(given_back_at=to_micros(at))
            .returning(_takes.item_id, _takes.quantity)
        )
        for item_id, quantity in sorted((row.item_id, row.quantity) for row in given):
            self._move_stock(merchant_id, item_id, quantity)

    def _move_stock(self, merchant_id: int, item_id: int, by: int) -> None:
        self._connection.execute(
            update(catalogue_items)
            .where(_items.merchant_id == merchant_id, _items.item_id == item_id)
            .values(stock=_items.stock + by)
        )

    # -- discounts --------------------------------------------------------------------------------

    def discounts(self, shelf: Shelf, page: Page) -> Sequence[Discount]:
        """Live discounts, oldest first."""
        found = self._connection.execute(
            select(catalogue_discounts)
            .where(
                *_on_shelf(catalogue_discounts, shelf),
                _discounts.deleted_at.is_(None),
                *_search(page, _discounts.name),
            )
            .order_by(_discounts.created_at, _discounts.discount_id)
            .limit(page.limit)
            .offset(page.offset)
        )
        return [_discount(row) for row in found]

    def find_discount(self, shelf: Shelf, discount_id: int) -> Discount | None:
        """A discount, locked to be changed."""
        row = self._connection.execute(
            select(catalogue_discounts)
            .where(*_on_shelf(catalogue_discounts, shelf), _discounts.discount_id == discount_id)
            .with_for_update()
        ).one_or_none()
        return None if row is None else _discount(row)

    def add_discount(self, discount: Discount) -> None:
        """Store a new discount."""
        self._writes.touch()
        self._connection.execute(catalogue_discounts.insert().values(**_discount_columns(discount)))

    def change_discount(self, before: Discount, after: Discount) -> None:
        """Store what is different about a discount that was found in this transaction."""
        self._change(
            catalogue_discounts,
            _discount_columns(before),
            _discount_columns(after),
            _discounts.merchant_id == before.merchant_id,
            _discounts.discount_id == before.discount_id,
        )

    def _change(
        self, table: Table, before: dict[str, Any], after: dict[str, Any], *key: ColumnElement[bool]
    ) -> None:
        different = {name: value for name, value in after.items() if value != before[name]}
        if different:
            self._writes.touch()
            self._connection.execute(update(table).where(*key).values(**different))


def _on_shelf(table: Table, shelf: Shelf) -> tuple[ColumnElement[bool], ...]:
    return table.c.merchant_id == shelf.merchant_id, table.c.terminal_id == shelf.terminal_id


def _live(shelf: Shelf, kind: ItemKind) -> tuple[ColumnElement[bool], ...]:
    return *_on_shelf(catalogue_items, shelf), _items.kind == kind.value, _items.deleted_at.is_(None)


def _search(page: Page, first: ColumnElement[str], *more: ColumnElement[str]) -> list[ColumnElement[bool]]:
    if not page.search:
        return []
    found = first.icontains(page.search, autoescape=True)
    for column in more:
        found |= column.icontains(page.search, autoescape=True)
    return [found]


def _item_columns(item: Item) -> dict[str, Any]:
    return {
        "merchant_id": item.merchant_id,
        "item_id": item.item_id,
        "terminal_id": item.terminal_id,
        "kind": item.kind.value,
        "code": item.code,
        "name": item.name,
        "description": item.description,
        "price": item.price.minor,
        "currency": item.price.currency.code,
        "stock": item.stock,
        "tracked": item.tracked,
        "taxable": item.taxable,
        "position": item.position,
        "category": item.category,
        "group_name": item.group,
        "active": item.active,
        "created_at": to_micros(item.created_at),
        "deleted_at": maybe_micros(item.deleted_at),
    }


def _item(row: Row[Any]) -> Item:
    return Item(
        merchant_id=row.merchant_id,
        terminal_id=row.terminal_id,
        item_id=row.item_id,
        kind=ItemKind(row.kind),
        code=row.code,
        name=row.name,
        description=row.description,
        price=Money(row.price, CURRENCIES[row.currency]),
        stock=row.stock,
        tracked=bool(row.tracked),
        taxable=bool(row.taxable),
        position=row.position,
        category=row.category,
        group=row.group_name,
        active=bool(row.active),
        created_at=from_micros(row.created_at),
        deleted_at=maybe_instant(row.deleted_at),
    )


def _discount_columns(discount: Discount) -> dict[str, Any]:
    worth = discount.worth
    percentage = worth.thousandths if isinstance(worth, Percentage) else None
    amount = None if isinstance(worth, Percentage) else worth
    return {
        "merchant_id": discount.merchant_id,
        "discount_id": discount.discount_id,
        "terminal_id": discount.terminal_id,
        "name": discount.name,
        "percentage": percentage,
        "amount": None if amount is None else amount.minor,
        "currency": None if amount is None else amount.currency.code,
        "created_at": to_micros(discount.created_at),
        "deleted_at": maybe_micros(discount.deleted_at),
    }


def _discount(row: Row[Any]) -> Discount:
    return Discount(
        merchant_id=row.merchant_id,
        terminal_id=row.terminal_id,
        discount_id=row.discount_id,
        name=row.name,
        worth=(
            Money(row.amount, CURRENCIES[row.currency])
            if row.percentage is None
            else Percentage(row.percentage)
        ),
        created_at=from_micros(row.created_at),
        deleted_at=maybe_instant(row.deleted_at),
    )
