"""Batches. Every batch that a transaction asks for is locked, shared by its works, and written back once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from bezant.core.batches import Batch, BatchState, Totals
from bezant.core.money import CURRENCIES
from bezant.storage.bulk import BulkInsert, BulkUpdate
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import batches
from bezant.storage.writes import Writes

_KEYS = ("merchant_id", "terminal_id", "number")
_CHANGING = (
    "state",
    "audit_number",
    "transaction_number",
    "sale_count",
    "base",
    "tax",
    "fee",
    "tip",
    "refund_count",
    "refunded",
    "tip_count",
    "settlement_id",
    "frozen_at",
    "closed_at",
)
_INSERT = BulkInsert(batches)
_UPDATE = BulkUpdate(batches, sets=_CHANGING, keys=_KEYS)

Key = tuple[int, int, int]


class Batches:
    """Batches of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._held: dict[Key, Batch] = {}
        self._open: dict[tuple[int, int], Batch] = {}
        self._new: list[Batch] = []

    def prime(self, terminals: Iterable[tuple[int, int]]) -> None:
        """Fetch and lock the open batches of many terminals with one statement."""
        wanted = sorted(set(terminals))
        if wanted:
            place = tuple_(batches.c.merchant_id, batches.c.terminal_id)
            self._fetch(place.in_(wanted), batches.c.state == BatchState.OPEN.value)

    def open(self, merchant_id: int, terminal_id: int) -> Batch:
        """The terminal's open batch."""
        self._writes.touch()
        key = merchant_id, terminal_id
        batch = self._open.get(key)
        if batch is None or batch.state is not BatchState.OPEN:
            # A second look: the first may have waited for a settlement that replaced the open batch.
            for _ in range(2):
                self._fetch(
                    batches.c.merchant_id == merchant_id,
                    batches.c.terminal_id == terminal_id,
                    batches.c.state == BatchState.OPEN.value,
                )
                if key in self._open:
                    break
            batch = self._open[key]
        return batch

    def open_number(self, merchant_id: int, terminal_id: int) -> int:
        """The number of the terminal's open batch, without holding it."""
        number: int = self._connection.execute(
            select(batches.c.number).where(
                batches.c.merchant_id == merchant_id,
                batches.c.terminal_id == terminal_id,
                batches.c.state == BatchState.OPEN.value,
            )
        ).scalar_one()
        return number

    def find(self, merchant_id: int, terminal_id: int, number: int) -> Batch | None:
        """A batch by its number, to be changed."""
        self._writes.touch()
        key = merchant_id, terminal_id, number
        if key not in self._held:
            self._fetch(
                batches.c.merchant_id == merchant_id,
                batches.c.terminal_id == terminal_id,
                batches.c.number == number,
            )
        return self._held.get(key)

    def find_settlement(self, merchant_id: int, terminal_id: int, settlement_id: int) -> Batch | None:
        """The batch that a settlement froze, to be changed."""
        self.flush()
        found = self._fetch(
            batches.c.merchant_id == merchant_id,
            batches.c.terminal_id == terminal_id,
            batches.c.settlement_id == settlement_id,
        )
        return found[0] if found else None

    def settling(self, merchant_id: int, terminal_id: int) -> Sequence[Batch]:
        """The terminal's batches whose totals the acquirer has not confirmed, oldest first, to be changed."""
        # Whoever settles holds the open batch, so that two settlements of a terminal take turns.
        self.open(merchant_id, terminal_id)
        # An earlier work of the group may have frozen or closed a batch that it has not written back.
        self.flush()
        return self._fetch(
            batches.c.merchant_id == merchant_id,
            batches.c.terminal_id == terminal_id,
            batches.c.state == BatchState.SETTLING.value,
        )

    def unconfirmed(self) -> list[tuple[int, int]]:
        """Terminals with a batch whose totals the acquirer has not confirmed."""
        rows = self._connection.execute(
            select(batches.c.merchant_id, batches.c.terminal_id)
            .where(batches.c.state == BatchState.SETTLING.value)
            .distinct()
        )
        return [(row.merchant_id, row.terminal_id) for row in rows]

    def add(self, batch: Batch) -> None:
        """Store a new batch."""
        self._writes.touch()
        self._new.append(batch)
        self._hold(batch)

    def _fetch(self, *where: ColumnElement[bool]) -> list[Batch]:
        query: Select[Any] = (
            select(batches)
            .where(*where)
            .order_by(batches.c.merchant_id, batches.c.terminal_id, batches.c.number)
            .with_for_update()
        )
        return [self._hold(_batch(row)) for row in self._connection.execute(query)]

    def _hold(self, batch: Batch) -> Batch:
        """The one object for this row in this transaction: the first that was read or made."""
        held = self._held.setdefault((batch.merchant_id, batch.terminal_id, batch.number), batch)
        if held.state is BatchState.OPEN:
            self._open[held.merchant_id, held.terminal_id] = held
        return held

    def flush(self) -> None:
        """Write every batch back."""
        new = [(batch.merchant_id, batch.terminal_id, batch.number) for batch in self._new]
        changed = [batch for key, batch in self._held.items() if key not in new]
        # What closes is written before what opens: a terminal has one open batch at any time.
        if changed:
            _UPDATE.run(self._connection, [_update_row(batch) for batch in changed])
        if self._new:
            _INSERT.run(self._connection, [_row(batch) for batch in self._new])
            self._new.clear()


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        merchant_id=row.merchant_id,
        terminal_id=row.terminal_id,
        number=row.number,
        currency=CURRENCIES[row.currency],
        state=BatchState(row.state),
        audit_number=row.audit_number,
        transaction_number=row.transaction_number,
        totals=Totals(
            sale_count=row.sale_count,
            base=row.base,
            tax=row.tax,
            fee=row.fee,
            tip=row.tip,
            refund_count=row.refund_count,
            refunded=row.refunded,
            tip_count=row.tip_count,
        ),
        opened_at=from_micros(row.opened_at),
        settlement_id=row.settlement_id,
        frozen_at=maybe_instant(row.frozen_at),
        closed_at=maybe_instant(row.closed_at),
    )


def _values(batch: Batch) -> dict[str, object]:
    totals = batch.totals
    return {
        "merchant_id": batch.merchant_id,
        "terminal_id": batch.terminal_id,
        "number": batch.number,
        "state": batch.state.value,
        "currency": batch.currency.code,
        "audit_number": batch.audit_number,
        "transaction_number": batch.transaction_number,
        "sale_count": totals.sale_count,
        "base": totals.base,
        "tax": totals.tax,
        "fee": totals.fee,
        "tip": totals.tip,
        "refund_count": totals.refund_count,
        "refunded": totals.refunded,
        "tip_count": totals.tip_count,
        "opened_at": to_micros(batch.opened_at),
        "settlement_id": batch.settlement_id,
        "frozen_at": maybe_micros(batch.frozen_at),
        "closed_at": maybe_micros(batch.closed_at),
    }


def _row(batch: Batch) -> tuple[object, ...]:
    values = _values(batch)
    return tuple(values[name] for name in _INSERT.columns)


def _update_row(batch: Batch) -> tuple[object, ...]:
    values = _values(batch)
    return tuple(values[name] for name in (*_CHANGING, *_KEYS))
