"""Invoices: links that payers open to pay, once, what a merchant asks; and receipts."""

from bezant.core.invoices.commands import (
    Choices,
    Created,
    InvoiceQuery,
    Listed,
    Named,
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
    Callback,
    Event,
    Extra,
    Invoice,
    Item,
    Objected,
    Objection,
    State,
    Terms,
    TipOffer,
)
from bezant.core.invoices.receipts import Receipts
from bezant.core.invoices.recovery import InvoiceRecovery
from bezant.core.invoices.service import Invoices
from bezant.core.notices import Copy

__all__ = [
    "INVOICE",
    "LIFE",
    "UID",
    "Attempt",
    "Callback",
    "Choices",
    "Copy",
    "Created",
    "Event",
    "Extra",
    "Invoice",
    "InvoiceQuery",
    "InvoiceRecovery",
    "Invoices",
    "Item",
    "Listed",
    "Named",
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
    "View",
]
