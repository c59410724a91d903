"""Checkpoints of SQLite's write-ahead log, off the writing lane.

Left to itself, SQLite copies the log into the database file within the commit that makes it long, and every
payment behind that commit waits. A thread with a connection of its own copies while the lane goes on
writing, and bars the lane only for the few pages that are left then, so that the log begins anew.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Any, Final

import structlog
from sqlalchemy import Engine

EVERY_SECONDS: Final = 0.25
LOG_PAGES_MAX: Final = 4096
"""A log that is longer begins anew."""
_WAIT_MS: Final = 20
"""How long a checkpoint waits for readers, and keeps the lane waiting with it."""

_log = structlog.get_logger(__name__)


class Checkpointer(threading.Thread):
    """Copies the log every quarter of a second while there is something new in it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="bezant-checkpoints", daemon=True)
        self._engine = engine
        self._ending = threading.Event()
        self._pages = 0
        """Of the log, when it was last looked at."""

    def stop(self) -> None:
        """End. What is in the log by then is copied later: none of it is lost."""
        if self.is_alive():
            self._ending.set()
            self.join()

    def run(self) -> None:
        """Copy until told to stop. A checkpoint that fails is made later."""
        held = self._engine.raw_connection()
        try:
            connection: Any = held.driver_connection
            connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
            while not self._ending.wait(EVERY_SECONDS):
                try:
                    self._copy(connection)
                except sqlite3.Error as error:
                    _log.warning("checkpoint failed", kind=type(error).__name__)
        finally:
            held.invalidate()  # its time-out is not for others

    def _copy(self, connection: sqlite3.Connection) -> None:
        """Copy without barring anybody; then begin the log anew when it is long, or was left alone."""
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > LOG_PAGES_MAX:
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        elif pages == self._pages and pages > 0:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._pages = pages
