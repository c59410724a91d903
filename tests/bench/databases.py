"""What can be asked of a database from outside: commits, statements, processor time; and the yardstick."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.bench import machine
from tests.support import postgres

PGBENCH_SCALE: Final = 10

_CHANGES: Final = struct.Struct("=8xI")
_STATEMENT: Final = re.compile(rb" LOG:  (?:statement|execute [^:]*): ")
_TPS: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_RELOAD_SECONDS: Final = 0.5


class Database(Protocol):
    """A database under load. What one cannot tell is ``None``."""

    @property
    def url(self) -> str:
        """Where the server finds it."""
        ...

    def commits(self) -> int:
        """How many transactions have written and committed, from any start."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether it runs inside the server, which then pays for it."""
        ...

    def cpu_seconds(self, server: int) -> float | None:
        """The processor time so far of its processes, or of the threads in the server that are its own."""
        ...

    def counting_statements(self) -> contextlib.AbstractContextManager[Callable[[], int] | None]:
        """While entered, statements are counted, which slows them down; gives the count so far."""
        ...

    def yardstick(self, *, clients: int, seconds: int) -> float | None:
        """``pgbench -N`` transactions a second: what the machine gives the simplest durable client."""
        ...


Opened = Callable[[Path], contextlib.AbstractContextManager[Database]]
"""A new, empty database, which may use a folder."""


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    """A new database in a file of the folder."""
    yield Sqlite(folder)


class Sqlite:
    """The embedded database. It runs inside the server, which pays for it."""

    is_embedded: Final = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bezant.db"

    @property
    def url(self) -> str:
        """Where the server finds it."""
        return f"sqlite:///{self._path}"

    def commits(self) -> int:
        """The wal-index's counter of writing transactions (source: SQLite, WAL file format)."""
        with self._path.with_name(self._path.name + "-shm").open("rb") as index:
            count: int = _CHANGES.unpack(index.read(_CHANGES.size))[0]
        return count

    def cpu_seconds(self, server: int) -> float:
        """Of the threads that commit and that copy the log; its statements run in the server's own thread."""
        return machine.other_threads_cpu_seconds(server)

    @contextlib.contextmanager
    def counting_statements(self) -> Iterator[None]:
        """Nobody outside sees them."""
        yield None

    def yardstick(self, *, clients: int, seconds: int) -> None:
        """There is none."""


@contextlib.contextmanager
def postgresql(_folder: Path) -> Iterator[Database]:
    """A new database on a server that forces every commit to the disk. Raises ``postgres.Unavailable``."""
    with postgres.server(durable=True) as server, _new_database(server) as url:
        yield Postgresql(server, url)


class Postgresql:
    """A database that should be alone on its server: commits are counted for the whole of it."""

    is_embedded: Final = False

    def __init__(self, server: postgres.Server, url: URL) -> None:
        self._server = server
        self._url = url
        # Of a server that was given, neither the processes nor the settings are ours.
        self._is_ours = "BEZANT_TEST_DATABASE_URL" not in os.environ

    @property
    def url(self) -> str:
        """Where the server finds it."""
        return self._url.render_as_string(hide_password=False)

    def commits(self) -> int:
        """Transaction ids that were given out: a transaction takes one when it first writes."""
        return int(self._ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))

    def cpu_seconds(self, server: int) -> float | None:
        """Of every process of the database's server."""
        if not self._is_ours:
            return None
        with self._connected() as connection:
            return machine.family_cpu_seconds(machine.parent_of(connection.info.backend_pid))

    @contextlib.contextmanager
    def counting_statements(self) -> Iterator[Callable[[], int] | None]:
        """The server logs them all, without their values."""
        if not self._is_ours:
            yield None
            return
        log = Path(self._ask("SHOW data_directory")).parent / "log"
        self._set(log_statement="all", log_parameter_max_length="0")
        start = log.stat().st_size

        def count() -> int:
            with log.open("rb") as lines:
                lines.seek(start)
                return sum(1 for line in lines if _STATEMENT.search(line))

        try:
            yield count
        finally:
            self._set(log_statement="none", log_parameter_max_length="-1")

    def yardstick(self, *, clients: int, seconds: int) -> float | None:
        """``pgbench -N`` on a database of its own, by TCP like the gateway."""
        folder = self._ask("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        pgbench = shutil.which("pgbench", path=os.pathsep.join((folder, os.environ.get("PATH", os.defpath))))
        if pgbench is None:
            return None
        with _new_database(self._server) as url:
            place = [f"--host={url.host}", f"--port={url.port}", f"--username={url.username}"]

            def run(*arguments: str) -> str:
                return subprocess.run(
                    [pgbench, *place, *arguments, str(url.database)],
                    env={**os.environ, "PGPASSWORD": str(url.password)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    check=True,
                ).stdout

            run("--initialize", f"--scale={PGBENCH_SCALE}")
            report = run("--skip-some-updates", f"--client={clients}", f"--time={seconds}")
        found = _TPS.search(report)
        assert found is not None
        return float(found[1])

    def _set(self, **settings: str) -> None:
        for name, value in settings.items():
            self._ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self._ask("SELECT pg_reload_conf()")
        time.sleep(_RELOAD_SECONDS)

    def _ask(self, statement: str) -> Any:
        with self._connected() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]  # one row each

    def _connected(self) -> psycopg.Connection:
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)


@contextlib.contextmanager
def _new_database(server: postgres.Server) -> Iterator[URL]:
    name = f"bench_{secrets.token_hex(4)}"
    url = make_url(server.create_database(name))
    try:
        yield url
    finally:
        server.drop_database(name)
