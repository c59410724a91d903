"""The vault's cards."""

from __future__ import annotations

from sqlalchemy import Connection

from bezant.core.faults import fault_point
from bezant.core.vault import Brand, Card, StoredCard
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.lookup import Lookup
from bezant.storage.tables import cards
from bezant.storage.writes import Writes

_INSERT = BulkInsert(cards, ignore=True)
_FIND = Lookup(cards, by=("merchant_id", "token"))


class Cards:
    """Cards of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._kept: dict[tuple[int, str], StoredCard] = {}

    def keep(self, stored: StoredCard) -> None:
        """Store a card unless the merchant already has it."""
        self._kept.setdefault((stored.merchant_id, stored.card.token), stored)
        self._writes.touch()

    def find(self, merchant_id: int, token: str) -> StoredCard | None:
        """The merchant's card with that token."""
        kept = self._kept.get((merchant_id, token))
        if kept is not None:
            return kept
        row = _FIND.find(self._connection, (merchant_id, token))
        return None if row is None else _stored(row)

    def flush(self) -> None:
        """Write what was kept."""
        if self._kept:
            # In key order, so that two transactions that keep the same cards do not lock crosswise.
            rows = [_row(stored) for _, stored in sorted(self._kept.items())]
            self._kept.clear()
            _INSERT.run(self._connection, rows)
            fault_point("vault.written")


def _row(stored: StoredCard) -> Row:
    card = stored.card
    return stored.merchant_id, card.token, card.bin, card.last4, card.brand.value, stored.sealed


def _stored(row: Row) -> StoredCard:
    merchant_id, token, bin_, last4, brand, sealed = row
    card = Card(token=token, bin=bin_, last4=last4, brand=Brand(brand))
    return StoredCard(merchant_id=merchant_id, card=card, sealed=sealed)
