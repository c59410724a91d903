"""Gateways to be driven as a shop would: a shared one for each database, and others to be broken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.gateway import DATABASES, NO_SETTINGS, Gateway, gateway_on

MakeGateway = Callable[..., Gateway]


@pytest.fixture(scope="session", params=DATABASES)
def _shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with gateway_on(request.param, home, postgres=lambda: request.getfixturevalue("postgres")) as gateway:
        yield gateway


@pytest.fixture
def gateway(_shared: Gateway) -> Iterator[Gateway]:
    """A running gateway with default settings on each database, shared by all tests. Not to be stopped."""
    yield _shared
    _shared.control.clear_scripts()


@pytest.fixture
def make_gateway(database_url: str, tmp_path: Path) -> Iterator[MakeGateway]:
    """Makes a running gateway of the test's own, with any settings, to be killed at will."""
    with contextlib.ExitStack() as stack:

        def make(settings: Mapping[str, str] = NO_SETTINGS) -> Gateway:
            return stack.enter_context(Gateway(tmp_path, database_url=database_url, settings=settings))

        yield make
