"""Statements on the driver's own cursor: what is left of one that failed."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import OperationalError

from bezant.storage.driver import execute


class TestAStatementThatFailed:
    def test_leaves_no_open_cursor_in_its_error(self, tmp_path: Path) -> None:
        engine = create_engine(
            f"sqlite:///{tmp_path / 'some.db'}", poolclass=NullPool, connect_args={"timeout": 0}
        )
        with engine.connect() as first, engine.connect() as second:
            execute(first, "BEGIN IMMEDIATE", ())
            with pytest.raises(OperationalError) as failure:
                execute(second, "BEGIN IMMEDIATE", ())
            left = list(_cursors(failure.value))
            assert left
            for cursor in left:
                with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
                    cursor.fetchone()


def _cursors(error: BaseException | None) -> Iterator[sqlite3.Cursor]:
    """Those that an error keeps alive by its traceback, and by those of its causes."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, sqlite3.Cursor):
                    yield value
        error = error.__cause__
