"""Checkpoints of SQLite's log: it is copied while others write, and begins anew."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from bezant.storage.checkpoints import LOG_PAGES_MAX, Checkpointer
from bezant.storage.engine import open_engine

PATIENCE_SECONDS = 30.0
PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "notes.db"


@pytest.fixture
def notes(path: Path) -> Iterator[Engine]:
    """A database with a table of notes, and a checkpointer that goes with it."""
    engine = open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (note BLOB NOT NULL)"))
    checkpointer = Checkpointer(engine)
    checkpointer.start()
    yield engine
    checkpointer.stop()
    engine.dispose()


def write(engine: Engine, *, pages: int) -> None:
    """Store so many pages in one transaction."""
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO notes VALUES (zeroblob(:size))"), {"size": pages * PAGE_BYTES})


def until(look: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


class TestTheLog:
    def test_is_emptied_when_nobody_writes(self, notes: Engine, path: Path) -> None:
        write(notes, pages=10)
        until(lambda: log_of(path).stat().st_size == 0)
        with notes.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() == 1

    def test_begins_anew_under_a_writer_that_never_rests(self, notes: Engine, path: Path) -> None:
        written = 0
        while written < 8 * LOG_PAGES_MAX:
            write(notes, pages=256)
            written += 256
            time.sleep(0.01)
        assert log_of(path).stat().st_size < written * PAGE_BYTES

    def test_that_was_not_copied_loses_nothing(self, notes: Engine, path: Path, tmp_path: Path) -> None:
        write(notes, pages=10)
        copy = tmp_path / "copy.db"
        with notes.connect() as connection:  # bars a new beginning while both files are copied
            connection.execute(text("SELECT count(*) FROM notes"))
            for found in (path, log_of(path)):
                shutil.copyfile(found, copy.with_name(found.name.replace("notes", "copy")))
        other = open_engine(f"sqlite:///{copy}")
        with other.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() == 1
        other.dispose()
