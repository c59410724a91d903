"""Engines: how each database is opened, so that a committed transaction survives a power cut."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from bezant.storage.driver import execute

BUSY_SECONDS = 10
PLANS_KEPT_FOR = 128
"""Transactions."""
STATEMENTS_KEPT = 1024
"""Prepared, by each connection to SQLite: writes have one for each number of rows."""
LOG_PAGES_MAX = 16_384
"""A write-ahead log of SQLite's that is longer is copied by whoever commits: nobody else did."""


def open_engine(url: str, *, statement_timeout_seconds: int = 10) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://...`` (``postgresql://`` means the same)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(str(parsed))
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, statement_timeout_seconds=statement_timeout_seconds)
    message = f"unsupported database: {parsed.get_backend_name()}"
    raise ValueError(message)


def _postgresql(url: URL, *, statement_timeout_seconds: int) -> Engine:
    timeout = statement_timeout_seconds * 1000
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=16,
        max_overflow=16,
        connect_args={
            "connect_timeout": 5,
            # A server that is gone without a word is given up as soon, whether we wait for it or it for us.
            "keepalives_idle": 5,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 14_000,
            "prepare_threshold": 2,
            "application_name": "bezant",
            "options": f"-c statement_timeout={timeout} -c timezone=UTC "
            f"-c idle_in_transaction_session_timeout={timeout}",
        },
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A plan that was made while a table was small, and so reads all of it, would be kept while it grows.
        begun = connection.info["begun"] = connection.info.get("begun", 0) + 1
        if begun % PLANS_KEPT_FOR == 0:
            connection.exec_driver_sql("DISCARD PLANS")

    return engine


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={
            "check_same_thread": False,
            "timeout": BUSY_SECONDS,
            "cached_statements": STATEMENTS_KEPT,
        },
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        # We begin transactions ourselves, so that a writer takes the lock at once.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("bezant_writes", True)
        execute(connection, "BEGIN IMMEDIATE" if writes else "BEGIN", ())

    return engine
