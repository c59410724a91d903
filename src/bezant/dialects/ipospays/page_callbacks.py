"""What a shop's own server is told of its pages: of each attempt to pay one, and of one that its payer left.

Posted as JSON with the header ``Authorization`` that the shop chose, unsigned (source: vendor docs).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from bezant.core.deliveries import Delivery, Parcel
from bezant.core.invoices import Invoice
from bezant.core.merchants import Caller
from bezant.core.payments import Payment
from bezant.core.sensitive import Secret
from bezant.dialects.ipospays.envelope import View
from bezant.dialects.ipospays.page_outcomes import LEFT, OUTCOME
from bezant.dialects.wire.contract import Layout, Reply, nested

T = TypeVar("T")

CALLBACK: Layout[View] = Layout(Reply("iposHPResponse", nested(OUTCOME), lambda view: view))
CALLBACK_LEFT: Layout[Invoice] = Layout(Reply("iposHPResponse", nested(LEFT), lambda invoice: invoice))
_PAGE: Final = "page"


class InvoiceRows(Protocol):
    """Invoices of one transaction."""

    def find(self, merchant_id: int, invoice_id: int) -> Invoice | None:
        """An invoice of that merchant."""
        ...

    def of_payment(self, merchant_id: int, payment_id: int) -> Invoice | None:
        """The invoice that a payment was made for."""
        ...


class PaymentRows(Protocol):
    """Payments of one transaction."""

    def find(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant."""
        ...


class AttemptTx(Protocol):
    """The stores of one transaction."""

    @property
    def invoices(self) -> InvoiceRows:
        """Invoices."""
        ...

    @property
    def payments(self) -> PaymentRows:
        """Payments."""
        ...


class AttemptUnits(Protocol):
    """Reads."""

    async def read(self, work: Callable[[AttemptTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class PageCallbacks:
    """Composes them."""

    FAMILIES: Final = ("attempt", _PAGE)
    """The first words of the topics that it tells of: payments, and pages themselves."""

    def __init__(self, *, units: AttemptUnits, callers: Callers) -> None:
        self._units = units
        self._callers = callers

    async def compose(self, delivery: Delivery) -> Parcel | None:
        """What to post, and where; nothing for a page of which nobody is told."""
        tell = _page if delivery.family == _PAGE else _attempt
        invoice, body = await self._units.read(partial(tell, delivery=delivery))
        callback = invoice.terms.callback
        if callback is None:
            return None
        caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
        headers: tuple[tuple[str, Secret], ...] = ()
        if callback.authorization is not None:
            headers = (("Authorization", callback.authorization),)
        return Parcel(
            url=callback.url,
            content_type="application/json",
            body=body,
            headers=headers,
            sandbox=caller.merchant.sandbox,
        )


def _attempt(tx: AttemptTx, *, delivery: Delivery) -> tuple[Invoice, bytes]:
    invoice = tx.invoices.of_payment(delivery.merchant_id, delivery.subject_id)
    payment = tx.payments.find(delivery.merchant_id, delivery.subject_id)
    assert invoice is not None, "an attempt that was announced is of an invoice"
    assert payment is not None, "a payment that was stored is there"
    return invoice, CALLBACK.render(View(payment))


def _page(tx: AttemptTx, *, delivery: Delivery) -> tuple[Invoice, bytes]:
    invoice = tx.invoices.find(delivery.merchant_id, delivery.subject_id)
    assert invoice is not None, "an invoice that was stored is there"
    return invoice, CALLBACK_LEFT.render(invoice)
