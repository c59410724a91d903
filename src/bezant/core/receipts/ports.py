"""What receipts need from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bezant.core.merchants import Caller
from bezant.core.payments import Payment
from bezant.core.receipts.model import ReceiptName

T = TypeVar("T")


class ReceiptStore(Protocol):
    """Payments of one transaction, to be read."""

    def payment(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant."""
        ...

    def follow_ups(self, merchant_id: int, payment_id: int) -> Sequence[Payment]:
        """The payments whose original it is."""
        ...


class ReceiptTx(Protocol):
    """The store of one transaction."""

    @property
    def receipts(self) -> ReceiptStore:
        """Payments."""
        ...


class ReceiptUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[ReceiptTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class ReceiptNames(Protocol):
    """Public names of receipts: nobody can guess one, and each payment's stay the same."""

    def uid(self, name: ReceiptName) -> str:
        """The public name: letters, digits, hyphens and underscores."""
        ...

    def read(self, uid: str) -> ReceiptName | None:
        """What the public name stands for; nothing for any text that we have not made."""
        ...


class Callers(Protocol):
    """Terminals without credentials."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """A terminal as a caller."""
        ...
