"""Many rows in one statement.

PostgreSQL takes one array a column (``unnest``), so that the statement's text, and with it the prepared
plan, is the same for any number of rows. SQLite takes the rows as ``VALUES``. There is no round trip to save
there, but each statement lets go of the interpreter, and a lane then waits for it while the event loop is
busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

from bezant.storage.driver import execute
from bezant.storage.recorder import Recorder

Row = Sequence[Any]


class Arrays:
    """Rows as one array a column, in the text form in which PostgreSQL reads arrays.

    The driver can write them, too, but looks at every element, which took a third of a lane's time. Here,
    whole columns are written by the interpreter's own loops.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        types = [_array_type(table, name) for name in columns]
        self.marks = ", ".join(f"%s::{name}" for name, _ in types)
        self._writers = [write for _, write in types]

    def of(self, rows: Sequence[Row]) -> list[str]:
        """The values for ``marks``."""
        columns = zip(*rows, strict=True)
        return [write(column) for column, write in zip(columns, self._writers, strict=True)]


def array(values: Iterable[int | bool | None]) -> str:
    """An array of numbers or truths: PostgreSQL reads what Python writes, but for brackets and None."""
    written = repr(list(values))[1:-1]
    return "{" + (written.replace("None", "NULL") if "None" in written else written) + "}"


def _texts(values: Sequence[str | None]) -> str:
    if None in values:
        return "{" + ",".join(["NULL" if value is None else _text(value) for value in values]) + "}"
    quoted = '"' + '","'.join(values) + '"'  # type: ignore[arg-type]  # none is None
    if "\\" in quoted or quoted.count('"') != 2 * len(values):
        quoted = ",".join([_text(value) for value in values])  # type: ignore[arg-type]  # none is None
    return "{" + quoted + "}"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(values: Sequence[bytes | None]) -> str:
    written = ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]
    return "{" + ",".join(written) + "}"


_ARRAYS: tuple[tuple[type[Any], str, Callable[[Any], str]], ...] = (
    (BigInteger, "bigint[]", array),
    (Integer, "integer[]", array),
    (Boolean, "boolean[]", array),
    (LargeBinary, "bytea[]", _bytes),
)


def _array_type(table: Table, column: str) -> tuple[str, Callable[[Any], str]]:
    for known, name, write in _ARRAYS:
        if isinstance(table.c[column].type, known):
            return name, write
    return "text[]", _texts


PORTION_MAX: Final = 32
"""Rows of one SQLite statement. There is one for each number of rows, which the driver keeps prepared."""


class Portions:
    """A SQLite statement over many rows; in ``text``, ``{rows}`` is where their ``VALUES`` go."""

    def __init__(self, text: str, *, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        self._statements = [
            text.format(rows=f"VALUES {', '.join([row] * size)}") for size in range(PORTION_MAX + 1)
        ]

    def of(self, rows: Sequence[Row]) -> Iterator[tuple[str, list[Any]]]:
        """Statements that together take all rows, each with its values."""
        for start in range(0, len(rows), PORTION_MAX):
            portion = rows[start : start + PORTION_MAX]
            yield self._statements[len(portion)], list(chain.from_iterable(portion))


class Counted:
    """How many rows several statements found, as a cursor tells it of one."""

    __slots__ = ("rowcount",)

    def __init__(self, rowcount: int) -> None:
        self.rowcount = rowcount


class BulkInsert:
    """Inserts rows of a table's columns, in table order. ``ignore`` leaves rows that are already there."""

    def __init__(self, table: Table, *, ignore: bool = False) -> None:
        self.columns = tuple(column.name for column in table.columns)
        names = ", ".join(self.columns)
        self._arrays = Arrays(table, self.columns)
        end = " ON CONFLICT DO NOTHING" if ignore else ""
        self._postgresql = (
            f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({self._arrays.marks}){end}"  # noqa: S608 - our names
        )
        insert = f"INSERT INTO {table.name} ({names}) {{rows}}{end}"
        self._sqlite = Portions(insert, width=len(self.columns))

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        if isinstance(connection, Recorder):
            connection.record(self._postgresql, self._arrays.of(rows))
        elif connection.dialect.name == "postgresql":
            execute(connection, self._postgresql, self._arrays.of(rows))
        else:
            for statement, values in self._sqlite.of(rows):
                execute(connection, statement, values)


class BulkUpdate:
    """Updates rows found by ``keys``, each only where ``expected`` columns still have given values.

    A row to ``run`` is the values to set, then the keys, then the expected values.
    """

    def __init__(
        self, table: Table, *, sets: Sequence[str], keys: Sequence[str], expected: Sequence[str] = ()
    ) -> None:
        found_by = (*keys, *expected)
        self._arrays = Arrays(table, (*sets, *found_by))
        aliases = ", ".join((*(f"set_{name}" for name in sets), *(f"was_{name}" for name in found_by)))
        self._postgresql = (
            f"UPDATE {table.name} AS t SET {', '.join(f'{name} = v.set_{name}' for name in sets)} "  # noqa: S608 - our names
            f"FROM unnest({self._arrays.marks}) AS v({aliases}) "
            f"WHERE {' AND '.join(f't.{name} = v.was_{name}' for name in found_by)}"
        )
        # Nobody sees how many rows were found before they are committed: too few are an error (22012).
        self._recorded = (
            f"WITH changed AS ({self._postgresql} RETURNING 1) "  # noqa: S608 - our names
            "SELECT 1 / (count(*) = %s)::integer FROM changed"
        )
        # The columns of VALUES are called column1, column2, ... (source: SQLite, row values).
        values = [f"v.column{n}" for n in range(1, len(sets) + len(found_by) + 1)]
        setting = ", ".join(f"{name} = {value}" for name, value in zip(sets, values, strict=False))
        finding = " AND ".join(
            f"t.{name} = {value}" for name, value in zip(found_by, values[len(sets) :], strict=True)
        )
        change = f"UPDATE {table.name} AS t SET {setting} FROM ({{rows}}) AS v WHERE {finding}"  # noqa: S608 - our names
        self._sqlite = Portions(change, width=len(values))

    def run(self, connection: Connection, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - a driver's cursor, or like it
        """Update; what it gives will know how many rows were found as expected."""
        if isinstance(connection, Recorder):
            connection.record(self._recorded, [*self._arrays.of(rows), str(len(rows))])
            return Counted(len(rows))
        if connection.dialect.name == "postgresql":
            return execute(connection, self._postgresql, self._arrays.of(rows))
        return Counted(
            sum(
                execute(connection, statement, values).rowcount for statement, values in self._sqlite.of(rows)
            )
        )
