"""Gateways to be driven as a shop would: a shared one for each database, and others to be broken."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.gateway import NO_SETTINGS, Gateway

MakeGateway = Callable[..., Gateway]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def _shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with contextlib.ExitStack() as stack:
        database_url = ""
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres")
            name = f"bezant_{secrets.token_hex(8)}"
            database_url = server.create_database(name)
            stack.callback(server.drop_database, name)
        yield stack.enter_context(Gateway(home, database_url=database_url))


@pytest.fixture
def gateway(_shared: Gateway) -> Iterator[Gateway]:
    """A running gateway with default settings, shared by tests: on each database. Not to be stopped."""
    yield _shared
    _shared.control.clear_scripts()


@pytest.fixture
def make_gateway(database_url: str, tmp_path: Path) -> Iterator[MakeGateway]:
    """Makes running gateways of the test's own, with any settings, to be killed at will."""
    with contextlib.ExitStack() as stack:

        def make(settings: Mapping[str, str] = NO_SETTINGS) -> Gateway:
            return stack.enter_context(Gateway(tmp_path, database_url=database_url, settings=settings))

        yield make
