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
FIND = Lookup(cards, by=("merchant_id", "token"))


class Cards:
    """Cards of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._kept: dict[tuple[int, str], StoredCard] = {}
        self._expected: dict[tuple[int, str], Row] = {}

    def expect(self, place: tuple[int, str], row: Row) -> None:
        """What the database has of a merchant's card that is about to be asked for."""
        self._expected[place] = row

    def keep(self, stored: StoredCard) -> None:
        """Store a card unless the merchant already has it."""
        self._kept.setdefault((stored.merchant_id, stored.card.token), stored)
        self._writes.touch()

    def find(self, merchant_id: int, token: str) -> StoredCard | None:
        """The merchant's card with that token."""
        place = merchant_id, token
        kept = self._kept.get(place)
        if kept is not None:
            return kept
        row = self._expected.get(place) or FIND.find(self._connection, place)
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
    return stored.merchant_id, card.token, card.bin, card.last4, str(card.brand), stored.sealed


def _stored(row: Row) -> StoredCard:
    merchant_id, token, bin_, last4, brand, sealed = row
    card = Card(token=token, bin=bin_, last4=last4, brand=Brand(brand))
    return StoredCard(merchant_id=merchant_id, card=card, sealed=sealed)
