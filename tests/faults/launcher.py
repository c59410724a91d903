"""``bezant``, able to die on demand: ``python -m tests.faults.launcher serve --demo``.

The installed package has fault points and nothing that listens to them; this launcher is the only thing
that does. ``BEZANT_TEST_FAULT_FILE`` names a file; while it holds an order, each fault point that is reached
is held against it. Whoever comes to the ordered point for the ordered time renames the file to ``….hit``
and signals its own process. Server processes that this one spawns import this module, too, and obey as well.

While the file that ``BEZANT_TEST_DRY_FILE`` names is there, the system has no random bytes.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path
from typing import Final

import msgspec

from bezant.__main__ import main
from bezant.core.faults import observe_fault_points

VARIABLE: Final = "BEZANT_TEST_FAULT_FILE"
DRY_VARIABLE: Final = "BEZANT_TEST_DRY_FILE"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """At the ``hits``-th time that ``point`` is reached, and ``delay`` seconds later, send ``signal``."""

    point: str
    hits: int = 1
    delay: float = 0.0
    signal: int = 9


class _Obeyer:
    """Counts hits of the order that stands. Safe on any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._order = b""
        self._count = 0

    def __call__(self, point: str) -> None:
        try:
            written = self._file.read_bytes()
        except FileNotFoundError:
            return
        with self._lock:
            if written != self._order:
                self._order, self._count = written, 0
            order = msgspec.json.decode(written, type=Order)
            if order.point != point:
                return
            self._count += 1
            if self._count != order.hits:
                return
        try:
            self._file.rename(hit_file(self._file))
        except FileNotFoundError:  # another process was first
            return
        if order.delay:
            threading.Timer(order.delay, os.kill, (os.getpid(), order.signal)).start()
        else:
            os.kill(os.getpid(), order.signal)


def hit_file(file: Path) -> Path:
    """Where an order is found after it was carried out."""
    return file.with_name(f"{file.name}.hit")


def _dry_while_there(file: Path) -> None:
    """Have whatever draws from the system fail as long as there is such a file."""
    drawn = os.urandom

    def draw(count: int) -> bytes:
        if file.exists():
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return drawn(count)

    os.urandom = random._urandom = draw  # type: ignore[attr-defined]  # noqa: SLF001 - what ``secrets`` draws from


if DRY_VARIABLE in os.environ:
    _dry_while_there(Path(os.environ[DRY_VARIABLE]))
if VARIABLE in os.environ:
    observe_fault_points(_Obeyer(Path(os.environ[VARIABLE])))

if __name__ == "__main__":
    main()
