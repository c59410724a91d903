"""One row by its key, for the hot path: what many a payment asks for before it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table

from bezant.storage.driver import execute


class Lookup:
    """Finds the row of a table with given values in the columns ``by``, of which there is one at most."""

    def __init__(self, table: Table, *, by: Sequence[str]) -> None:
        columns = ", ".join(table.c.keys())
        self._sqlite, self._postgresql = (
            f"SELECT {columns} FROM {table.name} WHERE {' AND '.join(f'{name} = {mark}' for name in by)}"  # noqa: S608 - our names
            for mark in ("?", "%s")
        )

    def find(self, connection: Connection, values: Sequence[Any]) -> Sequence[Any] | None:
        """The row, its values in table order."""
        postgresql = connection.dialect.name == "postgresql"
        cursor = execute(connection, self._postgresql if postgresql else self._sqlite, values)
        row: Sequence[Any] | None = cursor.fetchone()
        return row
