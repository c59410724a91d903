"""Lists of a terminal with a million payments: how long a page takes, wherever in the list it is."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.bench.load import Wrong, percentile
from tests.bench.scene import Scene

ROWS: Final = 1_000_000
PAGE: Final = 25
ASKED_EACH: Final = 40


def list_p99(running: Scene, said: Mapping[str, object]) -> float:
    """The seconds that 99 of 100 pages of a till with ``ROWS`` payments take.

    ``said`` is what is asked for, one of ``CASES``. Raises ``Wrong`` when a page is not full.
    """
    return percentile(sorted(_times(running, said)), 99)


def _days(first: int, last: int) -> dict[str, object]:
    """The range that began and ended so many days ago."""
    today = datetime.now(UTC).date()
    ago = (str(today - timedelta(days=days)) for days in (first, last))
    return dict(zip(("start_date_range", "end_date_range"), ago, strict=True), txn_type="txnfetch_date")


CASES: Final[Mapping[str, Mapping[str, object]]] = {
    "first page": {"txn_type": "txnfetch"},
    "page in the middle": {"txn_type": "txnfetch", "offset": ROWS // 2},
    "last page": {"txn_type": "txnfetch", "offset": ROWS - PAGE},
    "page of a month": _days(120, 90),
    "page of the year": {**_days(400, 0), "offset": ROWS // 2},
}
P99_SECONDS_MAX: Final[Mapping[str, float]] = {
    "first page": 0.3,
    "page in the middle": 0.3,
    "last page": 0.3,
    "page of a month": 0.5,
    "page of the year": 0.5,
}


def _times(running: Scene, said: Mapping[str, object]) -> Iterator[float]:
    body = json.dumps({**running.till, "limit": PAGE, **said}).encode()
    connection = http.client.HTTPConnection(*running.address, timeout=60)
    try:
        for _ in range(ASKED_EACH):
            start = time.perf_counter()
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            yield time.perf_counter() - start
            if answer.status != http.HTTPStatus.OK or found["number_of_records"] != PAGE:
                raise Wrong(f"a list of {found.get('number_of_records')} payments, status {answer.status}")
    finally:
        connection.close()
