"""Batches. Every batch that a transaction asks for is locked and shared by its works.

What they have changed of it is written back once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from bezant.core.batches import Batch, BatchState, Totals
from bezant.core.money import CURRENCIES
from bezant.storage.bulk import BulkInsert, BulkUpdate, Portions, Row
from bezant.storage.driver import execute, pipelined
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.lookup import Reading
from bezant.storage.tables import batches
from bezant.storage.writes import Writes

_KEYS = ("merchant_id", "terminal_id", "number")
_NUMBERS = (
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
)
"""Whatever is done to a batch changes one of these."""
_COUNTS = _NUMBERS[1:]
"""What changes of a batch that stays open. SQLite writes each index anew that has a column to be set."""
_CHANGING = (*_NUMBERS, "settlement_id", "frozen_at", "closed_at")
_INSERT = BulkInsert(batches)
_UPDATE = BulkUpdate(batches, sets=_CHANGING, keys=_KEYS)
_UPDATE_KNOWN = BulkUpdate(batches, sets=_COUNTS, keys=_KEYS, expected=_NUMBERS)

_COLUMNS = ", ".join(batches.c.keys())
_FIND_OPEN = Portions(
    f"SELECT {_COLUMNS} FROM batches WHERE (merchant_id, terminal_id) IN ({{rows}}) AND state = 'open'",  # noqa: S608 - our names
    width=2,
)
READ_OPEN = Reading(batches, by=("merchant_id", "terminal_id"), where="state = 'open'")
# In key order, so that two groups do not lock crosswise.
_LOCK_OPEN = Reading(
    batches,
    by=("merchant_id", "terminal_id"),
    where="state = 'open'",
    end=" ORDER BY merchant_id, terminal_id FOR UPDATE",
)

Key = tuple[int, int, int]


class Batches:
    """Batches of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._held: dict[Key, Batch] = {}
        self._open: dict[tuple[int, int], Batch] = {}
        self._new: list[Batch] = []
        self._known: dict[Key, Row] = {}
        self._stored: dict[Key, Row] = {}
        """As they were fetched, or written back since."""

    def prime(self, terminals: Iterable[tuple[int, int]]) -> None:
        """Fetch and lock the open batches of many terminals with one statement."""
        wanted = sorted(set(terminals))
        if not wanted:
            return
        if self._connection.dialect.name == "postgresql":
            with pipelined(self._connection):  # with the BEGIN before it
                found = execute(self._connection, *_LOCK_OPEN.statement(wanted)).fetchall()
        else:
            found = [
                row
                for statement, values in _FIND_OPEN.of(wanted)
                for row in execute(self._connection, statement, values).fetchall()
            ]
        for row in found:
            self._take(row)

    def know(self, rows: Iterable[Row]) -> None:
        """Take open batches as they were last seen. That they still are so is looked at when written back."""
        for row in rows:
            merchant_id, terminal_id, number, *_ = row
            self._known[merchant_id, terminal_id, number] = row
            self._hold(_batch(row))

    def opened(self) -> list[Row]:
        """The open batches that the transaction held, as they were written back."""
        return [
            self._stored[batch.merchant_id, batch.terminal_id, batch.number]
            for batch in self._open.values()
            if batch.state is BatchState.OPEN
        ]

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

    def settled_totals(self, merchant_id: int, terminal_id: int, number: int) -> Totals | None:
        """What a batch that is no longer open adds up to, without holding it."""
        row = self._connection.execute(
            select(batches).where(
                batches.c.merchant_id == merchant_id,
                batches.c.terminal_id == terminal_id,
                batches.c.number == number,
                batches.c.state != BatchState.OPEN.value,
            )
        ).one_or_none()
        return None if row is None else _batch(row).totals

    def closed(
        self,
        merchant_id: int,
        terminal_id: int,
        *,
        closed_from: datetime | None,
        closed_to: datetime | None,
        number: int | None,
        limit: int,
    ) -> list[Batch]:
        """Batches whose totals the acquirer has, newest first, without holding them.

        ``closed_from`` and ``closed_to`` are in the merchant's time; None does not filter.
        """
        where = [
            batches.c.merchant_id == merchant_id,
            batches.c.terminal_id == terminal_id,
            batches.c.state == BatchState.CLOSED.value,
        ]
        if closed_from is not None:
            where.append(batches.c.closed_at >= to_micros(closed_from))
        if closed_to is not None:
            where.append(batches.c.closed_at < to_micros(closed_to))
        if number is not None:
            where.append(batches.c.number == number)
        query = select(batches).where(*where).order_by(batches.c.number.desc()).limit(limit)
        return [_batch(row) for row in self._connection.execute(query)]

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

    def unconfirmed(self, *, real: datetime, grace: timedelta) -> list[tuple[int, int]]:
        """Terminals with a batch whose totals the acquirer has not confirmed for a while.

        It was frozen by the merchant's clock: one that runs ahead of real time gets no grace.
        """
        frozen_at, now = batches.c.frozen_at, to_micros(real)
        rows = self._connection.execute(
            select(batches.c.merchant_id, batches.c.terminal_id)
            .where(
                batches.c.state == BatchState.SETTLING.value,
                or_(frozen_at < to_micros(real - grace), frozen_at > now),
            )
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
        return [self._take(tuple(row)) for row in self._connection.execute(query)]

    def _take(self, row: Row) -> Batch:
        """Hold the batch in a row that was fetched."""
        batch = _batch(row)
        self._stored.setdefault((batch.merchant_id, batch.terminal_id, batch.number), row)
        return self._hold(batch)

    def _hold(self, batch: Batch) -> Batch:
        """The one object for this row in this transaction: the first that was read or made."""
        held = self._held.setdefault((batch.merchant_id, batch.terminal_id, batch.number), batch)
        if held.state is BatchState.OPEN:
            self._open[held.merchant_id, held.terminal_id] = held
        return held

    def flush(self) -> None:
        """Write back what was changed, and what was only known: whether it still is so is seen by writing."""
        new = {(batch.merchant_id, batch.terminal_id, batch.number) for batch in self._new}
        before, self._stored = self._stored, {key: _row(batch) for key, batch in self._held.items()}
        known, changed = [], []
        for key, row in self._stored.items():
            if (was := self._known.get(key)) is not None:
                assert _state(row) == _state(was), "whoever closes a batch has fetched it"
                known.append((*_count_row(row), *_numbers(was)))
                self._known[key] = row
            elif key not in new and row != before.get(key):
                changed.append(_update_row(row))
        # What closes is written before what opens: a terminal has one open batch at any time.
        for update, rows in ((_UPDATE_KNOWN, known), (_UPDATE, changed)):
            if rows:
                self._writes.expect(update.run(self._connection, rows), len(rows))
        if new:
            _INSERT.run(self._connection, [self._stored[key] for key in new])
            self._new.clear()


def _batch(row: Sequence[Any]) -> Batch:
    """The batch in a row of the table's columns."""
    (
        merchant_id,
        terminal_id,
        number,
        state,
        currency,
        audit_number,
        transaction_number,
        sale_count,
        base,
        tax,
        fee,
        tip,
        refund_count,
        refunded,
        tip_count,
        opened_at,
        settlement_id,
        frozen_at,
        closed_at,
    ) = row
    return Batch(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        number=number,
        currency=CURRENCIES[currency],
        state=BatchState(state),
        audit_number=audit_number,
        transaction_number=transaction_number,
        totals=Totals(sale_count, base, tax, fee, tip, refund_count, refunded, tip_count),
        opened_at=from_micros(opened_at),
        settlement_id=settlement_id,
        frozen_at=maybe_instant(frozen_at),
        closed_at=maybe_instant(closed_at),
    )


def _row(batch: Batch) -> Row:
    """The values of every column, in table order."""
    totals = batch.totals
    return (
        batch.merchant_id,
        batch.terminal_id,
        batch.number,
        str(batch.state),
        batch.currency.code,
        batch.audit_number,
        batch.transaction_number,
        totals.sale_count,
        totals.base,
        totals.tax,
        totals.fee,
        totals.tip,
        totals.refund_count,
        totals.refunded,
        totals.tip_count,
        to_micros(batch.opened_at),
        batch.settlement_id,
        maybe_micros(batch.frozen_at),
        maybe_micros(batch.closed_at),
    )


# Where the update's values stand among the columns.
_numbers = itemgetter(*(_INSERT.columns.index(name) for name in _NUMBERS))
_update_row = itemgetter(*(_INSERT.columns.index(name) for name in (*_CHANGING, *_KEYS)))
_count_row = itemgetter(*(_INSERT.columns.index(name) for name in (*_COUNTS, *_KEYS)))
_state = itemgetter(_INSERT.columns.index("state"))
