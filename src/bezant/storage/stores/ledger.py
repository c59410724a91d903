"""The journal: postings are added and never changed."""

from __future__ import annotations

from sqlalchemy import Connection

from bezant.core.ledger import Entry
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.instants import to_micros
from bezant.storage.tables import postings
from bezant.storage.writes import Writes

_INSERT = BulkInsert(postings)


class Journal:
    """The journal of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._rows: list[Row] = []

    def book(self, entry: Entry) -> None:
        """Add an entry."""
        self._writes.touch()
        booked_at = to_micros(entry.booked_at)
        cause, layer = str(entry.cause), str(entry.layer)
        for number, line in enumerate(entry.lines, 1):
            self._rows.append(
                (
                    entry.merchant_id,
                    entry.subject_id,
                    cause,
                    number,
                    layer,
                    str(line.account),
                    line.amount.currency.code,
                    line.amount.minor,
                    booked_at,
                )
            )

    def flush(self) -> None:
        """Write the entries."""
        if self._rows:
            rows, self._rows = self._rows, []
            _INSERT.run(self._connection, rows)
