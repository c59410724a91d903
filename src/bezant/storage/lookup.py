"""Rows by their keys, for the hot path: what many a payment asks for before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, String, Table

from bezant.storage.bulk import Arrays, Row
from bezant.storage.driver import execute
from bezant.storage.recorder import Statement, Written

_MARKS = {"sqlite": "?", "postgresql": "%s"}


class Reading:
    """Reads the rows of a table that have one of many values in the columns ``by``, on PostgreSQL."""

    def __init__(self, table: Table, *, by: Sequence[str], where: str = "true", end: str = "") -> None:
        self._arrays = Arrays(table, by)
        self._text = (
            f"SELECT {', '.join(table.c.keys())} FROM {table.name} "  # noqa: S608 - our names
            f"WHERE {where} AND ({', '.join(by)}) IN (SELECT * FROM unnest({self._arrays.marks})){end}"
        )
        self._readers = [_reader(column) for column in table.columns]

    def statement(self, keys: Sequence[Sequence[Any]]) -> Statement:
        """What is to be sent."""
        return self._text, self._arrays.of(keys)

    def rows(self, written: Written) -> Iterator[Row]:
        """The rows, in table order."""
        for row in written:
            yield tuple(
                [
                    None if value is None else read(value)
                    for read, value in zip(self._readers, row, strict=True)
                ]
            )


def _reader(column: Column[Any]) -> Callable[[bytes], Any]:
    """How PostgreSQL's text of a column's value is read."""
    if isinstance(column.type, Integer):
        return int
    if isinstance(column.type, LargeBinary):
        return lambda text: bytes.fromhex(text[2:].decode("ascii"))
    assert isinstance(column.type, String), "no other types are read so"
    return bytes.decode


class Lookup:
    """Finds the row of a table with given values in the columns ``by``, which are its key."""

    def __init__(self, table: Table, *, by: Sequence[str]) -> None:
        self.table, self.by = table, by
        columns = ", ".join(table.c.keys())
        self._statements = {
            dialect: f"SELECT {columns} FROM {table.name} WHERE {_equal(by, mark)}"  # noqa: S608 - our names
            for dialect, mark in _MARKS.items()
        }
        self._many = Reading(table, by=by)
        self._key_of = itemgetter(*(list(table.c.keys()).index(name) for name in by))

    def reading(self, keys: Sequence[Sequence[Any]]) -> Statement:
        """What reads the rows of many keys, to be sent to PostgreSQL."""
        return self._many.statement(keys)

    def read(self, written: Written) -> dict[Row, Row]:
        """The rows that this has found, by their keys."""
        return {self._key_of(row): row for row in self._many.rows(written)}

    def find(self, connection: Connection, key: Sequence[Any]) -> Row | None:
        """The row, its values in table order."""
        cursor = execute(connection, self._statements[connection.dialect.name], key)
        row: Row | None = cursor.fetchone()
        return row


class JointLookup:
    """Two such rows that have nothing to do with each other, by one statement: it saves a round trip."""

    def __init__(self, first: Lookup, second: Lookup) -> None:
        columns = ", ".join(
            f"{each.table.name}.{column.name}" for each in (first, second) for column in each.table.columns
        )
        self._width = len(first.table.c)
        self._statements = {
            dialect: f"SELECT {columns} FROM (SELECT 1) AS one {_joined(first, mark)} {_joined(second, mark)}"  # noqa: S608 - our names
            for dialect, mark in _MARKS.items()
        }

    def find(
        self, connection: Connection, first: Sequence[Any], second: Sequence[Any]
    ) -> tuple[Row | None, Row | None]:
        """Each row, or none."""
        statement = self._statements[connection.dialect.name]
        row: Row = execute(connection, statement, (*first, *second)).fetchone()
        found, other = row[: self._width], row[self._width :]
        # A table's first column is part of its key here, and never empty.
        return found if found[0] is not None else None, other if other[0] is not None else None


def _joined(lookup: Lookup, mark: str) -> str:
    name = lookup.table.name
    return f"LEFT JOIN {name} ON {_equal([f'{name}.{column}' for column in lookup.by], mark)}"


def _equal(columns: Sequence[str], mark: str) -> str:
    return " AND ".join(f"{column} = {mark}" for column in columns)
