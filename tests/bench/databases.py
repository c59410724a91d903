"""What the databases themselves can tell: commits, statements, processor time; and pgbench as a yardstick."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.bench.machine import cpu_seconds, cpu_seconds_of_family
from tests.support import postgres

PGBENCH_SCALE: Final = 10

_COMMITS: Final = struct.Struct("=8xI")
_STATEMENT: Final = re.compile(r" LOG:  (?:statement|execute [^:]*): ")
_TPS: Final = re.compile(r"^tps = (?P<tps>[0-9.]+)", re.MULTILINE)


class Database(Protocol):
    """A database under load, looked at from outside."""

    url: str

    def commits(self) -> int:
        """Transactions that have written and committed, since whenever."""
        ...

    def cpu_seconds(self) -> float:
        """Processor time of its own processes so far."""
        ...

    @contextlib.contextmanager
    def statements(self) -> Iterator[list[str]]: ...
