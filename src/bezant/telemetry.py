"""One log line and a few numbers for each request. Never a query string, a body or a card number."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
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
    """A file for log lines, which are lost where they cannot be written: no payment fails for its log."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> None:
        """Write a line, if possible."""
        try:  # noqa: SIM105 - every request logs, and this is much cheaper than a context
            self._file.write(line)
        except OSError:
            pass

    def flush(self) -> None:
        """Hand on what was written, if possible."""
        try:  # noqa: SIM105 - as above
            self._file.flush()
        except OSError:
            pass


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
        logger_factory=structlog.BytesLoggerFactory(file=cast("BinaryIO", _Enduring(sys.stdout.buffer))),
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
