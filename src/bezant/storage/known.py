"""Open batches as they were last seen, so that works which need them need not read them each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bezant.storage.bulk import Row

Terminal = tuple[int, int]
"""Merchant and terminal."""

KNOWN_MAX: Final = 50_000


class OpenBatches:
    """The open batches of terminals, as rows in table order.

    Nothing here is certain: it is compared when a batch is written.
    """

    def __init__(self) -> None:
        self._known: dict[Terminal, Row] = {}

    def of(self, terminals: Iterable[Terminal]) -> tuple[list[Row], list[Terminal]]:
        """What is known of those terminals; and the terminals of which nothing is, in order."""
        known, unknown = [], []
        for terminal in sorted(set(terminals)):
            row = self._known.get(terminal)
            if row is None:
                unknown.append(terminal)
            else:
                known.append(row)
        return known, unknown

    def know(self, rows: Iterable[Row]) -> None:
        """These are open now."""
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        for row in rows:
            merchant_id, terminal_id, *_ = row
            self._known[merchant_id, terminal_id] = row

    def forget(self, terminals: Iterable[Terminal]) -> None:
        """Somebody else has changed their batches, or may have."""
        for terminal in terminals:
            self._known.pop(terminal, None)
