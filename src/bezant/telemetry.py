"""One log line and a few numbers for each request. Never a query string, a body or a card number."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import stat
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _frames(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where an exception came from, without its text or any variable: both may carry values."""
    if event.pop("exc_info", None):
        kind, _, trace = sys.exc_info()
        event["exception"] = kind.__name__ if kind else None
        event["frames"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
        ]
    return event


def _render(_logger: object, _name: str, event: object) -> bytes:
    return _encode(event)


class _Enduring:
    """A file for log lines, which are lost where they cannot be written: no payment fails or waits for them.

    A disk may be full, and whoever reads a pipe may be gone, or be there and not read. As soon as something
    can be written again, a line tells how many were lost. The logger's lock guards it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lost = 0
        self._poll = select.poll()
        self._poll.register(file, select.POLLOUT)
        self._may_block = not stat.S_ISREG(os.fstat(file.fileno()).st_mode)

    def write(self, line: bytes) -> None:
        """Write a line, if possible."""
        if not self._has_room():
            self._lost += 1
            return
        try:
            self._file.write(line)
        except OSError:
            self._lost += 1

    def flush(self) -> None:
        """Hand on what was written, if possible."""
        try:
            self._file.flush()
            if self._lost and self._has_room():
                self._tell()
        except OSError:
            pass  # what the file has taken so far it keeps for the next time

    def _has_room(self) -> bool:
        """Whether a line can be written now. Of a pipe: as many bytes as it takes at once."""
        return not self._may_block or bool(self._poll.poll(0))

    def _tell(self) -> None:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        event = {"event": "log lines lost", "lines": self._lost, "level": "error", "timestamp": at}
        self._file.write(_encode(event) + b"\n")
        self._lost = 0
        self._file.flush()


def say(text: str) -> None:
    """Print a text for whoever looks on, if possible."""
    with contextlib.suppress(OSError), _standard_output() as file:
        file.write(text.encode() + b"\n")


def _standard_output() -> BinaryIO:
    """A file of its own: what a full disk leaves in the interpreter's would make it end with a failure."""
    return open(sys.stdout.fileno(), "wb", closefd=False)


def configure_logging(level: str) -> None:
    """JSON lines on standard output; what libraries log joins them from ``warning`` up."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _frames,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=cast("BinaryIO", _Enduring(_standard_output()))),
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
