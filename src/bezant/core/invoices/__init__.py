"""Invoices: links that payers open to pay, once, what a merchant asks; and receipts."""

from bezant.core.invoices.commands import (
    Choices,
    Copy,
    InvoiceQuery,
    Listed,
    Outcome,
    Page,
    PayerCard,
    Receipt,
    Result,
    Status,
    View,
)
from bezant.core.invoices.model import (
    INVOICE,
    LIFE,
    UID,
    Attempt,
    Dispatch,
    Event,
    Extra,
    Invoice,
    Item,
    Matter,
    Objected,
    Objection,
    State,
    Terms,
    TipOffer,
)
from bezant.core.invoices.receipts import Receipts
from bezant.core.invoices.recovery import InvoiceRecovery
from bezant.core.invoices.service import Invoices
from bezant.core.invoices.steps import Topic

__all__ = [
    "INVOICE",
    "LIFE",
    "UID",
    "Attempt",
    "Choices",
    "Copy",
    "Dispatch",
    "Event",
    "Extra",
    "Invoice",
    "InvoiceQuery",
    "InvoiceRecovery",
    "Invoices",
    "Item",
    "Listed",
    "Matter",
    "Objected",
    "Objection",
    "Outcome",
    "Page",
    "PayerCard",
    "Receipt",
    "Receipts",
    "Result",
    "State",
    "Status",
    "Terms",
    "TipOffer",
    "Topic",
    "View",
]
