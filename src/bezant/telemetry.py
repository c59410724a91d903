"""One log line and a few numbers for each request. Never a query string, a body or a card number."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import select
import stat
import sys
import threading
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _line(_logger: object, level: str, event: MutableMapping[str, Any]) -> bytes:
    """The line of an event.

    Of an exception it says where it came from, without its text or any variable: both may carry values.
    """
    if event.pop("exc_info", None):
        kind, _, trace = sys.exc_info()
        event["exception"] = kind.__name__ if kind else None
        event["frames"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
        ]
    event["level"] = level
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return _encode(event) + b"\n"


class _Lines:
    """A file for log lines, which are lost where they cannot be written: no payment fails or waits for them.

    A disk may be full, and whoever reads a pipe may be gone, or be there and not read. As soon as something
    can be written again, a line tells how many were lost. What says nothing alarming is handed on together at
    the end of a turn of the event loop.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._poll = select.poll()
        self._poll.register(file, select.POLLOUT)
        is_file = stat.S_ISREG(os.fstat(file).st_mode)
        self._room = sys.maxsize if is_file else select.PIPE_BUF
        """How many bytes are written at once: a pipe that takes any takes as many without waiting."""
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._rest = b""
        """Of a line that was written in part."""
        self._lost = 0
        self._turn_of: asyncio.AbstractEventLoop | None = None
        """Whose turn's end the lines wait for."""

    def debug(self, line: bytes) -> None:
        """Write a line, soon."""
        with self._lock:
            self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.hand_on()
            return
        if loop is not self._turn_of:
            self._turn_of = loop
            loop.call_soon(self.hand_on)

    info = debug

    def warning(self, line: bytes) -> None:
        """Write a line now."""
        with self._lock:
            self._lines.append(line)
        self.hand_on()

    error = warning

    def hand_on(self) -> None:
        """Write what waits for the end of a turn."""
        self._turn_of = None
        with self._lock:
            lines, self._lines = self._lines, []
            portion: list[bytes] = []
            size = len(self._rest)
            for line in lines:
                if portion and size + len(line) > self._room:
                    self._write(portion)
                    portion, size = [], len(self._rest)
                portion.append(line)
                size += len(line)
            if portion and self._write(portion) and self._lost:
                lost, self._lost = self._lost, 0
                self._write([_line(None, "error", {"event": "log lines lost", "lines": lost})])

    def _write(self, lines: list[bytes]) -> bool:
        """Write lines, if possible; whether all of them were."""
        data = self._rest + b"".join(lines)
        try:
            written = os.write(self._file, data) if self._poll.poll(0) else 0
        except OSError:
            written = 0
        if written == len(data):
            self._rest = b""
            return True
        if written:  # up to somewhere in a line, of which the rest is to follow
            end = data.index(b"\n", written) + 1
            self._rest = data[written:end]
            self._lost += data.count(b"\n", end)
        else:
            self._lost += len(lines)
        return False


def say(text: str) -> None:
    """Print a text for whoever looks on, if possible."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), text.encode() + b"\n")


def configure_logging(level: str) -> None:
    """JSON lines on standard output; what libraries log joins them from ``warning`` up."""
    lines = _Lines(sys.stdout.fileno())
    atexit.register(lines.hand_on)  # the last turn may have no end
    structlog.configure(
        processors=[_line],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


class Metrics:
    """What can be counted, with label sets that do not grow with merchants."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "bezant_requests",
            "Requests answered.",
            ("dialect", "operation", "outcome", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "bezant_request_seconds",
            "Time from the last byte of a request to its answer.",
            ("dialect", "operation"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, str, int], tuple[Counter, Histogram]] = {}
        self.strays = Counter(
            "bezant_stray_answers",
            "Answers of the acquirer that nobody was waiting for.",
            ("kind",),
            registry=self.registry,
        )
        self.reversals_due = Gauge(
            "bezant_reversals_due", "Reversals that the acquirer has not confirmed.", registry=self.registry
        )
        self.swept = Counter(
            "bezant_leases_run_out", "Payments found in doubt after their lease.", registry=self.registry
        )
        self.deliveries = Counter(
            "bezant_deliveries",
            "Tries to deliver something: what became of it, or failed where we could not even try.",
            ("topic", "outcome"),
            registry=self.registry,
        )
        self.deliveries_overdue = Gauge(
            "bezant_deliveries_overdue_seconds",
            "For how long the delivery that waits longest could have been sent.",
            registry=self.registry,
        )
        self.acquirer_up = Gauge(
            "bezant_acquirer_up", "Whether a signed-on acquirer connection is up.", registry=self.registry
        )

    def request(self, *, dialect: str, operation: str, outcome: str, status: int, seconds: float) -> None:
        """Count one request."""
        # The label sets are few, and looking one up through the library costs more than counting.
        key = dialect, operation, outcome, status
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._requests.labels(dialect, operation, outcome, str(status)),
                self._seconds.labels(dialect, operation),
            )
        known[0].inc()
        known[1].observe(seconds)
