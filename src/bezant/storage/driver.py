"""Statements of the hot path, straight on the driver's cursor.

SQLAlchemy's own execution costs more than such a statement itself. What it gives is kept: errors come as its
classes, and a lost connection is known for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def execute(connection: Connection, statement: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - a driver's cursor
    """Run a statement once; the cursor, to fetch from or to count with."""
    return _run(connection, "execute", statement, values)


def execute_each(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> Any:  # noqa: ANN401 - the same
    """Run a statement for each row of values."""
    return _run(connection, "executemany", statement, rows)


def _run(connection: Connection, how: str, statement: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - the same
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        getattr(cursor, how)(statement, values)
    except driver.Error as error:
        lost = connection.dialect.is_disconnect(error, None, cursor)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None,
            None,
            error,
            driver.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error
    return cursor
