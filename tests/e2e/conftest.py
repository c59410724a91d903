"""Gateways to be driven as a shop would: a shared one for each database, and others to be broken."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.gateway import NO_SETTINGS, SWIFT, Gateway, eventually

MakeGateway = Callable[..., Gateway]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def _shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with _lent(request, tmp_path_factory.mktemp("gateway"), NO_SETTINGS) as gateway:
        yield gateway


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def _swift(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with _lent(request, tmp_path_factory.mktemp("swift"), SWIFT) as gateway:
        yield gateway


@contextlib.contextmanager
def _lent(request: pytest.FixtureRequest, home: Path, settings: Mapping[str, str]) -> Iterator[Gateway]:
    with contextlib.ExitStack() as stack:
        database_url = ""
        if request.param == "postgresql":
            server: postgres.Server = request.getfixturevalue("postgres")
            name = f"bezant_{secrets.token_hex(8)}"
            database_url = server.create_database(name)
            stack.callback(server.drop_database, name)
        yield stack.enter_context(Gateway(home, database_url=database_url, settings=settings))


@pytest.fixture
def gateway(_shared: Gateway) -> Iterator[Gateway]:
    """A running gateway with default settings on each database, shared by all tests. Not to be stopped."""
    yield _shared
    _shared.control.clear_scripts()


@pytest.fixture
def swift_gateway(_swift: Gateway) -> Gateway:
    """A running gateway on each database with short time-outs, shared by a module's tests."""
    eventually(_swift.is_ready)
    return _swift


@pytest.fixture
def make_gateway(database_url: str, tmp_path: Path) -> Iterator[MakeGateway]:
    """Makes a running gateway of the test's own, with any settings, to be killed at will."""
    with contextlib.ExitStack() as stack:

        def make(settings: Mapping[str, str] = NO_SETTINGS) -> Gateway:
            return stack.enter_context(Gateway(tmp_path, database_url=database_url, settings=settings))

        yield make
