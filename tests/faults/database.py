"""A PostgreSQL server to be stopped, killed and started again, on any volume."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from tests.support.gateway import free_port
from tests.support.postgres import USER, account, programs

_SETTINGS: Final = {"listen_addresses": "127.0.0.1", "max_connections": "60", "timezone": "UTC"}
START_SECONDS_MAX: Final = 30.0


@dataclass(slots=True)
class Cluster:
    """One cluster in ``folder``, which is made; ``port`` stays the same over restarts."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    environment: Mapping[str, str] = field(default_factory=dict)
    _postgres: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of its first database."""
        return self.url_through(self.port)

    def url_through(self, port: int) -> str:
        """The same by another port, a proxy's."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{port}/postgres"

    def initialize(self) -> None:
        """Make the cluster."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        owner = account()
        if owner is not None:
            for path in (self.folder, password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        authentication = ("--auth-local", "trust", "--auth-host", "scram-sha-256")
        made = ("--username", USER, "--pwfile", "password", "--pgdata", "data", "--no-sync")
        assert (
            self._spawn("initdb", *made, *authentication, "--encoding", "UTF8", "--locale", "C").wait() == 0
        )

    def start(self, **settings: str) -> None:
        """Start it, with more settings for this time, and wait until it takes connections."""
        chosen = {**_SETTINGS, "unix_socket_directories": str(self.folder), **self.settings, **settings}
        options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        self._postgres = self._spawn("postgres", "-D", "data", "-p", str(self.port), *options)
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def end(self, how: signal.Signals) -> None:
        """SIGINT stops it fast, SIGQUIT immediately, SIGKILL kills it; waits until it is gone."""
        if self._postgres is not None:
            self._postgres.send_signal(how)
            self._postgres.wait()
            self._postgres = None

    def restart(self, how: signal.Signals, **settings: str) -> None:
        """End it so, and start it again."""
        self.end(how)
        self.start(**settings)

    def revive(self) -> None:
        """Start it, if it has ended by itself."""
        if self._postgres is not None and self._postgres.poll() is not None:
            self._postgres = None
            self.start()

    def execute(self, statement: str) -> None:
        """Run a statement, committed at once."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        owner = account()
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [programs() / program, *arguments],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
            )


@contextlib.contextmanager
def cluster(volume: Path | None = None, environment: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A running cluster in a folder of its own, which its account can reach, or on a volume."""
    with tempfile.TemporaryDirectory(prefix="bezant-postgres-") as folder:
        made = Cluster(volume / "cluster" if volume else Path(folder), environment=environment or {})
        made.initialize()
        made.start()
        try:
            yield made
        finally:
            made.end(signal.SIGQUIT)
