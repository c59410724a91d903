"""Every dialect over one gateway, and which of them a request is for."""

from __future__ import annotations

import http
import itertools
import secrets
from collections.abc import Callable, Sequence

import structlog

from bezant.admission import Admission
from bezant.app.gateway import Gateway
from bezant.app.store import Store
from bezant.core.catalogue import Catalogue
from bezant.core.merchants import Devices, Onboarding
from bezant.core.payments import Reports
from bezant.core.vault import Customers, Exports, SingleUseTokens, Vault
from bezant.dialects import aps, ipospays, valor
from bezant.dialects.valor import vault_rest
from bezant.dialects.wire.http import Dialect, Endpoint, Observer, Request, Response
from bezant.storage.envelopes import load_iso_keys
from bezant.storage.ids import IdBlocks
from bezant.telemetry import Metrics
from bezant.turns import Turn

_log = structlog.get_logger(__name__)
_ROOT_PATHS = frozenset({"/", "//"})


class Endpoints:
    """Where requests of one process go."""

    def __init__(self, gateway: Gateway, admission: Admission) -> None:
        self._valor = valor_endpoint(gateway, admission)
        self._vault = valor_vault_endpoint(gateway, admission)
        self._aps = aps_endpoint(gateway, admission)
        self._ipospays = (
            (ipospays.AuthDialect, ipospays_auth_endpoint(gateway, admission)),
            (ipospays.TransactDialect, ipospays_endpoint(gateway, admission)),
            (ipospays.CardFieldsDialect, ipospays_fields_endpoint(gateway, admission)),
            (ipospays.PageDialect, ipospays_page_endpoint(gateway, admission)),
        )

    def find(self, method: str, path: str) -> Endpoint | None:
        """The dialect that a request is for, if it is for one."""
        if path in _ROOT_PATHS and method in {"POST", "OPTIONS"}:
            return self._valor
        if path in aps.PATHS and method == "POST":
            return self._aps
        for dialect, endpoint in self._ipospays:
            if dialect.owns(method, path):
                return endpoint
        return self._vault if vault_rest.owns(path) else None


def valor_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """Valor's API over this gateway."""
    store = gateway.store
    services = valor.Services(
        gate=gateway.access.gate,
        factors=gateway.access.factors,
        payments=gateway.cards.payments,
        settlements=gateway.cards.settlements,
        reports=Reports(units=store.units),
        vault=Vault(units=store.units, sealer=store.keys.sealer),
        exports=Exports(
            units=store.units,
            sealer=store.keys.sealer,
            envelopes=load_iso_keys(store.settings.iso_keys),
            clock=store.clock,
        ),
        devices=Devices(units=store.units),
        catalogue=Catalogue(
            units=store.units, ids=IdBlocks(store.units, "catalogue", size=100), clock=store.clock
        ),
        gift=gateway.gift.cards,
        invoices=gateway.invoices.invoices,
        receipts=gateway.invoices.receipts,
        links=valor.Links(store.settings.pages_url),
        bins=gateway.bins,
        hasher=store.keys.hasher,
        clock=store.clock,
    )
    return _endpoint(gateway, admission, valor.dialect(services), valor.NAME)


def valor_vault_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """Valor's vault over this gateway."""
    customers = _customers(gateway.store)
    services = vault_rest.VaultServices(gate=gateway.access.gate, customers=customers, bins=gateway.bins)
    return _endpoint(gateway, admission, vault_rest.VaultDialect(services), valor.NAME)


def aps_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """Amazon Payment Services' API over this gateway."""
    services = aps.Services(
        signing=gateway.access.signing,
        callers=gateway.access.directory,
        finance=gateway.finance.finance,
        clock=gateway.store.clock,
    )
    return _endpoint(gateway, admission, aps.dialect(services), aps.NAME)


def ipospays_auth_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """The part of iPOSpays' API that gives tokens, over this gateway."""
    credentials, settings = gateway.access.credentials, gateway.store.settings
    services = ipospays.AuthServices(
        gate=credentials.gate,
        tokens=credentials.tokens,
        ecom_tokens=credentials.ecom_tokens,
        public_url=settings.public_url,
        always_ok=settings.auth_errors_ok,
    )
    return _endpoint(gateway, admission, ipospays.AuthDialect(services), ipospays.NAME)


def ipospays_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """The part of iPOSpays' API that takes tokens, over this gateway."""
    dialect = ipospays.TransactDialect(_ipospays_services(gateway))
    return _endpoint(gateway, admission, dialect, ipospays.NAME)


def ipospays_fields_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """What card fields in shops' pages ask, over this gateway."""
    dialect = ipospays.CardFieldsDialect(_ipospays_services(gateway))
    return _endpoint(gateway, admission, dialect, ipospays.NAME)


def _ipospays_services(gateway: Gateway) -> ipospays.Services:
    store, credentials = gateway.store, gateway.access.credentials
    return ipospays.Services(
        tokens=credentials.tokens,
        ecom_tokens=credentials.ecom_tokens,
        profiles=credentials.profiles,
        payments=gateway.cards.payments,
        settlements=gateway.cards.settlements,
        reports=Reports(units=store.units),
        customers=_customers(store),
        single_use=SingleUseTokens(
            units=store.units, sealer=store.keys.sealer, names=store.keys.hasher, clock=store.clock
        ),
        onboarding=Onboarding(units=store.units, names=store.names, clock=store.clock),
        invoices=gateway.invoices.invoices,
        addresses=_addresses(store),
        clock=store.clock,
        style=ipospays.Style(
            envelope=ipospays.EnvelopeStyle(store.settings.transact_envelope),
            strict_reference=store.settings.transact_strict_reference,
        ),
    )


def ipospays_page_endpoint(gateway: Gateway, admission: Admission | None = None) -> Endpoint:
    """Where iPOSpays' payers are led, over this gateway."""
    services = ipospays.PageServices(
        invoices=gateway.invoices.invoices,
        profiles=gateway.access.credentials.profiles,
        addresses=_addresses(gateway.store),
    )
    return _endpoint(gateway, admission, ipospays.PageDialect(services), ipospays.NAME)


def _addresses(store: Store) -> ipospays.Addresses:
    return ipospays.Addresses(base_url=store.settings.pages_url, hasher=store.keys.hasher)


def _customers(store: Store) -> Customers:
    return Customers(
        units=store.units,
        sealer=store.keys.sealer,
        ids=IdBlocks(store.units, "vault", size=100),
        clock=store.clock,
    )


def _endpoint(gateway: Gateway, admission: Admission | None, dialect: Dialect, name: str) -> Endpoint:
    return Endpoint(
        dialect,
        observe=_observer(gateway.metrics, name),
        new_request_id=_request_ids(),
        admission=admission,
        trusted_proxies=frozenset(gateway.store.settings.trusted_proxies),
    )


def _request_ids() -> Callable[[], str]:
    """Ids that differ between requests and processes: a random start, then counting."""
    prefix = secrets.token_hex(6)
    counter = itertools.count()
    return lambda: f"{prefix}{next(counter):08x}"


def _observer(metrics: Metrics, dialect: str) -> Observer:
    """One log line and the numbers of each request. The query string and the body stay out of both."""

    def tell(answered: Sequence[tuple[str | None, Response, float]]) -> None:
        for request_id, response, seconds in answered:
            metrics.request(
                dialect=dialect,
                operation=response.operation,
                outcome=response.outcome,
                status=response.status,
                seconds=seconds,
            )
            if request_id is None and response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
                continue  # refused at the door, which logs them together
            _log.info(
                "request",
                request=request_id,
                dialect=dialect,
                operation=response.operation,
                outcome=response.outcome,
                status=response.status,
                ms=round(seconds * 1000, 2),
            )

    turn = Turn(tell)

    def observe(request: Request | None, response: Response, *, seconds: float) -> None:
        turn.add((request.request_id if request else None, response, seconds))

    return observe
