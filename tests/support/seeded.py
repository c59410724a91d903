"""Demo gateways that are not seeded anew: what the first one left behind is laid out for the next.

To migrate a database and to board the demo's merchants takes longer than most tests. Once ``borrow`` was
called, a gateway that is new, on SQLite or on a server that was lent, finds it all there as after a restart.
Such gateways have the same root key and the same secrets.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url

from tests.support.postgres import Server

_FILES: Final = ("root.key", "demo.json")

Seed = Callable[[Path, str], None]
"""Runs a demo gateway in a folder and on the database of a URL until it is up, then ends it in order."""


class Seeded:
    """Folders and databases with the demo in them, each made when it is first wanted."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._folder: Path | None = None
        self._servers: dict[tuple[str | None, int | None], Server] = {}
        self._databases: dict[tuple[str | None, int | None], str] = {}

    def borrow(self, server: Server | None = None) -> None:
        """Lay out what is new from now on; also on ``server``."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bezant-seeded-"))
        if server is not None:
            self._servers[_place(server.url)] = server

    def lay_out(self, home: Path, database_url: str) -> None:
        """Make a new home and its database a seeded one, where that is known how."""
        if self._folder is None or (home / "root.key").exists():
            return
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite":
            template = self._folder / "sqlite"
            if not template.exists():
                self._seed(template, f"sqlite:///{template / 'bezant.db'}")
            shutil.copyfile(template / "bezant.db", str(url.database))
        elif server := self._servers.get(_place(url)):
            template = self._folder / f"postgresql-{url.port}"
            if not template.exists():
                self._databases[_place(url)] = name = f"seeded_{secrets.token_hex(8)}"
                self._seed(template, server.create_database(name))
            server.drop_database(str(url.database))
            server.create_database(str(url.database), template=self._databases[_place(url)])
        else:
            return
        for name in _FILES:
            shutil.copyfile(template / name, home / name)
            (home / name).chmod(0o600)

    def give_back(self) -> None:
        """Remove the folders. The databases go with their servers."""
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None


def _place(url: URL) -> tuple[str | None, int | None]:
    return url.host, url.port
