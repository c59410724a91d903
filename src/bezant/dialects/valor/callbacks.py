"""The call-back of a hosted page: what a merchant's server is told once its link is paid.

Posted to the page's ``redirect_url`` as JSON, unsigned, flat: the answer of a sale and the link's ``uid``
(which keys there are: public client; that they are a sale's: inferred).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from bezant.core.deliveries import Delivery, Parcel
from bezant.core.invoices import Invoice
from bezant.core.merchants import Caller
from bezant.core.payments import Payment
from bezant.dialects.valor import families
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Layout, Reply

T = TypeVar("T")

CONTENT_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class _Paid:
    sale: families.View
    uid: str


def _of_sale(reply: Reply[families.View]) -> Reply[_Paid]:
    return Reply(reply.key, reply.write, lambda paid: reply.value(paid.sale), reply.note)


class InvoiceRows(Protocol):
    """Invoices of one transaction."""

    def find(self, merchant_id: int, invoice_id: int) -> Invoice | None:
        """An invoice of that merchant."""
        ...


class PaymentRows(Protocol):
    """Payments of one transaction."""

    def find(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant."""
        ...


class PaidTx(Protocol):
    """The stores of one transaction."""

    @property
    def invoices(self) -> InvoiceRows:
        """Invoices."""
        ...

    @property
    def payments(self) -> PaymentRows:
        """Payments."""
        ...


class PaidUnits(Protocol):
    """Reads."""

    async def read(self, work: Callable[[PaidTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class Callbacks:
    """Composes call-backs."""

    def __init__(self, *, units: PaidUnits, callers: Callers) -> None:
        self._units = units
        self._callers = callers

    async def compose(self, delivery: Delivery) -> Parcel | None:
        """What to post, and where; nothing for a page without ``redirect_url``."""

        def work(tx: PaidTx) -> tuple[Invoice, Payment]:
            invoice = tx.invoices.find(delivery.merchant_id, delivery.subject_id)
            assert invoice is not None, "an invoice that was announced is there"
            assert invoice.payment_id is not None, "it was paid"
            payment = tx.payments.find(invoice.merchant_id, invoice.payment_id)
            assert payment is not None, "a payment that was stored is there"
            return invoice, payment

        invoice, payment = await self._units.read(work)
        if invoice.terms.redirect_url is None:
            return None
        caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
        paid = _Paid(families.view(payment, caller), invoice.uid)
        return Parcel(
            url=invoice.terms.redirect_url,
            content_type=CONTENT_TYPE,
            body=PAID.render(paid),
            sandbox=caller.merchant.sandbox,
        )


PAID: Layout[_Paid] = Layout(
    *map(_of_sale, families.SALE.replies),
    Reply("uid", codecs.json, lambda paid: paid.uid),
)
