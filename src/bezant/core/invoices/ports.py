"""What invoices need from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.deliveries import DeliveryStore
from bezant.core.invoices.commands import InvoiceQuery, Listed, Page
from bezant.core.invoices.model import Attempt, Invoice
from bezant.core.merchants import Caller
from bezant.core.notices import NoticeStore
from bezant.core.payments import Payment
from bezant.core.payments.ports import ClaimStore, PaymentStore

T = TypeVar("T")


class Ids(Protocol):
    """Ids: increasing within a process, unique in the whole gateway."""

    async def take(self) -> int:
        """The next id."""
        ...


class Hasher(Protocol):
    """Keyed one-way hashes."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of ``secret``: 32 bytes."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class InvoiceStore(Protocol):
    """Invoices of one transaction, and the payments that were made for them."""

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""
        ...

    def change(self, before: Invoice, after: Invoice, *, at: datetime) -> None:
        """Store a step or other facts; raises ``Conflict`` unless ``before`` was current.

        ``at`` is the merchant's time.
        """
        ...

    def find(self, merchant_id: int, invoice_id: int) -> Invoice | None:
        """An invoice of that merchant, locked to be changed."""
        ...

    def by_uid(self, uid: str) -> Listed | None:
        """The invoice with that public id, whoever its merchant is, and its payment."""
        ...

    def open_with_number(self, merchant_id: int, terminal_id: int, number: str) -> Sequence[Invoice]:
        """The terminal's invoices with that invoice number that are pending or being paid."""
        ...

    def of_payment(self, merchant_id: int, payment_id: int) -> Invoice | None:
        """The invoice that a payment was made for, whatever became of it."""
        ...

    def last_attempt(self, merchant_id: int, invoice_id: int) -> Payment | None:
        """The latest payment that was made for an invoice."""
        ...

    def add_attempt(self, attempt: Attempt) -> None:
        """Note a payment that is made for an invoice. A second note of one payment fails."""
        ...

    def follow_ups(self, merchant_id: int, payment_id: int) -> Sequence[Payment]:
        """The stored payments that refer to that one, oldest first."""
        ...

    def overdue(self, real: datetime, limit: int) -> Sequence[Invoice]:
        """Pending invoices that are past their time by their merchants' clocks."""
        ...

    def unsettled(self, limit: int) -> Sequence[Invoice]:
        """Invoices being paid whose payment has come to its end, which they have not been told."""
        ...

    def page(self, query: InvoiceQuery) -> Page:
        """One page of a list, newest first."""
        ...


class PlaceStore(Protocol):
    """Accounts of one transaction."""

    def origins(self, merchant_id: int) -> Sequence[str]:
        """The origins of a merchant's web pages."""
        ...


class InvoiceTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def merchants(self) -> PlaceStore:
        """Accounts, to be read."""
        ...

    @property
    def invoices(self) -> InvoiceStore:
        """Invoices."""
        ...

    @property
    def payments(self) -> PaymentStore:
        """Payments, to be read."""
        ...

    @property
    def claims(self) -> ClaimStore:
        """Idempotency keys."""
        ...

    @property
    def deliveries(self) -> DeliveryStore:
        """What the outside is to be told."""
        ...

    @property
    def notices(self) -> NoticeStore:
        """What payers are to be told."""
        ...


class InvoiceUnits(Protocol):
    """Runs work in a transaction. Work is plain code without side effects: it may run more than once."""

    async def read(self, work: Callable[[InvoiceTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(
        self, work: Callable[[InvoiceTx], T], *, merchant_id: int, terminal_id: int | None = None
    ) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...
