"""What this domain needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.catalogue.model import Discount, Item, ItemKind

T = TypeVar("T")


class Ids(Protocol):
    """Ids of items and discounts, unique in the whole gateway."""

    async def take(self) -> int:
        """The next id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One terminal's part of the catalogue."""

    merchant_id: int
    terminal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which live entries of a list are asked for: those that have ``search`` in a name or code."""

    limit: int
    offset: int = 0
    search: str = ""


class CatalogueStore(Protocol):
    """The catalogue of one transaction. What is found is there deleted or not; what is listed is live."""

    def items(self, shelf: Shelf, kind: ItemKind, page: Page) -> Sequence[Item]:
        """Live items of a kind, by position."""
        ...

    def find_items(self, shelf: Shelf, item_ids: Iterable[int]) -> Mapping[int, Item]:
        """Those of the items that are on the shelf, by id, locked to be changed."""
        ...

    def item_with_code(self, shelf: Shelf, kind: ItemKind, code: str) -> int | None:
        """The id of the live item of a kind with that code."""
        ...

    def last_position(self, shelf: Shelf, kind: ItemKind) -> int:
        """The highest position of a live item of a kind, or 0."""
        ...

    def add_item(self, item: Item) -> None:
        """Store a new item. A second live one with its code fails."""
        ...

    def change_item(self, before: Item, after: Item) -> None:
        """Store what is different about an item that was found in this transaction."""
        ...

    def take_stock(self, shelf: Shelf, subject_id: int, quantities: Mapping[int, int]) -> None:
        """Lower the stock of items that were found in this transaction, and keep what the subject took."""
        ...

    def give_back_stock(self, merchant_id: int, subject_id: int, *, at: datetime) -> None:
        """Raise the stock by all that the subject took, once: what was given back stays given back."""
        ...

    def discounts(self, shelf: Shelf, page: Page) -> Sequence[Discount]:
        """Live discounts, oldest first."""
        ...

    def find_discount(self, shelf: Shelf, discount_id: int) -> Discount | None:
        """A discount, locked to be changed."""
        ...

    def add_discount(self, discount: Discount) -> None:
        """Store a new discount."""
        ...

    def change_discount(self, before: Discount, after: Discount) -> None:
        """Store what is different about a discount that was found in this transaction."""
        ...


class CatalogueTx(Protocol):
    """The store of one transaction."""

    @property
    def catalogue(self) -> CatalogueStore:
        """Items and discounts."""
        ...


class CatalogueUnits(Protocol):
    """Runs work in a transaction. Work is plain code that may run more than once."""

    async def read(self, work: Callable[[CatalogueTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[CatalogueTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...
