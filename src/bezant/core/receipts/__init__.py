"""Receipts: what a payment was, and what became of it, for whoever holds its unguessable name."""

from bezant.core.receipts.model import Change, Copy, Receipt, ReceiptName, Standing, receipt_of
from bezant.core.receipts.ports import ReceiptNames, ReceiptStore
from bezant.core.receipts.service import Receipts

__all__ = [
    "Change",
    "Copy",
    "Receipt",
    "ReceiptName",
    "ReceiptNames",
    "ReceiptStore",
    "Receipts",
    "Standing",
    "receipt_of",
]
