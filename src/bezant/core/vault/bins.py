"""What is known of issuers' number ranges, held in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bezant.core.vault.model import BinRecord

BIN_DIGITS = 6
LONG_BIN_DIGITS = 8


class Bins:
    """Number ranges by their first eight or six digits."""

    def __init__(self) -> None:
        self._records: dict[str, BinRecord] = {}
        self._agreed: dict[str, BinRecord] = {}

    def replace(self, records: Iterable[BinRecord]) -> None:
        """Take over a new set of records."""
        self._records = {record.prefix: record for record in records}
        parts: dict[str, list[BinRecord]] = defaultdict(list)
        for record in self._records.values():
            if len(record.prefix) > BIN_DIGITS and record.prefix[:BIN_DIGITS] not in self._records:
                parts[record.prefix[:BIN_DIGITS]].append(record)
        agreed = (_agreed(prefix, found) for prefix, found in parts.items())
        self._agreed = {record.prefix: record for record in agreed if record is not None}

    def find(self, digits: str) -> BinRecord | None:
        """The most precise record for a number that begins with ``digits``, six of them or more.

        Where only six are known and only ranges of eight are listed, it is what those ranges agree on; they
        must agree on the funding, since a surcharge may hang on it.
        """
        known = self._records.get(digits[:LONG_BIN_DIGITS]) or self._records.get(digits[:BIN_DIGITS])
        if known is None and len(digits) < LONG_BIN_DIGITS:
            return self._agreed.get(digits[:BIN_DIGITS])
        return known


def _agreed(prefix: str, records: list[BinRecord]) -> BinRecord | None:
    def only(values: set[str | None]) -> str | None:
        return values.pop() if len(values) == 1 else None

    funding = only({record.funding for record in records})
    if funding is None:
        return None
    return BinRecord(
        prefix=prefix,
        funding=funding,
        issuer=only({record.issuer for record in records}),
        country=only({record.country for record in records}),
        level=only({record.level for record in records}),
        category=only({record.category for record in records}),
    )
