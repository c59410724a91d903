"""Statements of the hot path, straight on the driver's cursor.

SQLAlchemy's own execution costs more than such a statement itself. What it gives is kept: errors come as its
classes, and a lost connection is known for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bezant.storage.recorder import Recorder, Unprimed


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Statements run in here are sent together, where the driver can: their results are there at the end."""
    if connection.dialect.name != "postgresql" or isinstance(connection, Recorder):
        yield
        return
    driver = connection.dialect.loaded_dbapi
    raw: Any = connection.connection.driver_connection
    try:
        with raw.pipeline():
            yield
    except driver.Error as error:
        raise _wrapped(connection, error) from error


def execute(connection: Connection, statement: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - a driver's cursor
    """Run a statement once; the cursor, to fetch from or to count with."""
    if isinstance(connection, Recorder):
        raise Unprimed
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, values)
    except driver.Error as error:
        # Not when the error is let go of, by whichever thread: SQLite would keep that one waiting while
        # another uses the connection, up to the whole time that it waits for a lock.
        with suppress(driver.Error):
            cursor.close()
        raise _wrapped(connection, error) from error
    return cursor


def _wrapped(connection: Connection, error: Any) -> BaseException:  # noqa: ANN401 - of the driver's own class
    """SQLAlchemy's error for the driver's."""
    lost = connection.dialect.is_disconnect(error, connection.connection.driver_connection, None)
    if lost:
        connection.invalidate(error)
    wrapped: BaseException = DBAPIError.instance(
        None,
        None,
        error,
        connection.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=connection.dialect,
    )
    return wrapped
