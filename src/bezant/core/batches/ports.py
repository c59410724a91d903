"""What batches need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bezant.core.batches.model import Batch, Totals


class BatchStore(Protocol):
    """Batches of one transaction. A batch that was asked for is locked, and written back at its end."""

    def open(self, merchant_id: int, terminal_id: int) -> Batch:
        """The terminal's open batch."""
        ...

    def open_number(self, merchant_id: int, terminal_id: int) -> int:
        """The number of the terminal's open batch, without holding it."""
        ...

    def settled_totals(self, merchant_id: int, terminal_id: int, number: int) -> Totals | None:
        """What a batch that is no longer open adds up to, without holding it."""
        ...

    def closed(
        self,
        merchant_id: int,
        terminal_id: int,
        *,
        closed_from: datetime | None,
        closed_to: datetime | None,
        number: int | None,
        limit: int,
    ) -> Sequence[Batch]:
        """Batches whose totals the acquirer has, newest first, without holding them.

        ``closed_from`` and ``closed_to`` are in the merchant's time; None does not filter.
        """
        ...

    def find(self, merchant_id: int, terminal_id: int, number: int) -> Batch | None:
        """A batch by its number, to be changed."""
        ...

    def find_settlement(self, merchant_id: int, terminal_id: int, settlement_id: int) -> Batch | None:
        """The batch that a settlement froze, to be changed."""
        ...

    def add(self, batch: Batch) -> None:
        """Store a new batch."""
        ...

    def settling(self, merchant_id: int, terminal_id: int) -> Sequence[Batch]:
        """The terminal's batches whose totals the acquirer has not confirmed, oldest first, to be changed."""
        ...
