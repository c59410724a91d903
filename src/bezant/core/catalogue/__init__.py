"""What a terminal sells: products and modifiers with their stock, and discounts."""

from bezant.core.catalogue.model import (
    Discount,
    DiscountChanges,
    DiscountDraft,
    DiscountKind,
    Item,
    ItemChanges,
    ItemDraft,
    ItemKind,
    Line,
    Objected,
    Objection,
    Percentage,
)
from bezant.core.catalogue.ports import CatalogueStore, CatalogueTx, Page, Shelf
from bezant.core.catalogue.service import Catalogue, give_back, take

__all__ = [
    "Catalogue",
    "CatalogueStore",
    "CatalogueTx",
    "Discount",
    "DiscountChanges",
    "DiscountDraft",
    "DiscountKind",
    "Item",
    "ItemChanges",
    "ItemDraft",
    "ItemKind",
    "Line",
    "Objected",
    "Objection",
    "Page",
    "Percentage",
    "Shelf",
    "give_back",
    "take",
]
