"""The payers' pages over one gateway."""

from __future__ import annotations

import time

import structlog
from starlette.routing import Route

from bezant.admission import Admission
from bezant.app.gateway import Gateway
from bezant.telemetry import Metrics
from bezant.web.app import Services, routes
from bezant.web.site import CROWDED, Observer

_log = structlog.get_logger(__name__)


def page_routes(gateway: Gateway, admission: Admission) -> list[Route]:
    """Every page, as routes, for those whom ``admission`` lets in."""
    store = gateway.store
    services = Services(
        invoices=gateway.invoices.invoices,
        receipts=gateway.invoices.receipts,
        logo=gateway.access.directory.logo,
        digest=store.keys.hasher.digest,
        now=time.monotonic,
        observe=_observer(gateway.metrics),
        door=admission,
        public_url=store.settings.pages_url,
        trusted_proxies=frozenset(store.settings.trusted_proxies),
    )
    return routes(services)


def _observer(metrics: Metrics) -> Observer:
    """One log line and the numbers of each page. Its address stays out of both: a link's is a secret."""

    def observe(*, page: str, outcome: str, status: int, seconds: float) -> None:
        metrics.request(dialect="pages", operation=page, outcome=outcome, status=status, seconds=seconds)
        if outcome == CROWDED:
            return  # refused at the door, which logs them together
        _log.info("page", page=page, outcome=outcome, status=status, milliseconds=round(seconds * 1000, 1))

    return observe
