"""A machine whose disk is slow, whose clock is wrong or whose memory is short: for one process at a time.

The disk and the clock are those of ``shim.c``, a library that is compiled here and preloaded.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import resource
import shutil
import subprocess
import time
from calendar import isleap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from struct import pack
from typing import Final

import psycopg

from bezant.demo import ZONE
from tests.faults.links import BOTH, Scenario, Stage

_SOURCE: Final = Path(__file__).with_name("shim.c")
_MICROSECONDS: Final = 1_000_000
_NEAR_SECONDS: Final = 60
_BEFORE_SECONDS: Final = 3
MEMORY_MAX: Final = 256 << 20


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc")


@dataclass(frozen=True, slots=True)
class Shim:
    """Orders for whoever was started with ``environment``."""

    library: Path
    orders: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process is to be started with."""
        return {"LD_PRELOAD": str(self.library), "BEZANT_TEST_SHIM": str(self.orders)}

    @contextlib.contextmanager
    def ordered(self, *, fsync_seconds: float = 0.0, ahead_seconds: int = 0) -> Iterator[None]:
        """Make the disk slower and the wall clock wrong, for as long as the context lasts."""
        self._write(fsync_seconds, ahead_seconds)
        try:
            yield
        finally:
            self._write(0, 0)

    def move(self, *, ahead_seconds: int) -> None:
        """Put the wall clock there for good."""
        self._write(0, ahead_seconds)

    def _write(self, fsync_seconds: float, ahead_seconds: int) -> None:
        with self.orders.open("r+b", buffering=0) as file:
            file.write(pack("=qq", round(fsync_seconds * _MICROSECONDS), ahead_seconds * _MICROSECONDS))


def shim(folder: Path, name: str) -> Shim:
    """A new one, compiled into ``folder``."""
    made = Shim(folder / "shim.so", folder / f"{name}.orders")
    if not made.library.exists():
        command = (str(compiler()), "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made.library))
        subprocess.run((*command, str(_SOURCE), "-ldl"), check=True)
    made.orders.write_bytes(bytes(16))
    made.orders.chmod(0o644)
    return made


def _slow_disk(stage: Stage) -> None:
    """Of whoever keeps the database."""
    assert stage.shims is not None
    whose = stage.shims["server" if stage.database == "sqlite" else "database"]
    with whose.ordered(fsync_seconds=0.2):
        time.sleep(6.0)


def _wrong_clock(whose: str, *, ahead_seconds: int) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        assert stage.shims is not None
        with stage.shims[whose].ordered(ahead_seconds=ahead_seconds):
            time.sleep(6.0)
            told = _database_clock(stage) if whose == "database" else _server_clock(stage)
            off = (told - datetime.now(UTC)).total_seconds() - ahead_seconds
            assert abs(off) < _NEAR_SECONDS, f"the clock is {off:.0f} s from where it was put"

    return breaks


def _database_clock(stage: Stage) -> datetime:
    with psycopg.connect(stage.server.url) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    told: datetime = row[0]
    return told


def _server_clock(stage: Stage) -> datetime:
    """When it last wrote into its log, by its own clock."""
    *_, last = (line for line in stage.gateway.log_text().splitlines() if line.startswith("{"))
    return datetime.fromisoformat(json.loads(last)["timestamp"])


def _across(next_after: Callable[[datetime], datetime]) -> Callable[[Stage], None]:
    """The server lives through a moment of the calendar, and settles beyond it. Its clock is not put back."""

    def breaks(stage: Stage) -> None:
        assert stage.shims is not None
        moment = next_after(_server_clock(stage))
        begin = moment - timedelta(seconds=_BEFORE_SECONDS)
        stage.shims["server"].move(ahead_seconds=round((begin - datetime.now(UTC)).total_seconds()))
        time.sleep(2 * _BEFORE_SECONDS)
        assert 0 <= (_server_clock(stage) - moment).total_seconds() < _NEAR_SECONDS, "it is another day"
        settled = stage.gateway.call(txn_type="settlement")
        assert settled.status == 200, f"a settlement was answered {settled}"

    return breaks


def _new_year(after: datetime) -> datetime:
    return datetime(after.year + 1, 1, 1, tzinfo=UTC)


def _new_year_here(after: datetime) -> datetime:
    return datetime(after.astimezone(ZONE).year + 1, 1, 1, tzinfo=ZONE).astimezone(UTC)


def _change_of_clocks(after: datetime, *, hours: int) -> datetime:
    """When the merchant's clocks are put forward (1) or back (-1) next."""
    hour = after.replace(minute=0, second=0, microsecond=0)
    while True:
        later = hour + timedelta(hours=1)
        if later.astimezone(ZONE).replace(tzinfo=None) - hour.astimezone(ZONE).replace(tzinfo=None) == (
            timedelta(hours=1 + hours)
        ):
            return later
        hour = later


def _leap_day(after: datetime, *, ends: bool) -> datetime:
    """When the merchant's next 29 February begins, or ends."""
    leap = (year for year in itertools.count(after.year) if isleap(year))
    year = next(year for year in leap if datetime(year, 3, 1, tzinfo=ZONE) > after)
    day = datetime(year, 3, 1, tzinfo=ZONE) if ends else datetime(year, 2, 29, tzinfo=ZONE)
    return day.astimezone(UTC)


def _short_of_memory(stage: Stage) -> None:
    """The server may have 256 MiB of memory of its own, and no more."""
    server = stage.gateway.process_id
    limits = resource.prlimit(server, resource.RLIMIT_DATA)
    resource.prlimit(server, resource.RLIMIT_DATA, (MEMORY_MAX, limits[1]))
    time.sleep(8.0)
    resource.prlimit(server, resource.RLIMIT_DATA, limits)


_MINUTES, _HOURS = 60, 3600
MEMORY: Final = (Scenario(name="256 MiB of memory", breaks=_short_of_memory, on=BOTH),)
SHIMMED: Final = (
    Scenario(name="disk slow by 200 ms", breaks=_slow_disk, on=BOTH),
    *(
        Scenario(
            name=f"database's clock {word}",
            breaks=_wrong_clock("database", ahead_seconds=seconds),
            on=("postgresql",),
        )
        for word, seconds in (("10 min ahead", 10 * _MINUTES), ("10 min behind", -10 * _MINUTES))
    ),
    *(
        Scenario(name=f"wall clock {word}", breaks=_wrong_clock("server", ahead_seconds=seconds), on=BOTH)
        for word, seconds in (("+2 h", 2 * _HOURS), ("-2 h", -2 * _HOURS))
    ),
)
"""To be played on a stage with shims."""
CALENDAR: Final = tuple(
    Scenario(name=name, breaks=_across(next_after), on=BOTH)
    for name, next_after in (
        ("a new year by universal time", _new_year),
        ("a new year by the merchant's clock", _new_year_here),
        ("clocks are put forward", partial(_change_of_clocks, hours=1)),
        ("clocks are put back", partial(_change_of_clocks, hours=-1)),
        ("29 February begins", partial(_leap_day, ends=False)),
        ("29 February ends", partial(_leap_day, ends=True)),
    )
)
"""To be played in this order on a stage with shims of its own: its clock goes ahead and never back."""
