"""Many rows in one statement.

PostgreSQL takes one array a column (``unnest``), so that the statement's text, and with it the prepared
plan, is the same for any number of rows. SQLite has no round trip to save and steps through the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

from bezant.storage.driver import execute, execute_each

Row = Sequence[Any]

_ARRAYS: tuple[tuple[type[Any], str], ...] = (
    (BigInteger, "bigint[]"),
    (Integer, "integer[]"),
    (Boolean, "boolean[]"),
    (LargeBinary, "bytea[]"),
)


def columns_of(rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Rows turned into columns."""
    return tuple([list(column) for column in zip(*rows, strict=True)])


def _array_type(table: Table, column: str) -> str:
    for known, name in _ARRAYS:
        if isinstance(table.c[column].type, known):
            return name
    return "text[]"


class BulkInsert:
    """Inserts rows of a table's columns, in table order. ``ignore`` leaves rows that are already there."""

    def __init__(self, table: Table, *, ignore: bool = False) -> None:
        self.columns = tuple(column.name for column in table.columns)
        names = ", ".join(self.columns)
        arrays = ", ".join(f"%s::{_array_type(table, name)}" for name in self.columns)
        marks = ", ".join("?" * len(self.columns))
        end = " ON CONFLICT DO NOTHING" if ignore else ""
        self._postgresql = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}){end}"  # noqa: S608 - our names
        self._sqlite = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){end}"  # noqa: S608 - our names

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        if connection.dialect.name == "postgresql":
            execute(connection, self._postgresql, columns_of(rows))
        else:
            execute_each(connection, self._sqlite, rows)


class BulkUpdate:
    """Updates rows found by ``keys``, each only where ``expected`` columns still have given values.

    A row to ``run`` is the values to set, then the keys, then the expected values.
    """

    def __init__(
        self, table: Table, *, sets: Sequence[str], keys: Sequence[str], expected: Sequence[str] = ()
    ) -> None:
        found_by = (*keys, *expected)
        arrays = ", ".join(f"%s::{_array_type(table, name)}" for name in (*sets, *found_by))
        aliases = ", ".join((*(f"set_{name}" for name in sets), *(f"was_{name}" for name in found_by)))
        self._postgresql = (
            f"UPDATE {table.name} AS t SET {', '.join(f'{name} = v.set_{name}' for name in sets)} "  # noqa: S608 - our names
            f"FROM unnest({arrays}) AS v({aliases}) "
            f"WHERE {' AND '.join(f't.{name} = v.was_{name}' for name in found_by)}"
        )
        self._sqlite = (
            f"UPDATE {table.name} SET {', '.join(f'{name} = ?' for name in sets)} "  # noqa: S608 - our names
            f"WHERE {' AND '.join(f'{name} = ?' for name in found_by)}"
        )

    def run(self, connection: Connection, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - a driver's cursor
        """Update; the cursor will know how many rows were found as expected."""
        if connection.dialect.name == "postgresql":
            return execute(connection, self._postgresql, columns_of(rows))
        return execute_each(connection, self._sqlite, rows)
