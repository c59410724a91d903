"""What booking needs from outside."""

from __future__ import annotations

from typing import Protocol

from bezant.core.ledger.model import Entry


class Journal(Protocol):
    """The journal of one transaction: entries are added, never changed."""

    def book(self, entry: Entry) -> None:
        """Add an entry."""
        ...
