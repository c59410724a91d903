"""A private PostgreSQL server for tests, benchmarks and soaks: no setting up, no leftovers.

``server()`` finds PostgreSQL (or installs it, where it may) and lends a cluster that it starts in a temporary
folder. The cluster belongs to a keeper, a second process that runs this module: when its standard input ends,
however its user died, it stops PostgreSQL and removes the folder. By hand, until Ctrl-D::

    python -m tests.support.postgres [--durable]

The environment may say otherwise:

``BEZANT_TEST_DATABASE_URL``
    a running server to use instead, as ``postgresql+psycopg://user:password@host:port/database``; its user
    must be allowed to create databases.
``BEZANT_TEST_POSTGRES_BIN``
    the folder of the ``postgres`` and ``initdb`` to start, version 13 or newer.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.support import apt

ROOT = Path(__file__).parents[2]
USER = "bezant"
CONNECTIONS_MAX = 200
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
PORT_TRIES_MAX = 5


class Unavailable(Exception):
    """There is no PostgreSQL to test with; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, by the URL of a database on it that always exists."""

    url: URL

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Create a database and return its URL. Nobody may be connected to its ``template``."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop_database(self, name: str) -> None:
        """Drop a database, if it exists, and every connection to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """Lend a server. Raises ``Unavailable``.

    Commits survive the death of PostgreSQL's clients in any case. With ``durable`` they survive that of the
    machine too, at the price of an fsync each, which is what measurements have to pay.
    """
    given = os.environ.get("BEZANT_TEST_DATABASE_URL")
    if given:
        yield Server(make_url(given))
        return
    command = [sys.executable, "-m", "tests.support.postgres", *(["--durable"] if durable else [])]
    keeper = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests: the server outlives them
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with keeper:
        answer = keeper.stdout.readline().strip()
        if not answer.startswith("postgresql"):
            raise Unavailable(answer or "the keeper of the PostgreSQL server died; its error stands above")
        yield Server(make_url(answer))


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep a server until standard input ends; the first line printed is its URL, or why there is none."""
    parser = argparse.ArgumentParser(description="Run a private PostgreSQL server until standard input ends.")
    parser.add_argument("--durable", action="store_true", help="fsync every commit")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        found = programs()
        with tempfile.TemporaryDirectory(prefix="bezant-postgres-") as folder:
            cluster = _Cluster(programs=found, folder=Path(folder), account=account())
            with cluster.running(durable=options.durable) as url:
                print(url, flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    sys.stdin.read()
    except Unavailable as reason:
        print(reason, flush=True)
        return 1
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    """A cluster in ``folder``; its processes run as ``account``, if that is given, as us otherwise."""

    programs: Path
    folder: Path
    account: pwd.struct_passwd | None

    @contextlib.contextmanager
    def running(self, *, durable: bool) -> Iterator[str]:
        """Run it. Yields the URL of its first database."""
        password = secrets.token_hex(16)
        self._initialize(password)
        postgres, port = self._start(durable=durable)
        try:
            yield f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _stop(postgres)

    def _initialize(self, password: str) -> None:
        password_file = self.folder / "password"
        password_file.write_text(password)
        if self.account is not None:
            for path in (self.folder, password_file):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        initdb = self._spawn(
            *("initdb", "--pgdata", "data", "--no-sync", "--encoding", "UTF8", "--locale", "C"),
            # The folder guards the socket; by TCP comes any user of this machine.
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            *("--username", USER, "--pwfile", "password"),
        )
        if initdb.wait() != 0:
            raise self._failure("initdb failed")

    def _start(self, *, durable: bool) -> tuple[subprocess.Popen[bytes], int]:
        settings = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            f"max_connections={CONNECTIONS_MAX}",
            "timezone=UTC",
        ]
        if not durable:
            settings += ["fsync=off", "full_page_writes=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        for _ in range(PORT_TRIES_MAX):
            port = _free_port()
            postgres = self._spawn("postgres", "-D", "data", "-p", str(port), *options)
            if self._comes_up(postgres, port):
                return postgres, port
            # Most likely somebody else took the port after it was found free.
        raise self._failure("it did not start")

    def _comes_up(self, postgres: subprocess.Popen[bytes], port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS_MAX
        while postgres.poll() is None:
            try:
                # By the socket in our own folder, where no other server can answer.
                psycopg.connect(host=str(self.folder), port=port, user=USER, dbname="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    _stop(postgres)
                    return False
                time.sleep(0.02)
            else:
                return True
        return False

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        account = self.account
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.programs / program, *arguments],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},  # no PG* variable of the user's
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )

    def _failure(self, problem: str) -> Unavailable:
        last_words = (self.folder / "log").read_text(errors="replace").split("\n")[-5:]
        return Unavailable(f"PostgreSQL of {self.programs}: {problem}: {' '.join(last_words).strip()}")


def _stop(postgres: subprocess.Popen[bytes]) -> None:
    postgres.send_signal(signal.SIGINT)  # "fast": end the sessions, then stop
    try:
        postgres.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        postgres.send_signal(signal.SIGQUIT)
        postgres.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def account() -> pwd.struct_passwd | None:
    """As whom to run it: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def programs() -> Path:
    """The folder of the server's programs, which are installed if need be. Raises ``Unavailable``."""
    return _find() or _install()


def _find() -> Path | None:
    """The folder of the server's programs: the one named, that on PATH, Debian's newest."""
    if named := os.environ.get("BEZANT_TEST_POSTGRES_BIN"):
        if not _is_complete(Path(named)):
            raise Unavailable(f"BEZANT_TEST_POSTGRES_BIN: no postgres and initdb in {named}")
        return Path(named)
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: [int(part) for part in re.findall(r"[0-9]+", folder.parent.name)],
        reverse=True,
    )
    if on_path := shutil.which("postgres"):
        candidates.insert(0, Path(on_path).resolve().parent)
    return next(filter(_is_complete, candidates), None)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _install() -> Path:
    """Install Debian's PostgreSQL."""
    if apt.install("postgresql") and (found := _find()):
        return found
    raise Unavailable(
        "no PostgreSQL to test with: install 13 or newer (Debian, Ubuntu: sudo apt-get install postgresql), "
        "name its programs' folder in BEZANT_TEST_POSTGRES_BIN, or a server in BEZANT_TEST_DATABASE_URL"
    )


if __name__ == "__main__":
    sys.exit(main())
