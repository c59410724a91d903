"""Use cases: list, add, change and delete what a terminal sells; and the stock that sales take.

``take`` and ``give_back`` are for whoever sells: they run inside the seller's own unit of work, so that a
sale and its stock are stored together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from bezant.core.catalogue.model import (
    Discount,
    DiscountChanges,
    DiscountDraft,
    Item,
    ItemChanges,
    ItemDraft,
    ItemKind,
    Line,
    Objected,
    Objection,
    needed,
    worth_of,
)
from bezant.core.catalogue.ports import CatalogueTx, CatalogueUnits, Ids, Page, Shelf
from bezant.core.merchants import Caller, SystemClock

T = TypeVar("T")


def take(
    tx: CatalogueTx, *, merchant_id: int, terminal_id: int, subject_id: int, lines: Sequence[Line]
) -> None:
    """Lower the stock by what a sale names, and remember it under ``subject_id``, the sale's own id.

    Items whose stock is not tracked are looked up and left alone. A subject takes once: a second time is a
    ``Conflict``. Raises ``Objected``, before anything is written, for an item that this terminal does not
    have (``UNKNOWN``) and for more than there is (``OUT_OF_STOCK``).
    """
    shelf = Shelf(merchant_id=merchant_id, terminal_id=terminal_id)
    quantities = needed(lines, tx.catalogue.find_items(shelf, {line.item_id for line in lines}))
    if quantities:
        tx.catalogue.take_stock(shelf, subject_id, quantities)


def give_back(tx: CatalogueTx, *, merchant_id: int, subject_id: int, at: datetime) -> None:
    """Raise the stock by all that ``subject_id`` took. Does nothing the second time, or if it took nothing.

    What was deleted, or is not tracked any more, gets its pieces back as well.
    """
    tx.catalogue.give_back_stock(merchant_id, subject_id, at=at)


class Catalogue:
    """What each terminal sells. A terminal knows its own entries only.

    A method that cannot do what it is asked raises ``Objected``; its docstring names the objections.
    """

    def __init__(self, *, units: CatalogueUnits, ids: Ids, clock: SystemClock) -> None:
        self._units = units
        self._ids = ids
        self._clock = clock

    async def items(self, caller: Caller, kind: ItemKind, page: Page) -> Sequence[Item]:
        """A page of the terminal's live items of a kind, by position."""
        return await self._units.read(lambda tx: tx.catalogue.items(_shelf(caller), kind, page))

    async def add_item(self, caller: Caller, draft: ItemDraft) -> Item:
        """A new item. Objects to ``CODE_TAKEN``."""
        shelf, item_id, now = _shelf(caller), await self._ids.take(), self._now(caller)

        def add(tx: CatalogueTx) -> Item:
            _claim(tx, shelf, draft.kind, draft.code)
            position = draft.position
            item = Item(
                merchant_id=shelf.merchant_id,
                terminal_id=shelf.terminal_id,
                item_id=item_id,
                kind=draft.kind,
                code=draft.code,
                name=draft.name,
                description=draft.description,
                price=draft.price,
                stock=draft.stock,
                tracked=draft.tracked,
                taxable=draft.taxable,
                position=tx.catalogue.last_position(shelf, draft.kind) + 1 if position is None else position,
                category=draft.category,
                group=draft.group,
                active=draft.active,
                created_at=now,
            )
            tx.catalogue.add_item(item)
            return item

        return await self._write(shelf, add)

    async def change_item(self, caller: Caller, kind: ItemKind, item_id: int, changes: ItemChanges) -> Item:
        """An item with other facts. Objects to ``UNKNOWN``, deleted ones too, and ``CODE_TAKEN``."""
        shelf = _shelf(caller)

        def change(tx: CatalogueTx) -> Item:
            before = _item(tx, shelf, kind, item_id)
            if before.deleted:
                raise Objected(Objection.UNKNOWN)
            after = before.changed(changes)
            if after.code != before.code:
                _claim(tx, shelf, kind, after.code)
            tx.catalogue.change_item(before, after)
            return after

        return await self._write(shelf, change)

    async def delete_item(self, caller: Caller, kind: ItemKind, item_id: int) -> None:
        """Take an item off the list; its code is free again. Objects to ``UNKNOWN``, ``ALREADY_DELETED``."""
        shelf, now = _shelf(caller), self._now(caller)

        def delete(tx: CatalogueTx) -> None:
            before = _item(tx, shelf, kind, item_id)
            if before.deleted:
                raise Objected(Objection.ALREADY_DELETED)
            tx.catalogue.change_item(before, replace(before, deleted_at=now))

        await self._write(shelf, delete)

    async def discounts(self, caller: Caller, page: Page) -> Sequence[Discount]:
        """A page of the terminal's live discounts, oldest first."""
        return await self._units.read(lambda tx: tx.catalogue.discounts(_shelf(caller), page))

    async def add_discount(self, caller: Caller, draft: DiscountDraft) -> Discount:
        """A new discount. Objects as ``worth_of`` does."""
        shelf = _shelf(caller)
        discount = Discount(
            merchant_id=shelf.merchant_id,
            terminal_id=shelf.terminal_id,
            discount_id=await self._ids.take(),
            name=draft.name,
            worth=worth_of(draft.kind, draft.thousandths, caller.merchant.currency),
            created_at=self._now(caller),
        )
        await self._write(shelf, lambda tx: tx.catalogue.add_discount(discount))
        return discount

    async def change_discount(self, caller: Caller, discount_id: int, changes: DiscountChanges) -> Discount:
        """A discount with other facts. Objects as ``worth_of`` does, and to ``UNKNOWN``, deleted ones too."""
        shelf, currency = _shelf(caller), caller.merchant.currency
        if changes.kind is not None and changes.thousandths is not None:
            # Wrong whatever is stored, so it is said of an unknown discount as well.
            worth_of(changes.kind, changes.thousandths, currency)

        def change(tx: CatalogueTx) -> Discount:
            before = tx.catalogue.find_discount(shelf, discount_id)
            if before is None or before.deleted:
                raise Objected(Objection.UNKNOWN)
            after = before.changed(changes, currency)
            tx.catalogue.change_discount(before, after)
            return after

        return await self._write(shelf, change)

    async def delete_discount(self, caller: Caller, discount_id: int) -> None:
        """Take a discount off the list. Objects to ``UNKNOWN``, ``ALREADY_DELETED``."""
        shelf, now = _shelf(caller), self._now(caller)

        def delete(tx: CatalogueTx) -> None:
            before = tx.catalogue.find_discount(shelf, discount_id)
            if before is None:
                raise Objected(Objection.UNKNOWN)
            if before.deleted:
                raise Objected(Objection.ALREADY_DELETED)
            tx.catalogue.change_discount(before, replace(before, deleted_at=now))

        await self._write(shelf, delete)

    def _now(self, caller: Caller) -> datetime:
        return caller.now(self._clock.now())

    async def _write(self, shelf: Shelf, work: Callable[[CatalogueTx], T]) -> T:
        # An objection comes before the first write, so it can leave the transaction as a value. As an
        # exception, it would make the works that share the transaction run again.
        def guarded(tx: CatalogueTx) -> T | Objected:
            try:
                return work(tx)
            except Objected as objected:
                return objected

        found = await self._units.write(guarded, merchant_id=shelf.merchant_id)
        if isinstance(found, Objected):
            raise found
        return found


def _shelf(caller: Caller) -> Shelf:
    merchant_id, terminal_id = caller.key
    return Shelf(merchant_id=merchant_id, terminal_id=terminal_id)


def _item(tx: CatalogueTx, shelf: Shelf, kind: ItemKind, item_id: int) -> Item:
    item = tx.catalogue.find_items(shelf, (item_id,)).get(item_id)
    if item is None or item.kind is not kind:
        raise Objected(Objection.UNKNOWN)
    return item


def _claim(tx: CatalogueTx, shelf: Shelf, kind: ItemKind, code: str) -> None:
    if tx.catalogue.item_with_code(shelf, kind, code) is not None:
        raise Objected(Objection.CODE_TAKEN)
