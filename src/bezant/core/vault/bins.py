"""What is known of issuers' number ranges, held in memory."""

from __future__ import annotations

from collections.abc import Iterable

from bezant.core.vault.model import BinRecord


class Bins:
    """Number ranges by their first eight or six digits."""

    def __init__(self) -> None:
        self._records: dict[str, BinRecord] = {}

    def replace(self, records: Iterable[BinRecord]) -> None:
        """Take over a new set of records."""
        self._records = {record.prefix: record for record in records}

    def find(self, digits: str) -> BinRecord | None:
        """The most precise record for a number that begins with ``digits``."""
        return self._records.get(digits[:8]) or self._records.get(digits[:6])
