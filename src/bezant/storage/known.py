"""Open batches as they were last seen, so that works which need them need not read them each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bezant.core.batches import Batch

Terminal = tuple[int, int]
"""Merchant and terminal."""

KNOWN_MAX: Final = 50_000


class OpenBatches:
    """The open batches of terminals. Nothing here is certain: it is compared when a batch is written."""

    def __init__(self) -> None:
        self._known: dict[Terminal, Batch] = {}

    def of(self, terminals: Iterable[Terminal]) -> tuple[list[Batch], list[Terminal]]:
        """What is known of those terminals; and the terminals of which nothing is, in order."""
        known, unknown = [], []
        for terminal in sorted(set(terminals)):
            batch = self._known.get(terminal)
            if batch is None:
                unknown.append(terminal)
            else:
                known.append(batch)
        return known, unknown

    def know(self, batches: Iterable[Batch]) -> None:
        """These are open now. They are not to be changed any more by whoever had them."""
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        for batch in batches:
            self._known[batch.merchant_id, batch.terminal_id] = batch

    def forget(self, terminals: Iterable[Terminal]) -> None:
        """Somebody else has changed their batches, or may have."""
        for terminal in terminals:
            self._known.pop(terminal, None)
