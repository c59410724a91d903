"""The machine that is measured on: processor time of processes, what a durable write costs. Linux only."""

from __future__ import annotations

import contextlib
import os
import platform
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from time import perf_counter, process_time
from typing import Final

_LATENCY: Final = Path("/dev/cpu_dma_latency")
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = b"x" * 8192
_WRITES: Final = 200
_PIECES: Final = 15
_WORDS: Final = 100_000
STALL_SECONDS: Final = 0.02
"""A write that takes longer was held up by the machine."""

# Places in /proc/PID/stat after the command's name, counted from 0 (manual page proc_pid_stat).
_PARENT: Final = 1
_OWN: Final = slice(11, 13)
_OWN_AND_ENDED_CHILDREN: Final = slice(11, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a machine that is shared with others gave at some time.

    ``work`` is the processor time in seconds of a piece of work that is always the same. Of durable writes,
    one after the other, ``stalled`` is the share of their time that those of more than ``STALL_SECONDS``
    took.
    """

    work: float
    stalled: float


@contextlib.contextmanager
def awake() -> Iterator[bool]:
    """Keep idle processors from sleep, as a server's power profile does; whether that was allowed.

    A virtual machine that halts an idle processor waits long for it to wake, and finds its caches cold. The
    file is Linux's PM quality of service: a latency in microseconds that holds while the file is open.
    """
    try:
        held = _LATENCY.open("wb", buffering=0)
    except OSError:
        yield False
        return
    with held:
        held.write(struct.pack("i", 0))
        yield True


def condition(folder: Path, *, seconds: float) -> Condition:
    """How the machine is just now, looked at for as long as said."""
    work = median(_work_times())
    times = list(_sync_times(folder, seconds=seconds))
    return Condition(work=work, stalled=sum(each for each in times if each > STALL_SECONDS) / sum(times))


def _work_times() -> Iterator[float]:
    for _ in range(_PIECES):
        started = process_time()
        _ = {str(n): [n] for n in range(_WORDS)}
        yield process_time() - started


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, without its children."""
    return _seconds(_stat(pid)[_OWN])


def family_cpu_seconds(pid: int) -> float:
    """The processor time that a process and its children have used, also those that have ended."""
    living = 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = _stat(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if stat[_PARENT] == str(pid):
            living += _seconds(stat[_OWN])
    return living + _seconds(_stat(pid)[_OWN_AND_ENDED_CHILDREN])


def other_threads_cpu_seconds(pid: int) -> float:
    """The processor time of a process's threads beside the one that it began with."""
    return cpu_seconds(pid) - _seconds(_stat(pid, thread=pid)[_OWN])


def parent_of(pid: int) -> int:
    """The process that started another."""
    return int(_stat(pid)[_PARENT])


def describe(folder: Path) -> str:
    """Cores, memory, kernel, Python and which of them, and the cost of a durable write in ``folder``."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()} ({Path(sys.executable).resolve()}); "
        f"fdatasync of 8 KiB: {sync_seconds(folder) * 1000:.2f} ms"
    )


def sync_seconds(folder: Path) -> float:
    """The median time that ``fdatasync`` takes after 8 KiB were written to a file in ``folder``."""
    return median(_sync_times(folder, writes=_WRITES))


def _sync_times(folder: Path, *, seconds: float = 0.0, writes: int = 0) -> Iterator[float]:
    """How long it took each time, for at least so many seconds and so many writes."""
    with NamedTemporaryFile(dir=folder) as file:
        until = perf_counter() + seconds
        n = 0
        while n < writes or perf_counter() < until:
            os.pwrite(file.fileno(), _PAGE, n % 16 * len(_PAGE))
            started = perf_counter()
            os.fdatasync(file.fileno())
            yield perf_counter() - started
            n += 1


def _stat(pid: int, *, thread: int | None = None) -> list[str]:
    place = f"/proc/{pid}" if thread is None else f"/proc/{pid}/task/{thread}"
    text = Path(place, "stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / _TICKS_A_SECOND
