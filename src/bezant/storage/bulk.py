"""Many rows in one statement.

PostgreSQL takes one array a column (``unnest``), so that the statement's text, and with it the prepared
plan, is the same for any number of rows. SQLite has no round trip to save and steps through the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

from bezant.storage.driver import execute, execute_each

Row = Sequence[Any]


class _Arrays:
    """Rows as one array a column, in the text form in which PostgreSQL reads arrays.

    The driver can write them, too, but looks at every element, which took a third of a lane's time.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        types = [_array_type(table, name) for name in columns]
        self.marks = ", ".join(f"%s::{name}" for name, _ in types)
        self._writers = [write for _, write in types]

    def of(self, rows: Sequence[Row]) -> list[str]:
        """The values for ``marks``."""
        columns = zip(*rows, strict=True)
        return [array(column, write) for column, write in zip(columns, self._writers, strict=True)]


def array(values: Iterable[Any], write: Callable[[Any], str] = str) -> str:
    """An array of numbers, or of what ``write`` makes a text of."""
    return "{" + ",".join(["NULL" if value is None else write(value) for value in values]) + "}"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


_ARRAYS: tuple[tuple[type[Any], str, Callable[[Any], str]], ...] = (
    (BigInteger, "bigint[]", str),
    (Integer, "integer[]", str),
    (Boolean, "boolean[]", str),
    (LargeBinary, "bytea[]", _bytes),
)


def _array_type(table: Table, column: str) -> tuple[str, Callable[[Any], str]]:
    for known, name, write in _ARRAYS:
        if isinstance(table.c[column].type, known):
            return name, write
    return "text[]", _text


class BulkInsert:
    """Inserts rows of a table's columns, in table order. ``ignore`` leaves rows that are already there."""

    def __init__(self, table: Table, *, ignore: bool = False) -> None:
        self.columns = tuple(column.name for column in table.columns)
        names = ", ".join(self.columns)
        self._arrays = _Arrays(table, self.columns)
        marks = ", ".join("?" * len(self.columns))
        end = " ON CONFLICT DO NOTHING" if ignore else ""
        self._postgresql = (
            f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({self._arrays.marks}){end}"  # noqa: S608 - our names
        )
        self._sqlite = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){end}"  # noqa: S608 - our names

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        if connection.dialect.name == "postgresql":
            execute(connection, self._postgresql, self._arrays.of(rows))
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
        self._arrays = _Arrays(table, (*sets, *found_by))
        aliases = ", ".join((*(f"set_{name}" for name in sets), *(f"was_{name}" for name in found_by)))
        self._postgresql = (
            f"UPDATE {table.name} AS t SET {', '.join(f'{name} = v.set_{name}' for name in sets)} "  # noqa: S608 - our names
            f"FROM unnest({self._arrays.marks}) AS v({aliases}) "
            f"WHERE {' AND '.join(f't.{name} = v.was_{name}' for name in found_by)}"
        )
        self._sqlite = (
            f"UPDATE {table.name} SET {', '.join(f'{name} = ?' for name in sets)} "  # noqa: S608 - our names
            f"WHERE {' AND '.join(f'{name} = ?' for name in found_by)}"
        )

    def run(self, connection: Connection, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - a driver's cursor
        """Update; the cursor will know how many rows were found as expected."""
        if connection.dialect.name == "postgresql":
            return execute(connection, self._postgresql, self._arrays.of(rows))
        return execute_each(connection, self._sqlite, rows)
