"""Where a universe keeps its database: one file, one engine, and lanes that run on the event loop.

The engine is the gateway's own. It outlives universes, since what SQLAlchemy has compiled once need not be
compiled again; the file begins anew from a template that was migrated and boarded once.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, event

from bezant.app.store import Names
from bezant.core.merchants import Boarding, Endpoint, Profile, TipRule
from bezant.core.outcomes import Reason, Refused
from bezant.storage import migrate
from bezant.storage.crypto import Keys, RootKey
from bezant.storage.engine import open_engine
from bezant.storage.ids import IdBlocks
from bezant.storage.keyring import open_keys
from bezant.storage.lanes import Groups, Job, resolve
from bezant.storage.units import Unit, Units
from tests.simulation.clock import FixedClock
from tests.simulation.loop import SimulatedLoop, Trace

_NO_LIMIT: Final = 1_073_741_823
_ROOT: Final = RootKey(bytes(range(32)))
GROUP_MAX: Final = 16
QUEUE_MAX: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """A terminal as its clients know it, and whose it is."""

    merchant_id: int
    app_id: str
    app_key: str
    number: str

    @property
    def keys(self) -> dict[str, str]:
        """Its credentials on the wire."""
        return {"appid": self.app_id, "appkey": self.app_key, "epi": self.number}


class InlineLane:
    """A lane without a thread: a callback of the event loop, some time after the first work was queued.

    ``committed`` is called between a commit and the answers to it.
    """

    def __init__(
        self, groups: Groups, *, linger: Callable[[], float], committed: Callable[[], None] = lambda: None
    ) -> None:
        self.groups = groups
        self._linger = linger
        self._committed = committed
        self._queue: deque[Job[Any, Any]] = deque()
        self._due = False

    def start(self) -> None:
        """It is always there."""

    def stop(self) -> None:
        """Let go of the connection."""
        self.groups.drop_connection()

    def put(self, job: Job[Any, Any]) -> None:
        """Queue a job."""
        if len(self._queue) >= QUEUE_MAX:
            raise Refused(Reason.BUSY)
        self._queue.append(job)
        self._wake()

    def _wake(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(self._linger(), self._drain)

    def _drain(self) -> None:
        group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_MAX))]
        self._due = False
        self.groups.run(group)
        self._committed()
        resolve(group)
        if self._queue:
            self._wake()


class Cellar:
    """The database of one universe after the other."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bezant.db"
        self._template = folder / "template.db"
        self._connections: list[sqlite3.Connection] = []
        self.full = False
        self.before_commit: Callable[[], None] = lambda: None
        self.tills: list[Till] = []
        self.engine = self._open(self._template)
        self._board()
        self.engine.dispose()
        with sqlite3.connect(self._template) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self.engine = self._open(self._path)
        self.window = open_engine(f"sqlite:///{self._path}")
        """For whoever only looks: what its one connection has prepared once is there for the next look."""
        self._connections.clear()
        self.fresh()
        self.keys: Keys = open_keys(self.engine, _ROOT)

    def fresh(self) -> None:
        """Begin anew."""
        self.close()
        self._connections.clear()
        self.full = False
        self.before_commit = lambda: None
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._template, self._path)

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()
        self.window.dispose()

    def limit(self, *, full: bool) -> None:
        """Let the disk be full, or give it room again."""
        self.full = full
        for connection in self._connections:
            self._limit(connection)

    def units(self, *, linger: Callable[[], float], committed: Callable[[], None] = lambda: None) -> Units:
        """Lanes on the event loop: one that writes, two that read."""
        unit_of = partial(Unit, keys=self.keys)
        groups = partial(Groups, self.engine, unit_of, pause=_at_once)
        writer = InlineLane(groups(writes=True), linger=linger, committed=committed)
        return Units([writer], [InlineLane(groups(writes=False), linger=linger) for _ in range(2)])

    def _limit(self, connection: sqlite3.Connection) -> None:
        pages = _NO_LIMIT
        if self.full:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}").close()

    def _open(self, path: Path) -> Engine:
        engine = open_engine(f"sqlite:///{path}")

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            # What a process leaves behind when it vanishes is the operating system's already.
            connection.execute("PRAGMA synchronous = OFF").close()
            self._connections.append(connection)
            if self.full:
                self._limit(connection)

        @event.listens_for(engine, "close")
        def _closed(connection: sqlite3.Connection, _record: object) -> None:
            if connection in self._connections:
                self._connections.remove(connection)

        @event.listens_for(engine, "commit")
        def _committing(connection: Connection) -> None:
            if connection.get_execution_options().get("bezant_writes", True):
                self.before_commit()

        return engine

    def _board(self) -> None:
        """Migrate, and make two merchants with three terminals."""
        migrate.upgrade(self.engine)
        self.keys = open_keys(self.engine, _ROOT)
        loop = SimulatedLoop(Random(0), Trace())  # type: ignore[abstract]  # what nobody calls is not there
        loop.run_until(loop.spawn(loop.process("boarding"), self._merchants()))
        loop.bury()

    async def _merchants(self) -> None:
        clock = FixedClock()
        units = self.units(linger=lambda: 0.0)
        boarding = Boarding(
            units=units, names=Names(IdBlocks(units, "boarding", size=1, first=1), self.keys), clock=clock
        )
        iso = await boarding.add_iso("Organization")
        number = 0
        for name, tills in (("First", 2), ("Second", 1)):
            app_id = f"{name:a<32}"
            merchant = await boarding.add_merchant(iso_id=iso.iso_id, name=name, app_id=app_id, sandbox=True)
            store = await boarding.add_store(
                merchant.merchant_id, name="Corner", zone=ZoneInfo("America/New_York")
            )
            for _ in range(tills):
                number += 1
                terminal = await boarding.add_terminal(
                    merchant.merchant_id,
                    store_id=store.store_id,
                    number=f"2{number:09d}",
                    label=f"Till {number}",
                    endpoints={
                        profile: Endpoint(
                            merchant_number=f"82{digit}{number:09d}", terminal_number=f"{digit}{number:07d}"
                        )
                        for digit, profile in enumerate(Profile, 1)
                    },
                    tips=TipRule(adjustable=True, percent_max=20),
                )
                key = f"{name}{number}".ljust(32, "k")
                await boarding.issue_key(merchant.merchant_id, terminal.number, key=key)
                self.tills.append(
                    Till(merchant_id=merchant.merchant_id, app_id=app_id, app_key=key, number=terminal.number)
                )
        units.stop()


def _at_once(seconds: float) -> None:
    """No time passes between the runs of a work: nothing else could happen in it."""
